"""One decision from traits, view and seed; and the same in full, for explain and replay."""

import msgspec

from turnout.decide.compiled import View
from turnout.decide.match import Offer, match
from turnout.decide.objectives import Question, objective_of
from turnout.decide.order import order
from turnout.decide.price import price
from turnout.decide.route import choose
from turnout.types.decision import Candidate, Decision, Plan, Reason, Rejection
from turnout.types.traits import Traits


class Decided(msgspec.Struct, frozen=True, gc=False):
    """What the request's path needs of a decision, and what explain needs to show all of it. ``offers`` are in no order."""

    route: str
    reason: Reason
    plan: Plan
    offers: list[Offer]
    question: Question
    rejections: list[Rejection]


def decide(view: View, traits: Traits, seed: int) -> Decided:
    """The plan for a request: recomputable at any time from the same three values.

    Raises:
        TurnoutError: ``model_not_found``, ``forbidden`` or ``no_candidate``.
    """
    choice = choose(view, traits)
    found = match(choice, traits)
    offers = price(found.offers, traits, view.policy.value)
    ordered = order(choice, found, offers, traits, seed)
    return Decided(choice.lane.route.name, ordered.reason, ordered.plan, offers, ordered.question, found.rejections)


def in_full(decided: Decided) -> Decision:
    """The decision with its candidates and rejections, as explain shows it."""
    objective = objective_of(decided.question.route)
    offers = list(objective.order(decided.offers, decided.question)) if decided.offers else []
    chances = objective.chances(offers, decided.question) if offers else {}
    candidates = tuple(
        Candidate(
            model=offer.slot.id,
            quality=offer.quality,
            latency_p95_ms=offer.slot.p95_ms,
            cost=offer.cost,
            score=objective.score(offer),
            probability=chances.get(offer.slot.id, 0.0),
            latency_cost=offer.latency,
            error_cost=offer.error,
            opportunity_cost=offer.opportunity,
        )
        for offer in offers
    )
    return Decision(decided.route, decided.reason, candidates, tuple(decided.rejections), decided.plan, objective.scored_by)
