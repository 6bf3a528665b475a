"""The objectives: each puts priced offers in order. Pure, small, one function each.

Where an objective weighs (cost, latency, quality, and balanced within a tier), the first key is the number of the route's
``prefers`` an offer misses, so that soft wishes come first and lose nobody; a listed order and a split are kept as they are.
A plan needs the first few of an order, so no more of it is sorted than somebody asks for; what explain shows of one (scores,
chances) is worked out only then.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby, pairwise
from math import inf
from operator import attrgetter

import msgspec

from turnout.decide.compiled import Ladder, ladder
from turnout.decide.mix import interval, rank
from turnout.decide.price import Offer, Offers
from turnout.decide.slot import Slot
from turnout.types.decision import Reason, ScoredBy
from turnout.types.money import PICO_PER_USD
from turnout.types.policy import Mix, Prefers, Route
from turnout.types.traits import Traits

NOTHING = Prefers()
EXPENSE = attrgetter("expense", "slot.id")


class Question(msgspec.Struct, frozen=True, gc=False):
    """What an objective may look at besides the offers. ``u`` in [0, 1) is stable for a session, else drawn from the seed."""

    route: Route
    traits: Traits
    ranks: tuple[float, ...]
    u: float


Order = Callable[[Offers, Question], Iterable[Offer]]
Chances = Callable[[list[Offer], Question], dict[str, float]]


def _certain(ordered: list[Offer], question: Question) -> dict[str, float]:  # noqa: ARG001 - the shape of Chances
    return {ordered[0].slot.id: 1.0}


class Objective(msgspec.Struct, frozen=True):
    """How a route's models are put in order, and how that is shown.

    ``order`` puts offers best first; ``score`` is the figure it went by and ``scored_by`` what that is; ``chances`` are those of
    having been first, over seeds.
    """

    reason: Reason
    order: Order
    scored_by: ScoredBy
    score: Callable[[Offer], float]
    chances: Chances = _certain


def as_listed(offers: Offers, question: Question) -> list[Offer]:  # noqa: ARG001 - the shape of Order
    """Static routes: the policy's own order."""
    return offers.all()


def by_weight(offers: Offers, question: Question) -> list[Offer]:
    """Weighted split: the first by ``u`` over the eligible weights, the others by weight."""
    listed = offers.all()
    shares = _shares(listed, question)
    if not shares:
        return listed
    mark, first = question.u, listed[-1]
    for one in listed:
        mark -= shares[one.slot.id]
        if mark < 0:
            first = one
            break
    return [first, *sorted((other for other in listed if other is not first), key=lambda other: -shares[other.slot.id])]


def cheapest(offers: Offers, question: Question) -> list[Offer]:
    """Lowest expected expense; unknown prices last, then the better, then by name."""
    missed = _misses(question.route.prefers)
    keyed = [(missed(one), one.expense, -one.worth, one.slot.id, one) for one in offers.all()]
    return [key[-1] for key in sorted(keyed)]


def fastest(offers: Offers, question: Question) -> list[Offer]:
    """Lowest p95 latency; unknown latencies last, ties by expense."""
    missed = _misses(question.route.prefers)
    keyed = [(missed(one), _p95(one), one.expense, one.slot.id, one) for one in offers.all()]
    return [key[-1] for key in sorted(keyed)]


def best(offers: Offers, question: Question) -> Iterator[Offer]:
    """Of those within the route's band of the best quality the cheapest; then the others by quality."""
    return _best(offers.ladder(), offers, question)


def _best(order: Ladder, offers: Offers, question: Question) -> Iterator[Offer]:
    route, task = question.route, offers.topic
    if route.prefers == NOTHING:
        return _banded(order, offers, task)
    missed, by_misses = _misses(route.prefers), dict[int, list[Slot]]()
    for one in offers.of((*order.within, *order.behind)):
        by_misses.setdefault(missed(one), []).append(one.slot)
    orders = (ladder(by_misses[misses], task, route.band) for misses in sorted(by_misses))
    return (one for group in orders for one in _banded(group, offers, task))


