"""In what order answers go, what is done with a request that cannot be answered as asked, and how a connection ends."""

import asyncio

import pytest

from tests.support.peer import Counter, in_virtual_time
from tests.support.virtual_time import run
from turnout.front.exchange import HIGH_WATER_LIMIT
from turnout.front.patience import BODY, LINGER
from turnout.front.protocol import MOST_AHEAD, MOST_UNHEARD

POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
LAST = GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
CHUNK = 60_000


@in_virtual_time
async def test_only_so_many_requests_are_sent_ahead() -> None:
    """All that were taken are answered; the next is told why it is not, and what follows that is not heard."""
    for together in (True, False):
        peer = Counter(answer_after=1, watches=True)
        await peer.send(*([GET * (MOST_AHEAD + 3)] if together else [GET] * (MOST_AHEAD + 3)))
        await asyncio.sleep(MOST_AHEAD + 2)

        assert peer.wire.statuses == [200] * (MOST_AHEAD + 1) + [400]
        assert (peer.wire.sent.count(b"connection: close"), peer.wire.is_ended) == (1, True)


GARBAGE = b"garbage\r\n\r\n"


@pytest.mark.parametrize(
    ("faulty", "status"),
    [
        ([GARBAGE], 400),
        ([GET[:9]], 408),
        ([b"GET / HTTP/1.1\r\nbig: ", b"v" * CHUNK, b"v" * CHUNK], 431),
        ([POST + b"content-length: 5\r\n\r\nhe"], 408),
        ([POST + b"transfer-encoding: chunked\r\n\r\nzz\r\n"], 400),
        ([GET.replace(b"1.1", b"2.0")], 505),
    ],
    ids=["garbage", "half a head", "a large head", "half a body", "a bad chunk", "another version"],
)
@pytest.mark.parametrize("together", [True, False])
def test_what_is_wrong_with_a_request_is_not_told_to_those_before_it(faulty: list[bytes], status: int, *, together: bool) -> None:
    """They are answered, however long that takes; then it is told, as the last."""

    async def test() -> None:
        peer = Counter(answer_after=100, watches=True)
        if together:
            await peer.send(GET + GET + faulty[0], *faulty[1:])
        else:
            await peer.send(GET, GET, *faulty)
        if status != 408:
            await peer.send(GET)
        await asyncio.sleep(199)
        assert peer.wire.statuses == [200]
        await asyncio.sleep(40)

        assert peer.wire.statuses == [200, 200, status]
        assert (peer.wire.sent.count(b"connection: close"), peer.wire.is_closed, peer.asked) == (1, True, ["/", "/"])

    run(test())


@in_virtual_time
async def test_a_body_that_breaks_off_after_its_answer_is_told_nothing() -> None:
    """It was answered; the connection cannot be used any more."""
    for rest in (b"zz\r\n", b""):
        peer = Counter(reads=False)
        await peer.send(POST + b"transfer-encoding: chunked\r\n\r\n")
        assert not peer.wire.is_ended
        await peer.send(rest)
        await asyncio.sleep(BODY.idle + 1)

        assert (peer.wire.statuses, peer.wire.is_ended) == ([200], True)


@in_virtual_time
async def test_a_client_is_heard_to_leave_whatever_it_sent_ahead() -> None:
    """Requests, half of one, more of a body than is kept, garbage: the one that is being answered ends with it."""
    large = POST + b"content-length: 200000\r\n\r\n"
    for ahead in (
        [],
        [GET],
        [GET[:9]],
        [GET, GET],
        [large, b"x" * HIGH_WATER_LIMIT],
        [large, b"x" * 100_000, b"x"],
        [GARBAGE, GARBAGE],
    ):
        peer = Counter(answer_after=3600, watches=True)
        await peer.send(GET, *ahead)
        await peer.leave()

        assert (peer.left, peer.asked, peer.wire.statuses, peer.wire.is_closed) == (1, ["/"], [], True)


@in_virtual_time
async def test_more_of_a_body_than_is_kept_waits_for_a_quick_answer_but_not_for_a_slow_one() -> None:
    """Not read on, a client that leaves would not be heard; so of two wishes the running request's counts."""
    large = POST + b"content-length: 100000\r\n\r\n"
    quick, slow = Counter(answer_after=1), Counter(answer_after=1, watches=True)
    for peer in (quick, slow):
        await peer.send(GET, large + b"x" * 70_000)
        await peer.send(b"x" * 10_000)
    assert (quick.wire.is_read, slow.wire.is_read) == (False, True)
    await asyncio.sleep(2)
    await quick.send(b"x" * 20_000)
    await asyncio.sleep(2)

    assert quick.wire.statuses == [200, 200]
    assert (slow.wire.statuses, slow.wire.error["code"], slow.wire.is_ended) == ([200, 413], "too_large", True)


@in_virtual_time
async def test_behind_a_last_request_nothing_is_heard() -> None:
    """RFC 9112 9.6: neither counted nor answered, however much it is, though its answer takes a while."""
    for answer_after in (0.0, 1.0):
        for junk in (GET * 3, GARBAGE, b"x" * CHUNK):
            peer = Counter(answer_after)
            await peer.send(LAST + junk, *[junk] * 50)
            await asyncio.sleep(2)

            assert (peer.wire.statuses, peer.wire.is_ended, len(peer.asked)) == ([200], True, 1)


