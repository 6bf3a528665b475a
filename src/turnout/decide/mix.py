"""The rank of a request's complexity among recent traffic, by which the balanced objective holds its shares (ADR 4).

A histogram of complexities with exponential forgetting; the rank's ties are split by a number drawn from the seed.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate

BINS = 50
PRIOR_WEIGHT = 25.0
"""Pseudo-requests of the uniform prior: outweighed within some hundred real ones."""
MEMORY = 250.0
"""Requests after which an old one weighs 1/e. Against a mean that moves by 0.4 over 10,000 requests, 250 keeps each share
within 2.5 points where 2,000 loses 11 (``tests/unit/decide/test_mix.py`` holds it)."""

UNIFORM: tuple[float, ...] = (PRIOR_WEIGHT / BINS,) * BINS


def _bin(complexity: float) -> int:
    return min(BINS - 1, max(0, int(complexity * BINS)))


def fold(histogram: Sequence[float], complexities: Iterable[float]) -> tuple[float, ...]:
    """The histogram after these requests, oldest first."""
    counts = list(histogram)
    fresh = list(complexities)
    if not fresh:
        return tuple(counts)
    keep = (1 - 1 / MEMORY) ** len(fresh)
    counts = [count * keep for count in counts]
    weight = keep
    for complexity in fresh:
        weight /= 1 - 1 / MEMORY
        counts[_bin(complexity)] += weight
    return tuple(counts)


def cumulative(histogram: Sequence[float]) -> tuple[float, ...]:
    """Share of requests below each bin's lower edge, and 1.0 at the end."""
    total = sum(histogram)
    return (0.0, *(running / total for running in accumulate(histogram)))


def interval(table: Sequence[float], complexity: float | None) -> tuple[float, float]:
    """The ranks a request of this complexity may get; unknown complexity may get any."""
    if complexity is None:
        return 0.0, 1.0
    place = _bin(complexity)
    return table[place], table[place + 1]


def rank(table: Sequence[float], complexity: float | None, u: float) -> float:
    """``P(X < x) + u * P(X = x)``, in [0, 1)."""
    low, high = interval(table, complexity)
    return low + u * (high - low)
