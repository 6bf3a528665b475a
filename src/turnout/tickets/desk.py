"""A worker's side of tickets: handing over, waiting, and how it stands. Needs a directory, no control process and no database."""

import asyncio
import threading
from pathlib import Path

from turnout.clock import Clock
from turnout.tickets.bounds import bounded
from turnout.tickets.spool import Spool, is_id
from turnout.tickets.waiting import Waiting
from turnout.types.tickets import Ticket, TicketStatus

MOST_OPEN = 10_000
MOST_WAITING = 1_000
"""Of one worker."""
RECOUNT_S = 1.0
"""How long a count of the open tickets is believed, besides one's own: workers together may exceed the limit by a second's worth."""


class NoRoom(OSError):
    """People have more open tickets than they can be given."""


class Desk:
    """``handed_over`` and ``refused`` count since the start; ``waiting`` is how many wait now."""

    def __init__(self, directory: Path, clock: Clock, most_open: int = MOST_OPEN, most_waiting: int = MOST_WAITING) -> None:
        self.handed_over = 0
        self.refused = 0
        self._spool = Spool(directory)
        self._clock = clock
        self._most_open = most_open
        self._waiting = Waiting(self._spool, most_waiting)
        self._counting = threading.Lock()
        self._open = 0
        self._counted_at = float("-inf")

    @property
    def waiting(self) -> int:
        return self._waiting.count

    async def hand_over(self, ticket: Ticket) -> None:
        """Return when the ticket is people's, whatever dies now. A ticket too large is handed over without what is too much.

        Raises:
            NoRoom: there are too many open ones.
            OSError: the disk refuses.
        """
        try:
            await asyncio.to_thread(self._hand_over, ticket)
        except OSError:
            self.refused += 1
            raise
        self.handed_over += 1

    async def wait(self, ticket_id: str, seconds: float) -> TicketStatus | None:
        """What people said of a ticket that was handed over; None when they said nothing in time, or too many wait already.

        Raises OSError. Who is cancelled leaves the ticket with people.
        """
        return await self._waiting.wait(ticket_id, seconds)

    def let_go(self) -> None:
        """The process is about to end: who waits for people has its ticket now rather than an error later."""
        self._waiting.let_go()

    async def status(self, ticket_id: str, tenant: str | None) -> TicketStatus | None:
        """How it stands with a ticket of this tenant; None when it has none of that id. Any text may be asked for. Raises OSError."""
        if not is_id(ticket_id):
            return None
        found = await asyncio.to_thread(self._spool.status, ticket_id)
        return found if found is not None and found.tenant == tenant else None

    def _hand_over(self, ticket: Ticket) -> None:
        self._take_room()
        self._spool.add(bounded(ticket))

    def _take_room(self) -> None:
        with self._counting:
            now = self._clock.steady()
            if now >= self._counted_at + RECOUNT_S:
                self._open, self._counted_at = len(self._spool.ids()), now
            if self._open >= self._most_open:
                raise NoRoom(f"{self._open:,} tickets wait for people already, and {self._most_open:,} are the most there may be")
            self._open += 1
