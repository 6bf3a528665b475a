"""HTTP before anybody knows who speaks it: what a client may send, and how long it may take.

This is the protocol that uvicorn's server runs on each connection, in place of its own: that one sets no bounds (a header of any
size, any number of them, a body that never comes would all be waited for) and costs twice as much. A request that arrives whole
pays two comparisons for the bounds; the clock is only looked at for one that does not.
"""

import asyncio
from collections import deque
from typing import Any, cast

import httptools
import uvicorn
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.server import ServerState

from turnout.errors import Code, TurnoutError
from turnout.front.exchange import Exchange
from turnout.front.head import read_headers, read_path
from turnout.front.outflow import Outflow
from turnout.front.patience import BODY, HEADERS, LINGER, Patience

MOST_HEADERS = 200
MOST_HEADER_BYTES = 64 * 1024
"""Of the request's line and headers; also of what surrounds a body's bytes (chunk extensions, trailers) without a body's byte."""
MOST_AHEAD = 16
"""Requests that a client may send on one connection before the first of them is answered."""
MOST_UNHEARD = 32 * 1024 * 1024
"""Bytes that a client may still send while it gets its last answer; more than a body has by default."""

_OFFER = frozenset({b"connection", b"upgrade", b"http2-settings"})


class _Enough(Exception):
    """Stops the parser behind the last request that is heard."""


