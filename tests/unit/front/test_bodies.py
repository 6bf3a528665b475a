"""Reading bodies: each bounded, slow ones bounded together."""

import asyncio
from typing import Any

import pytest

from turnout.errors import Code, TurnoutError
from turnout.front.bodies import Bodies


class Client:
    """Sends what the test lets it."""

    def __init__(self) -> None:
        self._pieces: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def say(self, body: bytes, *, more: bool = True) -> None:
        self._pieces.put_nowait({"type": "http.request", "body": body, "more_body": more})

    def leave(self) -> None:
        self._pieces.put_nowait({"type": "http.disconnect"})

    async def receive(self) -> dict[str, Any]:
        return await self._pieces.get()


async def read(bodies: Bodies, *pieces: bytes, **headers: str) -> bytes:
    client = Client()
    for piece in pieces:
        client.say(piece)
    client.say(b"", more=False)
    return await bodies.read({name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}, client.receive)


async def test_a_body_is_read_in_pieces_up_to_its_bound() -> None:
    """And not a byte further, announced or not."""
    assert await read(Bodies(10), b"hello", b"world") == b"helloworld"
    for pieces, headers in (((b"hello", b"world", b"!"), {}), ((b"hello world",), {}), ((), {"content_length": "11"})):
        with pytest.raises(TurnoutError) as caught:
            await read(Bodies(10), *pieces, **headers)

        assert caught.value.code == Code.TOO_LARGE


async def test_a_client_that_leaves_has_asked_nothing() -> None:
    """Half a body is none."""
    client = Client()
    client.say(b"hel")
    client.leave()

    with pytest.raises(TurnoutError, match="ended before its body"):
        await Bodies(10).read({}, client.receive)


async def test_bodies_on_their_way_share_their_room() -> None:
    """Who comes when it is full is told to come again; a body that has come, or never will, takes none of it."""
    bodies = Bodies(100, most_at_once=100)
    slow, gone = Client(), Client()
    slow.say(b"s" * 60)
    gone.say(b"g" * 60)
    under_way = asyncio.ensure_future(bodies.read({}, slow.receive))
    await asyncio.sleep(0)
    with pytest.raises(TurnoutError) as caught:
        await bodies.read({}, gone.receive)
    slow.say(b"s", more=False)

    assert (caught.value.code, caught.value.retry) == (Code.OVERLOADED, True)
    assert len(await under_way) == 61
    assert await read(bodies, b"x" * 90) == b"x" * 90
