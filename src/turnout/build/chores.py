"""What the control process does beside answering, each at its own pace; and what of it only one of many control processes may do."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from turnout.build.process import say
from turnout.build.spec import ControlSpec, Places
from turnout.clock import Clock
from turnout.control.audit_keeper import AuditKeeper
from turnout.control.drills import keep_drilling
from turnout.control.ingest import IngestReport, keep_ingesting
from turnout.control.publish import Publisher
from turnout.control.tickets import Tickets, keep_collecting
from turnout.errors import Unusable
from turnout.store.closed_hours import RETENTION
from turnout.store.leases import Lease
from turnout.store.ledger import Ledger, in_words
from turnout.store.retention import cut
from turnout.store.rollups.keep import pace
from turnout.telemetry.otlp import Telemetry
from turnout.types.entry import Entry
from turnout.types.feedback import Feedback

REFRESH_EVERY = 2.0
"""Seconds between looks at whether traffic moved the mix."""
AUDIT_EVERY, DRILL_EVERY, SIGN_EVERY = 10.0, 1.0, 600.0
"""Seconds between looks at which hours are over, which drill runs, and whether a day has passed since the chain was signed."""
SIGNALS_EVERY = 15.0
"""Seconds between looks at what people did after an answer."""
TIDY_EVERY = 6 * 3600.0
"""Seconds between looks for what is too old or not needed: such a look may read all of the ledger."""
LEASE, LEAD_EVERY = 30.0, 10.0
"""Seconds that the lead lasts after its holder fell silent, and between its renewals."""
BREATH = 0.05
"""Seconds between two batches of a deletion, in which ingest has its turn."""

Work = Callable[[], object]


class Ingested:
    """What ingest did since the start. ``opinions`` counts feedback by kind and source."""

    def __init__(self) -> None:
        self.report = IngestReport()
        self.opinions: Counter[tuple[str, ...]] = Counter()

    def add(self, report: IngestReport) -> None:
        self.report += report

    def take(self, entries: Sequence[Entry]) -> None:
        self.opinions.update((entry.kind, entry.source) for entry in entries if isinstance(entry, Feedback))


class Lead:
    """Whether this process does what only one may do. With a ledger of its own it always does: ``lease`` is None."""

    def __init__(self, lease: Lease | None, clock: Clock) -> None:
        self._lease = lease
        self._clock = clock
        self._until = 0.0

    def look(self) -> None:
        """Take it, or have it for longer."""
        if self._lease is not None:
            now = self._clock.now()
            self._until = now + LEASE - LEAD_EVERY if self._lease.take() else 0.0

    def only(self, work: Work) -> Work:
        """The same work, done where this process leads."""

        def led() -> None:
            if self._lease is None or self._clock.now() < self._until:
                work()

        return led

    def release(self) -> None:
        """Let another one lead at once."""
        if self._lease is not None:
            self._lease.release()


def lead_of(ledger: Ledger, holder: str, clock: Clock) -> Lead:
    """A SQLite file belongs to one data directory, and that to one control process."""
    return Lead(ledger.lease("control", holder, clock, LEASE) if ledger.is_shared else None, clock)


class House(msgspec.Struct, frozen=True):
    """The parts of the control process that have something to do by themselves."""

    spec: ControlSpec
    data_dir: Path
    clock: Clock
    ledger: Ledger
    publish: Publisher
    audit: AuditKeeper
    tickets: Tickets
    telemetry: Telemetry
    ingested: Ingested
    lead: Lead


def chores(house: House) -> list[Callable[[], Coroutine[Any, Any, None]]]:
    """Each to be begun, and begun again if it breaks."""
    ledger, clock, only = house.ledger, house.clock, house.lead.only
    return [
        partial(keep_ingesting, house.data_dir / Places.journal, ledger, house.ingested.add, partial(_taken, house)),
        partial(_every, LEAD_EVERY, house.lead.look, "who leads is not known, the sums wait", at_once=True),
        partial(_keep_summing, only(lambda: ledger.roll_up(clock.now()))),
        partial(_every, SIGNALS_EVERY, only(lambda: ledger.quality.note_signals(clock.now())), "what people did is not noted"),
        partial(_every, REFRESH_EVERY, house.publish.refresh, "the view could not be refreshed, the present one stays"),
        partial(_every, AUDIT_EVERY, only(house.audit.look), "the audit trail waits"),
        partial(_every, DRILL_EVERY, house.audit.watch_drills, "the audit trail does not hold which drill runs"),
        partial(_every, SIGN_EVERY, only(house.audit.daily), "the audit trail was not signed", at_once=True),
        partial(_every, TIDY_EVERY, only(partial(_let_go, house)), "what is too old could not be deleted", at_once=True),
        partial(_every, TIDY_EVERY, house.publish.clean, "unused views could not be deleted"),
        partial(_every, TIDY_EVERY, house.tickets.clean, "old tickets could not be deleted"),
        partial(keep_collecting, house.tickets),
        partial(keep_drilling, house.data_dir, clock, partial(say, "control")),
    ]  # fmt: skip


def _taken(house: House, entries: Sequence[Entry]) -> None:
    house.ingested.take(entries)
    house.telemetry.take(entries)


async def _keep_summing(roll_up: Work) -> None:
    """The sums that pages read, at a pace that leaves the rest of the core to others."""
    while True:
        began = time.thread_time
        cost = await asyncio.to_thread(_timed, roll_up, began)
        await asyncio.sleep(pace(cost))


def _timed(work: Work, seconds: Callable[[], float]) -> float:
    began = seconds()
    try:
        work()
    except (OSError, SQLAlchemyError) as error:
        say("control", f"the sums of the last minutes wait: {in_words(error)}")
    return seconds() - began


def _let_go(house: House) -> None:
    """What is older than the policy keeps. That it went is said in the audit trail, before it goes: what is proved must not just be missing."""
    ledger, spec, now = house.ledger, house.spec, house.clock.now()
    before, oldest = cut(now, spec.retention), ledger.oldest()
    if oldest is not None and oldest < before:
        house.audit.trail.add(RETENTION, "turnout", {"before": before})
    for _ in ledger.clean(now, spec.retention, spec.content_retention):
        time.sleep(BREATH)


async def _every(seconds: float, work: Work, otherwise: str, *, at_once: bool = False) -> None:
    """Do it again and again, in a thread; a disk or ledger that refuses is named, and what that means is said."""
    while True:
        if not at_once:
            await asyncio.sleep(seconds)
        at_once = False
        try:
            await asyncio.to_thread(work)
        except (OSError, SQLAlchemyError, Unusable) as error:
            say("control", f"{otherwise}: {in_words(error)}")
