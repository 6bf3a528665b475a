"""The client's side of an answer."""

import asyncio

import pytest

from tests.support.fake_exchange import FakeExchange
from turnout.errors import ClientGone
from turnout.front.sink import HttpSink
from turnout.ports import Serving

SERVING = Serving("a/model", "static", 1, None, ())


async def test_a_whole_answer_is_one_write_that_says_who_served_it() -> None:
    """With its length, and nothing left to end."""
    exchange = FakeExchange("/", b"", {})
    sink = HttpSink(exchange, "id", 1)
    sink.begin(SERVING)
    await sink.send(b"{}")
    await sink.finish()

    [write] = exchange.connection.wire.writes
    assert write.startswith(b"HTTP/1.1 200 OK\r\nx-turnout-request-id: id\r\n")
    assert write.endswith(b"content-type: application/json\r\ncontent-length: 2\r\n\r\n{}")
    assert exchange.answered.headers["x-turnout-model"] == "a/model"


async def test_an_answer_that_was_stopped_before_its_headers_went_still_begins_with_them() -> None:
    """The event that ends a cut stream must not be the first thing its client hears."""
    exchange = FakeExchange("/", b"", {})
    sink = HttpSink(exchange, "id", 1)
    sink.stream_type = "text/event-stream"
    sink.begin(SERVING)
    exchange.connection.flow.pause_writing()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await sink.send(b"data: one\n\n")
    assert not exchange.started

    exchange.connection.flow.resume_writing()
    await sink.send(b"data: error\n\n")

    assert exchange.answered.headers["content-type"].startswith("text/event-stream")
    assert exchange.answered.body == b"data: error\n\n"


async def test_a_client_that_leaves_while_it_is_waited_for_is_gone() -> None:
    """The upstream call is to end with it."""
    exchange = FakeExchange("/", b"", {})
    sink = HttpSink(exchange, "id", 1)
    sink.begin(SERVING)
    exchange.connection.flow.pause_writing()
    sending = asyncio.ensure_future(sink.send(b"{}"))
    await asyncio.sleep(0)
    exchange.leave()
    exchange.connection.flow.resume_writing()

    with pytest.raises(ClientGone):
        await sending
    assert exchange.connection.wire.writes == []


async def test_a_stream_that_lacks_a_piece_is_not_ended_as_if_it_were_whole() -> None:
    """It is left to be cut off, unless its client hears why; one that lacks none ends without waiting for its client."""
    for last, ends in ((b"", False), (b"data: error\n\n", True)):
        exchange = FakeExchange("/", b"", {})
        sink = HttpSink(exchange, "id", 1)
        sink.stream_type = "text/event-stream"
        sink.begin(SERVING)
        await sink.send(b"data: one\n\n")
        exchange.connection.flow.pause_writing()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await sink.send(b"data: two\n\n")
        if last:
            exchange.connection.flow.resume_writing()
        await sink.finish(last)

        assert exchange.complete == ends
        assert exchange.answered.body == b"data: one\n\n" + last

    exchange = FakeExchange("/", b"", {})
    sink = HttpSink(exchange, "id", 1)
    sink.stream_type = "text/event-stream"
    sink.begin(SERVING)
    await sink.send(b"data: one\n\n")
    exchange.connection.flow.pause_writing()
    await sink.finish()

    assert exchange.complete
