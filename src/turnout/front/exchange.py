"""One request and its answer on a connection: the app reads the one and writes the other, piece by piece."""

import asyncio
import functools
import http
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT

from turnout.dialects.headers import ClientHeaders
from turnout.errors import TurnoutError
from turnout.front.outflow import Outflow

log = logging.getLogger(__name__)

App = Callable[["Exchange"], Awaitable[None]]

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_IN_CHUNKS = b"transfer-encoding: chunked\r\n"
_NO_BODY = frozenset({204, 304})


class Connection(Protocol):
    """What an exchange asks of the connection it is on."""

    transport: asyncio.Transport
    flow: Outflow
    tasks: set[asyncio.Task[Any]]

    def hold(self) -> None:
        """Read on when what has come of the body was taken. Raises TurnoutError where that cannot be waited for."""
        ...

    def answered(self, exchange: "Exchange") -> None:
        """Its answer is complete: another may follow if it keeps the connection alive."""
        ...


class Exchange:
    """Lasts until its answer is complete, or the client is ``gone``."""

    task: asyncio.Task[None] | None = None  # it runs in; the connection's, until it is over
    fault: TurnoutError | None = None  # what the app is to say, since the request cannot be read to its end
    gone = False
    is_watched = False  # somebody waits for the client to leave
    started = False  # the answer
    complete = False  # the answer
    more = True  # of the request's body is to come
    _held = 0  # bytes of it that nobody has read
    _news: asyncio.Event | None = None  # there once somebody has to wait

    def __init__(
        self, connection: Connection, method: str, path: str, headers: ClientHeaders, *, keep_alive: bool, is_old: bool = False
    ) -> None:
        """``is_old``: of HTTP/1.0, which knows neither chunks nor 100-continue; a stream ends with its connection."""
        self.method = method
        self.path = path
        self.headers = headers
        self.keep_alive = keep_alive
        self._connection = connection
        self._expects_continue = not is_old and headers.get(b"expect", b"").lower() == b"100-continue"
        self._in_chunks = not is_old
        self._is_bodiless = method == "HEAD"
        self._pieces: list[bytes] = []

    # What the connection says.

    def take(self, piece: bytes) -> None:
        """Some of the request's body. What comes after its answer interests nobody."""
        if self.complete:
            return
        self._pieces.append(piece)
        self._held += len(piece)
        if self._held > HIGH_WATER_LIMIT:
            self._connection.hold()
        self._tell()

    def end(self) -> None:
        """The request's body is over."""
        self.more = False
        self._tell()

    def fail(self, fault: TurnoutError) -> None:
        """The rest of it will not come, nor anything behind it."""
        self.fault, self.keep_alive = fault, False
        self._tell()

    def leave(self) -> None:
        """The client has left."""
        self.gone = True
        self._tell()

    async def run(self, app: App) -> None:
        """Have the app answer. An answer that it does not complete is completed here, or cut off."""
        try:
            await app(self)
        except asyncio.CancelledError:
            pass  # who cancels has said why
        except Exception:
            log.exception("the app broke")
        finally:
            self._connection.tasks.discard(self.task)
        if self.complete or self.gone:
            return
        if self.started:
            self._connection.flow.close()
        else:
            self.keep_alive = False
            self.answer(500, b"", b"")

    # What the app calls.

    async def read(self) -> bytes:
        """What has come of the request's body; waits for some if nothing has. It is over when nothing ``more`` comes.

        Raises:
            TurnoutError: it cannot be read to its end; the client is to be told.
        """
        if self._expects_continue and self.fault is None and not self._connection.transport.is_closing():
            self._connection.transport.write(CONTINUE)
            self._expects_continue = False
        self._connection.flow.resume_reading()
        while self.more and not self._pieces and not self.gone and self.fault is None:
            await self._hear()
        if self.fault is not None:
            raise self.fault
        body = b"".join(self._pieces)
        self._pieces, self._held = [], 0
        return body

    async def wait_gone(self) -> None:
        """Return when the client has left; of a connection that is not read, nobody would hear it."""
        self.is_watched = True
        self._connection.flow.resume_reading()
        while not self.gone:
            await self._hear()

    @property
    def is_full(self) -> bool:
        """Whether the client has yet to take what was written, so that there is :meth:`room` for more."""
        return self._connection.flow.write_paused and not self.gone

    async def room(self) -> None:
        """Return when there is some, or the client is gone."""
        await self._connection.flow.drain()

    def answer(self, status: int, fields: bytes, body: bytes, *, more: bool = False) -> None:
        """Begin, head and ``body`` in one write: with its length if it is all, in chunks if ``more`` is to come.

        ``fields`` are header lines, each with its end.
        """
        if self.started:
            raise RuntimeError("an answer begins once")
        if self.gone:
            return
        if self._expects_continue and self.more:
            self.keep_alive = False  # nobody could tell whether what comes next is the body or another request
        self.started, self._expects_continue = True, False
        if more:
            framing, body = _IN_CHUNKS if self._in_chunks else b"", self._framed(body)
        else:
            framing = b"content-length: %d\r\n" % len(body)
        if status in _NO_BODY:
            framing, self._is_bodiless = b"", True
        if self._is_bodiless:
            body = b""
        close = b"" if self.keep_alive else b"connection: close\r\n"
        self._connection.transport.write(b"".join((status_line(status), fields, framing, close, b"\r\n", body)))
        if not more:
            self._finish()

    def write(self, piece: bytes, *, more: bool) -> None:
        """The next of an answer that was begun with ``more`` to come."""
        if self.gone:
            return
        if not self.started or self.complete:
            raise RuntimeError("a piece stands between an answer's beginning and its end")
        data = self._framed(piece)
        if not more and self._in_chunks:
            data += b"0\r\n\r\n"
        if data and not self._is_bodiless:
            self._connection.transport.write(data)
        if not more:
            self._finish()

    def _finish(self) -> None:
        self.complete = True
        self._connection.answered(self)

    def _framed(self, piece: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(piece), piece) if piece and self._in_chunks else piece

    def _tell(self) -> None:
        if self._news is not None:
            self._news.set()

    async def _hear(self) -> None:
        if self._news is None:
            self._news = asyncio.Event()
        self._news.clear()
        await self._news.wait()


@functools.cache
def status_line(status: int) -> bytes:
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:  # 529 is one of those that providers made up
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()
