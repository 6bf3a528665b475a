"""The parent process: opens the port, starts gateways and control, restarts what dies, drains on SIGTERM."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable

import msgspec
from setproctitle import setproctitle

from turnout.build.control import publisher, read_policy
from turnout.build.spec import ControlSpec, GatewaySpec, Places
from turnout.clock import SystemClock
from turnout.config.settings import Settings

DRAIN_WITHIN = 30.0
"""Seconds that streams under way get to end after SIGTERM."""
BACKLOG = 2048
QUICK_DEATH = 1.0
"""A child that lives shorter than this is restarted only after as long a pause."""


def prepare(config: str | None, settings: Settings) -> int:
    """Publish the policy before anything starts, so that a bad one is told to the person who typed the command.

    Raises:
        ConfigProblems: every problem at once.
    """
    data_dir = settings.data_dir
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    (data_dir / Places.journal).mkdir(exist_ok=True)
    clock = SystemClock()
    publish, ledger = publisher(data_dir, settings.store.url, clock)
    try:
        return publish.adopt(read_policy(config, clock), config or "environment")
    finally:
        ledger.close()


def listen(host: str, port: int) -> socket.socket:
    """The data plane's socket. Raises OSError when it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, port))
    listening.listen(BACKLOG)
    listening.setblocking(False)
    listening.set_inheritable(True)
    return listening


async def supervise(config: str | None, settings: Settings, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Run the children until SIGTERM or SIGINT. ``ready`` is called once the data plane and the control plane both answer."""
    setproctitle("turnout: serve")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    children = [_control(config, settings), *(_gateway(settings, listening, n + 1) for n in range(settings.server.workers))]
    loop.add_signal_handler(signal.SIGHUP, lambda: children[0].tell(signal.SIGHUP))
    keepers = [asyncio.create_task(child.keep(stop)) for child in children]
    host = settings.server.host if settings.server.host not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104 - compared, not bound
    answering = _answering(((host, settings.server.port), (settings.control.host, settings.control.port)), ready)
    announcing = asyncio.create_task(answering)
    await stop.wait()
    announcing.cancel()
    listening.close()
    gateways, control = children[1:], children[0]
    for gateway in gateways:
        gateway.tell(signal.SIGTERM)
    await asyncio.gather(*(gateway.gone(DRAIN_WITHIN) for gateway in gateways))
    control.tell(signal.SIGTERM)  # last, so that it still takes in what the gateways wrote while draining
    await control.gone(DRAIN_WITHIN)
    for keeper in keepers:
        keeper.cancel()


class Child:
    """One process that is started again whenever it dies by itself."""

    def __init__(self, module: str, spec: bytes, fds: tuple[int, ...] = ()) -> None:
        self._command = (sys.executable, "-m", module, spec.decode())
        self._fds = fds
        self._process: asyncio.subprocess.Process | None = None

    async def keep(self, stop: asyncio.Event) -> None:
        """Start it, wait for its end, start it again, until ``stop``."""
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            started = loop.time()
            self._process = await asyncio.create_subprocess_exec(*self._command, pass_fds=self._fds, start_new_session=True)
            code = await self._process.wait()
            if stop.is_set():
                return
            print(f"turnout: {self._command[2]} ended with {code}; starting it again", file=sys.stderr, flush=True)  # noqa: T201
            if loop.time() - started < QUICK_DEATH:
                await asyncio.sleep(QUICK_DEATH)

    def tell(self, number: int) -> None:
        """Send a signal, if it runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def gone(self, within: float) -> None:
        """Wait for its end; past the time, kill it."""
        if self._process is None:
            return
        try:
            await asyncio.wait_for(self._process.wait(), within)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


def _control(config: str | None, settings: Settings) -> Child:
    control = settings.control
    path = os.path.abspath(config) if config else None  # noqa: PTH100 - a string for a JSON argument, symlinks kept
    spec = ControlSpec(str(settings.data_dir), settings.store.url, control.host, control.port, path, control.hosts)
    return Child("turnout.build.control", msgspec.json.encode(spec))


def _gateway(settings: Settings, listening: socket.socket, index: int) -> Child:
    server = settings.server
    spec = GatewaySpec(
        index, listening.fileno(), str(settings.data_dir), server.host, server.max_body, server.hosts, server.origins
    )
    return Child("turnout.build.gateway", msgspec.json.encode(spec), (listening.fileno(),))


async def _answering(addresses: tuple[tuple[str, int], ...], ready: Callable[[], None]) -> None:
    """The listening socket accepts before a worker does, so only an answer says that it is ready."""
    for host, port in addresses:
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
