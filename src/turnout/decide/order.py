"""From offers to a plan: the objective's order, the session's model kept, the fallbacks behind."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from itertools import chain, islice

import msgspec
from msgspec.structs import replace

from turnout.decide.compiled import Armed, Lane, twin_of
from turnout.decide.drawn import Choice, chosen
from turnout.decide.match import Match
from turnout.decide.objectives import Question, objective_of
from turnout.decide.price import Offer, Offers, by_tokens
from turnout.decide.route import DIRECT_ROUTE
from turnout.decide.slot import Slot
from turnout.types.checks import Check
from turnout.types.decision import NOT_DRAWN, Drawn, Plan, Reason, Step
from turnout.types.money import PicoDollars
from turnout.types.policy import FaultCondition, Route
from turnout.types.traits import Traits

ANY: frozenset[FaultCondition] = frozenset({"any"})
ELSEWHERE: frozenset[FaultCondition] = frozenset({"rate_limited", "unavailable"})
"""What another model of the same route can help against."""
ROOMIER: frozenset[FaultCondition] = ELSEWHERE | {"context_overflow"}


_FIXED: frozenset[Reason] = frozenset({"static", "split", "trial", "direct", "sticky", "explore"})
"""What was written, drawn, asked for or kept for a session serves itself, though the same model is to be had elsewhere."""


class Ordered(msgspec.Struct, frozen=True, gc=False):
    """The plan, its reason, and the question that the objective answered with it.

    ``own`` is what it chose from, ``first`` what the plan began with if the request were in no trial's candidate arm, and ``why``.
    """

    plan: Plan
    reason: Reason
    question: Question
    own: Offers
    first: Offer | None
    why: Reason
    drawn: Drawn


def order(lane: Lane, offers: Offers, found: Match, traits: Traits, seed: int) -> Ordered:
    """Put what may serve in order and bound it by the route's limits and the request's own."""
    route = lane.route
    question = Question(route, traits, lane.ranks, _share(route, traits, seed))
    objective = objective_of(route)
    own = offers if found.candidate is None else offers.without(found.candidate)
    queue = iter(objective.order(own, question) if own else ())
    winner = next(queue, None)
    first, reason = winner, objective.reason
    if winner is None:
        reason = "fallback"
    elif (held := _held(winner, own, route, traits)) is not None and held.slot is not winner.slot:
        first, reason, slot = held, "sticky", held.slot
        queue = (other for other in chain((winner,), queue) if other.slot is not slot)
    elif route is DIRECT_ROUTE:
        reason = "direct"
    drawn = NOT_DRAWN
    if not lane.is_plain:
        first, reason, queue, drawn = chosen(Choice(first, reason, queue), lane, found, offers, traits, seed)
    reserve = {offer.slot.id: offer for offer in offers.reserve() if first is None or offer.slot is not first.slot}
    room = max(0, route.attempts - 1 - len(reserve))
    others: list[Offer] = []
    if first is not None and room:
        others = _elsewhere_first(first, queue, room, lane.providers, reserve)
    shares = first is not None and first.slot.id in lane.twins and reason not in _FIXED
    twins = _twins(first, offers, reserve) if first is not None and shares else []
    if twins:
        taken = {twin.slot.id for twin in twins}
        others = twins + [other for other in others if other.slot.id not in taken]
    deadline = route.deadline if traits.deadline_ms is None else min(route.deadline, traits.deadline_ms / 1_000)
    steps = _steps(route, first, others, reserve, reason)
    attempts = route.attempts
    if found.arms and (held_back := _arms(route, found.arms, steps, traits)):
        steps, attempts = held_back + steps, attempts + len(held_back)
    plan = Plan(
        steps, attempts, deadline, _tighter(route.budget, traits.max_cost), route.journal_required,
        0 if first is None else 1 + len(others), 1 + len(twins), route.hedge, lane.patience,
    )  # fmt: skip
    if found.candidate is not None and drawn.side == "candidate":
        return Ordered(_on_trial(plan, found.candidate, route, traits), "trial", question, own, first, reason, drawn)
    return Ordered(plan, reason, question, own, first, reason, drawn)


def _arms(route: Route, arms: tuple[Armed, ...], steps: tuple[Step, ...], traits: Traits) -> tuple[Step, ...]:
    """The cascade's steps for this request. Where the route would begin with the same model there is nothing to save."""
    due = [arm for arm in arms if (arm.test is None or arm.test(traits)) and arm.slot.id != steps[0].model]
    offers = by_tokens([arm.slot for arm in due], traits)
    return tuple(
        Step(arm.slot.id, ANY, "cascade", offer.cost, route.timeouts, arm.checks) for arm, offer in zip(due, offers, strict=True)
    )


def _on_trial(plan: Plan, candidate: Slot, route: Route, traits: Traits) -> Plan:
    """The candidate in front of the ordinary plan, with an attempt of its own: on trial or not, nobody has fewer to fall back on.

    With checks it is a cascade's step before all others. Without it takes the place of the route's own choice, behind a cascade's steps,
    which is where it would serve if it were adopted.
    """
    assert route.trial is not None, "there is a candidate"
    (offer,), checks = by_tokens((candidate,), traits), route.trial.checks
    step = Step(candidate.id, ANY, "trial", offer.cost, route.timeouts, checks)
    arms = tuple(each for each in plan.steps if each.checks and each.model != candidate.id)
    rest = tuple(each for each in plan.steps if not each.checks)
    if checks:
        return replace(plan, steps=(step, *arms, *rest), attempts=plan.attempts + 1)
    own = sum(each.model != candidate.id for each in rest[: plan.own])
    before = replace(rest[0], reason="fallback", on=ANY)
    others = tuple(each for each in rest[1:] if each.model != candidate.id)
    return replace(plan, steps=(*arms, step, before, *others), attempts=plan.attempts + 1, own=1 + own, equal=1)


