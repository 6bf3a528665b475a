"""An answer's way back onto its connection: what goes in which write, how it is framed, and what ends it."""

import asyncio
from collections.abc import Callable

import pytest

from tests.support.fake_exchange import FakeConnection
from turnout.errors import Code, TurnoutError
from turnout.front.exchange import App, Exchange

Step = Callable[[Exchange], None]


def exchange(
    connection: FakeConnection,
    method: str = "POST",
    *,
    keep_alive: bool = True,
    more: bool = False,
    expects: bool = False,
    is_old: bool = False,
) -> Exchange:
    """Whose body has come, unless ``more`` of it is to come."""
    headers = {b"expect": b"100-Continue"} if expects else {}
    asked = Exchange(connection, method, "/", headers, keep_alive=keep_alive, is_old=is_old)
    if not more:
        asked.end()
    return asked


def begins(body: bytes = b"", *, status: int = 200, fields: bytes = b"", more: bool = False) -> Step:
    return lambda asked: asked.answer(status, fields, body, more=more)


def goes_on(piece: bytes = b"", *, more: bool = False) -> Step:
    return lambda asked: asked.write(piece, more=more)


def saying(*steps: Step) -> App:
    async def app(asked: Exchange) -> None:
        for step in steps:
            step(asked)

    return app


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("steps", "writes"),
    [
        ([begins(b"body", fields=b"a: b\r\n")], [OK + b"a: b\r\ncontent-length: 4\r\n\r\nbody"]),
        ([begins()], [OK + b"content-length: 0\r\n\r\n"]),
        (
            [begins(b"x" * 16, fields=b"a: b\r\n", more=True), goes_on(b"y", more=True), goes_on(more=True), goes_on()],
            [OK + b"a: b\r\ntransfer-encoding: chunked\r\n\r\n10\r\n" + b"x" * 16 + b"\r\n", b"1\r\ny\r\n", b"0\r\n\r\n"],
        ),
        (
            [begins(more=True), goes_on(b"last")],
            [OK + b"transfer-encoding: chunked\r\n\r\n", b"4\r\nlast\r\n0\r\n\r\n"],
        ),
        ([begins(status=204)], [b"HTTP/1.1 204 No Content\r\n\r\n"]),
        ([begins(status=529)], [b"HTTP/1.1 529 \r\ncontent-length: 0\r\n\r\n"]),
    ],
    ids=["whole", "empty", "stream", "stream that begins with nothing", "no body", "no phrase"],
)
async def test_headers_and_first_bytes_are_one_write(steps: list[Step], writes: list[bytes]) -> None:
    """By length where they are all, otherwise in chunks; the connection is told once, at the end, and stays open."""
    connection = FakeConnection()
    await exchange(connection).run(saying(*steps))

    assert connection.wire.writes == writes
    assert (len(connection.answers), connection.answers[0].keep_alive, connection.wire.is_closed) == (1, True, False)


async def test_an_answer_to_head_is_its_headers() -> None:
    """With the length that the body would have, or as a stream's."""
    connection = FakeConnection()
    await exchange(connection, "HEAD").run(saying(begins(b"body")))
    await exchange(connection, "HEAD").run(saying(begins(b"body", more=True), goes_on(b"more")))

    assert connection.wire.writes == [OK + b"content-length: 4\r\n\r\n", OK + b"transfer-encoding: chunked\r\n\r\n"]
    assert len(connection.answers) == 2


async def test_who_does_not_keep_the_connection_is_told() -> None:
    """In the head. When and how it is closed is the connection's to say."""
    connection = FakeConnection()
    await exchange(connection, keep_alive=False).run(saying(begins(b"hi")))

    assert connection.wire.writes == [OK + b"content-length: 2\r\nconnection: close\r\n\r\nhi"]
    assert [each.keep_alive for each in connection.answers] == [False]


async def test_a_client_of_http_1_0_gets_a_stream_as_it_is() -> None:
    """It knows no chunks and no 100: the stream ends with the connection."""
    connection = FakeConnection()
    asked = exchange(connection, keep_alive=False, expects=True, is_old=True)
    await asked.read()
    await asked.run(saying(begins(b"a", more=True), goes_on(b"b", more=True), goes_on(b"c")))

    assert connection.wire.writes == [OK + b"connection: close\r\n\r\na", b"b", b"c"]


