"""The objectives: each puts priced offers in order and says how. Pure, small, one function each.

All share a first key: the number of the route's ``prefers`` an offer misses, so that soft wishes come first and lose nobody.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from math import inf

import msgspec

from turnout.decide.compiled import TIERS
from turnout.decide.mix import interval, rank
from turnout.decide.price import Priced
from turnout.types.decision import Reason
from turnout.types.policy import Mix, Prefers, Route
from turnout.types.traits import Traits


class Question(msgspec.Struct, frozen=True, gc=False):
    """What an objective may look at besides the offers. ``u`` in [0, 1) is stable for a session, else drawn from the seed."""

    route: Route
    traits: Traits
    ranks: tuple[float, ...]
    u: float


class Ranking(msgspec.Struct, frozen=True, gc=False):
    """Offers best first, with what each was ordered by (smaller is better) and the chance, over seeds, of having been first."""

    order: list[Priced]
    reason: Reason
    scores: dict[str, float]
    chances: dict[str, float]


Objective = Callable[[list[Priced], Question], Ranking]


def _certain(order: list[Priced], reason: Reason, scores: dict[str, float]) -> Ranking:
    return Ranking(order, reason, scores, {order[0].offer.slot.id: 1.0})


def as_listed(offers: list[Priced], question: Question) -> Ranking:  # noqa: ARG001 - an objective's signature
    """Static routes: the policy's own order."""
    return _certain(offers, "static", {priced.offer.slot.id: float(place) for place, priced in enumerate(offers)})


def by_weight(offers: list[Priced], question: Question) -> Ranking:
    """Weighted split: the first by ``u`` over the eligible weights, the others by weight."""
    weights = dict(question.route.split)
    shares = [(weights[priced.offer.slot.id], priced) for priced in offers]
    total = sum(weight for weight, _ in shares)
    if total <= 0:
        return as_listed(offers, question)
    mark, first = question.u * total, shares[-1][1]
    for weight, priced in shares:
        mark -= weight
        if mark < 0:
            first = priced
            break
    rest = sorted((item for item in shares if item[1] is not first), key=lambda item: -item[0])
    order = [first, *(priced for _, priced in rest)]
    chances = {priced.offer.slot.id: weight / total for weight, priced in shares}
    return Ranking(order, "split", {id_: -chance for id_, chance in chances.items()}, chances)


def cheapest(offers: list[Priced], question: Question) -> Ranking:
    """Lowest expected total; unknown prices last."""
    prefers = question.route.prefers
    order = sorted(offers, key=lambda priced: (_misses(priced, prefers), _cost(priced), -_quality(priced), priced.offer.slot.id))
    return _certain(order, "cheapest", {priced.offer.slot.id: _cost(priced) / 1e12 for priced in offers})


def fastest(offers: list[Priced], question: Question) -> Ranking:
    """Lowest p95 latency; unknown latencies last, ties by cost."""
    prefers = question.route.prefers
    order = sorted(offers, key=lambda priced: (_misses(priced, prefers), _p95(priced), _cost(priced), priced.offer.slot.id))
    return _certain(order, "fastest", {priced.offer.slot.id: _p95(priced) for priced in offers})


def best(offers: list[Priced], question: Question) -> Ranking:
    """Of those within the route's band of the best quality the cheapest; then the others by quality."""
    route = question.route
    least_missed = min(_misses(priced, route.prefers) for priced in offers)
    top = max(_quality(priced) for priced in offers if _misses(priced, route.prefers) == least_missed)

    def key(priced: Priced) -> tuple[int, bool, float, float, str]:
        quality = _quality(priced)
        inside = quality >= top - route.band
        return _misses(priced, route.prefers), not inside, 0.0 if inside else -quality, _cost(priced), priced.offer.slot.id

    return _certain(sorted(offers, key=key), "best", {priced.offer.slot.id: -_quality(priced) for priced in offers})


