"""A new connection: addresses, TCP, proxy tunnel, TLS. The caller bounds the time it may take."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import Any, Final

from turnout.errors import Misconfigured, Unavailable
from turnout.providers.transport.connection import Connection
from turnout.providers.transport.target import Origin, Proxy, address, tunnel_head

# How long one address may keep the next one waiting (RFC 8305, section 5).
STAGGER_S: Final = 0.25
# A peer that is gone without a word is given up after 20 s, whether it owes us an acknowledgement (the user timeout, in ms; Linux) or
# only its answer (the probes). A model may think for minutes without a byte: probes keep middleboxes from forgetting the connection.
PATIENCE: Final = (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 3), ("TCP_KEEPCNT", 4), ("TCP_USER_TIMEOUT", 20_000))

PROXY_AUTHENTICATION: Final = 407

Found = tuple[int, int, int, str, Any]


class Dialer:
    """Opens connections and remembers the TLS settings, one per CA file; a changed CA file is read by the next start."""

    def __init__(self) -> None:
        self._contexts: dict[str | None, ssl.SSLContext] = {}
        self._lookups = Lookups()

    async def dial(self, origin: Origin) -> Connection:
        """Raises Unavailable, Misconfigured; OSError subclasses as they are."""
        connection = Connection()
        try:
            await self._open(connection, origin)
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _open(self, connection: Connection, origin: Origin) -> None:
        if origin.proxy is None:
            await self._reach(connection, origin.host, origin.port, self._context(origin.ca_file) if origin.tls else None)
        elif not origin.tls:
            await self._reach_proxy(connection, origin.proxy, origin.ca_file)
        else:
            context = self._context(origin.ca_file)
            tunnel = Connection()
            try:
                await self._reach_proxy(tunnel, origin.proxy, origin.ca_file)
                await _ask_for_tunnel(tunnel, origin, origin.proxy)
                transport = await asyncio.get_running_loop().start_tls(
                    tunnel.transport, connection, context, server_hostname=origin.host.rstrip(".")
                )
            except BaseException:
                tunnel.abort()
                raise
            if transport is None:
                raise Unavailable(f"the TLS handshake with {origin.name} was cut short")
            connection.connection_made(transport)

    async def _reach_proxy(self, connection: Connection, proxy: Proxy, ca_file: str | None) -> None:
        await self._reach(connection, proxy.host, proxy.port, self._context(ca_file) if proxy.tls else None)

    async def _reach(self, connection: Connection, host: str, port: int, context: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        connected = await _first_to_connect(_interleaved(await self._lookups.find(host, port)))
        name = host.rstrip(".") if context else None
        await loop.create_connection(lambda: connection, sock=connected, ssl=context, server_hostname=name)

    def _context(self, ca_file: str | None) -> ssl.SSLContext:
        """Verifies always. A CA file takes the place of the system's store."""
        context = self._contexts.get(ca_file)
        if context is None:
            try:
                context = ssl.create_default_context(cafile=ca_file)
            except OSError as error:
                raise Misconfigured(f"CA file {ca_file} cannot be read: {error.strerror or error}") from error
            context.set_alpn_protocols(["http/1.1"])
            self._contexts[ca_file] = context
        return context


class Lookups:
    """Names to addresses: one lookup for all who wait for the same name and port, each in a thread of its own.

    A name server that is silent holds a thread until the system gives up, cancelled or not: it may hold up nobody else, not even the
    end of the process.
    """

    def __init__(self) -> None:
        self._under_way: dict[tuple[str, int], asyncio.Future[Sequence[Found]]] = {}

    async def find(self, host: str, port: int) -> Sequence[Found]:
        """Raises OSError."""
        with suppress(socket.gaierror):  # it is a name, not an address
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        found = self._under_way.get((host, port)) or self._look_up(host, port)
        return await asyncio.shield(found)  # whoever leaves, leaves it to the others

    def _look_up(self, host: str, port: int) -> asyncio.Future[Sequence[Found]]:
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Sequence[Found]] = loop.create_future()

        def run() -> None:
            try:
                settle = partial(found.set_result, socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            except OSError as error:
                settle = partial(found.set_exception, error)
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(settle)

        def forget(done: asyncio.Future[Sequence[Found]]) -> None:
            del self._under_way[host, port]
            done.exception()  # heard, though all who waited may have left

        Thread(target=run, name=f"look up {host}", daemon=True).start()
        self._under_way[host, port] = found
        found.add_done_callback(forget)
        return found


async def _ask_for_tunnel(tunnel: Connection, origin: Origin, proxy: Proxy) -> None:
    answer = await tunnel.request(tunnel_head(origin, proxy), b"", bodiless=True, tunnel=True).head()
    if not 200 <= answer.status < 300:
        fault = Misconfigured if answer.status == PROXY_AUTHENTICATION else Unavailable
        raise fault(f"{proxy} refused a tunnel to {address(origin.host, origin.port)}: status {answer.status}")
    if not tunnel.alive:
        raise Unavailable(f"{proxy} closed the tunnel as soon as it was opened")


def _interleaved(found: Sequence[Found]) -> list[Found]:
    """The resolver's order, families taking turns, so that one broken family costs one step only."""
    first = [entry for entry in found if entry[0] == found[0][0]]
    others = [entry for entry in found if entry[0] != found[0][0]]
    mixed: list[Found] = []
    for index in range(max(len(first), len(others))):
        mixed += first[index : index + 1] + others[index : index + 1]
    return mixed


async def _first_to_connect(addresses: Sequence[Found]) -> socket.socket:
    """Try them in order, the next one when the last failed or has had its time; the first to connect wins."""
    if len(addresses) == 1:
        return await _connect(addresses[0])
    waiting = list(addresses)
    trying: set[asyncio.Task[socket.socket]] = set()
    failure: BaseException | None = None
    try:
        while waiting or trying:
            if waiting:
                trying.add(asyncio.ensure_future(_connect(waiting.pop(0))))
            done, _ = await asyncio.wait(trying, timeout=STAGGER_S if waiting else None, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if task.exception() is None:
                    trying.discard(task)
                    return task.result()
                failure = failure or task.exception()
            trying -= done
    finally:
        for task in trying:
            task.add_done_callback(_close_loser)
            task.cancel()
    raise failure or OSError("no address")


def _close_loser(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()


async def _connect(found: Found) -> socket.socket:
    family, kind, protocol, _, where = found
    connecting = socket.socket(family, kind, protocol)
    try:
        connecting.setblocking(False)
        connecting.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in PATIENCE:
            if hasattr(socket, option):
                connecting.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
        await asyncio.get_running_loop().sock_connect(connecting, where)
    except BaseException:
        connecting.close()
        raise
    return connecting
