"""What is in hand is bounded by its bytes, and comes to its end."""

import asyncio

from turnout.serve.in_hand import InHand


async def test_bounded_by_bytes() -> None:
    """What does not fit is not begun; what is done makes room again."""
    in_hand, gate, done = InHand(100), asyncio.Event(), list[str]()

    async def work(name: str) -> None:
        await gate.wait()
        done.append(name)

    assert in_hand.take(60, work("a"))
    assert not in_hand.take(41, work("b"))
    assert in_hand.take(40, work("c"))
    await in_hand.settle(0)
    assert len(in_hand.tasks) == 2
    gate.set()
    await in_hand.settle(5)

    assert done == ["a", "c"]
    assert in_hand.tasks == set()
    assert in_hand.take(100, work("d"))
    await in_hand.settle(5)
