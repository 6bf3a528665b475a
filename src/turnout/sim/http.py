"""A small HTTP/1.1 server that can misbehave: the sim must reset, cut and stall connections, which servers rightly do not offer."""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import cast

import httptools

Headers = Sequence[tuple[str, str]]


class Exchange:
    """One request, whole, and the way to answer it."""

    def __init__(self, method: str, path: str, headers: dict[str, str], body: bytes, connection: "Connection") -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
        self._connection = connection
        self._chunked = False

    def answer(self, status: int, body: bytes, headers: Headers = (), *, claimed: int | None = None) -> None:
        """A whole answer. ``claimed`` is a length to state instead of the true one."""
        head = _head(status, (*headers, ("content-length", str(len(body) if claimed is None else claimed))))
        self._connection.send(head + body)

    def start(self, status: int, headers: Headers) -> None:
        """Begin a chunked answer."""
        self._chunked = True
        self._connection.send(_head(status, (*headers, ("transfer-encoding", "chunked"))))

    async def write(self, data: bytes) -> None:
        """One chunk; waits while the client does not read."""
        if data:
            self._connection.send(b"%x\r\n%b\r\n" % (len(data), data))
            await self._connection.drained()

    def end(self) -> None:
        """The last chunk."""
        self._connection.send(b"0\r\n\r\n")

    def cut(self) -> None:
        """Hang up in the middle, politely (FIN)."""
        self._connection.hang_up()

    def reset(self) -> None:
        """Hang up in the middle, rudely (RST)."""
        self._connection.reset()


Handler = Callable[[Exchange], Awaitable[None]]


class Connection(asyncio.Protocol):
    """One client. Requests are answered in the order they came, one at a time."""

    def __init__(self, handler: Handler, connections: "set[Connection]") -> None:
        self._handler = handler
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Exchange] = deque()
        self._task: asyncio.Task[None] | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._transport: asyncio.Transport | None = None
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.send(_head(400, (("content-length", "0"), ("connection", "close"))))
            self.hang_up()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        self._transport = None
        self._connections.discard(self)
        self._room.set()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    # What httptools calls.

    def on_message_begin(self) -> None:
        self._url, self._headers, self._body = b"", {}, []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        method = self._parser.get_method().decode("ascii")
        path = self._url.decode("latin-1").partition("?")[0]
        self._waiting.append(Exchange(method, path, self._headers, b"".join(self._body), self))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._serve())

    # What an exchange calls.

    def send(self, data: bytes) -> None:
        """Queue bytes; silently nothing once the client has gone."""
        if self._transport is not None:
            self._transport.write(data)

    async def drained(self) -> None:
        """Wait until the client reads again."""
        if not self._room.is_set():
            await self._room.wait()

    def hang_up(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        if self._transport is None:
            return
        raw = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    async def _serve(self) -> None:
        try:
            while self._waiting:
                await self._handler(self._waiting.popleft())
        except Exception:
            self.hang_up()
            raise
        finally:
            self._task = None


async def listen(handler: Handler, host: str, port: int) -> tuple[asyncio.Server, set[Connection]]:
    """A listening server (``port`` 0: any free one) and its open connections."""
    connections: set[Connection] = set()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(handler, connections), host, port)
    return server, connections


def _head(status: int, headers: Headers) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:  # 529 has no entry
        phrase = "Overloaded"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {status} {phrase}\r\n{lines}\r\n".encode("latin-1")
