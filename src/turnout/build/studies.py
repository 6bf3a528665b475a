"""What is found out of a release before it is on traffic: its benchmark is ordered here, and its results are made a proposal."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

from turnout.build.bench_spec import SUITES
from turnout.build.bench_suite import suite_of, with_labels
from turnout.build.content_keys import opening_keys
from turnout.build.spec import Places
from turnout.clock import Clock
from turnout.control.publish import Publisher
from turnout.decide.slot import Slot
from turnout.errors import Unusable
from turnout.release.next_step import BenchState
from turnout.release.propose import Seen, propose
from turnout.release.screen import Kind, Screened, kinds, screen
from turnout.store.bench import OPEN
from turnout.store.cells import Part
from turnout.store.ledger import Ledger
from turnout.suites.begin import Wish, begun
from turnout.suites.frozen import Frozen
from turnout.suites.schedule import left_today
from turnout.types.checks import Check
from turnout.types.policy import Policy
from turnout.types.release import CatalogEvent, Proposal, Release
from turnout.types.release_rules import SuiteRules
from turnout.types.seconds import DAY
from turnout.types.suite import Passes, Run
from turnout.types.view import Base
from turnout.view import ViewStore

RECENT = 7 * DAY
"""Seconds of a route's traffic that say what it is."""
OF_EVENTS = 90 * DAY
"""Seconds for which an event on a model says something about its price."""
STILL_GOOD = 30 * DAY
"""Seconds for which a person's benchmark spares the release its own."""
REMEMBERED = 60.0
"""Seconds for which that is not read again: a release that waits is looked at every few seconds."""
LEAST_SERVED = 0.05
"""A model that serves less of a route is not benchmarked against."""


T = TypeVar("T")


class _Lately(Generic[T]):
    """What a route's recent traffic was, by ``read(since, route)``. That there was none is not remembered: it is soon read."""

    def __init__(self, clock: Clock, read: Callable[[float, str], tuple[T, ...]]) -> None:
        self._clock = clock
        self._read = read
        self._known: dict[str, tuple[float, tuple[T, ...]]] = {}

    def of(self, route: str) -> tuple[T, ...]:
        now = self._clock.steady()
        at, known = self._known.get(route, (0.0, ()))
        if not known or now - at >= REMEMBERED:
            known = self._read(self._clock.now() - RECENT, route)
            self._known[route] = (now, known)
        return known