def balanced(offers: list[Priced], question: Question) -> Ranking:
    """The target mix: the request's rank among recent complexities names a tier, in it the best within the band that is cheapest.

    A caller that states its quality need as critical asks for premium, one that states its cost as critical for cheap: stated, not
    inferred, or the mix would not hold. Empty tiers give way to the next one up, then down.
    """
    mix, traits = question.route.mix, question.traits
    stated = _stated_tier(traits)
    wanted = stated if stated is not None else _tier_at(mix, rank(question.ranks, traits.complexity, question.u))
    groups: list[list[Priced]] = [[], [], []]
    for priced in offers:
        groups[_tier(priced)].append(priced)
    order: list[Priced] = []
    scores: dict[str, float] = {}
    for distance, tier in enumerate(_outward(wanted)):
        if groups[tier]:
            order += best(groups[tier], question).order
            scores |= {priced.offer.slot.id: float(distance) for priced in groups[tier]}
    chances = {} if stated is None else {order[0].offer.slot.id: 1.0}
    if stated is None:
        for tier, chance in enumerate(_tier_chances(mix, interval(question.ranks, traits.complexity))):
            serving = next(groups[place] for place in _outward(tier) if groups[place])
            id_ = best(serving, question).order[0].offer.slot.id
            chances[id_] = chances.get(id_, 0.0) + chance
    return Ranking(order, "balanced", scores, chances)


OBJECTIVES: Mapping[str, Objective] = {
    "static": as_listed,
    "cost": cheapest,
    "latency": fastest,
    "quality": best,
    "balanced": balanced,
}


def _misses(priced: Priced, prefers: Prefers) -> int:
    slot, missed = priced.offer.slot, 0
    if prefers.quality is not None and _quality(priced) < prefers.quality:
        missed += 1
    if prefers.cost_per_request is not None and (priced.offer.cost is None or priced.offer.cost > prefers.cost_per_request):
        missed += 1
    if prefers.latency_p95_ms is not None and (slot.p95_ms is None or slot.p95_ms > prefers.latency_p95_ms):
        missed += 1
    if prefers.ttft_ms is not None and (slot.ttft_ms is None or slot.ttft_ms > prefers.ttft_ms):
        missed += 1
    return missed


def _cost(priced: Priced) -> float:
    return inf if priced.total is None else priced.total


def _p95(priced: Priced) -> float:
    return inf if priced.offer.slot.p95_ms is None else priced.offer.slot.p95_ms


def _quality(priced: Priced) -> float:
    """Unknown quality sorts as zero: it is never preferred over a known one."""
    return priced.offer.quality or 0.0


def _tier(priced: Priced) -> int:
    """Unknown prices count as premium: never mistaken for cheap."""
    return TIERS.index(priced.offer.slot.tier) if priced.offer.slot.tier is not None else len(TIERS) - 1


def _tier_at(mix: Mix, place: float) -> int:
    if place * 100 < mix.cheap:
        return 0
    return 1 if place * 100 < mix.cheap + mix.mid else 2


def _tier_chances(mix: Mix, ranks: tuple[float, float]) -> list[float]:
    low, high = ranks[0] * 100, ranks[1] * 100
    if high <= low:
        chances = [0.0, 0.0, 0.0]
        chances[_tier_at(mix, ranks[0])] = 1.0
        return chances
    edges = (0.0, mix.cheap, mix.cheap + mix.mid, 100.0)
    return [max(0.0, min(high, upper) - max(low, lower)) / (high - low) for lower, upper in pairwise(edges)]


def _outward(tier: int) -> list[int]:
    return [*range(tier, len(TIERS)), *range(tier - 1, -1, -1)]


def _stated_tier(traits: Traits) -> int | None:
    if traits.quality.value == "critical" and traits.quality.source.startswith("tag"):
        return 2
    if traits.cost.value == "critical" and traits.cost.source.startswith("tag"):
        return 0
    return None
