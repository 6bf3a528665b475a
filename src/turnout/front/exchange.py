"""One request and its answer on a connection, as an ASGI app sees them: it asks for the one and is given the other piece by piece."""

import asyncio
import functools
import http
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl

log = logging.getLogger(__name__)

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_NO_BODY = frozenset({204, 304})
_CONTROLS = bytes({*range(32), 127} - {ord("\t")})
"""What a header cannot hold; each of a head's lines ends with two of them."""


class Connection(Protocol):
    """What an exchange asks of the connection it is on."""

    transport: asyncio.Transport
    flow: FlowControl

    def answered(self) -> None:
        """The running exchange's answer is complete."""
        ...


class Exchange:
    """Lasts until its answer is complete, or the client is ``gone``."""

    gone = False
    started = False  # the answer: its head is made, and leaves with the bytes that follow it
    complete = False
    _more = True
    _head = b""
    _left: int | None = 0  # bytes that the answer's length still promises; None: it goes in chunks

    def __init__(self, connection: Connection, scope: dict[str, Any], *, keep_alive: bool, expects_continue: bool) -> None:
        self.scope = scope
        self.keep_alive = keep_alive
        self._is_bodiless = scope["method"] == "HEAD"
        self._connection = connection
        self._expects_continue = expects_continue
        self._body = bytearray()
        self._news = asyncio.Event()

    # What the connection says.

    def take(self, piece: bytes) -> None:
        """Some of the request's body. What comes after its answer interests nobody."""
        if self.complete:
            return
        self._body += piece
        if len(self._body) > HIGH_WATER_LIMIT:
            self._connection.flow.pause_reading()
        self._news.set()

    def end(self) -> None:
        """The request's body is over."""
        self._more = False
        self._news.set()

    def leave(self) -> None:
        """The client has left, or was sent away."""
        self.gone = True
        self._news.set()

    async def run(self, app: App) -> None:
        """Have the app answer. An answer that it does not complete is completed here, or cut off."""
        try:
            await app(self.scope, self.receive, self.send)
            is_over = self.complete
        except asyncio.CancelledError:  # who cancels has said why
            is_over = False
        except Exception:
            log.exception("the app broke")
            is_over = False
        if is_over or self.gone:
            return
        if not self.started:
            self.keep_alive = False
            await self.send({"type": "http.response.start", "status": 500, "headers": [(b"content-length", b"0")]})
            await self.send({"type": "http.response.body"})
            return
        if self._head:
            self._connection.transport.write(self._head)
        self._connection.transport.close()

    # What the app calls.

    async def receive(self) -> Message:
        connection = self._connection
        if self._expects_continue and not connection.transport.is_closing():
            connection.transport.write(CONTINUE)
            self._expects_continue = False
        if not self.gone and not self.complete:
            connection.flow.resume_reading()
            await self._news.wait()
            self._news.clear()
        if self.gone or self.complete:
            return {"type": "http.disconnect"}
        body, self._body = bytes(self._body), bytearray()
        return {"type": "http.request", "body": body, "more_body": self._more}

    async def send(self, message: Message) -> None:
        """Return when there is room for more."""
        if self._connection.flow.write_paused and not self.gone:
            await self._connection.flow.drain()
        if self.gone:
            return
        if message["type"] == "http.response.start":
            self._begin(message["status"], message["headers"])
        else:
            self._write(message.get("body", b""), more=message.get("more_body", False))

    def _begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Make the head. Of the app's headers, in lower case, only the length bears on how the answer goes."""
        if self.started:
            raise RuntimeError("an answer begins once")
        lines = [status_line(status), *map(b": ".join, headers)]
        length = dict(headers).get(b"content-length")
        left = None if length is None else int(length)
        if self._is_bodiless or status in _NO_BODY:
            left = 0
        elif left is None:
            lines.append(b"transfer-encoding: chunked")
        if not self.keep_alive:
            lines.append(b"connection: close")
        head = b"\r\n".join(lines) + b"\r\n\r\n"
        if len(head) - len(head.translate(None, _CONTROLS)) != 2 * len(lines) + 2:
            raise RuntimeError("a header holds a control character")
        self._head, self._left, self.started, self._expects_continue = head, left, True, False

    def _write(self, body: bytes, *, more: bool) -> None:
        if not self.started or self.complete:
            raise RuntimeError("a body stands between an answer's head and its end")
        if self._left is None:
            data = self._head + _chunk(body, more=more)
        elif self._is_bodiless:
            data = self._head
        else:
            self._left -= len(body)
            if self._left < 0 or (self._left and not more):
                raise RuntimeError("the body is not as long as the head says")
            data = self._head + body
        if data:
            self._head = b""
            self._connection.transport.write(data)
        if not more:
            self.complete = True
            self._news.set()
            if not self.keep_alive:
                self._connection.transport.close()
            self._connection.answered()


def _chunk(body: bytes, *, more: bool) -> bytes:
    end = b"" if more else b"0\r\n\r\n"
    return b"%x\r\n%b\r\n%b" % (len(body), body, end) if body else end


@functools.cache
def status_line(status: int) -> bytes:
    """Without its end."""
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:  # 529 is one of those that providers made up
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}".encode()