def _banded(order: Ladder, offers: Offers, task: str | None) -> Iterator[Offer]:
    """The cheapest first of those within the band, then of those of each next quality; priced when they are reached."""
    yield from sorted(offers.of(order.within), key=EXPENSE)
    for _, equals in groupby(order.behind, key=lambda slot: slot.worth(task)):
        yield from sorted(offers.of(equals), key=EXPENSE)


def balanced(offers: Offers, question: Question) -> Iterator[Offer]:
    """The target mix: the request's rank among recent complexities names a tier, in it the best within the band that is cheapest.

    A caller that states its quality need as critical asks for premium, one that states its cost as critical for cheap: stated, not
    inferred, or the mix would not hold. Empty tiers give way to the next one up, then down.
    """
    traits = question.traits
    wanted = _stated_tier(traits)
    if wanted is None:
        wanted = _tier_at(question.route.mix, rank(question.ranks, traits.complexity, question.u))
    for tier in _outward(wanted):
        if (order := offers.ladder(tier)).within:
            yield from _best(order, offers, question)


def _balanced_chances(ordered: list[Offer], question: Question) -> dict[str, float]:
    if _stated_tier(question.traits) is not None:
        return _certain(ordered, question)
    groups, chances = _by_tier(ordered), dict[str, float]()
    for tier, chance in enumerate(_tier_chances(question.route.mix, interval(question.ranks, question.traits.complexity))):
        id_ = next(groups[place] for place in _outward(tier) if groups[place])[0].slot.id
        chances[id_] = chances.get(id_, 0.0) + chance
    return chances


def _shares(offers: list[Offer], question: Question) -> dict[str, float]:
    """Weights of what may serve, summing to 1; empty when all of them are zero."""
    weights = dict(question.route.split)
    total = sum(weights[one.slot.id] for one in offers)
    return {one.slot.id: weights[one.slot.id] / total for one in offers} if total > 0 else {}


def _misses(prefers: Prefers) -> Callable[[Offer], int]:
    """How many of the route's wishes an offer misses; an unknown figure misses."""
    if prefers == NOTHING:
        return lambda _: 0

    def missed(offer: Offer) -> int:
        slot = offer.slot
        return (
            (prefers.quality is not None and offer.worth < prefers.quality)
            + (prefers.cost_per_request is not None and (offer.cost is None or offer.cost > prefers.cost_per_request))
            + (prefers.latency_p95_ms is not None and (slot.p95_ms is None or slot.p95_ms > prefers.latency_p95_ms))
            + (prefers.ttft_ms is not None and (slot.ttft_ms is None or slot.ttft_ms > prefers.ttft_ms))
        )

    return missed


def _expense_usd(offer: Offer) -> float:
    return offer.expense / PICO_PER_USD


def _worth(offer: Offer) -> float:
    return round(offer.worth, 2)


def _p95(offer: Offer) -> float:
    return inf if offer.slot.p95_ms is None else offer.slot.p95_ms


def _by_tier(offers: list[Offer]) -> tuple[list[Offer], ...]:
    groups: tuple[list[Offer], ...] = ([], [], [])
    for one in offers:
        groups[one.slot.tier].append(one)
    return groups


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


def _outward(tier: int) -> tuple[int, ...]:
    return ((0, 1, 2), (1, 2, 0), (2, 1, 0))[tier]


def _stated_tier(traits: Traits) -> int | None:
    if traits.quality.value == "critical" and traits.quality.source.startswith("tag"):
        return 2
    if traits.cost.value == "critical" and traits.cost.source.startswith("tag"):
        return 0
    return None


SPLIT = Objective(
    "split",
    by_weight,
    "expense_usd",
    _expense_usd,
    lambda ordered, question: _shares(ordered, question) or _certain(ordered, question),
)
OBJECTIVES: Mapping[str, Objective] = {
    "static": Objective("static", as_listed, "expense_usd", _expense_usd),
    "cost": Objective("cheapest", cheapest, "expense_usd", _expense_usd),
    "latency": Objective("fastest", fastest, "latency_p95_ms", _p95),
    "quality": Objective("best", best, "quality", _worth),
    "balanced": Objective("balanced", balanced, "quality", _worth, _balanced_chances),
}


def objective_of(route: Route) -> Objective:
    """A split is a static route whose first choice is drawn."""
    return SPLIT if route.split else OBJECTIVES[route.objective]
