"""HTTP before anybody knows who speaks it: what a client may send, and how long it may take.

uvicorn's parser protocol sets no bounds: a header of any size, any number of them, a body that never comes would all be waited
for. A request that arrives whole pays two comparisons for what is here; the clock is only looked at for one that does not.
"""

import asyncio
import http
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from turnout.dialects.registry import DIALECTS
from turnout.errors import Code, TurnoutError
from turnout.front.cork import Cork

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


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol on httptools, with bounds. What breaks one is answered here and the connection closed."""

    _refusal: TurnoutError | None = None
    _timer: asyncio.TimerHandle | None = None
    _in_headers = True
    _is_whole = False
    _declines = False  # it offers to change the protocol: see _decline
    _running: RequestResponseCycle | None = None  # ``cycle`` is the newest, which may still wait behind this one
    _surroundings = 0  # bytes since the last that were of use
    _began = _heard = 0.0
    url = b""
    cycle: RequestResponseCycle | None  # type: ignore[assignment]  # the parent does not say that there is none at first

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the parent
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._surroundings += len(data)
        try:
            self.parser.feed_data(data)
            if self._surroundings > MOST_HEADER_BYTES:
                raise self._too_much()
        except httptools.HttpParserUpgrade as offer:
            if self._declines:
                self._decline(data[offer.args[0] :])
                return
        except (httptools.HttpParserError, _Refused):
            self._refuse(self._refusal or TurnoutError(Code.INVALID_REQUEST, "this is not an HTTP/1.1 request", retry=False))
            return
        if not self._is_whole:
            self._wait()
        elif self._timer is not None:
            self._stop_waiting()

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._unset_keepalive_if_required()  # here, so that an empty line does not keep an idle connection
        super().on_message_begin()
        self._in_headers, self._is_whole = True, False

    def on_headers_complete(self) -> None:
        if len(self.headers) > MOST_HEADERS or (
            self._surroundings > MOST_HEADER_BYTES and self._header_bytes() > MOST_HEADER_BYTES
        ):
            raise self._too_much()
        if len(self.pipeline) >= MOST_AHEAD:
            self._refusal = TurnoutError(
                Code.INVALID_REQUEST, f"more than {MOST_AHEAD} requests were sent ahead on one connection", retry=False
            )
            raise _Refused
        if self.parser.should_upgrade() and any(name == b"upgrade" for name, _ in self.headers):
            self._declines = True
            return
        before = self.cycle
        super().on_headers_complete()
        if (
            self.cycle is not None and self.cycle is not before and self.cycle.scope["method"] != "HEAD"
        ):  # whose answer ends with its headers
            self.cycle.transport = Cork(self.transport)  # type: ignore[assignment]  # all that a cycle asks of one
        self._in_headers, self._surroundings = False, 0

    def on_body(self, body: bytes) -> None:
        self._surroundings = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._declines:
            self._is_whole = True
            super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _decline(self, rest: bytes) -> None:
        """Some clients offer h2c with every request. The parser stops at an offer, so the request is read again without it."""
        version = self.parser.get_http_version()
        lines = [b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, version.encode())]
        lines += [b"%b: %b\r\n" % header for header in self.headers if header[0] not in _OFFER]
        self._declines, self._surroundings = False, 0
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"".join(lines) + b"\r\n" + rest)

    def _leave(self) -> None:
        """The client is gone, or is sent away: for the request that is being answered, and for those behind it."""
        for cycle in (self._running, *(cycle for cycle, _ in self.pipeline)):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        self.pipeline.clear()

    # Bounds.

    def _header_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

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
        self._heard = self.loop.time()
        if self._timer is None:
            self._began = self._heard
            self._timer = self.loop.call_later(HEADERS_WITHIN, self._look)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        now = self.loop.time()
        if self.flow.read_paused:  # it is us who do not read on
            self._began = self._heard = now
        due = self._began + HEADERS_WITHIN if self._in_headers else min(self._heard + BODY_IDLE, self._began + BODY_WITHIN)
        if now < due:
            self._timer = self.loop.call_at(due, self._look)
            return
        if self._in_headers and not self._surroundings:
            self.transport.close()  # nothing was said: a connection opened ahead of its use
            return
        what = "headers did not come" if self._in_headers else "body did not come"
        self._refuse(TurnoutError(Code.INVALID_REQUEST, f"the {what} within its time", status=408))

    def _refuse(self, error: TurnoutError) -> None:
        """Say why, unless an answer to something else is what the client would take it for; and close."""
        self._stop_waiting()
        pending = self.cycle if self.cycle is not None and not self.cycle.response_complete else None
        is_next = pending is None if self._in_headers else pending is not None and not pending.response_started
        if is_next and not self.pipeline:
            dialect = DIALECTS["anthropic-messages" if self.url.startswith(b"/v1/messages") else "openai-chat"]
            body = dialect.write_error(error)
            phrase = http.HTTPStatus(error.status).phrase
            self.transport.write(
                f"HTTP/1.1 {error.status} {phrase}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
                "connection: close\r\n\r\n".encode()
                + body
            )
        self._leave()
        self.transport.close()
