"""Guesses of a share from the outcomes so far: what the bets of ``bernoulli`` are made with. Any guess from the past keeps them valid."""

from math import exp

import msgspec

MEMORY = 5_000
"""Outcomes after which an old one weighs 1/e: base rates drift, and a guess that lags only loses power."""
_KEEP = 1 - 1 / MEMORY

NEVER = 1e-9
"""The lowest guess: after a hundred thousand alike the first that is not would be the end of all wealth, and of the logarithm."""

_RATES = tuple(1 / (1 + exp(-z / 2)) for z in range(-6, 12))
_REST = tuple(1 - rate for rate in _RATES)
_BUMPS = tuple(0.02 + exp(-((z / 2 - 1.5) ** 2) / 2) for z in range(-6, 12))
_PRIOR = tuple(bump / sum(_BUMPS) for bump in _BUMPS)
JUMP = 0.002
"""Chance per outcome that the rate is another one from here on: a model that goes bad after a thousand good answers is seen in a few."""


class Mean(msgspec.Struct, array_like=True):
    """The Beta posterior's mean; what it begins with is what ``hits`` and ``of`` begin with, Beta(1/2, 1/2) as they stand."""

    hits: float = 0.5
    of: float = 1.0

    @property
    def guess(self) -> float:
        return min(max(self.hits / self.of, NEVER), 1 - NEVER)

    def take(self, good: bool) -> None:  # noqa: FBT001 the outcome is what it takes
        self.hits = self.hits * _KEEP + good
        self.of = self.of * _KEEP + 1


class Track(msgspec.Struct, array_like=True):
    """The mean of a rate that lies on a grid and rarely jumps (fixed share of Herbster and Warmuth 1998, over rates as experts).

    It begins around 0.8: a look askance at what is new, which finds a bad one sooner and costs a good one nothing but wealth.
    """

    weights: list[float] = msgspec.field(default_factory=lambda: list(_PRIOR))
    guess: float = sum(weight * rate for weight, rate in zip(_PRIOR, _RATES, strict=True))

    def take(self, good: bool) -> None:  # noqa: FBT001 the outcome is what it takes
        likely = [weight * rate for weight, rate in zip(self.weights, _RATES if good else _REST, strict=True)]
        keep = (1 - JUMP) / sum(likely)
        self.weights = weights = [each * keep + JUMP * prior for each, prior in zip(likely, _PRIOR, strict=True)]
        self.guess = sum(weight * rate for weight, rate in zip(weights, _RATES, strict=True))
