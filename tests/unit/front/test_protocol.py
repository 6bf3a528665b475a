"""What a client may send before anybody knows who it is, and how long it may take: the bounds of what is read, in virtual time."""

import asyncio

import httptools
import pytest

from tests.support.peer import Counter, in_virtual_time
from tests.support.virtual_time import run
from turnout.front.exchange import Exchange
from turnout.front.patience import BODY, HEADERS
from turnout.front.protocol import MOST_HEADER_BYTES, MOST_HEADERS

POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
LAST = GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
CHUNK = 60_000


@in_virtual_time
async def test_a_request_is_served_however_it_is_cut() -> None:
    """One byte at a time, as all at once; one after the other on one connection."""
    peer = Counter()
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
        peer = Counter()
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
    """Before it fills the memory: two pieces after the bound at the latest."""

    async def test() -> None:
        peer = Counter()
        taken = 0
        for piece in pieces:
            await peer.send(piece)
            if peer.wire.is_ended:
                break
            taken += len(piece)

        assert taken <= MOST_HEADER_BYTES + CHUNK
        assert peer.wire.statuses == [431]
        assert peer.wire.error["code"] == "invalid_request"

    run(test())


@in_virtual_time
async def test_too_many_headers_are_refused() -> None:
    """Each costs more than its bytes."""
    for number, status in ((MOST_HEADERS - 1, 200), (MOST_HEADERS, 431)):
        peer = Counter()
        await peer.send(b"GET / HTTP/1.1\r\nhost: x\r\n" + b"a:b\r\n" * number + b"\r\n")

        assert peer.wire.status == status


@in_virtual_time
async def test_what_is_no_http_is_told_so() -> None:
    """400, in JSON, and nothing more is heard."""
    peer = Counter()
    await peer.send(b"hello\r\n\r\n", GET)

    assert (peer.wire.statuses, peer.wire.error["code"], peer.wire.is_ended) == ([400], "invalid_request", True)
    assert b"connection: close" in peer.wire.sent
    assert peer.asked == []


@in_virtual_time
async def test_a_bug_of_ours_is_not_told_as_a_mistake_of_the_clients() -> None:
    """The event loop logs what is raised to it, and closes the connection."""

    def break_down(_: Exchange) -> None:
        raise ZeroDivisionError

    peer = Counter()
    peer.protocol._run = break_down
    with pytest.raises(httptools.HttpParserCallbackError):
        await peer.send(GET)

    assert peer.wire.sent == b""


@in_virtual_time
async def test_who_asks_wrongly_is_told_in_the_words_that_an_answer_would_have() -> None:
    """By all that has come of its head, however its path is written; however much of the request could be read."""
    chunked = b"transfer-encoding: chunked\r\n\r\nzz\r\n"
    for head in (
        b"POST /v1/messages HTTP/1.1\r\nhost: x\r\n",
        b"POST /v1/messages?beta=true HTTP/1.1\r\nhost: x\r\n",
        b"POST /v1/%6dessages HTTP/1.1\r\nhost: x\r\n",
        b"POST http://x/v1/messages HTTP/1.1\r\nhost: x\r\n",
        b"GET /v1/models HTTP/1.1\r\nhost: x\r\nanthropic-version: 1\r\n",
        b"POST /v1/messages-not HTTP/1.1\r\nhost: x\r\n",
    ):
        for rest in (b"content-length: many\r\n\r\n", b"host: y\r\n\r\n", chunked):
            peer = Counter()
            await peer.send(head + rest)

            assert peer.wire.statuses == [400]
            assert ("code" in peer.wire.error) == (b"-not" in head)


@in_virtual_time
async def test_other_versions_codings_and_hosts_are_refused_and_not_read_on() -> None:
    """Where a request ends is then a matter of opinion."""
    body = b"transfer-encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
    for request, status in (
        (GET.replace(b"1.1", b"2.0"), 505), (GET.replace(b"1.1", b"1.2"), 505), (POST + body, 501),
        (GET.replace(b"host: x\r\n", b""), 400), (GET.replace(b"host: x\r\n", b"host: x\r\nhost: x\r\n"), 400),
    ):  # fmt: skip
        peer = Counter()
        await peer.send(request + GET)

        assert (peer.wire.statuses, peer.wire.is_ended, peer.asked) == ([status], True, [])


@in_virtual_time
async def test_headers_have_their_time() -> None:
    """From the connection's begin, or from the first piece of a later request; a byte now and then buys no more."""
    for before in (b"", GET):
        peer = Counter()
        await peer.send(before)
        peer.wire.writes.clear()
        for at in range(9):
            await peer.send(POST[at : at + 1])
            await asyncio.sleep(HEADERS.within / 10)
        assert not peer.wire.is_ended
        await asyncio.sleep(HEADERS.within / 10 + 0.1)

        assert (peer.wire.status, peer.wire.error["code"], peer.wire.is_ended) == (408, "invalid_request", True)


@in_virtual_time
async def test_a_connection_that_says_nothing_is_closed_without_a_word() -> None:
    """It was opened ahead of its use: an error would be taken for the answer to the first request."""
    peer = Counter()
    await asyncio.sleep(HEADERS.within + 0.1)

    assert (peer.wire.is_closed, peer.wire.sent) == (True, b"")


