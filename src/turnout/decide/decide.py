"""One decision from traits, view and seed; and the same in full, for explain and replay."""

import msgspec

from turnout.decide.compiled import View
from turnout.decide.match import match
from turnout.decide.objectives import Question, objective_of
from turnout.decide.order import order
from turnout.decide.price import Priced, price
from turnout.decide.route import choose
from turnout.types.decision import Candidate, Decision, Plan, Reason, Rejection
from turnout.types.traits import Traits


class Decided(msgspec.Struct, frozen=True, gc=False):
    """What the request's path needs of a decision, and what explain needs to show all of it."""

    route: str
    reason: Reason
    plan: Plan
    offers: list[Priced]
    question: Question
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
    return Decided(choice.lane.route.name, ordered.reason, ordered.plan, ordered.offers, ordered.question, found.rejections)


def in_full(decided: Decided) -> Decision:
    """The decision with its candidates and rejections, as explain shows it."""
    objective = objective_of(decided.question.route)
    chances = objective.chances(decided.offers, decided.question) if decided.offers else {}
    candidates = tuple(
        Candidate(
            model=priced.offer.slot.id,
            quality=priced.offer.quality,
            latency_p95_ms=priced.offer.slot.p95_ms,
            cost=priced.offer.cost,
            score=objective.score(priced),
            probability=chances.get(priced.offer.slot.id, 0.0),
            latency_cost=priced.latency,
            error_cost=priced.error,
            opportunity_cost=priced.opportunity,
        )
        for priced in decided.offers
    )
    return Decision(decided.route, decided.reason, candidates, decided.rejections, decided.plan)
