"""What is in hand is bounded by its bytes, and comes to its end."""

import asyncio

from turnout.serve.keeper import Keeper


async def test_bounded_by_bytes() -> None:
    """What does not fit is not begun; what is done makes room again."""
    keeper, gate, done = Keeper(100), asyncio.Event(), list[str]()

    async def work(name: str) -> None:
        await gate.wait()
        done.append(name)

    assert keeper.take(60, work("a"))
    assert not keeper.take(41, work("b"))
    assert keeper.take(40, work("c"))
    await keeper.settle(0)
    assert len(keeper.tasks) == 2
    gate.set()
    await keeper.settle(5)

    assert done == ["a", "c"]
    assert keeper.tasks == set()
    assert keeper.take(100, work("d"))
    await keeper.settle(5)
