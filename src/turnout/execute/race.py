"""Two attempts beside each other, each in a task of its own: the first to answer serves (a hedge)."""

import asyncio
from collections.abc import Callable, Coroutine

import msgspec

from turnout.execute.events import Event
from turnout.execute.tally import Call


class Runner(msgspec.Struct, frozen=True, eq=False):
    call: Call
    task: asyncio.Task[Event]


class Race(msgspec.Struct, eq=False):
    """Of a request's attempts, at most two at a time: ``running`` has those by their number."""

    running: dict[int, Runner] = {}
    _hedge_at: float | None = None

    def enter(self, call: Call, asking: Coroutine[None, None, Event], hedge_at: float | None) -> None:
        """``hedge_at``: the steady second from which its silence is worth another one; None: never."""
        self.running[call.number] = Runner(call, asyncio.create_task(asking))
        self._hedge_at = hedge_at

    async def next(self, steady: Callable[[], float]) -> tuple[Call, Event] | None:
        """What is heard next, and of whom; None, once, when it is time for a second attempt."""
        seconds: float | None = None
        if self._hedge_at is not None and len(self.running) == 1:
            seconds = max(0.0, self._hedge_at - steady())
        await asyncio.wait(
            [runner.task for runner in self.running.values()], timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        for number, runner in self.running.items():
            if runner.task.done():
                event = runner.task.result()
                del self.running[number]
                return runner.call, event
        self._hedge_at = None
        return None

    def call(self, attempt: int) -> Call | None:
        """Of an attempt that still runs."""
        runner = self.running.get(attempt)
        return runner.call if runner is not None else None

    async def leave(self, attempt: int) -> None:
        """Stop an attempt, if it still runs."""
        runner = self.running.get(attempt)
        if runner is not None:
            runner.task.cancel()
            await asyncio.wait([runner.task])
            del self.running[attempt]

    async def end(self) -> None:
        """Nobody waits for them any more."""
        for attempt, runner in tuple(self.running.items()):
            await self.leave(attempt)
            await runner.call.hang_up()
