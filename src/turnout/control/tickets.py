"""Tickets on their way to people and back: from the spool into the ledger, what people say from the ledger to the spool."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from sqlalchemy.exc import SQLAlchemyError

from turnout.audit.chain import Trail
from turnout.audit.kinds import TICKET
from turnout.clock import Clock
from turnout.store.ledger import in_words
from turnout.store.tickets import TicketStore
from turnout.tickets.spool import NotATicket, Spool
from turnout.types.seconds import DAY
from turnout.types.tickets import Ticket, TicketStatus

log = logging.getLogger(__name__)

KEPT_S = 30 * DAY
"""How long a settled ticket is kept: in the ledger for people, in the spool for its caller."""
PACE_S = 0.2
PACE_AFTER_ERROR_S = 2.0
RECHECK_S = 5.0
"""How often tickets that the ledger has are compared with it again: what could not be told before is told then."""
BATCH = 20
"""Tickets in one transaction: each may have some megabytes."""


class Tickets:
    """The control process's hand on tickets; safe to use from several threads.

    A ticket's file stays in the spool until its settlement is there. So it needs no second look at the ledger after a crash: every
    step that was not finished is found by the file that is still there.
    """

    def __init__(self, spool: Spool, store: TicketStore, clock: Clock, trail: Trail | None = None) -> None:
        self._spool = spool
        self.store = store
        self._clock = clock
        self._trail = trail
        self._seen: frozenset[str] = frozenset()
        self._recheck_at = clock.steady()

    def collect(self) -> None:
        """Bring every ticket in the spool into the ledger, and every settlement in the ledger into the spool.

        Raises:
            OSError: a file cannot be used now; all others were.
            sqlalchemy.exc.SQLAlchemyError: the ledger cannot.
        """
        ids = self._spool.ids()
        now = self._clock.steady()
        if now >= self._recheck_at:
            self._seen, self._recheck_at = frozenset(), now + RECHECK_S
        unseen = sorted(ids - self._seen)  # ids begin with the time of arrival: the oldest first
        known = self.store.statuses(unseen)
        hindered: dict[str, OSError] = {}
        for ticket_id in unseen:
            if ticket_id in known and known[ticket_id].state != "open":
                with _noted(hindered, ticket_id):
                    self._spool.settle(known[ticket_id])
        fresh = [ticket_id for ticket_id in unseen if ticket_id not in known]
        for start in range(0, len(fresh), BATCH):
            batch: list[Ticket] = []
            for ticket_id in fresh[start : start + BATCH]:
                with _noted(hindered, ticket_id):
                    batch.extend(self._read(ticket_id))
            self.store.take_in(batch)
        self._seen = ids - hindered.keys()
        for error in hindered.values():
            raise error

    def settle(self, ticket_id: str, state: Literal["answered", "dismissed"], text: str, by: str) -> TicketStatus | None:
        """Note what people said, and tell it; None: there is no such ticket. What cannot be told now is told by :meth:`collect`.

        Raises:
            AlreadySettled: somebody was quicker.
            sqlalchemy.exc.SQLAlchemyError: the ledger cannot note it; nothing was said.
        """
        status = self.store.settle(ticket_id, state, text, by, self._clock.now())
        if status is not None:
            try:
                self._spool.settle(status)
            except OSError as error:
                log.warning("ticket %s is %s; its caller will be told later: %s", ticket_id, state, in_words(error))
            self._tell(status)
        return status

    def _tell(self, status: TicketStatus) -> None:
        """What was said stays said, also where the audit trail cannot be told of it."""
        try:
            if self._trail is not None:
                self._trail.add(TICKET, status.by or "unknown", {"ticket": status.id, "state": status.state})
        except SQLAlchemyError as error:
            log.warning("the audit trail does not hold that ticket %s is %s: %s", status.id, status.state, in_words(error))

    def unreadable(self) -> int:
        """How many files were set aside for a person to look at. Raises OSError."""
        return self._spool.unreadable()

    def clean(self) -> None:
        """Forget what was settled long ago. Raises as :meth:`collect` does."""
        before = self._clock.now() - KEPT_S
        self.store.forget_settled_before(before)
        self._spool.clean(before)

    def _read(self, ticket_id: str) -> tuple[Ticket, ...]:
        """One, or none."""
        try:
            ticket = self._spool.ticket(ticket_id)
        except NotATicket as error:
            self._spool.set_aside(ticket_id)
            log.warning("set aside in the directory unreadable of the tickets: %s", error)
            return ()
        return () if ticket is None else (ticket,)


@contextmanager
def _noted(hindered: dict[str, OSError], ticket_id: str) -> Iterator[None]:
    """A file that cannot be used stops no other."""
    try:
        yield
    except OSError as error:
        hindered[ticket_id] = error


async def keep_collecting(tickets: Tickets) -> None:
    """Collect until cancelled. A ledger or disk that is away is waited for, however long, and named once."""
    said = ""
    while True:
        why = ""
        try:
            await asyncio.to_thread(tickets.collect)
        except (OSError, SQLAlchemyError) as error:
            why = in_words(error)
        if why != said:
            log.warning("tickets are not collected, trying again: %s", why) if why else log.warning("tickets are collected again")
            said = why
        await asyncio.sleep(PACE_AFTER_ERROR_S if why else PACE_S)
