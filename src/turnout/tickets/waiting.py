"""Callers that wait for people. One look at the directory of settlements serves all of a worker's."""

import asyncio
from contextlib import suppress

from turnout.tickets.spool import Spool
from turnout.types.tickets import TicketStatus

LOOK_EVERY = 0.1
"""Seconds between looks: one stat each, unless somebody settled something."""

_Waiter = asyncio.Future[TicketStatus | None]


class Waiting:
    """At most ``most`` at a time. Nothing runs while nobody waits."""

    def __init__(self, spool: Spool, most: int) -> None:
        self.count = 0
        self._spool = spool
        self._most = most
        self._waiters: dict[str, set[_Waiter]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def wait(self, ticket_id: str, seconds: float) -> TicketStatus | None:
        """What people said, None when they said nothing in time. Who finds no room does not wait. Raises OSError."""
        if seconds <= 0 or self.count >= self._most:
            return await self._look(ticket_id)
        waiter: _Waiter = asyncio.get_running_loop().create_future()
        self._enter(ticket_id, waiter)
        try:
            # What was said before we came is no change that would be noticed.
            if (said := await self._look(ticket_id)) is not None:
                return said
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    return await waiter
        finally:
            self._leave(ticket_id, waiter)
        return await self._look(ticket_id)

    def let_go(self) -> None:
        """Nobody is waited for any more: whoever waits is told nothing, as if its time was over."""
        self._most = 0
        for waiter in [waiter for waiters in self._waiters.values() for waiter in waiters]:
            if not waiter.done():
                waiter.set_result(None)

    async def _look(self, ticket_id: str) -> TicketStatus | None:
        return await asyncio.to_thread(self._spool.settlement, ticket_id)

    def _enter(self, ticket_id: str, waiter: _Waiter) -> None:
        self.count += 1
        self._waiters.setdefault(ticket_id, set()).add(waiter)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._keep_looking())

    def _leave(self, ticket_id: str, waiter: _Waiter) -> None:
        self.count -= 1
        others = self._waiters[ticket_id]
        others.remove(waiter)
        if not others:
            del self._waiters[ticket_id]

    async def _keep_looking(self) -> None:
        """A directory's time of change is coarse, so after a change it is looked at once more: the next may bear the same time."""
        seen, again = None, False
        while self._waiters:
            mark = self._mark()
            if mark != seen or again:
                again, seen = mark != seen, mark
                try:
                    self._tell(await asyncio.to_thread(self._settled, tuple(self._waiters)))
                except OSError:
                    again = True  # those who wait look once more themselves when their time is over
            await asyncio.sleep(LOOK_EVERY)

    def _mark(self) -> int | None:
        try:
            return self._spool.settled.stat().st_mtime_ns
        except OSError:
            return None

    def _settled(self, ids: tuple[str, ...]) -> list[TicketStatus]:
        return [said for ticket_id in ids if (said := self._spool.settlement(ticket_id)) is not None]

    def _tell(self, settled: list[TicketStatus]) -> None:
        for status in settled:
            for waiter in self._waiters.get(status.id, ()):
                if not waiter.done():
                    waiter.set_result(status)
