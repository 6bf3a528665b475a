"""Benchmarks that nobody asks for: models in use, again and again, so that one that its provider changed is noticed (PRODUCT R13). Pure."""

from collections.abc import Iterable, Mapping, Sequence
from math import pi
from statistics import fmean

import msgspec

from turnout.evidence.paired import Paired
from turnout.suites.paired import scores
from turnout.types.money import PicoDollars
from turnout.types.policy import Policy, Route
from turnout.types.release_rules import SuiteRules
from turnout.types.seconds import DAY
from turnout.types.suite import Result, Run

SCHEDULE = "schedule"
"""The actor of runs that nobody asked for."""
ALPHA = 0.05
"""Chance of ever calling a model changed that is not, over all looks at one suite."""


class Due(msgspec.Struct, frozen=True):
    """A run to begin."""

    suite: SuiteRules
    models: tuple[str, ...]


class Drift(msgspec.Struct, frozen=True):
    """A model that does otherwise on the same cases than it used to: mean score ``before`` (over so many ``runs``) and ``after``, 0..1."""

    model: str
    suite: str
    run: str
    before: float
    after: float
    cases: int
    runs: int

    @property
    def is_worse(self) -> bool:
        return self.after < self.before


def incumbents(policy: Policy, routes: Iterable[str]) -> tuple[str, ...]:
    """Whom these routes name to serve, in the policy's order. A route that takes every model names nobody."""
    named = {route.name: route for route in policy.routes}
    return tuple(dict.fromkeys(model for name in routes if name in named for model in _named(named[name])))


def _named(route: Route) -> list[str]:
    own = [model for model, _ in route.split] or list(route.models)
    first = own[:1] if route.objective == "static" and not route.split else own
    return [*(segment.model for segment in route.segments), *(arm.model for arm in route.cascade), *first]


def due(suites: Iterable[SuiteRules], runs: Sequence[Run], models: Mapping[str, tuple[str, ...]], now: float) -> tuple[Due, ...]:
    """The suites whose time has come; ``runs`` are the known ones, ``models`` the incumbents by suite. None that is under way is begun again."""
    return tuple(
        Due(suite, models[suite.name])
        for suite in suites
        if suite.schedule is not None and models.get(suite.name) and _has_come(suite.name, suite.schedule, runs, now)
    )


def _has_come(suite: str, every: float, runs: Sequence[Run], now: float) -> bool:
    mine = [run for run in runs if run.suite == suite and run.actor == SCHEDULE]
    return not any(run.state in ("waiting", "running") or run.at > now - every for run in mine)


def is_a_persons(run: Run) -> bool:
    """Somebody asked for it and said what it may cost."""
    return run.actor != SCHEDULE and run.release is None


def left_today(budget: PicoDollars, runs: Iterable[Run], now: float) -> PicoDollars:
    """What of a day's ``budget`` (UTC) is left for runs that no person asked for.

    Those begun today count with what they cost, those that are not over with what they may still cost, whenever they were begun.
    """
    today = now - now % DAY
    gone = 0
    for run in runs:
        if not is_a_persons(run):
            is_open = run.state in ("waiting", "running")
            gone += run.budget if is_open else run.spent if run.at >= today else 0
    return PicoDollars(max(budget - gone, 0))


def drift(model: str, history: Sequence[tuple[Run, tuple[Result, ...]]], margin: float) -> Drift | None:
    """Whether the latest run's scores differ from those of all runs before it by more than ``margin``, case by case.

    ``history`` is of one suite hash, latest first, as the store has it. Each look spends a part of ``ALPHA`` that shrinks with the
    square of their number, so that one may look for ever.
    """
    if len(history) < 2:
        return None
    (run, latest), earlier = history[0], history[1:]
    after = scores(latest, model)
    known = [scores(results, model) for _, results in earlier]
    before = {case: fmean(past) for case in after if (past := [each[case] for each in known if case in each])}
    if not before:
        return None
    apart = [after[case] - before[case] for case in before]
    alpha = ALPHA * 6 / (pi * len(earlier)) ** 2 / 2  # half for each direction
    for direction in (1, -1):
        bets = Paired.new(margin, alpha)
        bets.take(direction * each for each in apart)
        if bets.unfit.peak >= bets.needed:
            return Drift(
                model, run.suite, run.id, fmean(before.values()), fmean(after[case] for case in before), len(before), len(earlier)
            )
    return None
