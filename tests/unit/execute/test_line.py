"""Requests that wait for a model to have room."""

import asyncio

import pytest

from tests.support.virtual_time import run
from turnout.execute.line import Lines


def now() -> float:
    return asyncio.get_running_loop().time() - 1000.0


async def stand(
    lines: Lines, order: list[tuple[str, float]], name: str, priority: int = 1, seconds: float = 1.0, longest: float = 10.0
) -> bool:
    found = await lines.wait("m", priority, lines.number(), seconds, longest)
    order.append((name, round(now(), 2)))
    return found


def test_whoever_is_ready_goes_and_the_next_at_once() -> None:
    """Waits run side by side: three that are ready in a second all go then, in the order they came."""

    async def main() -> None:
        lines, order = Lines(10), list[tuple[str, float]]()
        await asyncio.gather(*(stand(lines, order, name) for name in "abc"))
        assert order == [("a", 1.0), ("b", 1.0), ("c", 1.0)]

    run(main())


def test_the_urgent_go_first_even_if_they_come_late() -> None:
    """And whoever was first before waits on behind them."""

    async def main() -> None:
        lines, order = Lines(10), list[tuple[str, float]]()
        first = asyncio.create_task(stand(lines, order, "normal"))
        await asyncio.sleep(0.5)
        await stand(lines, order, "urgent", priority=0)
        await first
        assert [name for name, _ in order] == ["urgent", "normal"]
        assert order[0][1] == order[1][1] == 1.5

    run(main())


def test_one_who_queues_again_keeps_its_number_and_its_place() -> None:
    """The next is woken and finds that it is still not its turn."""

    async def main() -> None:
        lines, order = Lines(10), list[tuple[str, float]]()

        async def twice() -> None:
            number = lines.number()
            await lines.wait("m", 1, number, 1.0, 10.0)
            await lines.wait("m", 1, number, 2.0, 10.0)
            order.append(("first", round(now(), 2)))

        await asyncio.gather(twice(), stand(lines, order, "second"))
        assert order == [("first", 3.0), ("second", 3.0)]

    run(main())


def test_nobody_waits_longer_than_it_will() -> None:
    """Its time over it goes, first or not; who waits on moves up."""

    async def main() -> None:
        lines, order = Lines(10), list[tuple[str, float]]()
        await asyncio.gather(
            stand(lines, order, "a", seconds=5.0, longest=1.0),
            stand(lines, order, "b", seconds=2.0, longest=1.5),
            stand(lines, order, "c", seconds=2.0),
        )
        assert order == [("a", 1.0), ("b", 1.5), ("c", 2.0)]
        assert lines.waiting == 0

    run(main())


def test_a_full_line_takes_nobody() -> None:
    """All models' lines count together; who leaves makes a place."""

    async def main() -> None:
        lines = Lines(1)
        first = asyncio.create_task(lines.wait("m", 1, lines.number(), 1.0, 10.0))
        await asyncio.sleep(0)
        assert not await lines.wait("other", 0, lines.number(), 0.0, 10.0)
        assert await first
        assert await lines.wait("other", 0, lines.number(), 0.0, 10.0)

    run(main())


def test_one_that_is_cancelled_leaves_no_trace() -> None:
    """The next moves up."""

    async def main() -> None:
        lines, order = Lines(10), list[tuple[str, float]]()
        first = asyncio.create_task(stand(lines, order, "first", seconds=5.0))
        second = asyncio.create_task(stand(lines, order, "second"))
        await asyncio.sleep(2.0)
        first.cancel()
        await second
        assert order == [("second", 2.0)]
        with pytest.raises(asyncio.CancelledError):
            await first
        assert lines.waiting == 0

    run(main())


def test_who_comes_goes_behind_who_waits_and_is_as_urgent() -> None:
    """Only for that model."""

    async def main() -> None:
        lines = Lines(10)
        task = asyncio.create_task(lines.wait("m", 1, lines.number(), 1.0, 10.0))
        await asyncio.sleep(0)
        assert [lines.is_ahead("m", priority) for priority in (0, 1, 2)] == [False, True, True]
        assert not lines.is_ahead("other", 2)
        await task
        assert not lines.is_ahead("m", 2)

    run(main())
