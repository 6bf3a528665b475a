"""What may serve this request, and why the others may not. Constraints fail closed."""

from collections.abc import Callable, Iterable

import msgspec
from msgspec.structs import replace

from turnout.decide.compiled import Armed, Lane, Placed, lacking
from turnout.decide.price import by_tokens
from turnout.decide.slot import Slot
from turnout.dialects.features import lossy
from turnout.errors import Code, TurnoutError
from turnout.types.decision import Rejection
from turnout.types.models import Modality, names
from turnout.types.money import usd
from turnout.types.policy import Route
from turnout.types.traits import Traits

Judge = Callable[[Slot], Rejection | None]


class Match(msgspec.Struct, frozen=True):
    """``slots`` of the route's own models, ``reserve`` of its fallbacks and ``arms`` of its cascade in their order.

    ``segment`` is the model of the route's segment that the request falls into, ``candidate`` that of the trial it is exposed to.
    """

    slots: tuple[Slot, ...]
    reserve: tuple[Slot, ...]
    rejections: tuple[Rejection, ...]
    arms: tuple[Armed, ...] = ()
    segment: Slot | None = None
    candidate: Slot | None = None


def match(lane: Lane, traits: Traits) -> Match:
    """Split a route's models into those that may serve and those that may not.

    Raises:
        NoCandidate: naming what was missing, when nothing is left.
    """
    rejects = _judge(lane, traits)
    found = _split(lane, rejects) if rejects is not None else Match(lane.slots, lane.reserve, lane.refused, lane.arms)
    if not lane.is_plain:
        found = _released(found, lane, traits, rejects)
    if not found.slots and not found.reserve and found.segment is None:
        raise NoCandidate(lane.route, found.rejections)
    return found


def _judge(lane: Lane, traits: Traits) -> Judge | None:
    """What keeps a slot from serving this request, as a question to ask of it. None where nothing in it can rule out a slot of the lane."""
    needs = lane.route.needs
    easy = lane.common is not None and lane.common.covers(traits)
    limited = (
        needs.quality is not None or needs.cost_per_request is not None or traits.max_cost is not None or bool(traits.models)
    )
    if easy and not limited:
        return None

    def rejects(slot: Slot) -> Rejection | None:
        rejection = None if easy else _incapable(slot, traits, lane.tolerance) or _too_small(slot, traits)
        return rejection or (_outside(slot, lane, traits) if limited else None)

    return rejects


def _split(lane: Lane, rejects: Judge) -> Match:
    rejections = list(lane.refused)
    slots: list[Slot] = []
    reserve: list[Slot] = []
    for slot in lane.slots:
        if (rejection := rejects(slot)) is None:
            slots.append(slot)
        else:
            rejections.append(rejection)
    for slot in lane.reserve:
        if (rejection := rejects(slot)) is None:
            reserve.append(slot)
        elif slot not in lane.slots:  # one that is a candidate too has been refused once already
            rejections.append(rejection)
    arms = lane.arms
    if arms:
        verdicts = [(arm, rejects(arm.slot)) for arm in arms]
        arms = tuple(arm for arm, rejection in verdicts if rejection is None)
        known = {rejection.model for rejection in rejections}
        rejections += [rejection for _, rejection in verdicts if rejection is not None and rejection.model not in known]
    return Match(tuple(slots), tuple(reserve), tuple(rejections), arms)


def _released(found: Match, lane: Lane, traits: Traits, rejects: Judge | None) -> Match:
    """With the first segment whose model may serve; exposed to the trial if its model may serve, and another one without it."""
    rejections = list(found.rejections)

    def serves(part: Placed) -> bool:
        if not part.fits(traits):
            return False
        rejection = rejects(part.slot) if rejects is not None else None
        if rejection is not None and all(known.model != rejection.model for known in rejections):
            rejections.append(rejection)
        return rejection is None

    segment = next((part.slot for part in lane.segments if serves(part)), None)
    candidate = lane.trial.slot if lane.trial is not None and serves(lane.trial) else None
    without = (segment,) if segment is not None else found.slots or found.reserve[:1]
    if all(slot is candidate for slot in without):
        candidate = None
    return replace(found, rejections=tuple(rejections), segment=segment, candidate=candidate)


