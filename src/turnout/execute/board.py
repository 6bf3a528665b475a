"""What a worker knows of all it may call, right now. It outlives views, so that a reload forgets nobody's illness."""

import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import quantiles

from turnout.execute.budgets import RouteBudget
from turnout.execute.commands import StartAttempt
from turnout.execute.deployment import Away, Change, Deployment, Guard, Lease, Shared, Upstream
from turnout.execute.line import Lines
from turnout.execute.room import Need, Room
from turnout.live import balance, health
from turnout.types.policy import Policy, Provider, Route
from turnout.types.resilience import HealthRules, QuotaRules

CHANGES_KEPT = 200
FEWEST_WAITS = 20
"""Waits from which a p95 says something."""

Pool = tuple[Deployment, ...]
"""The deployments of one model, one per credential: all the same to whoever asks."""


class Board:
    """Deployments by what they are, the routes' budgets, and which models are better not asked first.

    ``deferred`` maps a route to the models that others come before now: degraded ones, and those slower than the route prefers.
    ``changes`` of standing are those that nobody has told of yet. ``chance`` draws from 0..1.
    """

    def __init__(self, chance: Callable[[], float] = random.random, workers: int = 1) -> None:
        self.deferred: Mapping[str, frozenset[str]] = {}
        self.changes: deque[Change] = deque(maxlen=CHANGES_KEPT)
        self.pools: Mapping[str, Pool] = {}
        self.budgets: Mapping[str, RouteBudget] = {}
        self._chance = chance
        self._workers = workers
        self._known: dict[tuple[str, str], Deployment] = {}
        self._guards: dict[tuple[str, str], Guard] = {}
        self._shared: dict[tuple[str, str], Shared] = {}
        self.lines = Lines(QuotaRules().line)
        self._ways: Mapping[str, tuple[object, ...]] = {}
        self._routes: tuple[Route, ...] = ()
        self._health = HealthRules()
        self._quota = QuotaRules()

    @property
    def deployments(self) -> Iterable[Deployment]:
        return self._known.values()

    @property
    def guards(self) -> Iterable[Guard]:
        """Of addresses and credentials; each deployment has one of its own besides."""
        return self._guards.values()

    def take_up(self, policy: Policy, upstreams: Mapping[str, tuple[Upstream, ...]], routes: Iterable[str]) -> Mapping[str, Pool]:
        """The pools of a view. What is known of a deployment stays, unless how it is called, or the rules of judging it, changed.

        ``routes`` are those that there are beside the policy's own.
        """
        if (policy.health, policy.quota) != (self._health, self._quota):
            self._known, self._guards, self._shared, self.budgets = {}, {}, {}, {}
        self._health, self._quota, self._routes = policy.health, policy.quota, policy.routes
        self.lines.longest = policy.quota.line
        self._forget_moved(policy.providers)
        names = (*(route.name for route in policy.routes), *routes)
        self.budgets = {name: self.budgets.get(name) or RouteBudget(policy.quota) for name in names}
        limits = {(provider.id, key.ref or ""): key for provider in policy.providers for key in provider.keys}
        for place in limits.keys() | {
            (model.partition("/")[0], way.credential) for model, ways in upstreams.items() for way in ways
        }:
            if place not in self._shared or limits.get(place) != self._shared[place].limits:
                self._shared[place] = Shared(Room(limits.get(place), policy.quota, self._workers), limits.get(place))
        self.pools = {model: tuple(self._deployment(model, way) for way in ways) for model, ways in upstreams.items()}
        self.weigh(model for model, pool in self.pools.items() if len(pool) > 1)
        self._known = {
            (model, member.upstream.credential): member for model, pool in self.pools.items() for member in pool
        }  # fmt: skip
        return self.pools

    def budget(self, route: str) -> RouteBudget:
        """Of a route, which may be one that a reload has just taken away."""
        return self.budgets.get(route) or RouteBudget(self._quota)

    def weigh(self, models: Iterable[str]) -> None:
        """These share their load with others, so how quick they are is measured; members of larger pools are anyway."""
        for model in models:
            for member in self.pools.get(model, ()):
                member.weighs = True

    def _forget_moved(self, providers: Iterable[Provider]) -> None:
        """A provider that is called in another way now may be as well as any."""
        ways = {
            provider.id: (provider.base_url, provider.proxy, provider.ca_file, provider.auth, provider.headers)
            for provider in providers
        }
        moved = {id_ for id_, way in self._ways.items() if ways.get(id_) != way}
        self._ways = ways
        self._guards = {key: guard for key, guard in self._guards.items() if key[0] not in moved}
        self._known = {key: member for key, member in self._known.items() if key[0].partition("/")[0] not in moved}

    def _deployment(self, model: str, way: Upstream) -> Deployment:
        provider, shared = model.partition("/")[0], self._shared[model.partition("/")[0], way.credential]
        known = self._known.get((model, way.credential))
        if known is not None and known.upstream == way and known.shared is shared:
            return known
        own = Guard(f"{model} {way.credential}".rstrip(), self._health, self._chance, self._note)
        return Deployment(
            way, own, self._guard(provider, "address"), self._guard(provider, way.credential),
            Room(None, self._quota, self._workers), shared,
        )  # fmt: skip

    def _guard(self, provider: str, what: str) -> Guard:
        key = (provider, what)
        if key not in self._guards:
            self._guards[key] = Guard(f"{provider} {what}".rstrip(), self._health, self._chance, self._note)
        return self._guards[key]

    def _note(self, change: Change) -> None:
        """What is out may be others' address or credential too: until they look again, they ask."""
        self.changes.append(change)
        if change.after == "ejected":
            for member in self._known.values():
                member.is_open = False

    def choose(self, pool: Pool, start: StartAttempt, now: float, cap: float, need: Need) -> Lease | Away:
        """One of the pool's deployments for this attempt, or why none."""
        members = self._by_load(pool, now)
        if start.forced:
            return min(members, key=lambda member: member.badness(now)).force(now, stream=need.stream)
        refusals: list[Away] = []
        for member in members:
            found = member.consider(now, cap, need)
            if isinstance(found, Lease):
                return found
            refusals.append(found)
        return min(refusals, key=lambda away: (away.reason == "ejected", away.until, away.badness))

    def _by_load(self, pool: Pool, now: float) -> Pool:
        """The lighter of two drawn ones first, then the others."""
        if len(pool) == 1:
            return pool
        costs = [balance.cost(member.wait, now, member.in_flight) for member in pool]
        first = pool[balance.pick_two(costs, self._chance())]
        return (first, *(member for member in pool if member is not first))

    def lighter(self, pools: Sequence[Pool], now: float) -> int:
        """Which of these, all the same model, to ask: a place in the list. One whose ejection is over is asked, or nobody would probe it."""
        loads = [
            min(
                (balance.cost(member.wait, now, member.in_flight) for member in pool if member.is_open or not member.is_out(now)),
                default=None,
            )
            for pool in pools
        ]
        here = [place for place, load in enumerate(loads) if load is not None]
        if not here:
            return 0
        return here[balance.pick_two([loads[place] or 0.0 for place in here], self._chance())]

    def tick(self, now: float) -> None:
        """About once a second: what time alone changes, and what is only worked out now and then."""
        degraded: set[str] = set()
        slow: dict[str, tuple[float | None, float | None]] = {}
        for model, pool in self.pools.items():
            for member in pool:
                member.fold(now)
                member.refresh(now)
            if pool and all(member.own.standing(now) == "degraded" for member in pool):
                degraded.add(model)
            slow[model] = (_ms(_p95(pool, stream=True)), _ms(_p95(pool, stream=False)))
        self.deferred = {
            route.name: late
            for route in self._routes
            if route.objective != "static" and (late := frozenset(degraded | _later(route, slow)))
        }


def p95(member: Deployment, *, stream: bool) -> float | None:
    """Seconds to the first content of a stream, or to the end of an answer; None before there were enough."""
    return _p95((member,), stream=stream)


def _p95(pool: Pool, *, stream: bool) -> float | None:
    waits = [wait for member in pool for wait in (member.firsts if stream else member.totals)]
    return quantiles(waits, n=20)[-1] if len(waits) >= FEWEST_WAITS else None


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _later(route: Route, waits: Mapping[str, tuple[float | None, float | None]]) -> set[str]:
    """Models that are slower right now than the route prefers."""
    first, whole = route.prefers.ttft_ms, route.prefers.latency_p95_ms
    return {
        model
        for model, (ttft, total) in waits.items()
        if (first is not None and ttft is not None and ttft > first)
        or (whole is not None and total is not None and total > whole)
    }


_WORST_LAST: tuple[health.Standing, ...] = ("admitting", "degraded", "probing", "ejected")


def worst(member: Deployment, now: float) -> Guard:
    """Of all that guard it the one that stands worst: as it does, so does the deployment."""
    return max(member.guards, key=lambda guard: _WORST_LAST.index(guard.standing(now)))
