"""What may serve this request, and why the others may not. Constraints fail closed."""

from collections.abc import Iterable
from math import inf

import msgspec

from turnout.catalog import rates
from turnout.decide.compiled import Lane, Slot, lacking
from turnout.decide.route import Choice
from turnout.dialects.features import lossy
from turnout.errors import Code, TurnoutError
from turnout.types.decision import Rejection
from turnout.types.models import Modality, names
from turnout.types.money import PicoDollars, usd
from turnout.types.traits import Traits


class Offer(msgspec.Struct, frozen=True, gc=False):
    """A slot that may serve: quality for the task, expected token cost (None: unknown), and what else it is expected to cost.

    ``worth`` and ``expense`` are what objectives sort by: an unknown quality is worth nothing, an unknown cost is infinite.
    ``latency``, ``error`` and ``opportunity`` are PRODUCT P2 to P4 in pico-dollars, part of ``expense``.
    """

    slot: Slot
    quality: float | None
    cost: PicoDollars | None
    worth: float
    expense: float
    latency: int = 0
    error: int = 0
    opportunity: int = 0


class Match(msgspec.Struct, frozen=True):
    """``offers`` of the route's own models, ``reserve`` of its fallbacks in their order."""

    offers: list[Offer]
    reserve: list[Offer]
    rejections: list[Rejection]


def match(choice: Choice, traits: Traits) -> Match:
    """Split the route's models into those that may serve and those that may not.

    Raises:
        NoCandidate: naming what was missing, when nothing is left.
    """
    lane = choice.lane
    judge = _Judge(lane, traits)
    if judge.is_content and not choice.named:
        offers, reserve, rejections = judge.offers(lane.slots), judge.offers(lane.reserve), list(lane.refused)
    else:
        offers, reserve, rejections = _split(choice, judge)
    if not offers and not reserve:
        raise NoCandidate(lane.route.name, rejections)
    return Match(offers, reserve, rejections)


def _split(choice: Choice, judge: "_Judge") -> tuple[list[Offer], list[Offer], list[Rejection]]:
    lane = choice.lane
    if choice.named:
        withdrawn = {rejection.model: rejection for rejection in lane.refused}
        judged = [withdrawn.get(slot.id) or judge(slot) for slot in choice.named]
        rejections = [one for one in judged if not isinstance(one, Offer)]
    else:
        judged = [judge(slot) for slot in lane.slots]
        rejections = [*lane.refused, *(one for one in judged if not isinstance(one, Offer))]
    reserve: list[Offer] = []
    for slot in lane.reserve:
        again = judge(slot)
        if isinstance(again, Offer):
            reserve.append(again)
        elif slot not in lane.slots:  # one that is a candidate too has been refused once already
            rejections.append(again)
    return [one for one in judged if isinstance(one, Offer)], reserve, rejections


class _Judge:
    """One request's question to every slot: may it serve? What is the same for all of them is worked out once.

    ``is_content`` says that nothing in this request can rule out a slot of its lane.
    """

    def __init__(self, lane: Lane, traits: Traits) -> None:
        needs = lane.route.needs
        self._lane = lane
        self._traits = traits
        self._easy = lane.common is not None and lane.common.covers(traits)
        self._limited = bool(
            needs.quality is not None or needs.cost_per_request is not None or traits.max_cost is not None or traits.models
        )
        self.is_content = self._easy and not self._limited

    def __call__(self, slot: Slot) -> Offer | Rejection:
        traits = self._traits
        if (
            not self._easy
            and (rejection := _incapable(slot, traits, self._lane.tolerance) or _too_small(slot, traits)) is not None
        ):
            return rejection
        offer = self.offers((slot,))[0]
        return (_outside(offer, self._lane, traits) if self._limited else None) or offer

    def offers(self, slots: Iterable[Slot]) -> list[Offer]:
        """All of these, none refused."""
        traits = self._traits
        task, read, written = traits.task.value, traits.tokens, traits.output_tokens * traits.n
        offers: list[Offer] = []
        for slot in slots:
            quality = slot.quality.get(task, slot.general)
            if slot.flat is not None:
                per_request, per_read, per_written = slot.flat
                cost: PicoDollars | None
                cost = per_request + read * per_read + written * per_written  # type: ignore[assignment]  # NewType's call would double it
            else:
                cost = rates.estimate(slot.tiers, read, written) if slot.tiers is not None else None
            offers.append(Offer(slot, quality, cost, quality or 0.0, inf if cost is None else cost))
        return offers


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


def _outside(offer: Offer, lane: Lane, traits: Traits) -> Rejection | None:
    needs, slot, quality, cost = lane.route.needs, offer.slot, offer.quality, offer.cost
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

    def __init__(self, route: str, rejections: Iterable[Rejection]) -> None:
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
            f'no model of route "{route}" can serve this request. {"; ".join(parts) or "the route has no models"}. '
            "POST the same body to /v1/explain for the whole list.",
            retry=False,
        )