@in_virtual_time
async def test_a_client_gets_time_to_read_its_last_answer() -> None:
    """Closed while it still sends, it would be reset and lose what it has not read. It is over when it leaves, or says nothing."""
    for last, sends in ((LAST, []), (GARBAGE, []), (POST + b"x: " + b"v" * 100_000, [b"v" * CHUNK] * 100)):
        leaving, silent = Counter(), Counter()
        for peer in (leaving, silent):
            await peer.send(last, *sends)
            assert (peer.wire.is_ended, peer.wire.is_closed) == (True, False)
        await leaving.leave()
        assert leaving.wire.is_closed
        await asyncio.sleep(LINGER.idle - 0.1)
        assert not silent.wire.is_closed
        await asyncio.sleep(0.2)
        assert silent.wire.is_closed


@in_virtual_time
async def test_a_client_that_goes_on_sending_is_not_read_for_ever() -> None:
    """Neither long nor much."""
    slow = Counter()
    await slow.send(GARBAGE)
    for _ in range(int(LINGER.within) - 1):
        await asyncio.sleep(1)
        await slow.send(b"x")
    assert not slow.wire.is_closed
    await asyncio.sleep(1.1)
    assert slow.wire.is_closed
    fast = Counter()
    await fast.send(GARBAGE)
    for _ in range(MOST_UNHEARD // 1_000_000 - 1):
        await fast.send(b"x" * 1_000_000)
    assert not fast.wire.is_closed
    await fast.send(b"x" * 1_000_000, b"x" * 1_000_000)
    assert fast.wire.is_closed


@in_virtual_time
async def test_a_client_that_takes_no_answer_is_let_go() -> None:
    """While it is being answered, when it has been, and when the connection was to be closed after it."""
    for request in (GET, GET * 2, LAST):
        peer = Counter()
        peer.stop_taking()
        await peer.send(request)
        await asyncio.sleep(100)

        assert (peer.wire.is_aborted, peer.wire.protocol) == (True, None)


@in_virtual_time
async def test_a_body_behind_its_last_answer_is_not_read() -> None:
    """A client that sends first and reads then finds its answer; whatever it sends behind is not looked at."""
    peer = Counter(reads=False)
    await peer.send(POST + b"connection: close\r\ncontent-length: 5\r\n\r\n", b"he")
    assert (peer.wire.status, peer.wire.is_ended, peer.wire.is_closed) == (200, True, False)
    await peer.send(b"llo" + GET)

    assert (len(peer.asked), peer.wire.statuses, peer.wire.is_closed) == (1, [200], False)


@in_virtual_time
async def test_a_body_that_was_refused_unread_is_no_request() -> None:
    """Of a client that waited for leave to send, nothing more is taken; of another, what comes behind the body."""
    waiting, sending = Counter(reads=False), Counter(reads=False)
    await waiting.send(POST + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(GET))
    await sending.send(POST + b"content-length: %d\r\n\r\n" % len(GET))

    for peer in (waiting, sending):
        await peer.send(GET, GET)

    assert (len(waiting.asked), waiting.wire.is_ended) == (1, True)
    assert (len(sending.asked), sending.wire.is_ended) == (2, False)


@in_virtual_time
async def test_a_client_that_leaves_with_requests_ahead_leaves_the_running_one() -> None:
    """Not only the newest: the one that is being answered must know, and those behind it never start."""
    peer = Counter(answer_after=5.0)
    await peer.send(POST + b"content-length: 2\r\n\r\nhi" + GET + GET)
    peer.wire.abort()
    await asyncio.sleep(10)

    assert peer.asked == ["/v1/chat/completions"]
    assert peer.wire.sent == b""


@in_virtual_time
async def test_an_idle_connection_is_kept_for_a_while_after_its_last_answer() -> None:
    """However long it has lived by then; a request that is being answered is not idleness."""
    peer = Counter(answer_after=50)
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
    idle, busy = Counter(), Counter(answer_after=1)
    for peer in (idle, busy):
        await peer.send(GET)
        await peer.send(GET)
        peer.protocol.shutdown()
    assert (idle.wire.is_closed, busy.wire.is_closed) == (True, False)
    await asyncio.sleep(3)

    assert busy.wire.sent.count(b"connection: close") == 1
    assert (busy.wire.is_ended, len(busy.asked)) == (True, 2)


@in_virtual_time
async def test_a_server_that_stops_takes_no_further_request() -> None:
    """Nor waits for who has been answered; a body that is on its way may still come."""
    busy, coming, lingering = Counter(answer_after=1), Counter(), Counter()
    await busy.send(GET)
    await coming.send(POST + b"content-length: 5\r\n\r\nhe")
    await lingering.send(LAST)
    for peer in (busy, coming, lingering):
        peer.protocol.shutdown()
    assert lingering.wire.is_closed
    await busy.send(GET)
    await coming.send(b"llo" + GET)
    await asyncio.sleep(3)

    for peer in (busy, coming):
        assert (peer.wire.statuses, peer.wire.is_ended, len(peer.asked)) == ([200], True, 1)
