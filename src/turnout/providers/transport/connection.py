"""One connection, one request at a time: bytes out, parser events in, and when it may be used again."""

import asyncio
import math
import re
import select
import ssl
from typing import Final, Protocol, cast

import httptools

from turnout.errors import Broken, ProviderFault, Unanswered, Unavailable
from turnout.providers.transport.response import Response

# A head, or the trailers, may not be larger: what goes on longer is not HTTP or not well meant.
HEAD_LIMIT: Final = 64 * 1024
TOO_LARGE: Final = "its headers are larger than 64 KiB"
# A body up to this size is written with its head, in one go; the rest of a larger one follows as the socket takes it.
WRITE_SIZE: Final = 64 * 1024
KEEP_ALIVE_TIMEOUT: Final = re.compile(rb"\btimeout\s*=\s*(\d{1,9})", re.IGNORECASE)
UNDER_WAY_S: Final = 1.0


class Owner(Protocol):
    """Who is told when a connection becomes free or is gone."""

    def freed(self, connection: "Connection") -> None: ...

    def lost(self, connection: "Connection") -> None: ...


class Connection(asyncio.Protocol):
    """``alive`` until it was closed by either side; ``idle_until`` is its owner's note.

    ``keepalive_s``: how long it may be idle, which is its owner's word and the server's: the smaller.
    """

    def __init__(self) -> None:
        self.owner: Owner | None = None
        self.alive = True
        self.idle_until = 0.0
        self.keepalive_s = math.inf
        self._has_answered = False
        self._transport: asyncio.Transport | None = None
        self._tls: ssl.SSLObject | None = None
        self._incoming = select.poll()
        self._response: Response | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._bodiless = False
        self._complete = False
        self._keep = False
        self._barren = 0  # bytes fed since the parser last gave us a head or some body
        self._unsent = memoryview(b"")
        self._writable = True
        self._reading = True
        self.on_body = self._body.append  # the parser's hot path needs no frame of ours
        self._parser = httptools.HttpResponseParser(self)
        # An interim answer may say "connection: close" and the real one still follows; what is behind that, we refuse.
        self._parser.set_dangerous_leniencies(lenient_keep_alive=True)

    def __repr__(self) -> str:
        return f"Connection({'alive' if self.alive else 'closed'})"

    # The client's side

    def request(self, head: bytes, body: bytes, *, bodiless: bool = False, tunnel: bool = False) -> Response:
        """Send one; the connection must be free.

        ``bodiless``: whatever the answer's head promises, no body follows (HEAD, CONNECT). ``tunnel``: the connection
        stays open behind that head; otherwise it is closed, as the parser waits for the promised body.
        """
        response = self._response = Response(self)
        self._bodiless = bodiless
        self._complete = False
        self._keep = tunnel
        self._barren = 0
        if len(body) <= WRITE_SIZE:
            self.transport.write(head + body)
        else:
            self._unsent = memoryview(body)
            self.transport.write(head)
            self._write_on()
        return response

    @property
    def transport(self) -> asyncio.Transport:
        """Only there once connected."""
        assert self._transport is not None
        return self._transport

    def is_quiet(self) -> bool:
        """Nothing has come since its last answer, not even an end that the loop has not yet seen."""
        return not self._incoming.poll(0)

    def abort(self) -> None:
        """Close it now; the answer, if one is due, is no longer of interest."""
        self._response = None
        self._leave()

    def fail(self, fault: ProviderFault) -> None:
        """Close it now and tell the reader why."""
        response = self._response
        self.abort()
        if response is not None:
            response.end(fault)

    def drained(self) -> None:
        """The reader has taken everything that was held."""
        self._read_on()

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._tls = transport.get_extra_info("ssl_object")
        wire = transport.get_extra_info("socket")
        if wire is not None:
            self._incoming.register(wire.fileno(), select.POLLIN)

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._write_on()

    def data_received(self, data: bytes) -> None:
        response = self._response
        if response is None:  # nobody asked: a farewell, a late answer or worse
            self.abort()
            return
        self._barren += len(data)
        error = None
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as caught:
            error = caught
        if self._body:
            self._barren = 0
            self._deliver(response)
        if self._complete:
            self._finish(response, reusable=error is None)
        elif error is not None:
            self.fail(_unreadable(response, str(error.__context__ or error)))
        elif self._barren > HEAD_LIMIT:
            self.fail(_unreadable(response, TOO_LARGE))
        elif response.status:
            response.wake()

    def eof_received(self) -> None:
        self._closed(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed(exc)

    # The parser's side

    def on_message_begin(self) -> None:
        if self._complete:
            raise _Refused("more than one answer")
        self._headers.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value.rstrip()))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        headers, self._headers = self._headers, []  # what comes later are trailers
        if status < 200 and 100 <= status != 101:
            return  # interim: the real head follows
        if status < 200 or self._response is None:
            raise _Refused(f"status {status} was not asked for")
        if self._barren > HEAD_LIMIT and sum(len(name) + len(value) for name, value in headers) > HEAD_LIMIT:
            raise _Refused(TOO_LARGE)
        self._response.status = status
        self._response.headers = headers
        self._barren = 0
        self._complete = self._bodiless

    def on_message_complete(self) -> None:
        if self._response is not None and self._response.status and not self._bodiless:
            self._complete = True
            self._keep = self._parser.should_keep_alive()

    # Inside

    def _deliver(self, response: Response) -> None:
        full = not self._bodiless and response.arrived(self._body)
        self._body.clear()
        if full and self._reading and not self._complete:
            self._reading = False
            self.transport.pause_reading()

    def _read_on(self) -> None:
        if not self._reading and self.alive:
            self._reading = True
            self.transport.resume_reading()

    def _finish(self, response: Response, *, reusable: bool) -> None:
        """The answer is all here, though perhaps not yet read. Without a request sent to its end there is no reuse."""
        self._response = None
        if reusable and self._keep and self.alive and not self._unsent and not self.transport.get_write_buffer_size():
            if not self._has_answered:  # a server says the same each time
                self._has_answered = True
                self.keepalive_s = min(self.keepalive_s, _keep_alive_timeout(response))
            self._read_on()  # what is still held is the answer's; the connection may go to another
            if self.owner is not None:
                self.owner.freed(self)
        else:
            self.abort()
        response.end()

    def _leave(self) -> None:
        if not self.alive:
            return
        self.alive = False
        self._unsent = memoryview(b"")
        if self._transport is not None:
            self._transport.abort()
        if self.owner is not None:
            self.owner.lost(self)

    def _closed(self, reason: Exception | None) -> None:
        """The other side will send no more: an end in good order, a cut, or a reset."""
        whole = True
        if self._tls is not None and self._response is not None:
            left, whole = _left_in(self._tls)
            self._leave()  # before what is left is read, which must not make it free again
            if left:
                self.data_received(left)
        response = self._response
        if response is None:
            self.abort()
        elif not response.status:
            self.fail(Unanswered("the provider closed the connection without an answer"))
        elif reason is not None:
            self.fail(Unavailable("the provider reset the connection in the middle of its answer"))
        elif whole and _until_closed(response):
            self._finish(response, reusable=False)
        else:
            self.fail(Broken("the provider's answer was cut short"))

    def _write_on(self) -> None:
        while self._unsent and self._writable and self.alive:
            piece, self._unsent = self._unsent[:WRITE_SIZE], self._unsent[WRITE_SIZE:]
            self.transport.write(piece)


