"""One decision from traits, view and seed; and the same in full, for explain and replay."""

import msgspec

from turnout.decide.compiled import Lane, View
from turnout.decide.match import Match, match
from turnout.decide.objectives import objective_of
from turnout.decide.order import Ordered, order
from turnout.decide.price import Offers
from turnout.decide.route import choose
from turnout.decide.slot import Slot
from turnout.types.decision import Candidate, Decision, Plan, Reason
from turnout.types.policy import Route
from turnout.types.traits import Traits


class Decided(msgspec.Struct, frozen=True, gc=False):
    """What a request keeps of its decision while it is answered. ``best`` is the best model that could have served, at any price."""

    route: Route
    reason: Reason
    plan: Plan
    best: Slot | None


def decide(view: View, traits: Traits, seed: int) -> Decided:
    """The plan for a request: recomputable at any time from the same three values.

    Raises:
        TurnoutError: ``model_not_found``, ``forbidden`` or ``no_candidate``.
    """
    lane, _, offers, ordered = _worked_out(view, traits, seed)
    return Decided(lane.route, ordered.reason, ordered.plan, offers.best())


def in_full(view: View, traits: Traits, seed: int) -> Decision:
    """The same decision with its candidates and rejections, as explain shows it. Raises as :func:`decide`."""
    lane, found, offers, ordered = _worked_out(view, traits, seed)
    objective = objective_of(ordered.question.route)
    queue = list(objective.order(offers, ordered.question)) if offers else []
    chances = objective.chances(queue, ordered.question) if queue else {}
    if ordered.reason == "sticky":  # held there, whatever is drawn
        chances = {ordered.plan.steps[0].model: 1.0}
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
        for offer in queue
    )
    return Decision(
        lane.route.name, ordered.reason, candidates, found.rejections, ordered.plan, objective.scored_by
    )  # fmt: skip


def _worked_out(view: View, traits: Traits, seed: int) -> tuple[Lane, Match, Offers, Ordered]:
    lane = choose(view, traits)
    found = match(lane, traits)
    offers = Offers(lane, found.slots, found.reserve, traits, view.policy.value)
    return lane, found, offers, order(lane, offers, found.arms, traits, seed)
