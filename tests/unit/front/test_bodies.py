"""Reading bodies: each bounded, slow ones bounded together."""

import asyncio
from typing import Any

import pytest

from tests.support.fake_exchange import FakeConnection
from turnout.errors import Code, TurnoutError
from turnout.front.bodies import Bodies
from turnout.front.exchange import Exchange


def client(**headers: str) -> Exchange:
    """Its body is the test's to send."""
    named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return Exchange(FakeConnection(), "POST", "/", named, keep_alive=True)


async def read(bodies: Bodies, *pieces: bytes, **headers: str) -> bytes:
    """Each piece comes once the one before it has been taken."""
    sender = client(**headers)
    reading = asyncio.ensure_future(bodies.read(sender))
    for piece in pieces:
        await asyncio.sleep(0)
        sender.take(piece)
    await asyncio.sleep(0)
    sender.end()
    return await reading


async def test_a_body_is_read_in_pieces_up_to_its_bound() -> None:
    """And not a byte further, announced or not."""
    assert await read(Bodies(10), b"hello", b"world") == b"helloworld"
    zeros = "0" * 5000  # more digits than Python reads
    assert await read(Bodies(10), b"hello", content_length=f"{zeros}5") == b"hello"
    for pieces, headers in (
        ((b"hello", b"world", b"!"), {}), ((b"hello world",), {}), ((), {"content_length": "11"}), ((), {"content_length": f"{zeros}11"}),
    ):  # fmt: skip
        with pytest.raises(TurnoutError) as caught:
            await read(Bodies(10), *pieces, **headers)

        assert caught.value.code == Code.TOO_LARGE


async def test_a_body_that_has_come_is_bounded_too() -> None:
    """In one piece, its end with it."""
    for body, fits in ((b"x" * 10, True), (b"x" * 11, False)):
        sender = client()
        sender.take(body)
        sender.end()
        if fits:
            assert await Bodies(10).read(sender) == body
        else:
            with pytest.raises(TurnoutError, match="larger"):
                await Bodies(10).read(sender)


@pytest.mark.parametrize("is_whole", [True, False])
async def test_a_client_that_leaves_has_asked_nothing(is_whole: Any) -> None:
    """Half a body is none; and to a whole one nobody waits for the answer."""
    sender = client()
    sender.take(b"hel")
    if is_whole:
        sender.end()
    sender.leave()

    with pytest.raises(TurnoutError, match="ended before its body"):
        await Bodies(10).read(sender)


async def test_bodies_on_their_way_share_their_room() -> None:
    """Who comes when it is full is told to come again; a body that has come, or never will, takes none of it."""
    bodies = Bodies(100, most_at_once=100)
    slow, late = client(), client()
    slow.take(b"s" * 60)
    late.take(b"g" * 60)
    under_way = asyncio.ensure_future(bodies.read(slow))
    await asyncio.sleep(0)
    with pytest.raises(TurnoutError) as caught:
        await bodies.read(late)
    slow.take(b"s")
    slow.end()

    assert (caught.value.code, caught.value.retry) == (Code.OVERLOADED, True)
    assert len(await under_way) == 61
    assert await read(bodies, b"x" * 90) == b"x" * 90
