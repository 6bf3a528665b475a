"""What the control process does beside answering, each at its own pace; and what of it only one of many control processes may do."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from turnout.audit.kinds import RETENTION
from turnout.build.bench_keep import keep_benching
from turnout.build.loop import Loop
from turnout.build.policy_keeper import PolicyKeeper
from turnout.build.process import say
from turnout.build.spec import ControlSpec, Places
from turnout.clock import Clock
from turnout.control.audit_keeper import AuditKeeper
from turnout.control.drills import keep_drilling
from turnout.control.ingest import IngestReport, keep_ingesting
from turnout.control.publish import Publisher
from turnout.control.tickets import Tickets, keep_collecting
from turnout.errors import Unusable
from turnout.store.leases import Lease
from turnout.store.ledger import Ledger, in_words
from turnout.store.retention import cut
from turnout.store.rollups.keep import pace
from turnout.telemetry.otlp import Telemetry
from turnout.types.entry import Entry
from turnout.types.feedback import Feedback
from turnout.types.seconds import HOUR

REFRESH_EVERY = 2.0
"""Seconds between looks at whether traffic moved the mix."""
AUDIT_EVERY, DRILL_EVERY, SIGN_EVERY = 10.0, 1.0, 600.0
"""Seconds between looks at which hours are over, which drill runs, and whether a day has passed since the chain was signed."""
SIGNALS_EVERY = 15.0
"""Seconds between looks at what people did after an answer."""
TIDY_EVERY = 6 * HOUR
"""Seconds between looks for what is too old or not needed: such a look may read all of the ledger."""
TICK_EVERY = 0.5
"""Seconds between two looks at the releases: harm is answered within a second of its evidence, ingest included."""
LOCK_EVERY, OPEN_EVERY, WATCH_EVERY = 0.5, 2.0, 2.0
"""Seconds between looks at the lock's file, at events that call for a release, and at whether a refresh of the catalog is due."""
LEARN_EVERY, SEND_EVERY, SPEND_EVERY = 600.0, 2.0, 60.0
"""Seconds between refreshes of measured quality, rounds of sending alerts, and looks at the day's spending."""
LEASE, LEAD_EVERY = 30.0, 10.0
"""Seconds that the lead lasts after its holder fell silent, and between its renewals."""
BREATH = 0.05
"""Seconds between two batches of a deletion, in which ingest has its turn."""
AGAIN_WITHIN = 60.0
"""Seconds after which what was refused is tried again, if its own pace is slower."""
REMIND_EVERY, REASONS = 300.0, 3
"""Seconds between two reminders of a trouble that lasts; and of how many different reasons each is told at once."""

NEVER = -inf

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
        self._until = inf if lease is None else None

    def look(self) -> None:
        """Take it, or have it for longer."""
        if self._lease is not None and self._until != NEVER:
            now = self._clock.now()
            self._until = now + LEASE - LEAD_EVERY if self._lease.take() else 0.0

    def holds(self) -> bool:
        """The first to ask finds out: what is done every few hours does not wait that long for who leads to be known."""
        if self._until is None:
            self.look()
        return self._until is not None and self._clock.now() < self._until

    def only(self, work: Work) -> Work:
        """The same work, done where this process leads."""

        def led() -> None:
            if self.holds():
                work()

        return led

    def release(self) -> None:
        """Let another one lead at once, and begin or go on with nothing that only one may do."""
        self._until = NEVER
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
    policy: PolicyKeeper
    audit: AuditKeeper
    tickets: Tickets
    telemetry: Telemetry
    ingested: Ingested
    lead: Lead
    loop: Loop