def may_serve(slot: Slot, lane: Lane, traits: Traits) -> bool:
    """Whether a model that is not of the lane could serve this request of it."""
    return (_incapable(slot, traits, lane.tolerance) or _too_small(slot, traits) or _outside(slot, lane, traits)) is None


def _incapable(slot: Slot, traits: Traits, tolerance: int) -> Rejection | None:
    if missing := traits.input & ~slot.input:
        return Rejection(slot.id, "modality", f"no {', '.join(names(Modality(missing)))} input")
    if missing := traits.output & ~slot.output:
        return Rejection(slot.id, "modality", f"no {', '.join(names(Modality(missing)))} output")
    if missing := traits.features & ~(slot.features | (slot.unknown_features & tolerance)):
        return Rejection(slot.id, "feature", lacking(missing, slot))
    if traits.carries and slot.dialect != traits.front and (lost := lossy(traits.carries, traits.front, slot.dialect)):
        return Rejection(slot.id, "lossy", f"{slot.dialect} cannot carry {', '.join(sorted(lost))}")
    return None


def _too_small(slot: Slot, traits: Traits) -> Rejection | None:
    wanted = traits.max_output
    if wanted is not None and slot.max_output is not None and wanted > slot.max_output:
        return Rejection(slot.id, "max_output", f"writes at most {slot.max_output} tokens, {wanted} were asked for")
    if slot.max_input is not None and traits.tokens_max > slot.max_input:
        return Rejection(
            slot.id, "context_window", f"reads at most {slot.max_input} tokens, the request may be {traits.tokens_max}"
        )
    room = traits.tokens_max + (wanted or 0)
    if slot.context is not None and room > slot.context:
        return Rejection(slot.id, "context_window", f"context {slot.context}, the request may take {room} tokens")
    return None


def _outside(slot: Slot, lane: Lane, traits: Traits) -> Rejection | None:
    needs, (offer,) = lane.route.needs, by_tokens((slot,), traits)
    quality, cost = offer.quality, offer.cost
    if traits.models and slot.id not in traits.models and slot.id.partition("/")[2] not in traits.models:
        return Rejection(slot.id, "not_approved", "not among the models this request allows")
    if needs.quality is not None and (quality is None or quality < needs.quality):
        have = "unknown" if quality is None else f"{quality:.1f}"
        return Rejection(
            slot.id, "quality", f"quality {have} for {traits.task.value or 'an unknown task'}, needs >= {needs.quality:g}"
        )
    for limit, whose in ((needs.cost_per_request, "the route"), (traits.max_cost, "the request")):
        if limit is None:
            continue
        if cost is None:
            return Rejection(slot.id, "unknown_price", f"its price is unknown and {whose} sets a limit")
        if cost > limit:
            return Rejection(slot.id, "cost", f"expected ${usd(cost):.6f}, {whose} allows ${usd(limit):.6f}")
    return None


class NoCandidate(TurnoutError):
    """The 422 that names what was missing, the commonest reason first. Keeps the route and every rejection for explain."""

    def __init__(self, route: Route, rejections: Iterable[Rejection]) -> None:
        self.route = route
        self.rejections = tuple(rejections)
        by_reason: dict[str, list[str]] = {}
        for rejection in self.rejections:
            by_reason.setdefault(rejection.reason, []).append(f"{rejection.model} ({rejection.detail})")
        parts = [
            f"{reason}: {', '.join(models[:3])}{f' and {len(models) - 3} more' if len(models) > 3 else ''}"
            for reason, models in sorted(by_reason.items(), key=lambda item: -len(item[1]))
        ]
        super().__init__(
            Code.NO_CANDIDATE,
            f'no model of route "{route.name}" can serve this request. {"; ".join(parts) or "the route has no models"}. '
            "POST the same body to /v1/explain for the whole list.",
            retry=False,
        )
