"""A route's whole life on a hidden truth: models come one by one, each is measured, proposed, tried and adopted or not. By the pure parts that serve.

What is simulated is only what is outside of them: the suite's answers, traffic whose mix of tasks drifts, and people who judge some answers late
and now and then wrongly. There is no store: the lock is a value, as it is between two transactions.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from math import exp, sin, tau
from random import Random

import msgspec
from tests.support.views import model, traits

from bench.truth import Query, Table, Worth, drawn
from turnout.catalog.overrides import USER_SOURCE
from turnout.config.amend import amend
from turnout.decide.conditions import compiled
from turnout.evidence.trial import Fold
from turnout.release.locked import Placing, placed
from turnout.release.next_step import BenchState, Found, next_step
from turnout.release.open import manual
from turnout.release.propose import Seen, propose
from turnout.release.screen import screen
from turnout.store.cells import Part
from turnout.types.evidence import Exposure
from turnout.types.lock import Lock
from turnout.types.models import ModelFacts, Source
from turnout.types.money import PicoDollars
from turnout.types.policy import Margin, Policy, Provider, Route
from turnout.types.release import ON_TRAFFIC, Release
from turnout.types.release_rules import ReleaseRules
from turnout.types.suite import Result
from turnout.types.view import Base

DAY = 86_400.0
START = 1_790_000_000.0
MS = 1_000.0
"""The tables tell no times: every answer takes as long."""
RECENT = 5_000
"""Requests that say what the traffic is."""
LEAST_SERVED = 0.05
"""Who serves less of the route is not benchmarked against, as in build/studies.py."""
EARLY, OFTEN, USUALLY = 400, 100, 1_000
"""Requests between two looks at the evidence: often while the candidate has had few."""
CHUNK = 500
"""Requests for which the mix of tasks stays."""


class World(msgspec.Struct, frozen=True):
    """What is outside: ``cases`` of the suite, requests a day, the share that is judged, the mean delay of a verdict (seconds), the share that is
    wrong; ``grader`` is the share of the suite's answers that are graded wrongly; tasks swing by up to ``drift`` (log) in ``turn`` seconds."""

    cases: int = 600
    per_day: int = 20_000
    judged: float = 0.3
    delay: float = 900.0
    wrong: float = 0.05
    grader: float = 0.0
    drift: float = 0.5
    turn: float = 7 * DAY


class Ended(msgspec.Struct, frozen=True):
    """A release: how it ended and why, its role, the truth of the policy before it and after, the worst moment's quality, what it took."""

    model: str
    phase: str
    role: str
    when: dict[str, object] | None
    note: str
    before: Worth
    after: Worth
    worst: float
    requests: int
    answers: int
    days: float


class Life(msgspec.Struct, frozen=True):
    """``serving`` is the model of each task at the end, by its place in the table."""

    first: int
    serving: dict[str, int]
    ended: tuple[Ended, ...]


def lived(
    table: Table,
    order: Sequence[int],
    rules: ReleaseRules,
    margin: float,
    world: World,
    seed: int,
    worth: PicoDollars | None = None,
) -> Life:
    """The first of ``order`` serves when it begins."""
    route = _Route(table, order, rules, margin, world, seed, worth)
    ended = tuple(route.release(candidate) for candidate in order[1:])
    return Life(order[0], route.serving, ended)


