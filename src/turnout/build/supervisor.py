"""The parent process: opens the ports, starts gateways and control, restarts what dies, drains on SIGTERM."""

import asyncio
import contextlib
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from typing import NamedTuple

import msgspec
from setproctitle import setproctitle
from sqlalchemy.exc import SQLAlchemyError

from turnout.build.process import DRAIN_WITHIN, say
from turnout.build.publishing import catalog_of, publisher, read_policy
from turnout.build.spec import ControlSpec, GatewaySpec, Places
from turnout.clock import SystemClock
from turnout.config.settings import Settings
from turnout.errors import Unusable
from turnout.store.ledger import in_words

GRACE = 5.0
"""Seconds a child gets beyond its draining time, and after it was hurried, before it is killed."""
BACKLOG = 2048
QUICK_DEATH = 1.0
"""A child that lives shorter than this is restarted only after as long a pause."""
DEAF_CLIENT_MS = 300_000
"""A client that takes none of the bytes sent to it for this long is disconnected by the kernel; nobody else would notice."""


class Sockets(NamedTuple):
    """Held by the supervisor, so that a port is never lost while a child restarts."""

    data: socket.socket
    control: socket.socket


def prepare(config: str | None, settings: Settings) -> int:
    """Publish the policy before anything starts, so that a bad one is told to the person who typed the command.

    Raises:
        ConfigProblems: every problem at once.
        Unusable: the data directory or the ledger is not to be worked with.
    """
    data_dir = settings.data_dir
    clock, catalog = SystemClock(), catalog_of(data_dir)
    loaded = read_policy(config, settings.server.host, clock, lambda: catalog)
    try:
        (data_dir / Places.journal).mkdir(exist_ok=True)
        publish, ledger = publisher(data_dir, settings.store.url, clock, catalog)
        try:
            return publish.adopt(loaded, config or "environment")
        finally:
            ledger.close()
    except (OSError, SQLAlchemyError) as error:
        raise Unusable(f"nothing can be written in {data_dir}: {in_words(error)}") from error


def listen(settings: Settings) -> Sockets:
    """The sockets of both planes. Raises OSError, its text naming the address, when one cannot be had."""
    return Sockets(_listen(settings.server.host, settings.server.port), _listen(settings.control.host, settings.control.port))


async def supervise(config: str | None, settings: Settings, sockets: Sockets, ready: Callable[[], None]) -> None:
    """Run the children until SIGTERM or SIGINT; a second one hurries. ``ready`` is called once both planes answer."""
    setproctitle("turnout: serve")
    _allow_many_files()
    stop, hurry = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def told() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told)
    control = _control(config, settings, sockets.control)
    gateways = [_gateway(settings, sockets.data, n + 1) for n in range(settings.server.workers)]
    loop.add_signal_handler(signal.SIGHUP, lambda: control.tell(signal.SIGHUP))
    keepers = [asyncio.create_task(child.keep(stop)) for child in (control, *gateways)]
    announcing = asyncio.create_task(_announce(sockets, ready))
    await stop.wait()
    announcing.cancel()
    sockets.data.close()
    for gateway in gateways:
        gateway.tell(signal.SIGTERM)
    await asyncio.gather(*(gateway.gone(DRAIN_WITHIN + GRACE, hurry) for gateway in gateways))
    control.tell(signal.SIGTERM)  # last, so that it still takes in what the gateways wrote while draining
    await control.gone(GRACE, hurry)
    sockets.control.close()
    for keeper in keepers:
        keeper.cancel()


class Child:
    """One process that is started again whenever it dies by itself."""

    def __init__(self, module: str, spec: bytes, listening: socket.socket) -> None:
        self._command = (sys.executable, "-m", module, spec.decode())
        self._fd = listening.fileno()
        self._process: asyncio.subprocess.Process | None = None

    async def keep(self, stop: asyncio.Event) -> None:
        """Start it, wait for its end, start it again, until ``stop``."""
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            started = loop.time()
            # Nothing is ever written to its stdin: that it ends tells the child that we are gone (process.py).
            self._process = await asyncio.create_subprocess_exec(
                *self._command, pass_fds=(self._fd,), stdin=asyncio.subprocess.PIPE, start_new_session=True
            )
            code = await self._process.wait()
            if stop.is_set():
                return
            say("serve", f"{self._command[2]} ended with {code}; starting it again")
            if loop.time() - started < QUICK_DEATH:
                await asyncio.sleep(QUICK_DEATH)

    def tell(self, number: signal.Signals) -> None:
        """Send a signal, if it runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def gone(self, within: float, hurry: asyncio.Event) -> None:
        """Wait for its end. Once ``hurry`` is set it is told again; past the time it is killed."""
        if self._process is None:
            return
        ended = asyncio.ensure_future(self._process.wait())
        hurried = asyncio.ensure_future(hurry.wait())
        await asyncio.wait({ended, hurried}, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done() and hurry.is_set():
            self.tell(signal.SIGTERM)
            await asyncio.wait({ended}, timeout=GRACE)
        self.tell(signal.SIGKILL)
        hurried.cancel()
        await ended


def _control(config: str | None, settings: Settings, listening: socket.socket) -> Child:
    control = settings.control
    path = os.path.abspath(config) if config else None  # noqa: PTH100 - a string for a JSON argument, symlinks kept
    spec = ControlSpec(
        listening.fileno(),
        str(settings.data_dir),
        settings.store.url,
        control.host,
        settings.server.host,
        path,
        control.hosts,
        settings.store.retention,
        settings.store.content_retention,
        f"http://{control.host}:{control.port}",
    )
    return Child("turnout.build.control", msgspec.json.encode(spec), listening)


def _gateway(settings: Settings, listening: socket.socket, index: int) -> Child:
    server = settings.server
    spec = GatewaySpec(
        index, listening.fileno(), str(settings.data_dir), server.host, server.max_body, server.hosts, server.origins,
        server.workers,
    )  # fmt: skip
    return Child("turnout.build.gateway", msgspec.json.encode(spec), listening)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; accepted sockets inherit it
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAF_CLIENT_MS)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from None
    listening.listen(BACKLOG)
    listening.setblocking(False)
    listening.set_inheritable(True)
    return listening


def _allow_many_files() -> None:
    """An open stream takes two sockets, and the usual soft limit is 1024; children inherit what is set here."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # where "unlimited" is stated but not granted, the usual limit stays
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _announce(sockets: Sockets, ready: Callable[[], None]) -> None:
    """A listening socket accepts before a worker does, so only an answer says that it is ready."""
    for listening in sockets:
        host, port = listening.getsockname()[:2]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
        while not await _is_ready(host, port):  # noqa: ASYNC110 - asking is the only way to know
            await asyncio.sleep(0.02)
    ready()


async def _is_ready(host: str, port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    try:
        writer.write(b"GET /health/ready HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        return b" 200 " in await asyncio.wait_for(reader.readline(), 5)
    except (OSError, TimeoutError):
        return False
    finally:
        writer.close()