@in_virtual_time
async def test_a_body_that_stops_coming_is_given_up() -> None:
    """408 for the client, and the app is not left waiting."""
    peer = Counter()
    await peer.send(POST + b"content-length: 5\r\n\r\nhe")
    await asyncio.sleep(BODY.idle - 0.1)
    assert not peer.wire.is_ended
    await asyncio.sleep(0.2)

    assert (peer.wire.status, peer.wire.error["code"], peer.wire.is_ended) == (408, "invalid_request", True)
    assert b"connection: close" in peer.wire.sent


@in_virtual_time
async def test_a_slow_body_is_taken_but_not_for_ever() -> None:
    """Each byte buys time, up to a bound for the whole."""
    fast, slow = Counter(), Counter()
    for peer in (fast, slow):
        await peer.send(POST + b"content-length: 100\r\n\r\n")
    for _ in range(int(BODY.within / 20)):
        await fast.send(b"x" * 10)
        await slow.send(b"x")
        await asyncio.sleep(20)
    await asyncio.sleep(BODY.idle)

    assert fast.wire.status == 200
    assert (slow.wire.status, slow.wire.is_ended) == (408, True)


@in_virtual_time
async def test_an_answer_takes_what_time_it_needs() -> None:
    """The bounds are on what the client sends: a whole request waits for its answer without them, and the next may come later."""
    peer = Counter(answer_after=3600)
    await peer.send(POST + b"content-length: 5\r\n\r\nhello")
    await asyncio.sleep(3601)
    assert peer.wire.status == 200
    await asyncio.sleep(70)
    await peer.send(GET)

    assert len(peer.asked) == 2


@in_virtual_time
async def test_empty_lines_do_not_keep_an_idle_connection() -> None:
    """Only a request does."""
    peer = Counter()
    await peer.send(GET)
    for _ in range(8):
        await asyncio.sleep(10)
        await peer.send(b"\r\n")

    assert peer.wire.is_closed


@in_virtual_time
async def test_a_request_sent_ahead_waits_for_its_turn_without_a_clock() -> None:
    """We do not read its body before; its sender is not the one who is slow."""
    peer = Counter(answer_after=1000)
    await peer.send(GET + POST + b"content-length: 100000\r\n\r\n" + b"b" * 50_000)
    await peer.send(b"b" * 20_000)
    assert not peer.wire.is_read
    await asyncio.sleep(1001)
    assert peer.wire.is_read
    await peer.send(b"b" * 30_000)
    await asyncio.sleep(1001)

    assert peer.wire.sent.count(b"HTTP/1.1 200") == 2


OFFER = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAAAAIAAAAA\r\n"


@in_virtual_time
async def test_an_offer_to_change_the_protocol_is_declined_and_the_request_served() -> None:
    """Body, however it is cut, and what stands behind it included."""
    whole = POST + OFFER + b"content-length: 5\r\n\r\nhello"
    for pieces in ((whole + GET,), (whole[:60], whole[60:-3], whole[-3:], GET), tuple(bytes([byte]) for byte in whole + GET)):
        peer = Counter()
        await peer.send(*pieces)
        for _ in range(10):
            await asyncio.sleep(0)

        assert peer.asked == ["/v1/chat/completions", "/"]
        assert peer.wire.sent.startswith(b"HTTP/1.1 200 OK")
        assert b"\r\n\r\n5HTTP/1.1 200" in peer.wire.sent


@in_virtual_time
async def test_a_declined_offer_leaves_the_connection_as_long_as_it_was_asked_for() -> None:
    """Its other words hold, and what stands behind a request that closes does not undo it."""
    closing, later = Counter(), Counter()
    await closing.send(GET.replace(b"\r\n\r\n", b"\r\nconnection: upgrade, close\r\nupgrade: h2c\r\n\r\n"))
    await later.send(GET.replace(b"\r\n\r\n", b"\r\n" + OFFER + b"\r\n"))
    await later.send(LAST + GET)

    assert (closing.wire.statuses, closing.wire.is_ended) == ([200], True)
    assert (later.wire.statuses, later.wire.is_ended) == ([200, 200], True)


@in_virtual_time
async def test_a_request_for_a_tunnel_is_the_last() -> None:
    """It is asked of the app like any other, by the host it names; what follows was meant for a tunnel, and is not HTTP to us."""
    for offers in (b"", b"connection: upgrade\r\nupgrade: h2c\r\n"):
        peer = Counter()
        await peer.send(b"CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n" + offers + b"\r\n" + GET, GET)

        assert (peer.asked, peer.wire.statuses, peer.wire.is_ended) == (["example.com:443"], [200], True)


@in_virtual_time
async def test_a_client_of_http_1_0_is_answered_and_the_connection_closed() -> None:
    """Even if it asks to keep it."""
    peer = Counter()
    await peer.send(b"GET /a%20b?c HTTP/1.0\r\nhost: x\r\nconnection: keep-alive\r\n\r\n")

    assert (peer.wire.status, peer.wire.is_ended, peer.asked) == (200, True, ["/a b"])