def chores(house: House) -> list[Callable[[], Coroutine[Any, Any, None]]]:
    """Each to be begun, and begun again if it breaks."""
    ledger, clock, only, loop = house.ledger, house.clock, house.lead.only, house.loop
    every = partial(_every, clock)
    return [
        partial(keep_ingesting, house.data_dir / Places.journal, ledger, house.ingested.add, partial(_taken, house)),
        partial(every, LEAD_EVERY, house.lead.look, "who leads is not known, the sums wait", at_once=True),
        partial(_keep_at, only(lambda: ledger.roll_up(clock.now())), Trouble("the sums of the last minutes wait", clock), pace),
        partial(every, SIGNALS_EVERY, only(lambda: ledger.quality.note_signals(clock.now())), "what people did is not noted"),
        partial(every, REFRESH_EVERY, house.publish.refresh, "the view could not be refreshed, the present one stays"),
        partial(every, AUDIT_EVERY, only(house.audit.look), "the audit trail waits"),
        partial(every, DRILL_EVERY, house.audit.watch_drills, "the audit trail does not hold which drill runs"),
        partial(every, SIGN_EVERY, only(house.audit.daily), "the audit trail was not signed", at_once=True),
        partial(every, TIDY_EVERY, only(partial(_let_go, house)), "what is too old could not be deleted", at_once=True),
        partial(every, TIDY_EVERY, house.publish.clean, "unused views could not be deleted"),
        partial(every, TIDY_EVERY, house.tickets.clean, "old tickets could not be deleted"),
        partial(_keep_at, only(loop.tick), Trouble("releases stay where they are, harm is not seen", clock), _of_releases),
        partial(every, TICK_EVERY, loop.follow, "what releases decided elsewhere is not in force"),
        partial(every, LOCK_EVERY, loop.lock.look, "turnout.lock.yaml is not what is in force"),
        partial(every, OPEN_EVERY, only(loop.opener.look), "no release is opened"),
        partial(every, WATCH_EVERY, only(loop.watch), "the world's catalogs were not looked at", at_once=True),
        partial(every, LEARN_EVERY, only(loop.learn), "measured quality stays as it is"),
        partial(every, SEND_EVERY, only(loop.alarm.send), "alerts wait"),
        partial(every, SPEND_EVERY, only(lambda: loop.alarm.watch_spend(ledger.slices)), "nobody is told of what is spent"),
        partial(keep_benching, loop.bench),
        house.policy.keep,
        partial(keep_collecting, house.tickets),
        partial(keep_drilling, house.data_dir, clock, partial(say, "control")),
    ]  # fmt: skip


def _taken(house: House, entries: Sequence[Entry]) -> None:
    house.ingested.take(entries)
    house.telemetry.take(entries)
    house.publish.hear_of(entries)


class Trouble:
    """What hinders a chore, told once for each reason, and again now and then: a store that is away for an hour is a few lines."""

    def __init__(self, otherwise: str, clock: Clock) -> None:
        self._otherwise = otherwise
        self._clock = clock
        self._told: set[str] = set()
        self._at = 0.0

    def met(self, error: Exception) -> None:
        why, now = in_words(error), self._clock.steady()
        is_news = why not in self._told and len(self._told) < REASONS
        if is_news or now - self._at >= REMIND_EVERY:
            say("control", f"{self._otherwise}: {why}")
            self._told.add(why)
            self._at = now

    def over(self) -> None:
        if self._told:
            say("control", f"no more: {self._otherwise}")
            self._told.clear()


async def _keep_at(work: Work, trouble: Trouble, paced: Callable[[float], float]) -> None:
    """Again and again, at a pace (seconds of the processor it took -> seconds to wait) that leaves the rest of the core to others."""
    while True:
        cost = await asyncio.to_thread(_cost_of, work, trouble)
        await asyncio.sleep(paced(cost))


def _of_releases(cost: float) -> float:
    """A tenth of a core at most: trials with thousands of units inside their feedback window are looked at less often."""
    return max(TICK_EVERY, 9 * cost)


def _cost_of(work: Work, trouble: Trouble) -> float:
    """Seconds of the processor that it took."""
    began = time.thread_time()
    _tried(work, trouble)
    return time.thread_time() - began


async def _every(clock: Clock, seconds: float, work: Work, otherwise: str, *, at_once: bool = False) -> None:
    """Do it again and again, in a thread; what refuses is named, and what that means is said (``otherwise``)."""
    trouble, wait = Trouble(otherwise, clock), 0.0 if at_once else seconds
    while True:
        await asyncio.sleep(wait)
        done = await asyncio.to_thread(_tried, work, trouble)
        wait = seconds if done else min(seconds, AGAIN_WITHIN)


def _tried(work: Work, trouble: Trouble) -> bool:
    """Whether it was done: a disk or ledger may refuse."""
    try:
        work()
    except (OSError, SQLAlchemyError, Unusable) as error:
        trouble.met(error)
        return False
    trouble.over()
    return True


def _let_go(house: House) -> None:
    """What is older than the policy keeps. That it went is said in the audit trail, before it goes: what is proved must not just be missing."""
    ledger, spec, now = house.ledger, house.spec, house.clock.now()
    before, oldest = cut(now, spec.retention), ledger.oldest()
    if oldest is not None and oldest < before:
        house.audit.trail.add(RETENTION, "turnout", {"before": before})
    for _ in ledger.clean(now, spec.retention, spec.content_retention):
        if not house.lead.holds():  # the process ends, or another one goes on with it
            return
        time.sleep(BREATH)
