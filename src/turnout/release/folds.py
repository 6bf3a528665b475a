"""The evidence of what is on traffic: each release's fold, kept in memory and in the ledger, and read on from where it stands (ADR 10)."""

from collections.abc import Iterable

import msgspec

from turnout.evidence.trial import Fold
from turnout.store.exposures import Cut, Unit
from turnout.store.trials import TrialState, TrialStore
from turnout.types.evidence import Evidence
from turnout.types.release import Release, Spec

MOST_YOUNG = 5_000
"""Units that are folded anew at each look; what is older then counts as final, though its window is not over."""
AT_ONCE = 20_000
"""Units read at a time, by who has many to make up for."""
SAVE_EVERY = 30.0
"""Seconds between two states in the ledger: after a restart so much is read again, no more."""
_POINTS = 250
"""Points a chart gets of a trial's time, at the least; never closer than ``_CLOSEST`` seconds."""
_CLOSEST = 10.0


class _Kept(msgspec.Struct, array_like=True):
    """What goes with a fold's state: when its trial began, and its cut's second bound."""

    began: float
    ended: float
    fold: bytes


class _Standing:
    """A trial's fold, and what it holds."""

    def __init__(self, began: float, fold: Fold, cut: Cut, units: int = 0) -> None:
        self.began, self.fold, self.cut, self.units = began, fold, cut, units
        self.saved_at = self.point_at = float("-inf")
        self.is_saved = True

    def take(self, found: list[Unit], cut: Cut) -> list[Unit]:
        """Fold what ``cut`` holds; the others."""
        settled = [unit.exposure for unit in found if cut.holds(unit.exposure.at, unit.ended)]
        self.fold.take(settled)
        self.units += len(settled)
        self.is_saved = self.is_saved and not settled
        self.cut = cut
        return [unit for unit in found if not cut.holds(unit.exposure.at, unit.ended)] if settled else found


class Folds:
    """For one process: who leads the control work. Raises sqlalchemy.exc.SQLAlchemyError."""

    def __init__(self, trials: TrialStore) -> None:
        self._trials = trials
        self._standing: dict[str, _Standing] = {}

    def keep(self, releases: Iterable[Release]) -> None:
        """Forget all others: they are off traffic."""
        wanted = {release.id for release in releases}
        self._standing = {name: standing for name, standing in self._standing.items() if name in wanted}

    def evidence(self, release: Release, now: float, complete: float | None, longest: float) -> Evidence:
        """As of ``now``. All that had ended by ``complete`` is in the ledger (None: not known); no request takes more than ``longest`` seconds."""
        spec, began = release.spec or Spec(), release.status.began or release.status.since
        if release.status.phase == "mirror":
            return Fold(spec).evidence(now, self._trials.pairs(release.id, began, MOST_YOUNG // 2))
        standing = self._stands(release, spec, began, now)
        ended = max(standing.cut.ended, complete if complete is not None else standing.cut.ended)
        young = self._caught_up(release, standing, Cut(ended - spec.window, ended), longest)
        evidence = standing.fold.evidence(now, [unit.exposure for unit in young])
        self._remember(release, standing, evidence, now)
        return evidence

    def _caught_up(self, release: Release, standing: _Standing, wanted: Cut, longest: float) -> list[Unit]:
        """Fold what has settled since; the units that have not."""
        while True:
            found = self._trials.units(release.id, standing.began, standing.cut, longest, AT_ONCE)
            reached = min(wanted.upto, found[-1].exposure.at) if len(found) == AT_ONCE else wanted.upto
            if len(found) < AT_ONCE or reached <= standing.cut.upto:
                break
            standing.take(found, Cut(reached, wanted.ended))
        if len(found) > MOST_YOUNG:
            wanted = Cut(max(wanted.upto, found[-MOST_YOUNG].exposure.at), wanted.ended)
        return standing.take(found, Cut(max(standing.cut.upto, wanted.upto), wanted.ended))

    def _stands(self, release: Release, spec: Spec, began: float, now: float) -> _Standing:
        """Begun anew where its rules are others now, and where the clock was put back.

        What comes until the clock is where it was would count as folded, and nobody would look at it.
        """
        standing = self._standing.get(release.id)
        if standing is None or standing.began != began or not standing.fold.go_on(spec):
            standing = self._restored(release, spec, began)
        if standing is None or standing.cut.ended > now:
            standing = _Standing(began, Fold(spec), Cut(began, began))
        self._standing[release.id] = standing
        return standing

    def _restored(self, release: Release, spec: Spec, began: float) -> _Standing | None:
        """From the ledger; None where there is nothing, or nothing that this program and this trial can go on from."""
        found = self._trials.state(release.id)
        if found is None:
            return None
        try:
            kept = msgspec.msgpack.decode(found.state, type=_Kept)
            if kept.began != began:
                return None
            return _Standing(began, Fold.restored(spec, kept.fold), Cut(found.upto, kept.ended), found.units)
        except (ValueError, msgspec.MsgspecError):  # of another version: all units are folded anew
            return None

    def _remember(self, release: Release, standing: _Standing, evidence: Evidence, now: float) -> None:
        if not standing.is_saved and now - standing.saved_at >= SAVE_EVERY:
            kept = msgspec.msgpack.encode(_Kept(standing.began, standing.cut.ended, standing.fold.state()))
            self._trials.keep_state(release.id, TrialState(standing.cut.upto, standing.units, kept))
            standing.saved_at, standing.is_saved = now, True
        if evidence.units and now - standing.point_at >= max(_CLOSEST, (now - standing.began) / _POINTS):
            self._trials.add_point(release.id, evidence)
            standing.point_at = now
