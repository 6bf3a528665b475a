"""Looks at every release that is not over, once a second, and takes the step that is due (ADR 10). Decides nothing itself."""

import traceback
from collections.abc import Callable
from typing import Protocol

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from turnout.clock import Clock
from turnout.release import locked
from turnout.release.desk import Desk
from turnout.release.folds import Folds
from turnout.release.next_step import BenchState, Found, Move, lacks_approval, next_step, stuck
from turnout.release.screen import Screened
from turnout.store.ledger import Ledger
from turnout.types.lock import Lock
from turnout.types.policy import Route
from turnout.types.release import ON_TRAFFIC, Proposal, Release
from turnout.types.seconds import DAY

EARLY_EVERY = 5.0
"""Seconds between two looks at a release that waits and is not on traffic."""
LATE = 30.0
"""Seconds that the ledger may be behind before evidence counts as missing."""
SETTLES_WITHIN = 2.0
"""Seconds after which a request that has ended is in the ledger, where nobody says how far it is behind."""
USUAL = DAY
"""Seconds of traffic that say how long answers take."""
_MEANT_TO_SERVE = ON_TRAFFIC | {"proposed"}
_TRIES = 5
_SLACK = 60.0
"""Seconds that a request may take longer than its route's deadline."""
_LONGEST = 660.0
"""The same of a route that is gone."""


class Studies(Protocol):
    """What is found out of a release before it is on traffic. May be asked again and again; raises sqlalchemy.exc.SQLAlchemyError."""

    def screen(self, release: Release) -> Screened:
        """Whether it may serve the route at all."""
        ...

    def benchmark(self, release: Release) -> BenchState:
        """How it stands with its benchmark, which is ordered where there is none."""
        ...

    def propose(self, release: Release) -> Proposal | None:
        """What it should become, by what has been measured; None: that is not enough to say."""
        ...


def unheard(_: str) -> None:
    """Who hears of what is wrong with Turnout, where nobody listens."""


def well(_: str) -> str | None:
    """What is wrong with a model, where nobody knows of anything."""
    return None