class BoundedProtocol(asyncio.Protocol):
    """A connection: requests are read ahead, and answered one after the other.

    What breaks a bound is answered too, in its turn, and is the last: from then on the connection is deaf. It goes on reading, though
    nothing of it, since the end of what comes is how clients leave.
    """

    transport: asyncio.Transport
    flow: Outflow
    _is_deaf = False
    _is_silent = True  # no request has begun
    _is_whole = False  # the last that began
    _declines = False  # it offers to change the protocol: see _decline
    _reading: Exchange | None = None  # its body comes
    _running: Exchange | None = None  # it is being answered
    _surroundings = 0  # bytes since the last that were of use
    _rest: asyncio.TimerHandle | None = None  # for the next request
    _idle_since: float | None = None
    _url = b""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """As uvicorn's server calls it."""
        del app_state
        if not config.loaded:
            config.load()
        self._app = config.loaded_app
        self._idle_for = config.timeout_keep_alive
        self._connections, self.tasks = server_state.connections, server_state.tasks
        self._loop = _loop or asyncio.get_running_loop()
        self._parser = self._new_parser()
        self._headers: list[tuple[bytes, bytes]] = []
        self._ahead: deque[Exchange] = deque()

    def _new_parser(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        # What stands behind a last request is ours not to hear, and of versions we say more than that this is not HTTP.
        parser.set_dangerous_leniencies(lenient_data_after_close=True, lenient_version=True)
        return parser

    # What the server and the transport call.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.flow = Outflow(self.transport, self._loop)
        self._connections.add(self)  # type: ignore[arg-type]  # of its own protocols the server asks no more than this one does
        self._patience = Patience(self._loop, self.flow, self._too_late)
        self._patience.wait(HEADERS)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._connections.discard(self)
        self._patience.stop()
        if self._rest is not None:
            self._rest.cancel()
        self._leave()
        self.flow.end()
        self._reading = self._running = None  # they know us, as the parser does: circles are work for the collector
        del self._parser, self._patience

    def pause_writing(self) -> None:
        self.flow.pause_writing()

    def resume_writing(self) -> None:
        self.flow.resume_writing()

    def eof_received(self) -> None:
        """That is how clients leave: whatever is not written by now interests nobody."""
        self._leave()
        self.flow.close()

    def shutdown(self) -> None:
        """Answer what was asked, and close."""
        last = self._last
        if last is None:
            self.flow.close()
            return
        last.keep_alive = False
        if self._reading is None:
            self._hear_no_more()

    def data_received(self, data: bytes) -> None:
        self._surroundings += len(data)
        if self._is_deaf:
            self._ignore()
            return
        rest = None
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            rest = data[offer.args[0] :]
        except httptools.HttpParserError as stopped:
            self._stop(stopped)
            return
        if rest is not None:  # here, since an error inside of another's handling has that one for its context
            self._decline(rest)
        elif self._surroundings > MOST_HEADER_BYTES:
            self._refuse(_too_much())
        elif not self._is_whole:
            self._patience.wait(HEADERS if self._reading is None else BODY)
        elif self._patience.timer is not None:
            self._patience.stop()

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._idle_since = None  # here, so that an empty line does not keep an idle connection
        self._url, self._headers = b"", []
        self._is_silent = self._is_whole = False

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._check_bounds()
        parser = self._parser
        version = parser.get_http_version()
        headers = read_headers(self._headers, version)
        if b"upgrade" in headers and parser.should_upgrade():
            self._declines = True
            return
        method, is_old = parser.get_method().decode("ascii"), version == "1.0"
        self._surroundings = 0
        self._reading = Exchange(
            self,
            method,
            read_path(method, self._url),
            headers,
            # What follows a CONNECT was meant for a tunnel, which there is none.
            keep_alive=not is_old and method != "CONNECT" and parser.should_keep_alive(),
            is_old=is_old,
        )
        self._take(self._reading)

    def on_body(self, body: bytes) -> None:
        self._surroundings = 0
        if self._reading is not None:
            self._reading.take(body)

    def on_message_complete(self) -> None:
        reading = self._reading
        if reading is None:  # an offer, which is read again
            return
        reading.end()
        self._reading, self._is_whole = None, True
        if not reading.keep_alive:
            raise _Enough

    def _decline(self, rest: bytes) -> None:
        """Some clients offer h2c with every request. The parser stops at an offer, so the request is read again without it."""
        version = self._parser.get_http_version()
        lines = [b"%b %b HTTP/%b\r\n" % (self._parser.get_method(), self._url, version.encode())]
        lines += [b"%b: %b\r\n" % header for header in self._headers if header[0] not in _OFFER]
        if not self._parser.should_keep_alive():
            lines.append(b"connection: close\r\n")
        self._declines, self._surroundings = False, 0
        self._parser = self._new_parser()
        self.data_received(b"".join(lines) + b"\r\n" + rest)

    # One answer after the other.

    def _take(self, exchange: Exchange) -> None:
        if self._running is None:
            self._run(exchange)
            return
        if not self._running.is_watched:
            self.flow.pause_reading()
        self._ahead.append(exchange)

    def _run(self, exchange: Exchange) -> None:
        self._running = exchange
        exchange.task = task = self._loop.create_task(exchange.run(self._app))
        self.tasks.add(task)

    def hold(self) -> None:
        """What an exchange says when more of its body has come than is kept unread. Not read on, nobody would hear a client leave."""
        running = self._running
        if running is not None and running is not self._reading and running.is_watched:
            message = f"behind a request that takes its time no more than {HIGH_WATER_LIMIT} bytes of a body are taken"
            raise TurnoutError(Code.TOO_LARGE, message)
        self.flow.pause_reading()

    def answered(self, exchange: Exchange) -> None:
        """What an exchange says at its answer's end."""
        self._running = None
        if self.transport.is_closing():
            return
        if not exchange.keep_alive:
            self._linger()
            return
        self.flow.resume_reading()
        if self._ahead:
            self._run(self._ahead.popleft())
            return
        self._idle_since = self._loop.time()
        if self._rest is None:
            self._rest = self._loop.call_at(self._idle_since + self._idle_for, self._end_rest)

    def _end_rest(self) -> None:
        """Close what is idle for long. One timer for many requests: it looks again when the last of them was answered later."""
        self._rest = None
        if self._idle_since is None:
            return
        due = self._idle_since + self._idle_for
        if self._loop.time() < due:
            self._rest = self._loop.call_at(due, self._end_rest)
        else:
            self.flow.close()

    # How it ends.

    def _stop(self, stopped: httptools.HttpParserError) -> None:
        """The parser reads no further: because of what it reads, or of what it was told while it did."""
        why = stopped.__context__
        if isinstance(why, _Enough):
            self._hear_no_more()
        elif isinstance(why, TurnoutError):
            self._refuse(why)
        elif why is None or isinstance(why, httptools.HttpParserError):
            self._refuse(TurnoutError(Code.INVALID_REQUEST, "this is not an HTTP/1.1 request", retry=False))
        else:
            raise stopped

    def _refuse(self, fault: TurnoutError) -> None:
        """Have the app say why, when it is this request's turn; what was asked before is answered as if nothing had been."""
        reading, self._reading = self._reading, None
        if reading is None:
            reading = self._half_read()
            self._take(reading)
        self._hear_no_more()
        reading.fail(fault)
        if reading.complete:
            self._linger()

    def _half_read(self) -> Exchange:
        """A request of whose head not all can be read: as much of it as says in whose words to answer."""
        method = self._parser.get_method().decode("ascii") if self._url else ""
        try:
            path = read_path(method, self._url)
        except httptools.HttpParserInvalidURLError:
            path = "/"
        return Exchange(self, method, path, dict(self._headers), keep_alive=False)

    def _hear_no_more(self) -> None:
        self._is_deaf = True
        self._patience.stop()
        self.flow.resume_reading()

    def _ignore(self) -> None:
        if self._last is not None:
            return
        if self._surroundings > MOST_UNHEARD:
            self.flow.close()
        else:
            self._patience.wait(LINGER)

    def _linger(self) -> None:
        """Nothing follows the answer that was written. Closed at once, a client that still sends would be cut off before it reads it."""
        self._hear_no_more()
        self._ahead.clear()
        self._reading = None
        self.transport.write_eof()
        self._patience.wait(LINGER)

    def _too_late(self) -> None:
        if self._is_deaf or self._is_silent:  # it was answered, or opened ahead of its use: nothing is left to say
            self.flow.close()
        else:
            what = "headers" if self._reading is None else "body"
            self._refuse(TurnoutError(Code.INVALID_REQUEST, f"the {what} did not come in time", status=408))

    def _leave(self) -> None:
        """The client is gone: for the request that is being answered, and for those behind it."""
        if self._running is not None:
            self._running.leave()
        self._ahead.clear()

    @property
    def _last(self) -> Exchange | None:
        """Of those that are not answered."""
        return self._ahead[-1] if self._ahead else self._running

    # Bounds.

    def _check_bounds(self) -> None:
        if len(self._headers) > MOST_HEADERS or (
            self._surroundings > MOST_HEADER_BYTES and self._header_bytes() > MOST_HEADER_BYTES
        ):
            raise _too_much()
        if len(self._ahead) >= MOST_AHEAD:
            raise TurnoutError(Code.INVALID_REQUEST, f"more than {MOST_AHEAD} requests were sent ahead on one connection")

    def _header_bytes(self) -> int:
        return len(self._url) + sum(len(name) + len(value) for name, value in self._headers)


def _too_much() -> TurnoutError:
    message = f"more than {MOST_HEADERS} headers, or {MOST_HEADER_BYTES} bytes of them, or of chunk extensions and trailers"
    return TurnoutError(Code.INVALID_REQUEST, message, retry=False, status=431)
