"""Two attempts beside each other, each in a task of its own: the first to answer serves (a hedge)."""

import asyncio
from collections.abc import Callable, Coroutine

import msgspec

from turnout.execute.events import Event
from turnout.execute.tally import Call


class Runner(msgspec.Struct, frozen=True, eq=False):
    call: Call
    task: asyncio.Task[Event]


class Race:
    """``hedge_at``: the steady second from which the first attempt's silence is worth a second one."""

    def __init__(self, hedge_at: float) -> None:
        self._hedge_at: float | None = hedge_at
        self._running: dict[int, Runner] = {}

    def enter(self, call: Call, asking: Coroutine[None, None, Event]) -> None:
        self._running[call.number] = Runner(call, asyncio.create_task(asking))

    async def next(self, steady: Callable[[], float]) -> tuple[Call, Event] | None:
        """What is heard next, and of whom; None, once, when it is time for a second attempt."""
        seconds: float | None = None
        if self._hedge_at is not None and len(self._running) == 1 and self._hedge_at < float("inf"):
            seconds = max(0.0, self._hedge_at - steady())
        await asyncio.wait(
            [runner.task for runner in self._running.values()], timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        for number, runner in self._running.items():
            if runner.task.done():
                del self._running[number]
                return runner.call, runner.task.result()
        self._hedge_at = None
        return None

    def call(self, attempt: int) -> Call | None:
        """Of an attempt that still runs."""
        runner = self._running.get(attempt)
        return runner.call if runner is not None else None

    async def leave(self, attempt: int) -> Call | None:
        """Stop an attempt, if it still runs."""
        runner = self._running.pop(attempt, None)
        if runner is None:
            return None
        runner.task.cancel()
        await asyncio.wait([runner.task])
        return runner.call

    async def end(self) -> None:
        """Nobody waits for them any more."""
        for attempt in tuple(self._running):
            call = await self.leave(attempt)
            if call is not None:
                await call.hang_up()