class Controller:
    """For whoever leads the control work.

    ``ejected`` says how a model fares that health has ejected, ``gone`` why the policy in force can send one nothing; None of all others. ``complete`` is the moment (unix seconds) up to which all that has ended is in the ledger, None when that is not known. ``said`` hears of a
    release that cannot be looked at for a fault in Turnout: it stays where it is, and keeps no other one from being looked at.
    """

    def __init__(  # noqa: PLR0913 - what it asks comes from as many places, each of which a test replaces by itself
        self,
        desk: Desk,
        ledger: Ledger,
        clock: Clock,
        studies: Studies,
        ejected: Callable[[str], str | None] = well,
        complete: Callable[[], float | None] | None = None,
        *,
        early_every: float = EARLY_EVERY,
        said: Callable[[str], None] = unheard,
        gone: Callable[[str], str | None] = well,
    ) -> None:
        self._desk = desk
        self._ledger = ledger
        self._clock = clock
        self._studies = studies
        self._ejected = ejected
        self._gone = gone
        self._complete = complete or (lambda: clock.now() - SETTLES_WITHIN)
        self._early_every = early_every
        self._said = said
        self._folds = Folds(ledger.trials)
        self._due: dict[str, float] = {}  # releases that wait, and when they are looked at again
        self._faults: dict[str, str] = {}  # what was said last of those that cannot be looked at

    def tick(self) -> tuple[tuple[Release, str], ...]:
        """One look at all of them, those on traffic first; the releases that took a step, and why.

        Raises sqlalchemy.exc.SQLAlchemyError, and OSError where the lock cannot be put in force: then it is tried again at the next.
        """
        open_now = self._ledger.releases.open()
        on_traffic = [release for release in open_now if release.status.phase in ON_TRAFFIC]
        early = [release for release in open_now if release.status.phase not in ON_TRAFFIC]
        self._folds.keep(on_traffic)
        self._due = {release.id: self._due[release.id] for release in open_now if release.id in self._due}
        done = [step for release in on_traffic for step in self._look(release)]
        self._desk.settle()
        return (*done, *(step for release in early for step in self._look(release)))

    def _look(self, release: Release) -> tuple[tuple[Release, str], ...]:
        """The step that was taken, if it was time for one."""
        if self._due.get(release.id, 0.0) > self._clock.now():
            return ()
        try:
            return self._step(release)
        except (OSError, SQLAlchemyError):
            raise
        except Exception as fault:  # noqa: BLE001 - whatever it is, harm that another release does must be seen
            self._stuck(release, fault)
            return ()

    def _stuck(self, release: Release, fault: Exception) -> None:
        where = "".join(traceback.format_exception(fault))
        if self._faults.get(release.id) != where:
            self._said(f"release {release.id} cannot be looked at: {where}")
            self._faults[release.id] = where
        self._due[release.id] = self._clock.now() + self._early_every
        move = stuck(release)
        if move.after != release:
            self._desk.advance(release, move)

    def _step(self, release: Release) -> tuple[tuple[Release, str], ...]:
        """Take the step that is due; decide again at once where somebody was quicker."""
        for _ in range(_TRIES):
            found = self._found(release, self._ledger.lock.read())
            move = next_step(release, found, self._clock.now())
            if move.after == release:
                break
            after = self._desk.advance(release, move, _rests_on(move, found))
            if after is not None:
                if not move.note:
                    break
                self._due.pop(release.id, None)
                return ((after, move.note),)
            again = self._ledger.releases.get(release.id)
            if again is None or again.is_over:
                return ()
            release = again
        if release.status.phase not in ON_TRAFFIC:
            self._due[release.id] = self._clock.now() + self._early_every
        return ()

    def _found(self, release: Release, lock: Lock) -> Found:
        rules, route, phase = self._desk.policy.release, self._desk.route(release.route), release.status.phase
        found = Found(
            rules, route, frozen=lock.frozen is not None,
            busy=locked.taken(lock, release, locked.slot_of(release, rules), overlap=rules.overlap),
            serves=locked.in_front(lock, release), gone=self._gone(release.model) if phase in _MEANT_TO_SERVE else None,
        )  # fmt: skip
        if phase in ON_TRAFFIC:
            return self._on_traffic(release, route, found)
        if found.frozen or release.status.paused is not None or route is None:
            return found
        if phase == "detected":
            rests = self._rests_until(release)
            resting = rests is not None and rests > self._clock.now()
            screened = None if resting else self._studies.screen(release)
            return msgspec.structs.replace(found, rests_until=rests, screened=screened)
        if phase == "screened":
            bench = self._studies.benchmark(release)
            proposal = self._studies.propose(release) if bench.state == "waiting" and release.kind == "retiring" else None
            return msgspec.structs.replace(found, bench=bench, proposal=proposal)
        if phase == "proposed" and lacks_approval(release, found) is None:  # it reads a day of traffic: not while people think
            usual = self._ledger.usual_ms(release.route, self._clock.now() - USUAL)
            rests = self._rests_until(release)
            return msgspec.structs.replace(found, rests_until=rests, usual_ms=usual, ejected=self._ejected(release.model))
        return msgspec.structs.replace(found, proposal=self._studies.propose(release)) if phase == "benchmarked" else found

    def _on_traffic(self, release: Release, route: Route | None, found: Found) -> Found:
        now, complete = self._clock.now(), self._complete()
        longest = _LONGEST if route is None else route.deadline + _SLACK
        return msgspec.structs.replace(
            found, rollbacks=len(self._rolled_back(release)), ejected=self._ejected(release.model),
            evidence=self._folds.evidence(release, now, complete, longest), blind=complete is None or now - complete > LATE,
        )  # fmt: skip

    def _rests_until(self, release: Release) -> float | None:
        return max((one.status.until or 0.0 for one in self._rolled_back(release)), default=None)

    def _rolled_back(self, release: Release) -> tuple[Release, ...]:
        return self._ledger.releases.rolled_back(release.model, release.route)


def _rests_on(move: Move, found: Found) -> bytes | None:
    """What a step rests on, as JSON, where it is one for the history."""
    known = found.evidence or found.proposal or found.screened
    return msgspec.json.encode(known, order="deterministic") if known is not None and move.note else None
