import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.support.fake_sink import FakeSink
from tests.support.virtual_time import LoopClock, run
from turnout.execute.watch import CLIENT_LOOK, NEVER, Cause, Nursery, Watch


def interrupted(
    use: Callable[[Watch], Awaitable[object]], sink: FakeSink | None = None, deadline: float = 600
) -> tuple[Cause | None, float]:
    """What ended ``use``, and after how many seconds."""

    async def main() -> tuple[Cause | None, float]:
        loop = asyncio.get_running_loop()
        watch = Watch(Nursery(LoopClock()), sink or FakeSink(), loop.time() + deadline)
        try:
            await use(watch)
        except asyncio.CancelledError:
            return watch.taken(), loop.time() - 1000.0
        finally:
            watch.stop()
        return None, loop.time() - 1000.0

    return run(main())


def test_each_limit_ends_the_wait_and_says_so() -> None:
    """The nearest of the limits is the one that counts."""

    async def first_token(watch: Watch) -> None:
        watch.allow("first_token", 3)
        await asyncio.sleep(99)

    async def idle(watch: Watch) -> None:
        watch.allow("first_token", 300)
        await asyncio.sleep(1)
        watch.allow_between_reads(5)
        await asyncio.sleep(99)

    async def nothing(_: Watch) -> None:
        await asyncio.sleep(9999)

    assert interrupted(first_token) == ("first_token", pytest.approx(3, abs=0.01))
    assert interrupted(idle) == ("idle", pytest.approx(6, abs=0.01))
    assert interrupted(nothing) == ("deadline", pytest.approx(600, abs=0.01))
    assert interrupted(nothing, FakeSink(leaves_at=7)) == ("client", pytest.approx(7))


def test_a_limit_may_be_shorter_than_the_look_at_the_client() -> None:
    """A timer that is set for later is set anew."""

    async def hasty(watch: Watch) -> None:
        watch.allow("total", 0.01)
        await asyncio.sleep(99)

    assert interrupted(hasty) == ("total", pytest.approx(0.01, abs=0.002))


def test_touching_moves_the_idle_limit_and_never_suspends_it() -> None:
    """An assignment is enough: no timer is set per read."""

    async def drip(watch: Watch) -> None:
        watch.allow_between_reads(5)
        for _ in range(10):
            await asyncio.sleep(4)
            watch.touched = NEVER
            await asyncio.sleep(20)
            watch.touched = asyncio.get_running_loop().time()
        await asyncio.sleep(99)

    assert interrupted(drip) == ("idle", pytest.approx(245, abs=0.01))


def test_a_lifted_limit_does_not_strike() -> None:
    """Between attempts only the deadline and the client count."""

    async def lifted(watch: Watch) -> None:
        watch.allow("total", 3)
        watch.lift()
        await asyncio.sleep(99)

    assert interrupted(lifted) == (None, pytest.approx(99))


def test_the_next_attempt_is_watched_too() -> None:
    """A limit that struck is spent; the one after it counts from its own start."""

    async def twice(watch: Watch) -> None:
        watch.allow("total", 3)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(99)
        assert watch.taken() == "total"
        watch.allow("first_token", 4)
        await asyncio.sleep(99)

    assert interrupted(twice) == ("first_token", pytest.approx(7, abs=0.01))


def test_a_cancellation_from_outside_is_not_ours() -> None:
    """Nor is one that came together with ours: the outer one wins."""

    async def outer(watch: Watch) -> None:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().call_later(2, task.cancel)
        await asyncio.sleep(99)

    async def both(watch: Watch) -> None:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().call_later(2, task.cancel)
        watch.allow("total", 2)
        await asyncio.sleep(99)

    assert interrupted(outer)[0] is None
    assert interrupted(both)[0] is None


def test_a_client_that_leaves_at_the_very_end_cancels_nothing_later() -> None:
    """Once stopped, the watch never touches its task again."""

    class Leaving(FakeSink):
        def __init__(self) -> None:
            super().__init__()
            self.left = asyncio.Event()

        async def wait_gone(self) -> None:
            await self.left.wait()

    async def main() -> None:
        sink = Leaving()
        watch = Watch(Nursery(LoopClock()), sink, 2000.0)
        await asyncio.sleep(1)
        sink.left.set()
        await asyncio.sleep(0)  # it is known that the client left, and not yet told
        watch.stop()
        await asyncio.sleep(5)

    run(main())


def test_a_sink_that_fails_is_seen_and_is_not_a_client_that_left() -> None:
    """A bug in a front must not look like every client leaving."""

    class Failing(FakeSink):
        async def wait_gone(self) -> None:
            raise ValueError("a bug")

    async def main() -> list[object]:
        seen: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: seen.append(context["exception"]))
        watch = Watch(Nursery(LoopClock()), Failing(), 2000.0)
        await asyncio.sleep(5)
        watch.stop()
        return seen

    assert [type(one) for one in run(main())] == [ValueError]


class Noting(FakeSink):
    """Notes when it is first watched, in seconds from the start."""

    watched_at: float | None = None

    async def wait_gone(self) -> None:
        self.watched_at = asyncio.get_running_loop().time() - 1000.0
        await super().wait_gone()


def test_quick_requests_share_one_timer() -> None:
    """Nobody sets and cancels a timer for a request that is over before it would strike; one that is not over is seen to."""

    async def main() -> tuple[int, float | None]:
        loop = asyncio.get_running_loop()
        nursery = Nursery(LoopClock())
        for _ in range(100):
            Watch(nursery, FakeSink(), 2000.0).stop()
        slow = Watch(nursery, sink := Noting(), 2000.0)
        timers = len(loop._scheduled)  # type: ignore[attr-defined]
        await asyncio.sleep(1)
        slow.stop()
        return timers, sink.watched_at

    assert run(main()) == (1, pytest.approx(CLIENT_LOOK, abs=0.002))


def test_each_request_is_left_alone_for_equally_long() -> None:
    """The shared timer follows the eldest that is still there: none is looked at early, late or after its end."""

    async def main() -> list[float | None]:
        nursery, sinks = Nursery(LoopClock()), [Noting() for _ in range(4)]
        watches = []
        for sink in sinks:
            watches.append(Watch(nursery, sink, 2000.0))
            await asyncio.sleep(0.02)
        watches[2].stop()
        await asyncio.sleep(1)
        for watch in watches:
            watch.stop()
        return [sink.watched_at for sink in sinks]

    soon = [pytest.approx(start + CLIENT_LOOK, abs=0.002) for start in (0, 0.02, 0.06)]
    assert run(main()) == [soon[0], soon[1], None, soon[2]]


def test_a_deadline_may_be_nearer_than_the_look_at_the_client() -> None:
    """Such a request has a timer of its own from its start."""

    async def nothing(_: Watch) -> None:
        await asyncio.sleep(9999)

    assert interrupted(nothing, deadline=0.02) == ("deadline", pytest.approx(0.02, abs=0.002))
