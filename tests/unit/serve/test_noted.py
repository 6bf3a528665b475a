"""What is noted of an answer is what its client took."""

import asyncio

import pytest

from turnout.content.body import MOST
from turnout.errors import ClientGone
from turnout.ports import Serving
from turnout.serve.after import Noted
from turnout.types.policy import After


class Taker:
    """A client that takes so many pieces and leaves."""

    def __init__(self, pieces: int = 100) -> None:
        self.left = pieces
        self.served: Serving | None = None

    def begin(self, serving: Serving) -> None:
        self.served = serving

    async def send(self, data: bytes) -> None:
        self.left -= 1
        if self.left < 0:
            raise ClientGone

    async def wait_gone(self) -> None:
        await asyncio.Event().wait()


async def test_a_piece_that_was_not_taken() -> None:
    """Is no part of the answer; that its client has gone goes on to whoever sends."""
    noted = Noted(Taker(2), After())
    await noted.send(b"one ")
    await noted.send(b"two ")
    with pytest.raises(ClientGone):
        await noted.send(b"three")

    assert (noted.body, noted.size) == (b"one two ", 8)


async def test_the_beginning() -> None:
    """A megabyte is noted, all of it is counted and sent."""
    client = Taker()
    noted = Noted(client, After())
    noted.begin(Serving("m", "static", 1, None))
    for _ in range(3):
        await noted.send(b"x" * (MOST // 2 + 1))

    assert (len(noted.body), noted.size, client.left) == (MOST, 3 * (MOST // 2 + 1), 97)
    assert client.served is not None
