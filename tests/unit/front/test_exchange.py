"""An answer's way back onto its connection: what goes in which write, how it is framed, and what ends it."""

import asyncio
from typing import Any

import pytest
from uvicorn.protocols.http.flow_control import FlowControl

from turnout.front.exchange import App, Exchange


class Wire(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.is_closed = False
        self.is_read = True

    def write(self, data: Any) -> None:
        assert not self.is_closed
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True


class Connection:
    """Notes what becomes of the exchange on it."""

    def __init__(self) -> None:
        self.transport = self.wire = Wire()
        self.flow = FlowControl(self.wire)
        self.answers = 0

    def answered(self) -> None:
        self.answers += 1


def exchange(connection: Connection, method: str = "POST", *, keep_alive: bool = True, expects: bool = False) -> Exchange:
    return Exchange(connection, {"type": "http", "method": method}, keep_alive=keep_alive, expects_continue=expects)


def start(status: int = 200, **headers: str) -> dict[str, Any]:
    named = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": named}


def piece(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


def saying(*messages: dict[str, Any]) -> App:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    return app


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("messages", "writes"),
    [
        ([start(content_length="4"), piece(b"body")], [OK + b"content-length: 4\r\n\r\nbody"]),
        ([start(content_length="0"), piece(b"")], [OK + b"content-length: 0\r\n\r\n"]),
        ([start(content_length="6"), piece(b"one", more=True), piece(b"two")], [OK + b"content-length: 6\r\n\r\none", b"two"]),
        (
            [start(a="b"), piece(b"x" * 16, more=True), piece(b"y", more=True), piece(b"")],
            [OK + b"a: b\r\ntransfer-encoding: chunked\r\n\r\n10\r\n" + b"x" * 16 + b"\r\n", b"1\r\ny\r\n", b"0\r\n\r\n"],
        ),
        ([start(), piece(b"last")], [OK + b"transfer-encoding: chunked\r\n\r\n4\r\nlast\r\n0\r\n\r\n"]),
        ([start(204), piece(b"")], [b"HTTP/1.1 204 No Content\r\n\r\n"]),
        ([start(529), piece(b"")], [b"HTTP/1.1 529 \r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"]),
    ],
    ids=["whole", "empty", "in two", "stream", "stream of one", "no body", "no phrase"],
)
async def test_headers_and_first_bytes_are_one_write(messages: list[dict[str, Any]], writes: list[bytes]) -> None:
    """By length where the app says one, otherwise in chunks; the connection is told once, at the end, and stays open."""
    connection = Connection()
    await exchange(connection).run(saying(*messages))

    assert connection.wire.writes == writes
    assert (connection.answers, connection.wire.is_closed) == (1, False)


async def test_an_answer_to_head_is_its_headers() -> None:
    """With the length that the body would have."""
    connection = Connection()
    await exchange(connection, "HEAD").run(saying(start(content_length="4"), piece(b"body")))

    assert connection.wire.writes == [OK + b"content-length: 4\r\n\r\n"]
    assert connection.answers == 1


async def test_who_does_not_keep_the_connection_is_told_and_it_is_closed() -> None:
    """After the last byte."""
    connection = Connection()
    await exchange(connection, keep_alive=False).run(saying(start(content_length="2"), piece(b"hi")))

    assert connection.wire.writes == [OK + b"content-length: 2\r\nconnection: close\r\n\r\nhi"]
    assert connection.wire.is_closed


async def test_a_client_that_waits_for_leave_to_send_gets_it_when_the_app_reads() -> None:
    """And not when it is refused unread."""
    connection, refusing = Connection(), Connection()
    asked = exchange(connection, expects=True)
    reading = asyncio.ensure_future(asked.receive())
    await asyncio.sleep(0)
    asked.take(b"hello")
    asked.end()
    await exchange(refusing, expects=True).run(saying(start(403, content_length="0"), piece(b"")))

    assert connection.wire.writes == [b"HTTP/1.1 100 Continue\r\n\r\n"]
    assert await reading == {"type": "http.request", "body": b"hello", "more_body": False}
    assert refusing.wire.writes == [b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"]


@pytest.mark.parametrize("value", ["a\r\nset-cookie: b", "a\nb", "a\rb", "a\0b", "\x7f"])
async def test_a_header_cannot_begin_another(value: str) -> None:
    """Nothing of such a head leaves; the app may still say what went wrong."""
    connection = Connection()
    asked = exchange(connection)
    with pytest.raises(RuntimeError, match="control"):
        await asked.send(start(x=value))
    await asked.run(saying(start(500, x="a\tb", content_length="0"), piece(b"")))

    assert connection.wire.writes == [b"HTTP/1.1 500 Internal Server Error\r\nx: a\tb\r\ncontent-length: 0\r\n\r\n"]


@pytest.mark.parametrize("bodies", [[piece(b"long")], [piece(b"l")], [piece(b"l", more=True), piece(b"")]])
async def test_a_body_of_another_length_than_announced_cuts_the_connection(bodies: list[dict[str, Any]]) -> None:
    """The next answer would be read as a part of this one."""
    connection = Connection()
    await exchange(connection).run(saying(start(content_length="2"), *bodies))

    assert (connection.answers, connection.wire.is_closed) == (0, True)


async def test_an_app_that_says_nothing_is_answered_for() -> None:
    """With a 500, and the connection closed."""
    connection = Connection()
    await exchange(connection).run(saying())

    assert connection.wire.writes == [b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"]
    assert connection.wire.is_closed


async def test_a_cancelled_answer_cuts_the_connection() -> None:
    """What was said of it is not lost, and its client is not left waiting."""
    connection = Connection()

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send(start(content_length="2"))
        await asyncio.Event().wait()

    running = asyncio.ensure_future(exchange(connection).run(app))
    await asyncio.sleep(0)
    running.cancel()
    await running

    assert connection.wire.writes == [OK + b"content-length: 2\r\n\r\n"]
    assert connection.wire.is_closed


async def test_a_client_that_has_left_is_written_nothing() -> None:
    """Whoever waits for it to take more is let go, and who asks hears that it left."""
    connection = Connection()
    asked = exchange(connection)
    await asked.send(start())
    connection.flow.pause_writing()
    sending = asyncio.ensure_future(asked.send(piece(b"x")))
    await asyncio.sleep(0)
    assert not sending.done()

    asked.leave()
    connection.flow.resume_writing()
    await sending

    assert await asked.receive() == {"type": "http.disconnect"}
    assert connection.wire.writes == []


async def test_a_body_nobody_reads_is_held_only_so_far() -> None:
    """The connection is not read on until the app has taken what came."""
    connection = Connection()
    asked = exchange(connection)
    asked.take(b"x" * 65_536)
    assert connection.wire.is_read
    asked.take(b"x")
    assert not connection.wire.is_read

    message = await asked.receive()

    assert (len(message["body"]), message["more_body"], connection.wire.is_read) == (65_537, True, True)
