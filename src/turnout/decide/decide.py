"""One decision from traits, view and seed; and the same in full, for explain and replay."""

import msgspec

from turnout.decide.compiled import Lane, View
from turnout.decide.drawn import explores
from turnout.decide.match import Match, match
from turnout.decide.objectives import objective_of
from turnout.decide.order import Ordered, order
from turnout.decide.price import Offer, Offers
from turnout.decide.route import choose
from turnout.decide.slot import Slot
from turnout.types.decision import NOT_DRAWN, Candidate, Decision, Drawn, Plan, Reason
from turnout.types.policy import Route
from turnout.types.traits import Traits


class Decided(msgspec.Struct, frozen=True, gc=False):
    """What a request keeps of its decision while it is answered. ``best`` is the best model that could have served, at any price."""

    route: Route
    reason: Reason
    plan: Plan
    best: Slot | None
    drawn: Drawn = NOT_DRAWN


_Worked = tuple[Lane, Match, Offers, Ordered]


def decide(view: View, traits: Traits, seed: int) -> Decided:
    """The plan for a request: recomputable at any time from the same three values.

    Raises:
        TurnoutError: ``model_not_found``, ``forbidden`` or ``no_candidate``.
    """
    lane, _, offers, ordered = _worked_out(view, traits, seed)
    return Decided(lane.route, ordered.reason, ordered.plan, offers.best(), ordered.drawn)


def in_full(view: View, traits: Traits, seed: int) -> Decision:
    """The same decision with its candidates and rejections, as explain shows it. Raises as :func:`decide`."""
    worked = _worked_out(view, traits, seed)
    lane, found, offers, ordered = worked
    objective = objective_of(ordered.question.route)
    queue = list(objective.order(ordered.own, ordered.question)) if ordered.own else []
    chances = _chances(worked, queue, traits)
    listed = {offer.slot.id for offer in queue}
    beside = [slot for slot in (found.segment, found.candidate) if slot is not None and slot.id not in listed]
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
        for offer in (*queue, *offers.of(beside))
    )
    return Decision(
        lane.route.name, ordered.reason, candidates, found.rejections, ordered.plan, objective.scored_by, ordered.drawn
    )  # fmt: skip


def _chances(worked: _Worked, queue: list[Offer], traits: Traits) -> dict[str, float]:
    """How likely each was to be the first, a cascade's steps aside: by the objective unless it is held or written, then by what is drawn."""
    lane, found, _, ordered = worked
    if ordered.first is not None and (ordered.why == "sticky" or found.segment is not None):
        chances = {ordered.first.slot.id: 1.0}
    else:
        chances = objective_of(lane.route).chances(queue, ordered.question) if queue else {}
    if explores(lane, found, traits):
        share, each = lane.explore, lane.explore / len(found.slots)
        chances = {slot.id: each + (1 - share) * chances.get(slot.id, 0.0) for slot in found.slots}
    if found.candidate is not None and lane.route.trial is not None:
        share = lane.route.trial.share
        chances = {**{model: (1 - share) * chance for model, chance in chances.items()}, found.candidate.id: share}
    return chances


def _worked_out(view: View, traits: Traits, seed: int) -> _Worked:
    lane = choose(view, traits)
    found = match(lane, traits)
    offers = Offers(lane, found.slots, found.reserve, traits, view.policy.value)
    return lane, found, offers, order(lane, offers, found, traits, seed)