class Studies:
    """Of one house: ``config`` is the policy's file, from whose folder suites are read. Raises OSError and sqlalchemy.exc.SQLAlchemyError."""

    def __init__(self, data_dir: Path, config: str | None, clock: Clock, ledger: Ledger, publish: Publisher) -> None:
        self._frozen = Frozen(data_dir / SUITES)
        self._views = ViewStore(data_dir / Places.views)
        self._folder = Path(config).parent if config else Path()
        self._clock = clock
        self._ledger = ledger
        self._publish = publish
        self._mixes = _Lately(clock, ledger.cells.mix)
        self._kinds = _Lately(clock, lambda since, route: kinds(ledger.cells.traits(since, route)))

    def screen(self, release: Release) -> Screened:
        """Whether it may serve the route at all."""
        base = self._base()
        if base is None:
            return Screened((), waiting="no policy is in force yet")
        return screen(release, base, self._events(), self._clock.now(), self._asked(release))

    def benchmark(self, release: Release) -> BenchState:
        """How it stands with its benchmark; the next one that it wants is ordered."""
        base = self._base()
        if base is None:
            return BenchState("waiting", "no policy is in force yet")
        rules = [suite for suite in base.policy.suites if release.route in suite.routes]
        if not rules:
            return BenchState("waiting", _no_suite(release))
        runs = self._runs(release, rules)
        for suite in rules:
            mine = [run for run in runs if run.suite == suite.name]
            state = next((_under_way(run) for run in mine if run.state in OPEN), None)
            if state is not None:
                return state
            if not mine:
                return self._ordered(release, base.policy, suite)
        return BenchState("done", "; ".join(_said(run) for run in runs))

    def propose(self, release: Release) -> Proposal | None:
        """What it should become, by what was measured."""
        base = self._base()
        if base is None:
            return None
        rules = [suite for suite in base.policy.suites if release.route in suite.routes]
        runs = [run for run in self._runs(release, rules) if run.state not in OPEN]
        results = [result for run in runs for result in self._ledger.bench.results(run.id)]
        seen = Seen(self._mix(release), self._events(), self._asked(release), tuple(_checks(rules)))
        return propose(release, base, results, self._clock.now(), seen)

    def _base(self) -> Base | None:
        return self._publish.base

    def _events(self) -> tuple[CatalogEvent, ...]:
        return self._ledger.catalog_events.since(self._clock.now() - OF_EVENTS)

    def _mix(self, release: Release) -> tuple[Part, ...]:
        """Without what its own trial put there."""
        return tuple(part for part in self._mixes.of(release.route) if part.model != release.model)

    def _asked(self, release: Release) -> tuple[Kind, ...]:
        return self._kinds.of(release.route)

    def _runs(self, release: Release, rules: Iterable[SuiteRules]) -> list[Run]:
        """Of these suites and of this model, its own and people's, the latest of each suite alone."""
        names = {suite.name for suite in rules}
        known = self._ledger.bench.list(1_000, since=min(release.at, self._clock.now()) - STILL_GOOD)
        found: dict[str, Run] = {}
        for run in known:
            is_its = run.release == release.id or (release.model in run.models and len(run.models) > 1 and run.state not in OPEN)
            if is_its and run.suite in names and run.state != "failed":
                found.setdefault(run.suite, run)
        return list(found.values())

    def _ordered(self, release: Release, policy: Policy, rules: SuiteRules) -> BenchState:
        now = self._clock.now()
        against = self._incumbents(release)
        if not against:
            return BenchState("waiting", _nobody(release, seen=bool(self._mix(release))))
        left = left_today(policy.release.budget, self._ledger.bench.unsettled(now - now % DAY), now)
        budget = min(rules.budget, left) if rules.budget else left
        by_hand = f"turnout bench {release.model} --against {against[0]} --suite {rules.name}"
        if budget <= 0:
            return BenchState(
                "waiting", f"nothing is spent unasked, or today's budget is (release.budget_usd_per_day): {by_hand}"
            )
        slots = self._slots()
        if slots is None:
            return BenchState("waiting", "no view is in force yet")
        wish = Wish(
            (*against, release.model), budget, release.id, repeats=rules.repeats, judge=rules.judge,
            release=release.id,
        )  # fmt: skip
        try:
            keys = opening_keys(policy, os.environ)
            suite = suite_of(rules, self._folder, self._frozen, self._ledger.bench, keys, now)
            wish = with_labels(wish, suite, rules, self._folder, self._ledger.bench, now)
            run, _ = begun(wish, suite, slots, now, self._clock.seed())
        except Unusable as reason:
            return BenchState("waiting", f"its benchmark on suite {rules.name} cannot begin: {reason}")
        self._frozen.keep(suite, wish.labels)
        self._ledger.bench.begin(run)
        return _under_way(run)

    def _incumbents(self, release: Release) -> tuple[str, ...]:
        """Whom it is measured against: the one named, and whoever else answers a share of the route worth speaking of."""
        mix = self._mix(release)
        total = sum(part.requests for part in mix)
        served: dict[str, int] = {}
        for part in mix:
            served[part.model] = served.get(part.model, 0) + part.requests
        often = [model for model, n in sorted(served.items(), key=lambda item: -item[1]) if n >= LEAST_SERVED * total]
        known = {facts.id for facts in self._publish.base.models} if self._publish.base is not None else set()
        wanted = [*([release.incumbent] if release.incumbent else []), *often]
        return tuple(model for model in dict.fromkeys(wanted) if model in known and model != release.model)

    def _slots(self) -> dict[str, Slot] | None:
        current = self._views.current()
        return dict(self._views.load(current).slots) if current is not None else None


def _no_suite(release: Release) -> str:
    return (
        f"route {release.route} has no suite to measure it by: write `suites.{release.route}` into the policy "
        f"(docs/howto/write-a-suite.md), or end it with turnout release reject {release.id}"
    )


def _nobody(release: Release, *, seen: bool) -> str:
    """To measure it against. ``seen``: others do answer, but none of them is in the policy any more, or answers enough."""
    days = f"{RECENT / DAY:g} days"
    found = (
        f"no model of the policy served enough of route {release.route} in"
        if seen
        else f"no traffic was seen on route {release.route} in"
    )
    return (
        f"{found} the last {days}, so that there is nothing to measure it against: it goes on by itself when there is, "
        f"or end it with turnout release reject {release.id}"
    )


def _checks(rules: Iterable[SuiteRules]) -> Iterator[Check]:
    for suite in rules:
        yield from (graded.rule.check for graded in suite.graders if isinstance(graded.rule, Passes))


def _under_way(run: Run) -> BenchState:
    how = f": {run.note}" if run.note else ""
    return BenchState("running", f"benchmark {run.id} on {run.suite}: {run.done} of {run.total} answers{how}")


def _said(run: Run) -> str:
    return f"{run.suite}: {run.done} answers{f', {run.note}' if run.note else ''} (run {run.id})"
