"""Quantiles that can be added up: counts of values in buckets whose edges grow by a constant factor (DDSketch, Masson et al. 2019).

The counts stand side by side in one string of bytes, each as wide as the number of values may need. So a sketch takes no more
room in memory than on disk, and many are added by adding long integers, which is what makes a page over a month quick.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from itertools import accumulate
from math import ceil, log
from struct import pack, unpack

import msgspec

ACCURACY = 0.01
"""Relative error of a quantile, at most."""
_GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
_LOG_GAMMA = log(_GAMMA)
SMALLEST = 1e-3
"""Values up to this (of milliseconds or microseconds) count as it."""
_MIDDLE = 2 / (1 + _GAMMA)
_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}


class Sketch(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Of ``n`` values. ``counts`` holds those in the buckets from ``low`` on, packed; ``total`` is the values' sum, for means."""

    n: int = 0
    low: int = 0
    counts: bytes = b""
    total: float = 0.0

    @property
    def buckets(self) -> dict[int, int]:
        """How many values are in ``(gamma^(i-1), gamma^i]``, by ``i``, ascending; none that is empty."""
        return {index: count for index, count in enumerate(self.spread, self.low) if count}

    @property
    def mean(self) -> float | None:
        return self.total / self.n if self.n else None

    def quantile(self, q: float) -> float | None:
        """By nearest rank, within ``ACCURACY`` of the true value; None of nothing."""
        if not self.n:
            return None
        place = bisect_left(list(accumulate(self.spread)), max(ceil(q * self.n), 1))
        return middle(self.low + place)

    @property
    def spread(self) -> tuple[int, ...]:
        """The counts from ``low`` on, empty buckets too."""
        width = _width(self.n)
        return unpack(f"<{len(self.counts) // width}{_CODES[width]}", self.counts)


def sketch(values: Iterable[float]) -> Sketch:
    """Of these values, none of them negative."""
    buckets: dict[int, int] = {}
    total = 0.0
    for value in values:
        index = bucket(value)
        buckets[index] = buckets.get(index, 0) + 1
        total += value
    return packed(buckets, total)


def packed(buckets: Mapping[int, int], total: float) -> Sketch:
    """Of values that are counted already; ``total`` is their sum."""
    if not buckets:
        return Sketch()
    low, high, n = min(buckets), max(buckets), sum(buckets.values())
    counts = [0] * (high - low + 1)
    for index, count in buckets.items():
        counts[index - low] = count
    return Sketch(n, low, pack(f"<{len(counts)}{_CODES[_width(n)]}", *counts), total)


def bucket(value: float) -> int:
    """Where a value is counted."""
    return ceil(log(max(value, SMALLEST)) / _LOG_GAMMA)


def edges(index: int) -> tuple[float, float]:
    """A bucket's lower and upper edge."""
    return _GAMMA ** (index - 1), _GAMMA**index


def middle(index: int) -> float:
    """What a bucket's values are taken for: no value in it is further away than ``ACCURACY``."""
    return _GAMMA**index * _MIDDLE


def merged(sketches: Iterable[Sketch]) -> Sketch:
    """As if all their values had been put into one."""
    some = [one for one in sketches if one.n]
    if len(some) < 2:
        return some[0] if some else Sketch()
    n, low = sum(one.n for one in some), min(one.low for one in some)
    width = _width(n)
    # A count never runs over into its neighbour: it is n at most, which its width holds.
    added = sum(int.from_bytes(_widened(one, width), "little") << 8 * width * (one.low - low) for one in some)
    size = max(one.low + len(one.counts) // _width(one.n) for one in some) - low
    return Sketch(n, low, added.to_bytes(size * width, "little"), sum(one.total for one in some))


def _width(n: int) -> int:
    """Bytes of a count of at most ``n``."""
    return 1 if n < 1 << 8 else 2 if n < 1 << 16 else 4 if n < 1 << 32 else 8


def _widened(one: Sketch, width: int) -> bytes | bytearray:
    """Its counts, each in so many bytes."""
    own = _width(one.n)
    if own == width:
        return one.counts
    wide = bytearray(len(one.counts) // own * width)
    for byte in range(own):
        wide[byte::width] = one.counts[byte::own]
    return wide


class Bar(msgspec.Struct, frozen=True):
    """Of a histogram: ``count`` values in ``(low, high]``."""

    low: float
    high: float
    count: int


def bars(one: Sketch, most: int = 40) -> tuple[Bar, ...]:
    """At most so many bars, side by side and equally wide on a logarithmic axis."""
    counts = one.spread
    step = max(-(-len(counts) // most), 1)
    return tuple(
        Bar(edges(one.low + place)[0], edges(one.low + place + step)[0], sum(counts[place : place + step]))
        for place in range(0, len(counts), step)
    )
