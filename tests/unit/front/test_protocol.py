"""What a client may send before anybody knows who it is, and how long it may take: the parser's bounds, in virtual time."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from tests.support import fake_exchange
from tests.support.virtual_time import run
from turnout.front.exchange import Exchange, Headers
from turnout.front.protocol import (
    BODY_IDLE,
    BODY_WITHIN,
    HEADERS_WITHIN,
    MOST_AHEAD,
    MOST_HEADER_BYTES,
    MOST_HEADERS,
    BoundedProtocol,
)

POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
CHUNK = 60_000


class Wire(fake_exchange.Wire):
    """As a client sees it."""

    @property
    def sent(self) -> bytes:
        return b"".join(self.writes)

    @property
    def status(self) -> int:
        return int(self.sent.split(b" ", 2)[1]) if self.sent else 0

    @property
    def error(self) -> Any:
        return json.loads(self.sent.partition(b"\r\n\r\n")[2])["error"]


class Peer:
    """A connection to an app that reads whole bodies and answers with their length; or does not read them and answers with 0."""

    def __init__(self, answer_after: float = 0.0, *, reads: bool = True) -> None:
        self.wire = Wire()
        self.asked: list[str] = []
        self.headers: list[Headers] = []
        self.left = 0
        self._answer_after = answer_after
        self._reads = reads
        config = uvicorn.Config(
            self._app,
            interface="asgi3",
            proxy_headers=False,
            http=BoundedProtocol,
            lifespan="off",
            log_config=None,
            timeout_keep_alive=75,
        )
        self._protocol = BoundedProtocol(config, ServerState(), {}, asyncio.get_running_loop())
        self._protocol.connection_made(self.wire)

    async def send(self, *pieces: bytes) -> None:
        """As far as the server listens; ends when the app has had its turn."""
        for piece in pieces:
            if not self.wire.is_closed:
                self._protocol.data_received(piece)
        for _ in range(5):
            await asyncio.sleep(0)

    async def _app(self, asked: Exchange) -> None:
        self.asked.append(asked.path)
        self.headers.append(asked.headers)
        size = len(await asked.read()) if self._reads else 0
        while self._reads and asked.more and not asked.gone:
            size += len(await asked.read())
        if asked.gone:
            self.left += 1
            return
        await asyncio.sleep(self._answer_after)
        asked.answer(200, b"", b"%d" % size)


def in_virtual_time(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    def ran() -> None:
        run(test())  # type: ignore[arg-type]  # tests are coroutine functions

    ran.__doc__, ran.__name__ = test.__doc__, test.__name__
    return ran


@in_virtual_time
async def test_a_header_sent_twice_is_a_list() -> None:
    """None of its values hides behind the other: tags add up, two keys are none."""
    peer = Peer()
    await peer.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-Tags: a=1\r\nx-tags: b=2\r\n\r\n")

    assert peer.headers == [{b"host": b"x", b"x-tags": b"a=1,b=2"}]


@in_virtual_time
async def test_a_request_is_served_however_it_is_cut() -> None:
    """One byte at a time, as all at once; one after the other on one connection."""
    peer = Peer()
    request = POST + b"content-length: 5\r\n\r\nhello"
    await peer.send(*(request[at : at + 1] for at in range(len(request))))
    await peer.send(request)

    assert peer.wire.sent.count(b"HTTP/1.1 200") == 2
    assert not peer.wire.is_closed


@in_virtual_time
async def test_headers_as_large_as_allowed_are_taken() -> None:
    """The bound is exact, and a body in the same piece does not count."""
    head = POST + b"content-length: 100000\r\n"
    room = MOST_HEADER_BYTES - len("/v1/chat/completionshostxcontent-length100000big")
    for size, status in ((room, 200), (room + 1, 431)):
        peer = Peer()
        await peer.send(head + b"big: " + b"v" * size + b"\r\n\r\n" + b"b" * 100_000)

        assert peer.wire.status == status


@pytest.mark.parametrize(
    "pieces",
    [
        [POST + b"big: ", *[b"v" * CHUNK] * 50],
        [b"GET /", *[b"v" * CHUNK] * 50],
        [POST, *[b"a: b\r\n" * 1000] * 50],
        [POST + b"transfer-encoding: chunked\r\n\r\n1;ext=", *[b"e" * CHUNK] * 50],
        [POST + b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\ntrailer: ", *[b"t" * CHUNK] * 50],
        [b"\r\n" * CHUNK] * 50,
    ],
    ids=["a value", "an address", "many", "chunk extensions", "trailers", "empty lines"],
)
def test_what_never_ends_is_cut_off(pieces: list[bytes]) -> None:
    """Before it fills the memory: two pieces after the bound at the latest. The app hears of it when it is reading."""

    async def test() -> None:
        peer = Peer()
        taken = 0
        for piece in pieces:
            await peer.send(piece)
            if peer.wire.is_closed:
                break
            taken += len(piece)

        assert taken <= MOST_HEADER_BYTES + CHUNK
        assert peer.wire.status == 431
        assert peer.wire.error["code"] == "invalid_request"
        assert peer.left == len(peer.asked)

    run(test())


@in_virtual_time
async def test_too_many_headers_are_refused() -> None:
    """Each costs more than its bytes."""
    for number, status in ((MOST_HEADERS - 1, 200), (MOST_HEADERS, 431)):
        peer = Peer()
        await peer.send(b"GET / HTTP/1.1\r\nhost: x\r\n" + b"a:b\r\n" * number + b"\r\n")

        assert peer.wire.status == status


@in_virtual_time
async def test_what_is_no_http_is_told_so() -> None:
    """400, in JSON; in Anthropic's words on its path."""
    plain, anthropic = Peer(), Peer()
    await plain.send(b"hello\r\n\r\n")
    await anthropic.send(b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: many\r\n\r\n")

    assert (plain.wire.status, plain.wire.error["code"], plain.wire.is_closed) == (400, "invalid_request", True)
    assert (anthropic.wire.status, anthropic.wire.error["type"]) == (400, "invalid_request_error")


@in_virtual_time
async def test_headers_have_their_time() -> None:
    """From the connection's begin, or from the first piece of a later request; a byte now and then buys no more."""
    for before in (b"", GET):
        peer = Peer()
        await peer.send(before)
        peer.wire.writes.clear()
        for at in range(9):
            await peer.send(POST[at : at + 1])
            await asyncio.sleep(HEADERS_WITHIN / 10)
        assert not peer.wire.is_closed
        await asyncio.sleep(HEADERS_WITHIN / 10 + 0.1)

        assert (peer.wire.status, peer.wire.error["code"], peer.wire.is_closed) == (408, "invalid_request", True)


@in_virtual_time
async def test_a_connection_that_says_nothing_is_closed_without_a_word() -> None:
    """It was opened ahead of its use: an error would be taken for the answer to the first request."""
    peer = Peer()
    await asyncio.sleep(HEADERS_WITHIN + 0.1)

    assert (peer.wire.is_closed, peer.wire.sent) == (True, b"")


@in_virtual_time
async def test_a_body_that_stops_coming_is_given_up() -> None:
    """408 for the client, and the app is not left waiting."""
    peer = Peer()
    await peer.send(POST + b"content-length: 5\r\n\r\nhe")
    await asyncio.sleep(BODY_IDLE - 0.1)
    assert not peer.wire.is_closed
    await asyncio.sleep(0.2)

    assert (peer.wire.status, peer.wire.error["code"], peer.wire.is_closed) == (408, "invalid_request", True)
    assert peer.left == 1


@in_virtual_time
async def test_a_slow_body_is_taken_but_not_for_ever() -> None:
    """Each byte buys time, up to a bound for the whole."""
    fast, slow = Peer(), Peer()
    for peer in (fast, slow):
        await peer.send(POST + b"content-length: 100\r\n\r\n")
    for _ in range(int(BODY_WITHIN / 20)):
        await fast.send(b"x" * 10)
        await slow.send(b"x")
        await asyncio.sleep(20)
    await asyncio.sleep(BODY_IDLE)

    assert fast.wire.status == 200
    assert (slow.wire.status, slow.wire.is_closed) == (408, True)


@in_virtual_time
async def test_an_answer_takes_what_time_it_needs() -> None:
    """The bounds are on what the client sends: a whole request waits for its answer without them, and the next may come later."""
    peer = Peer(answer_after=3600)
    await peer.send(POST + b"content-length: 5\r\n\r\nhello")
    await asyncio.sleep(3601)
    assert peer.wire.status == 200
    await asyncio.sleep(70)
    await peer.send(GET)

    assert len(peer.asked) == 2


@in_virtual_time
async def test_empty_lines_do_not_keep_an_idle_connection() -> None:
    """Only a request does."""
    peer = Peer()
    await peer.send(GET)
    for _ in range(8):
        await asyncio.sleep(10)
        await peer.send(b"\r\n")

    assert peer.wire.is_closed


@in_virtual_time
async def test_a_request_sent_ahead_waits_for_its_turn_without_a_clock() -> None:
    """We do not read its body before; its sender is not the one who is slow."""
    peer = Peer(answer_after=1000)
    await peer.send(GET + POST + b"content-length: 100000\r\n\r\n" + b"b" * 50_000)
    await peer.send(b"b" * 20_000)
    assert not peer.wire.is_read
    await asyncio.sleep(1001)
    assert peer.wire.is_read
    await peer.send(b"b" * 30_000)
    await asyncio.sleep(1001)

    assert peer.wire.sent.count(b"HTTP/1.1 200") == 2


@in_virtual_time
async def test_only_so_many_requests_are_sent_ahead() -> None:
    """Nothing is written that could be taken for the answer of the first."""
    peer = Peer(answer_after=1)
    await peer.send(GET * (MOST_AHEAD + 1))
    assert not peer.wire.is_closed
    await peer.send(GET)

    assert (peer.wire.is_closed, peer.wire.sent) == (True, b"")


@in_virtual_time
async def test_garbage_after_a_request_does_not_answer_it() -> None:
    """What is under way is broken off, not answered with somebody else's error."""
    peer = Peer(answer_after=1)
    await peer.send(GET + b"garbage\r\n\r\n")

    assert (peer.wire.is_closed, peer.wire.sent) == (True, b"")


OFFER = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAAAAIAAAAA\r\n"


@in_virtual_time
async def test_an_offer_to_change_the_protocol_is_declined_and_the_request_served() -> None:
    """Body, however it is cut, and what stands behind it included."""
    whole = POST + OFFER + b"content-length: 5\r\n\r\nhello"
    for pieces in ((whole + GET,), (whole[:60], whole[60:-3], whole[-3:], GET), tuple(bytes([byte]) for byte in whole + GET)):
        peer = Peer()
        await peer.send(*pieces)
        for _ in range(10):
            await asyncio.sleep(0)

        assert peer.asked == ["/v1/chat/completions", "/"]
        assert peer.wire.sent.startswith(b"HTTP/1.1 200 OK")
        assert b"\r\n\r\n5HTTP/1.1 200" in peer.wire.sent


@in_virtual_time
async def test_a_declined_offer_leaves_the_connection_as_long_as_it_was_asked_for() -> None:
    """Its other words hold, and what stands behind a request that closes does not undo it."""
    closing, later = Peer(), Peer()
    await closing.send(GET.replace(b"\r\n\r\n", b"\r\nconnection: upgrade, close\r\nupgrade: h2c\r\n\r\n"))
    await later.send(GET.replace(b"\r\n\r\n", b"\r\n" + OFFER + b"\r\n"))
    await later.send(GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n") + GET)

    assert (closing.wire.status, closing.wire.is_closed) == (200, True)
    assert (later.wire.sent.count(b"HTTP/1.1 200"), later.wire.is_closed) == (2, True)


@in_virtual_time
async def test_a_request_for_a_tunnel_is_the_last() -> None:
    """What follows is not HTTP to us."""
    peer = Peer()
    await peer.send(b"CONNECT /x HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n", GET)

    assert (peer.asked, peer.wire.status, peer.wire.is_closed) == (["/x"], 200, True)


@in_virtual_time
async def test_a_body_is_heard_to_its_end_though_its_answer_was_the_last() -> None:
    """A client that sends first and reads then finds its answer; whatever it sends behind is not looked at."""
    peer = Peer(reads=False)
    await peer.send(POST + b"connection: close\r\ncontent-length: 5\r\n\r\n", b"he")
    assert (peer.wire.status, peer.wire.is_ended, peer.wire.is_closed) == (200, True, False)
    await peer.send(b"llo" + GET)

    assert (len(peer.asked), peer.wire.sent.count(b"HTTP/1.1"), peer.wire.is_closed) == (1, 1, True)


@in_virtual_time
async def test_a_body_that_was_refused_unread_is_no_request() -> None:
    """Of a client that waited for leave to send, nothing more is taken; of another, what comes behind the body."""
    waiting, sending = Peer(reads=False), Peer(reads=False)
    await waiting.send(POST + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(GET))
    await sending.send(POST + b"content-length: %d\r\n\r\n" % len(GET))

    for peer in (waiting, sending):
        await peer.send(GET, GET)

    assert (len(waiting.asked), waiting.wire.is_closed) == (1, True)
    assert (len(sending.asked), sending.wire.is_closed) == (2, False)


@in_virtual_time
async def test_a_client_that_leaves_with_requests_ahead_leaves_the_running_one() -> None:
    """Not only the newest: the one that is being answered must know, and those behind it never start."""
    peer = Peer(answer_after=5.0)
    await peer.send(POST + b"content-length: 2\r\n\r\nhi" + GET + GET)
    peer.wire.is_closed = True
    peer._protocol.connection_lost(None)
    await asyncio.sleep(10)

    assert peer.asked == ["/v1/chat/completions"]
    assert peer.wire.sent == b""


@in_virtual_time
async def test_an_idle_connection_is_kept_for_a_while_after_its_last_answer() -> None:
    """However long it has lived by then; a request that is being answered is not idleness."""
    peer = Peer(answer_after=50)
    await peer.send(GET)
    await asyncio.sleep(100)
    await peer.send(GET)
    await asyncio.sleep(50 + 74)
    assert not peer.wire.is_closed
    await asyncio.sleep(2)

    assert (peer.wire.is_closed, len(peer.asked)) == (True, 2)


@in_virtual_time
async def test_a_server_that_stops_closes_what_is_idle_and_answers_what_was_asked() -> None:
    """The last answer says that it is the last."""
    idle, busy = Peer(), Peer(answer_after=1)
    for peer in (idle, busy):
        await peer.send(GET)
        await peer.send(GET)
        peer._protocol.shutdown()
    assert (idle.wire.is_closed, busy.wire.is_closed) == (True, False)
    await asyncio.sleep(3)

    assert busy.wire.sent.count(b"connection: close") == 1
    assert (busy.wire.is_closed, len(busy.asked)) == (True, 2)


@in_virtual_time
async def test_a_client_of_http_1_0_is_answered_and_the_connection_closed() -> None:
    """Even if it asks to keep it."""
    peer = Peer()
    await peer.send(b"GET /a%20b?c HTTP/1.0\r\nhost: x\r\nconnection: keep-alive\r\n\r\n")

    assert (peer.wire.status, peer.wire.is_closed, peer.asked) == (200, True, ["/a b"])
