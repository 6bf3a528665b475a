"""Quantiles that can be added up: counts of values in buckets whose edges grow by a constant factor (DDSketch, Masson et al. 2019)."""

from collections.abc import Iterable
from math import ceil, log

import msgspec

ACCURACY = 0.01
"""Relative error of a quantile, at most."""
_GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
_LOG_GAMMA = log(_GAMMA)
SMALLEST = 1e-3
"""Values up to this (of milliseconds or microseconds) count as it."""
_MIDDLE = 2 / (1 + _GAMMA)


class Sketch(msgspec.Struct, frozen=True, array_like=True):
    """``buckets`` counts the values in ``(gamma^(i-1), gamma^i]`` by ``i``; ``total`` is their sum, for means."""

    buckets: dict[int, int] = {}
    total: float = 0.0

    @property
    def n(self) -> int:
        return sum(self.buckets.values())

    @property
    def mean(self) -> float | None:
        n = self.n
        return self.total / n if n else None

    def quantile(self, q: float) -> float | None:
        """By nearest rank, within ``ACCURACY`` of the true value; None of nothing."""
        rank, seen = max(ceil(q * self.n), 1), 0
        for index in sorted(self.buckets):
            seen += self.buckets[index]
            if seen >= rank:
                return _GAMMA**index * _MIDDLE
        return None


def sketch(values: Iterable[float]) -> Sketch:
    """Of these values, none of them negative."""
    buckets: dict[int, int] = {}
    total = 0.0
    for value in values:
        index = bucket(value)
        buckets[index] = buckets.get(index, 0) + 1
        total += value
    return Sketch(buckets, total)


def bucket(value: float) -> int:
    """Where a value is counted."""
    return ceil(log(max(value, SMALLEST)) / _LOG_GAMMA)


def edges(index: int) -> tuple[float, float]:
    """A bucket's lower and upper edge."""
    return _GAMMA ** (index - 1), _GAMMA**index


def merged(sketches: Iterable[Sketch]) -> Sketch:
    """As if all their values had been put into one."""
    buckets: dict[int, int] = {}
    total = 0.0
    for one in sketches:
        for index, count in one.buckets.items():
            buckets[index] = buckets.get(index, 0) + count
        total += one.total
    return Sketch(buckets, total)
