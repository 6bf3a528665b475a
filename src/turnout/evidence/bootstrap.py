"""How low a statistic of a benchmark may truly be: the cases drawn again and again, whole, so that what belongs together stays together."""

from collections.abc import Callable, Sequence
from hashlib import shake_128
from math import isnan
from struct import unpack
from typing import TypeVar

Case = TypeVar("Case")
ROUNDS = 2_000


def lower_bound(
    statistic: Callable[[Sequence[Case]], float], cases: Sequence[Case], seed: str, alpha: float = 0.05, rounds: int = ROUNDS
) -> float:
    """The ``alpha`` quantile of ``statistic`` over resampled ``cases`` (percentile bootstrap, Efron 1979); the same for the same seed.

    A case is what both models made of one prompt: the statistic sees pairs, never one model's half. Raises ValueError without cases and
    where the statistic is not a number.
    """
    return _quantile(_resampled(statistic, cases, seed, rounds), alpha)


def interval(
    statistic: Callable[[Sequence[Case]], float], cases: Sequence[Case], seed: str, level: float = 0.95, rounds: int = ROUNDS
) -> tuple[float, float]:
    """The middle ``level`` of the same."""
    values = _resampled(statistic, cases, seed, rounds)
    return _quantile(values, (1 - level) / 2), _quantile(values, (1 + level) / 2)


def _resampled(statistic: Callable[[Sequence[Case]], float], cases: Sequence[Case], seed: str, rounds: int) -> list[float]:
    if not cases:
        raise ValueError("a bootstrap needs cases, and there are none")
    values = sorted(statistic([cases[at] for at in drawn(seed, n, len(cases))]) for n in range(rounds))
    if any(isnan(value) for value in values):
        raise ValueError("the statistic is not a number for some resampled cases: give it a value for those too")
    return values


def _quantile(values: Sequence[float], share: float) -> float:
    return values[min(int(share * len(values)), len(values) - 1)]


def drawn(seed: str, round_: int, of: int) -> list[int]:
    """``of`` places of 0 to ``of`` - 1, each as likely, with replacement."""
    noise = unpack(f"<{of}I", shake_128(f"{seed}/{round_}".encode()).digest(4 * of))
    return [each * of >> 32 for each in noise]