async def test_a_client_that_waits_for_leave_to_send_gets_it_when_the_app_reads() -> None:
    """And not when it is refused unread. Then the connection ends: what comes next might be the body, or another request."""
    connection, refusing = FakeConnection(), FakeConnection()
    asked = exchange(connection, more=True, expects=True)
    reading = asyncio.ensure_future(asked.read())
    await asyncio.sleep(0)
    asked.take(b"hello")
    asked.end()
    await exchange(refusing, more=True, expects=True).run(saying(begins(status=403)))

    assert connection.wire.writes == [b"HTTP/1.1 100 Continue\r\n\r\n"]
    assert (await reading, asked.more) == (b"hello", False)
    assert refusing.wire.writes == [b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"]
    assert not refusing.answers[0].keep_alive


async def test_what_cannot_be_read_to_its_end_says_so_to_who_reads() -> None:
    """Waiting or yet to come; leave to send is not given any more, and the connection is not kept."""
    connection = FakeConnection()
    asked = exchange(connection, more=True, expects=True)
    reading = asyncio.ensure_future(asked.read())
    await asyncio.sleep(0)
    asked.fail(TurnoutError(Code.INVALID_REQUEST, "late", status=408))
    late = exchange(connection, more=True, expects=True)
    late.fail(TurnoutError(Code.INVALID_REQUEST, "late", status=408))

    for read in (reading, late.read(), asked.read()):
        with pytest.raises(TurnoutError, match="late"):
            await read
    assert connection.wire.writes == [b"HTTP/1.1 100 Continue\r\n\r\n"]
    assert not asked.keep_alive


@pytest.mark.parametrize("steps", [[begins(), begins()], [begins(), goes_on()], [goes_on(b"x")]])
async def test_an_answer_begins_once_and_ends_once(steps: list[Step]) -> None:
    """Anything else is a bug of the app's, and would be read as a part of the next answer: not a byte of it leaves."""
    connection = FakeConnection()
    asked = exchange(connection)
    for step in steps[:-1]:
        step(asked)
    before = list(connection.wire.writes)
    with pytest.raises(RuntimeError):
        steps[-1](asked)

    assert connection.wire.writes == before


async def test_an_answer_that_the_app_does_not_end_cuts_the_connection() -> None:
    """The next answer would be read as a part of this one."""
    connection = FakeConnection()
    await exchange(connection).run(saying(begins(b"x", more=True)))

    assert (connection.answers, connection.wire.is_closed) == ([], True)


async def test_an_app_that_says_nothing_is_answered_for() -> None:
    """With a 500, and nothing follows."""
    connection = FakeConnection()
    await exchange(connection).run(saying())

    assert connection.wire.writes == [b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"]
    assert not connection.answers[0].keep_alive


async def test_a_cancelled_answer_cuts_the_connection() -> None:
    """Its client is not left waiting, and its task not held."""
    connection = FakeConnection()

    async def app(asked: Exchange) -> None:
        asked.answer(200, b"", b"", more=True)
        await asyncio.Event().wait()

    asked = exchange(connection)
    asked.task = running = asyncio.ensure_future(asked.run(app))
    connection.tasks.add(running)
    await asyncio.sleep(0)
    running.cancel()
    await running

    assert connection.wire.writes == [OK + b"transfer-encoding: chunked\r\n\r\n"]
    assert (connection.wire.is_closed, connection.tasks) == (True, set())


async def test_a_client_that_has_left_is_written_nothing() -> None:
    """Whoever waits for it to take more is let go, and who asks hears that it left."""
    connection = FakeConnection()
    asked = exchange(connection, more=True)
    asked.answer(200, b"", b"x", more=True)
    said = list(connection.wire.writes)
    connection.flow.pause_writing()
    assert asked.is_full
    waiting = [asyncio.ensure_future(asked.room()), asyncio.ensure_future(asked.wait_gone()), asyncio.ensure_future(asked.read())]
    await asyncio.sleep(0)
    assert not any(wait.done() for wait in waiting)

    asked.leave()
    connection.flow.resume_writing()
    await asyncio.gather(*waiting)
    asked.write(b"y", more=True)

    assert (asked.gone, asked.more, asked.is_full) == (True, True, False)
    assert connection.wire.writes == said


async def test_a_body_nobody_reads_is_held_only_so_far() -> None:
    """The connection is not read on until the app has taken what came, or waits for its client to leave."""
    connection = FakeConnection()
    asked = exchange(connection, more=True)
    asked.take(b"x" * 65_536)
    assert connection.wire.is_read
    asked.take(b"x")
    assert not connection.wire.is_read

    assert (len(await asked.read()), asked.more, connection.wire.is_read) == (65_537, True, True)

    connection.flow.pause_reading()
    watching = asyncio.ensure_future(asked.wait_gone())
    await asyncio.sleep(0)
    assert connection.wire.is_read
    asked.leave()
    await watching
