"""HTTP before anybody knows who speaks it: what a client may send, and how long it may take.

This is the protocol that uvicorn's server runs on each connection, in place of its own: that one sets no bounds (a header of any
size, any number of them, a body that never comes would all be waited for) and costs twice as much. A request that arrives whole
pays two comparisons for the bounds; the clock is only looked at for one that does not.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

import httptools
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.server import ServerState

from turnout.dialects.registry import DIALECTS
from turnout.errors import Code, TurnoutError
from turnout.front.exchange import Exchange, status_line

MOST_HEADERS = 200
MOST_HEADER_BYTES = 64 * 1024
"""Of the request's line and headers; also of what surrounds a body's bytes (chunk extensions, trailers) without a body's byte."""
MOST_AHEAD = 16
"""Requests that a client may send on one connection before the first of them is answered."""
HEADERS_WITHIN = 10.0
BODY_IDLE = 30.0
BODY_WITHIN = 300.0
"""Seconds: for all headers, between two pieces of a body, for a whole body."""

_OFFER = frozenset({b"connection", b"upgrade", b"http2-settings"})


class _Refused(Exception):
    """Stops the parser in the middle of its work."""


class BoundedProtocol(asyncio.Protocol):
    """A connection: requests are read ahead, and answered one after the other. What breaks a bound is answered here and closes it."""

    transport: asyncio.Transport
    flow: FlowControl
    _refusal: TurnoutError | None = None
    _in_headers = True
    _is_whole = False
    _declines = False  # it offers to change the protocol: see _decline
    _reading: Exchange | None = None  # its body comes
    _running: Exchange | None = None  # it is being answered
    _surroundings = 0  # bytes since the last that were of use
    _timer: asyncio.TimerHandle | None = None  # for what has to come of a request
    _began = _heard = 0.0
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
        parser.set_dangerous_leniencies(lenient_data_after_close=True)  # the first of several requests is answered
        return parser

    # What the server and the transport call.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # it is one that writes
        self.transport = transport
        self.flow = FlowControl(transport)
        self._connections.add(self)  # type: ignore[arg-type]  # of its own protocols the server asks no more than this one does
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._connections.discard(self)
        self._stop_waiting()
        if self._rest is not None:
            self._rest.cancel()
        self._leave()
        self.flow.resume_writing()
        self._reading = self._running = None  # they know us, as the parser does: circles are work for the collector
        del self._parser

    def pause_writing(self) -> None:
        self.flow.pause_writing()

    def resume_writing(self) -> None:
        self.flow.resume_writing()

    def shutdown(self) -> None:
        """Answer what was asked, and close."""
        if self._last is None:
            self.transport.close()
        else:
            self._last.keep_alive = False

    def data_received(self, data: bytes) -> None:
        self._surroundings += len(data)
        try:
            self._parser.feed_data(data)
            if self._surroundings > MOST_HEADER_BYTES:
                raise self._too_much()
        except httptools.HttpParserUpgrade as offer:
            if self._declines:
                self._decline(data[offer.args[0] :])
                return
            if self._last is not None:
                self._last.keep_alive = False  # CONNECT: what follows was meant for a tunnel
        except (httptools.HttpParserError, _Refused):
            self._refuse(self._refusal or TurnoutError(Code.INVALID_REQUEST, "this is not an HTTP/1.1 request", retry=False))
            return
        if not self._is_whole:
            self._wait()
        elif self._timer is not None:
            self._stop_waiting()

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._idle_since = None  # here, so that an empty line does not keep an idle connection
        self._url, self._headers = b"", []
        self._in_headers, self._is_whole = True, False

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._check_headers()
        parser, headers = self._parser, _joined(self._headers)
        if b"upgrade" in headers and parser.should_upgrade():
            self._declines = True
            return
        path = httptools.parse_url(self._url).path.decode("ascii")
        is_old = parser.get_http_version() == "1.0"
        self._reading = exchange = Exchange(
            self,
            parser.get_method().decode("ascii"),
            unquote(path) if "%" in path else path,
            headers,
            keep_alive=parser.should_keep_alive() and not is_old,
            is_old=is_old,
        )
        self._in_headers, self._surroundings = False, 0
        if self._running is None:
            self._run(exchange)
        else:
            self.flow.pause_reading()
            self._ahead.append(exchange)

    def on_body(self, body: bytes) -> None:
        self._surroundings = 0
        if self._reading is not None:
            self._reading.take(body)

    def on_message_complete(self) -> None:
        reading = self._reading
        if reading is None:
            return
        reading.end()
        self._reading, self._is_whole = None, True
        if reading.complete and not reading.keep_alive:
            raise _Refused  # it was heard to its end; nothing that follows is

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

    def _run(self, exchange: Exchange) -> None:
        self._running = exchange
        exchange.task = task = self._loop.create_task(exchange.run(self._app))
        self.tasks.add(task)

    def answered(self) -> None:
        """What an exchange says at its answer's end."""
        self._running = None
        if self.transport.is_closing():
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
            self.transport.close()

    def _leave(self) -> None:
        """The client is gone, or is sent away: for the request that is being answered, and for those behind it."""
        if self._running is not None:
            self._running.leave()
        self._ahead.clear()

    @property
    def _last(self) -> Exchange | None:
        """Of those that are not answered."""
        return self._ahead[-1] if self._ahead else self._running

    # Bounds.

    def _check_headers(self) -> None:
        if len(self._headers) > MOST_HEADERS or (
            self._surroundings > MOST_HEADER_BYTES and self._header_bytes() > MOST_HEADER_BYTES
        ):
            raise self._too_much()
        if len(self._ahead) >= MOST_AHEAD:
            self._refusal = TurnoutError(
                Code.INVALID_REQUEST, f"more than {MOST_AHEAD} requests were sent ahead on one connection", retry=False
            )
            raise _Refused

    def _header_bytes(self) -> int:
        return len(self._url) + sum(len(name) + len(value) for name, value in self._headers)

    def _too_much(self) -> _Refused:
        self._refusal = TurnoutError(
            Code.INVALID_REQUEST,
            f"the headers are more than {MOST_HEADERS} or {MOST_HEADER_BYTES} bytes",
            retry=False,
            status=431,
        )
        return _Refused()

    def _wait(self) -> None:
        """Something came, and more has to come."""
        self._heard = self._loop.time()
        if self._timer is None:
            self._began = self._heard
            self._timer = self._loop.call_later(HEADERS_WITHIN, self._look)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        now = self._loop.time()
        if self.flow.read_paused:  # it is us who do not read on
            self._began = self._heard = now
        due = self._began + HEADERS_WITHIN if self._in_headers else min(self._heard + BODY_IDLE, self._began + BODY_WITHIN)
        if now < due:
            self._timer = self._loop.call_at(due, self._look)
            return
        if self._in_headers and not self._surroundings:
            self.transport.close()  # nothing was said: a connection opened ahead of its use
            return
        what = "headers did not come" if self._in_headers else "body did not come"
        self._refuse(TurnoutError(Code.INVALID_REQUEST, f"the {what} within its time", status=408))

    def _refuse(self, error: TurnoutError) -> None:
        """Say why, unless an answer to something else is what the client would take it for; and close."""
        self._stop_waiting()
        running = self._running
        is_next = running is None if self._in_headers else running is not None and not running.started
        if is_next and not self._ahead:
            dialect = DIALECTS["anthropic-messages" if self._url.startswith(b"/v1/messages") else "openai-chat"]
            body = dialect.write_error(error)
            head = b"%bcontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
            self.transport.write(head % (status_line(error.status), len(body)) + body)
        self._leave()
        self.transport.close()


def _joined(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """By name; one that was sent twice is a list, so that none of its values can hide behind the other."""
    by_name = dict(headers)
    if len(by_name) != len(headers):
        by_name = {name: b",".join(value for other, value in headers if other == name) for name in by_name}
    return by_name
