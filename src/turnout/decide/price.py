"""What serving a request is expected to cost: its tokens, and what waiting, failing and leaving are worth."""

from collections.abc import Iterable, Sequence
from math import inf

import msgspec

from turnout.catalog import rates
from turnout.decide.compiled import Ladder, Lane, ladder
from turnout.decide.slot import Slot
from turnout.types.money import PicoDollars
from turnout.types.policy import Value
from turnout.types.traits import Traits

PATIENCE_MS = {"realtime": 500.0, "standard": 2_000.0}
"""How long a caller waits before it may leave (PRODUCT C3); batch callers do not leave."""

WORST_QUALITY = 0.5
"""Floor of the success chance used for re-runs (0..10 scale): a model known to be useless must not divide by zero."""


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


class Offers:
    """What may serve: a route's own models and its fallbacks, each priced when it is asked for. A plan needs a few of many."""

    __slots__ = ("_lane", "_reserve", "_slots", "_traits", "_value", "topic")

    def __init__(self, lane: Lane, slots: Sequence[Slot], reserve: Sequence[Slot], traits: Traits, value: Value) -> None:
        self._lane = lane
        self._slots = slots
        self._reserve = reserve
        self._traits = traits
        self._value = value
        task = traits.task.value
        self.topic = task if lane.topics is None else lane.topics.get((task, traits.band), task)
        """What the request is about, as quality is known: its task, or task and band."""

    def __bool__(self) -> bool:
        """Whether there is a model to choose; where there is none, only the fallbacks may serve."""
        return bool(self._slots)

    def all(self) -> list[Offer]:
        """The route's own models."""
        return self.of(self._slots)

    def of(self, slots: Iterable[Slot]) -> list[Offer]:
        """What these are expected to cost, what the policy gives weight beyond the tokens included.

        P2 latency: seconds waited at the median, times the worth of a second. P3 error: expected re-runs, cost * (1 - p) / p with
        p = quality / 10. P4 opportunity: seconds at the p95 past the caller's patience, times what an abandoned second loses.
        """
        offers, value = by_tokens(slots, self._traits, self.topic), self._value
        if value.second or value.rerun or value.abandonment:
            return [_weighed(offer, self._traits, value) for offer in offers]
        return offers

    def of_model(self, id_: str) -> Offer | None:
        slot = next((slot for slot in self._slots if slot.id == id_), None)
        return self.of((slot,))[0] if slot is not None else None

    def without(self, candidate: Slot) -> "Offers":
        """The same but for the model on trial, where that is one of the route's own."""
        lane = self._lane
        if lane.besides is None:
            return self
        others = lane.besides.slots
        if self._slots is not lane.slots:
            others = tuple(slot for slot in self._slots if slot is not candidate)
        return Offers(lane, others, self._reserve, self._traits, self._value)

    def reserve(self) -> list[Offer]:
        """The fallbacks, in the policy's order."""
        return self.of(self._reserve) if self._reserve else []

    def ladder(self, tier: int | None = None) -> Ladder:
        """The route's own models by quality for the task, of one tier or of all."""
        lane, task = self._lane, self.topic
        if self._slots is lane.slots and lane.ladders is not None:  # most requests rule out none
            return lane.ladders.at(task, tier)
        if lane.besides is not None and self._slots is lane.besides.slots:
            return lane.besides.at(task, tier)
        return ladder(self._slots, task, lane.route.band, tier)

    def best(self) -> Slot | None:
        """The model of the highest quality for the task, at any price, among those to choose from or else the fallbacks."""
        if self._slots and self._slots is self._lane.slots:
            return self.ladder().within[0]
        task = self.topic
        return max(self._slots or self._reserve, key=lambda slot: slot.worth(task), default=None)


def by_tokens(slots: Iterable[Slot], traits: Traits, topic: str | None = None) -> list[Offer]:
    """The slots at the price of their tokens alone, which is what limits go by; their quality for the topic, or else for the task."""
    task, read, written = topic or traits.task.value, traits.tokens, traits.output_tokens * traits.n
    offers: list[Offer] = []
    for slot in slots:
        quality = slot.quality.get(task, slot.general)
        if slot.flat is not None:
            per_request, per_read, per_written = slot.flat
            # rates.estimate, inline: its calls would double this loop (by 2.5 us for 20 slots).
            cost: PicoDollars | None = per_request + read * per_read + written * per_written  # type: ignore[assignment]  # NewType is a call too
        else:
            cost = rates.estimate(slot.tiers, read, written) if slot.tiers is not None else None
        offers.append(Offer(slot, quality, cost, quality or 0.0, inf if cost is None else cost))
    return offers


def _weighed(offer: Offer, traits: Traits, value: Value) -> Offer:
    slot = offer.slot
    latency = int(value.second * (slot.p50_ms or 0.0) / 1_000)
    error = 0
    if value.rerun and offer.cost is not None and offer.quality is not None:
        chance = max(offer.quality, WORST_QUALITY) / 10
        error = int(offer.cost * (1 - chance) / chance)
    need = traits.latency.value
    opportunity = 0
    if need in PATIENCE_MS and slot.p95_ms is not None:
        beyond = max(0.0, slot.p95_ms - PATIENCE_MS[need])
        opportunity = int(value.abandonment.get(need, PicoDollars(0)) * beyond / 1_000)
    expense = offer.expense + latency + error + opportunity
    return msgspec.structs.replace(offer, expense=expense, latency=latency, error=error, opportunity=opportunity)