class _Route:
    """The one route: what is written, what the lock says, what time it is."""

    def __init__(
        self,
        table: Table,
        order: Sequence[int],
        rules: ReleaseRules,
        margin: float,
        world: World,
        seed: int,
        worth: PicoDollars | None,
    ) -> None:
        self._table, self._world, self._rules = table, world, rules
        self._rng = Random(f"{table.name}/{order}/{seed}")
        self._ids = tuple(f"p/{name}" for name in table.models)
        facts = tuple(_facts(name) for name in self._ids)
        self._written = Route("work", "static", models=(self._ids[order[0]],), margin=Margin(quality=margin), worth=worth)
        policy = Policy(
            (self._written, Route("default", "cost")),
            (Provider("p", None, "openai-chat", "http://127.0.0.1:1", "none"),),
            release=rules,
        )
        self._base = Base(1, policy, facts, {})
        self._suite = drawn(table.suite, world.cases, self._rng)
        self._lock = Lock()
        self._now = START
        self.serving: dict[str, int] = dict.fromkeys(table.tasks, order[0])
        self._traffic = _Traffic(table, world, self._rng)

    def release(self, candidate: int) -> Ended:
        """From its detection to its end."""
        began, before, mix = self._now, self._table.under(self.serving), self._mix()
        release = manual(self._ids[candidate], "work", self._base, self._now)
        against = [n for n in range(len(self._ids)) if n != candidate and self._is_asked(n, mix, release)]
        results = self._benchmark([*against, candidate])
        found = Found(
            self._rules, self._written, screened=screen(release, self._base, (), self._now), bench=BenchState("done"),
            proposal=propose(release, self._base, results, self._now, Seen(mix)),
        )  # fmt: skip
        while not release.is_over and release.status.phase not in ON_TRAFFIC:
            release = self._moved(release, found)
        shares, requests = [0.0], 0
        if not release.is_over:
            release, shares, requests = self._trial(release, candidate)
        proposal, old = release.proposal, self.serving
        scope = self._scope(proposal.when if proposal is not None else None)
        tried = self._table.under({**old, **dict.fromkeys(scope, candidate)})
        self.serving = self._in_force()
        after = self._table.under(self.serving)
        worst = min(
            [before.quality, after.quality, *(before.quality + share * (tried.quality - before.quality) for share in shares)]
        )
        return Ended(
            self._table.models[candidate], release.status.phase, proposal.role if proposal else "none", proposal.when if proposal else None,
            release.status.reason, before, after, worst, requests, len(results), (self._now - began) / DAY,
        )  # fmt: skip

    def _moved(self, release: Release, found: Found) -> Release:
        """One step, with the lock as the desk would write it."""
        after = next_step(release, found, self._now).after
        assert after != release or release.status.phase in ON_TRAFFIC, (
            f"it stays {release.status.phase}: {release.status.waiting}"
        )
        self._lock = placed(self._lock, after, Placing(self._written, "controller", self._now, "salt"))
        return after

    def _in_force(self) -> dict[str, int]:
        """Which model serves a task, by the policy in force."""
        route = amend(self._base.policy, self._base.models, self._lock).policy.routes[0]
        tests = [(segment.model, None if segment.when is None else compiled(segment.when)) for segment in route.segments]

        def served(task: str) -> str:
            return next((name for name, test in tests if test is None or test(traits(task=task))), route.models[0])

        return {task: self._ids.index(served(task)) for task in self._table.tasks}

    def _scope(self, when: Mapping[str, object] | None) -> list[str]:
        """The tasks that a proposal is about."""
        wanted = (when or {}).get("task")
        return [
            task for task in self._table.tasks if when is None or task == wanted or (isinstance(wanted, list) and task in wanted)
        ]

    def _mix(self) -> tuple[Part, ...]:
        """The latest requests, as the ledger counts them."""
        counted: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        for query in self._traffic.some(self._now, RECENT):
            serving = self.serving[query.task]
            counted[query.task, serving].append(query.cost[serving])
        return tuple(
            Part("work", task, None, self._ids[serving], len(costs), PicoDollars(sum(costs)))
            for (task, serving), costs in counted.items()
        )

    def _is_asked(self, n: int, mix: Sequence[Part], release: Release) -> bool:
        served = sum(part.requests for part in mix if part.model == self._ids[n])
        return self._ids[n] == release.incumbent or served >= LEAST_SERVED * RECENT

    def _benchmark(self, asked: Sequence[int]) -> list[Result]:
        """All of them, every case; one after the other, as a run asks them."""
        found = []
        for at, query in enumerate(self._suite):
            for n in asked:
                good = query.good[n] != (self._rng.random() < self._world.grader)
                found.append(
                    Result("run", f"c{at:05}", self._ids[n], 0, self._now + at, "ok", float(good), good, MS, query.cost[n], 100, 100, (), query.task)
                )  # fmt: skip
        return found

    def _trial(self, release: Release, candidate: int) -> tuple[Release, list[float], int]:
        """Until it is over; with the shares (0..1) that it had, and how many requests it took."""
        assert release.proposal is not None
        assert release.spec is not None
        spec, world, rng = release.spec, self._world, self._rng
        fold, scope = Fold(spec), frozenset(self._scope(release.proposal.when))
        told: list[tuple[Exposure, Exposure, float]] = []
        shares, requests, candidates, since = [release.status.share / 100], 0, 0, 0
        for query in self._traffic.stream(self._now):
            self._now += DAY / world.per_day
            requests += 1
            since += 1
            if query.task in scope:
                share = release.status.share / 100
                mine = rng.random() < share
                unit, known = self._exposed(query, candidate if mine else self.serving[query.task], mine, share)
                told.append((msgspec.structs.replace(unit, good=None), unit, known))
                candidates += mine
            if since < (OFTEN if candidates < EARLY else USUALLY):
                continue
            since, settled = 0, 0
            while settled < len(told) and told[settled][0].at <= self._now - spec.window:
                settled += 1
            fold.take(unit if known <= unit.at + spec.window else blank for blank, unit, known in told[:settled])
            del told[:settled]
            young = [unit if known <= self._now else blank for blank, unit, known in told]
            release = self._moved(release, Found(self._rules, self._written, evidence=fold.evidence(self._now, young)))
            if release.is_over:
                break
            if release.status.share / 100 != shares[-1]:
                shares.append(release.status.share / 100)
        return release, shares, requests

    def _exposed(self, query: Query, served: int, mine: bool, share: float) -> tuple[Exposure, float]:  # noqa: FBT001 the arm
        """A unit as it will be known in the end, and when that is: never, where nobody judges."""
        rng, world = self._rng, self._world
        judged = rng.random() < world.judged
        good = (query.good[served] != (rng.random() < world.wrong)) if judged else None
        known = self._now + rng.expovariate(1 / world.delay) if judged and world.delay else self._now
        return Exposure(self._now, mine, share, True, good, MS, query.cost[served]), known


class _Traffic:
    """Requests of the table's traffic, tasks coming and going."""

    def __init__(self, table: Table, world: World, rng: Random) -> None:
        self._by_task = {task: [query for query in table.traffic if query.task == task] for task in table.tasks}
        self._world, self._rng = world, rng
        self._phases = [rng.random() * tau for _ in table.tasks]

    def some(self, now: float, n: int) -> list[Query]:
        """The mix of the moment."""
        swing = tau * (now - START) / self._world.turn
        weights = accumulate(
            len(queries) * exp(self._world.drift * sin(swing + phase))
            for queries, phase in zip(self._by_task.values(), self._phases, strict=True)
        )
        tasks = self._rng.choices(list(self._by_task.values()), cum_weights=list(weights), k=n)
        return [queries[int(self._rng.random() * len(queries))] for queries in tasks]

    def stream(self, now: float) -> Iterator[Query]:
        """From ``now`` on, without end."""
        while True:
            yield from self.some(now, CHUNK)
            now += CHUNK * DAY / self._world.per_day


def _facts(name: str) -> ModelFacts:
    """A model whose price is stated by hand: nothing waits for a second source."""
    return model(name, sources={"prices": Source(USER_SOURCE, "2026-11-23")})
