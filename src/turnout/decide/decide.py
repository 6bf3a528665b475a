"""One decision from traits, view and seed; and the same in full, for explain and replay."""

import msgspec

from turnout.decide.compiled import View
from turnout.decide.match import match
from turnout.decide.objectives import Ranking
from turnout.decide.order import order
from turnout.decide.price import Priced, price
from turnout.decide.route import choose
from turnout.types.decision import Candidate, Decision, Plan, Reason, Rejection
from turnout.types.traits import Traits


class Decided(msgspec.Struct, frozen=True, gc=False):
    """What the request's path needs of a decision: where to, why, and what the best model would have cost (the first baseline)."""

    route: str
    reason: Reason
    plan: Plan
    priced: list[Priced]
    ranking: Ranking | None
    rejections: tuple[Rejection, ...]


def decide(view: View, traits: Traits, seed: int) -> Decided:
    """The plan for a request: recomputable at any time from the same three values.

    Raises:
        TurnoutError: ``model_not_found``, ``forbidden`` or ``no_candidate``.
    """
    choice = choose(view, traits)
    found = match(choice, traits)
    priced = price(found.offers, traits, view.policy.value)
    ordered = order(choice, found, priced, traits, seed)
    return Decided(choice.lane.route.name, ordered.reason, ordered.plan, priced, ordered.ranking, found.rejections)


def in_full(decided: Decided) -> Decision:
    """The decision with its candidates and rejections, as explain shows it."""
    ranking = decided.ranking
    candidates = () if ranking is None else tuple(_candidate(priced, ranking) for priced in ranking.order)
    return Decision(decided.route, decided.reason, candidates, decided.rejections, decided.plan)


def _candidate(priced: Priced, ranking: Ranking) -> Candidate:
    offer = priced.offer
    return Candidate(
        model=offer.slot.id,
        quality=offer.quality,
        latency_p95_ms=offer.slot.p95_ms,
        cost=offer.cost,
        score=ranking.scores[offer.slot.id],
        probability=ranking.chances.get(offer.slot.id, 0.0),
        latency_cost=priced.latency,
        error_cost=priced.error,
        opportunity_cost=priced.opportunity,
    )