def _twins(first: Offer, offers: Offers, reserve: Mapping[str, Offer]) -> list[Offer]:
    """The same model at the same price elsewhere: which of them serves is a matter of load, and dispatch's business."""
    kind = twin_of(first.slot)
    return [
        offer
        for offer in offers.all()
        if offer.slot is not first.slot
        and offer.slot.id not in reserve
        and offer.cost == first.cost
        and twin_of(offer.slot) == kind
    ]


def digest(route: str, plan: Plan) -> str:
    """16 hex digits that two equal plans share: what the record keeps of a plan. Expected costs follow from the same inputs."""
    steps = tuple([(step.model, step.reason, step.on, step.checks) for step in plan.steps])
    return _digest(route, plan.attempts, plan.deadline, plan.budget, steps)


@lru_cache(maxsize=4096)
def _digest(
    route: str,
    attempts: int,
    deadline: float,
    budget: int | None,
    steps: tuple[tuple[str, str, frozenset[FaultCondition], tuple[Check, ...]], ...],
) -> str:
    """Most requests of a route get one of a few plans, so it is remembered."""
    text = "|".join(
        f"{model}:{reason}:{','.join(sorted(on))}{f':{checks}' if checks else ''}" for model, reason, on, checks in steps
    )
    return blake2b(f"{route}|{attempts}|{deadline}|{budget}|{text}".encode(), digest_size=8).hexdigest()


def _share(route: Route, traits: Traits, seed: int) -> float:
    """A number in [0, 1) that is the same for every request of a session, and for every replay; 0 where nothing is drawn."""
    if not route.split and route.objective != "balanced":
        return 0.0
    if traits.session is None:
        return seed / 2**63
    return int.from_bytes(blake2b(f"{route.name}:{traits.session}".encode(), digest_size=8).digest(), "big") / 2**64


def _held(winner: Offer, offers: Offers, route: Route, traits: Traits) -> Offer | None:
    """The model this session is on, if it is still good enough to stay with.

    A switch throws away the provider's prompt cache and changes the voice of a conversation, so it needs a reason: more quality than the
    band allows to miss (quality, balanced), or a price that beats even the cached one (cost).
    """
    if traits.held is None or not route.sticky or route.objective == "static":
        return None
    held = offers.of_model(traits.held)
    if held is None:
        return None
    if route.objective in ("quality", "balanced"):
        stays = held.worth >= winner.worth - route.band
    elif route.objective == "cost":
        warm = _warm(held, traits)
        stays = warm is not None and winner.cost is not None and warm <= winner.cost
    else:
        stays = True
    return held if stays else None


def _warm(offer: Offer, traits: Traits) -> int | None:
    """Expected cost with the conversation's tokens read from the provider's cache, where it has one."""
    if offer.cost is None or offer.slot.tiers is None:
        return None
    rate = offer.slot.tiers[0]
    return offer.cost if rate.cache_read is None else offer.cost - (rate.input - rate.cache_read) * traits.tokens


def _steps(
    route: Route, first: Offer | None, others: list[Offer], reserve: Mapping[str, Offer], first_reason: Reason
) -> tuple[Step, ...]:
    """The first, then the others on what another model can help against, then the policy's fallbacks on what it says.

    A model that is both keeps its place among the others, and serves on either's conditions.
    """
    timeouts = route.timeouts
    written = {fallback.model: fallback.on for fallback in route.fallback} if reserve else {}
    steps: list[Step] = []
    if first is not None:
        steps.append(Step(first.slot.id, ANY, first_reason, first.cost, timeouts))
        context = first.slot.context or 0
        for other in others:
            on = ROOMIER if (other.slot.context or 0) > context else ELSEWHERE
            if other.slot.id in reserve:
                on |= written.pop(other.slot.id)
            steps.append(Step(other.slot.id, on, "fallback", other.cost, timeouts))
    if reserve:
        steps += [Step(id_, written[id_], "fallback", offer.cost, timeouts) for id_, offer in reserve.items() if id_ in written]
    return tuple(steps)


def _elsewhere_first(
    first: Offer, queue: Iterator[Offer], room: int, providers: frozenset[str], reserve: Mapping[str, Offer]
) -> list[Offer]:
    """The next in the objective's order, those of another provider before those that would share the first one's outage.

    ``room`` is for those that are not in the ``reserve`` too, which have theirs already.
    """
    provider = first.slot.provider
    if providers == {provider}:
        return _as_fit(queue, room, reserve)
    elsewhere: list[Offer] = []
    near: list[Offer] = []
    for other in queue:
        if other.slot.provider == provider:
            near.append(other)
            continue
        elsewhere.append(other)
        if len(elsewhere) == room + len(reserve):
            break
    return _as_fit(chain(elsewhere, near), room, reserve)


def _as_fit(queue: Iterator[Offer], room: int, reserve: Mapping[str, Offer]) -> list[Offer]:
    if not reserve:
        return list(islice(queue, room))
    fitting: list[Offer] = []
    for other in queue:
        if other.slot.id not in reserve:
            if not room:
                break
            room -= 1
        fitting.append(other)
    return fitting


def _tighter(one: PicoDollars | None, other: PicoDollars | None) -> PicoDollars | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
