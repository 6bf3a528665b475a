"""Token sums that can be priced on any model afterwards, to the pico-dollar, as if each call had been priced alone."""

from bisect import bisect_left
from collections.abc import Iterable

import msgspec

from turnout.catalog import rates
from turnout.types.models import Rate
from turnout.types.money import PicoDollars
from turnout.types.reply import Usage

BUCKETS = tuple(name for name in Usage.__struct_fields__ if name != "complete")
SELDOM = ("cache_write_1h", "input_audio", "input_image", "output_audio", "output_image")
"""Buckets that a model may have no price for: calls that have them are kept apart, or one would leave the others without a price."""

Kind = tuple[int, int]
"""Size class and seldom buckets, as bits: calls of one kind have one price per bucket on any model."""


class Pile(msgspec.Struct):
    """So many calls and the sums of their buckets."""

    calls: int = 0
    sums: list[int] = msgspec.field(default_factory=lambda: [0] * len(BUCKETS))

    def add(self, usage: Usage) -> None:
        """One more call."""
        self.calls += 1
        sums = self.sums
        for place, name in enumerate(BUCKETS):
            if tokens := getattr(usage, name):
                sums[place] += tokens

    def join(self, other: "Pile") -> None:
        """All calls of another pile."""
        self.calls += other.calls
        self.sums = [one + more for one, more in zip(self.sums, other.sums, strict=True)]


class Sizes:
    """Size classes: between two neighbouring thresholds of any of these price lists all calls pay by the same tier."""

    def __init__(self, lists: Iterable[tuple[Rate, ...] | None]) -> None:
        self._above = sorted({rate.above for tiers in lists for rate in tiers or () if rate.above})

    def kind(self, usage: Usage) -> Kind:
        """Where a call belongs."""
        seldom = 0
        for place, name in enumerate(SELDOM):
            if getattr(usage, name):
                seldom |= 1 << place
        return bisect_left(self._above, usage.total_input), seldom

    def cost(self, tiers: tuple[Rate, ...] | None, kind: Kind, pile: Pile) -> PicoDollars | None:
        """What a pile of one kind costs at these prices; None when that is unknown."""
        if tiers is None:
            return None
        size = kind[0]
        rate = rates.rate_for(tiers, self._above[size - 1] + 1 if size else 0)
        cost = rates.charge((rate,), msgspec.convert(dict(zip(BUCKETS, pile.sums, strict=True)), Usage))
        return None if cost is None else PicoDollars(cost + (pile.calls - 1) * rate.per_request)
