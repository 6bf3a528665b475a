"""The client's side of an answer."""

import asyncio
from typing import Any

import pytest

from turnout.front.sink import AsgiSink
from turnout.ports import Serving

SERVING = Serving("a/model", "static", 1, None, ())


class Server:
    """An ASGI server whose client takes nothing until it is told to."""

    def __init__(self, *, is_taking: bool = True) -> None:
        self.sent: list[Any] = []
        self.taking = asyncio.Event()
        if is_taking:
            self.taking.set()

    async def send(self, message: Any) -> None:
        await self.taking.wait()
        self.sent.append(message)

    async def receive(self) -> Any:
        await asyncio.Event().wait()


async def test_a_whole_answer_is_two_messages_with_its_length() -> None:
    """And says who served it."""
    server = Server()
    sink = AsgiSink(server.receive, server.send, "id", 1)
    await sink.begin(SERVING)
    await sink.send(b"{}")
    await sink.finish()

    assert [message["type"] for message in server.sent] == ["http.response.start", "http.response.body"]
    headers = dict(server.sent[0]["headers"])
    assert (headers[b"content-length"], headers[b"x-turnout-model"]) == (b"2", b"a/model")
    assert server.sent[1]["more_body"] is False


async def test_an_answer_that_was_stopped_before_its_headers_went_still_begins_with_them() -> None:
    """The event that ends a cut stream must not be the first thing its client hears."""
    server = Server(is_taking=False)
    sink = AsgiSink(server.receive, server.send, "id", 1)
    sink.stream = True
    await sink.begin(SERVING)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await sink.send(b"data: one\n\n")
    assert not sink.began

    server.taking.set()
    await sink.send(b"data: error\n\n")

    assert [message["type"] for message in server.sent] == ["http.response.start", "http.response.body"]
    assert sink.began