class _Refused(Exception):
    """Stops the parser: what it reads is no answer to our request."""


def _unreadable(response: Response, why: str) -> ProviderFault:
    if response.status:
        return Broken(f"the provider's answer cannot be read: {why}")
    return Unanswered(f"the provider's answer is not HTTP: {why}")


def _left_in(tls: ssl.SSLObject) -> tuple[bytes, bool]:
    """What TLS still holds when its connection has ended, and whether the peer announced that end (close_notify).

    uvloop hands out neither when reading was paused. An end without announcement may be anybody's cut (RFC 9112, section 9.8).
    """
    pieces = []
    try:
        while piece := tls.read(WRITE_SIZE):
            pieces.append(piece)
    except ssl.SSLError as end:
        return b"".join(pieces), isinstance(end, ssl.SSLZeroReturnError)
    return b"".join(pieces), True


def _keep_alive_timeout(response: Response) -> float:
    """``Keep-Alive: timeout=5`` in seconds, less what a request may take to get there; infinite where it is not stated."""
    for name, value in response.headers:
        if name == b"keep-alive" and (stated := KEEP_ALIVE_TIMEOUT.search(value)):
            return max(float(stated[1]) - UNDER_WAY_S, 0.0)
    return math.inf


def _until_closed(response: Response) -> bool:
    """No length was given and no chunks, so that only the connection's end is the body's."""
    for name, value in response.headers:
        if name == b"content-length":
            return False
        if name == b"transfer-encoding" and value.strip().lower().endswith(b"chunked"):
            return False
    return True
