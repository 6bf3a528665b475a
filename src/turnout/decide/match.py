"""What may serve this request, and why the others may not. Constraints fail closed."""

from collections.abc import Iterable

import msgspec

from turnout.catalog import rates
from turnout.decide.compiled import Lane, Slot, lacking, tolerated
from turnout.decide.route import Choice
from turnout.dialects.features import lossy
from turnout.errors import Code, TurnoutError
from turnout.types.decision import Rejection
from turnout.types.models import Modality, names
from turnout.types.money import PicoDollars, usd
from turnout.types.traits import Traits


class Offer(msgspec.Struct, frozen=True, gc=False):
    """A slot that may serve, with its quality for the task and the expected token cost of this request (None: unknown)."""

    slot: Slot
    quality: float | None
    cost: PicoDollars | None


class Match(msgspec.Struct, frozen=True):
    """``offers`` of the route's own models, ``reserve`` of its fallbacks in their order."""

    offers: tuple[Offer, ...]
    reserve: tuple[Offer, ...]
    rejections: tuple[Rejection, ...]


def match(choice: Choice, traits: Traits) -> Match:
    """Split the route's models into those that may serve and those that may not.

    Raises:
        TurnoutError: ``no_candidate``, naming what was missing, when nothing is left.
    """
    lane = choice.lane
    tolerance = tolerated(lane.route)
    withdrawn = {rejection.model: rejection for rejection in lane.refused} if choice.named else {}
    rejections: list[Rejection] = [] if choice.named else list(lane.refused)
    offers: list[Offer] = []
    reserve: list[Offer] = []
    for slots, kept in ((choice.named or lane.slots, offers), (lane.reserve, reserve)):
        for slot in slots:
            judged = withdrawn.get(slot.id) or _judge(slot, lane, traits, tolerance)
            if isinstance(judged, Offer):
                kept.append(judged)
            else:
                rejections.append(judged)
    if not offers and not reserve:
        raise no_candidate(lane.route.name, rejections)
    return Match(tuple(offers), tuple(reserve), tuple(rejections))


def _judge(slot: Slot, lane: Lane, traits: Traits, tolerance: int) -> Offer | Rejection:
    quality = slot.quality_for(traits.task.value)
    cost = rates.estimate(slot.tiers, traits.tokens, traits.output_tokens * traits.n) if slot.tiers is not None else None
    return (
        _incapable(slot, traits, tolerance)
        or _too_small(slot, traits)
        or _outside(slot, lane, traits, quality, cost)
        or Offer(slot, quality, cost)
    )


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


def _outside(slot: Slot, lane: Lane, traits: Traits, quality: float | None, cost: PicoDollars | None) -> Rejection | None:
    needs = lane.route.needs
    if needs.quality is None and needs.cost_per_request is None and traits.max_cost is None and not traits.models:
        return None
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


def no_candidate(route: str, rejections: Iterable[Rejection]) -> TurnoutError:
    """The 422 that names what was missing, the commonest reason first."""
    by_reason: dict[str, list[str]] = {}
    for rejection in rejections:
        by_reason.setdefault(rejection.reason, []).append(f"{rejection.model} ({rejection.detail})")
    parts = [
        f"{reason}: {', '.join(models[:3])}{f' and {len(models) - 3} more' if len(models) > 3 else ''}"
        for reason, models in sorted(by_reason.items(), key=lambda item: -len(item[1]))
    ]
    missing = "; ".join(parts) or "the route has no models"
    return TurnoutError(
        Code.NO_CANDIDATE,
        f'no model of route "{route}" can serve this request. {missing}. POST the same body to /v1/explain for the whole list.',
        retry=False,
    )
