"""The same cases, two models: betting on bounded differences (Waudby-Smith and Ramdas 2024), so that a benchmark may stop as soon as it knows."""

from collections.abc import Iterable
from math import log, log1p
from typing import Literal

import msgspec

CAUTION = 0.9
"""The share of the wealth that the worst outcome may cost."""
EQUAL = 50.0
"""Cases for which it is believed beforehand that the two are equal (when betting on worse: that they differ by the margin), and"""
DIFFERING = 0.1
"""differ on so many of them: what a wrong belief costs is time."""

LEARNING = 0.6
"""What betting costs that has to find out how often they differ: nats, about, from simulation."""


class Bet(msgspec.Struct):
    """Against "the mean of what it takes is at most 0", for values of ``worst`` (below 0) and more. ``peak`` is the highest logarithm so far."""

    worst: float
    log: float = 0.0
    peak: float = 0.0
    total: float = 0.0
    square: float = 0.0

    @classmethod
    def believing(cls, mean: float, worst: float) -> "Bet":
        return cls(worst, total=EQUAL * mean, square=EQUAL * (mean * mean + DIFFERING))

    def take(self, value: float) -> None:
        if self.total > 0:  # the best bet for small means: mean over mean square
            self.log += log1p(min(self.total / self.square, CAUTION / -self.worst) * value)
            self.peak = max(self.peak, self.log)
        self.total += value
        self.square += value * value


class Paired(msgspec.Struct):
    """Is the candidate at most ``margin`` worse on average? Takes its score minus the incumbent's, case by case, each in [-1, 1].

    Two bets: that it is no worse than the margin, and that it is.
    """

    fit: Bet
    unfit: Bet
    margin: float
    alpha: float
    n: int = 0

    @classmethod
    def new(cls, margin: float, alpha: float = 0.05) -> "Paired":
        """Raises ValueError for a margin that is not between 0 and 1: with none nothing can be certified."""
        if not 0 < margin < 1:
            raise ValueError(f"the margin of a paired comparison is a difference between 0 and 1, not {margin}")
        return cls(Bet.believing(margin, margin - 1), Bet.believing(0.0, -margin - 1), margin, alpha)

    def take(self, differences: Iterable[float]) -> None:
        for difference in differences:
            if not -1 <= difference <= 1:
                raise ValueError(f"the difference of two scores of 0 to 1 lies between -1 and 1: {difference} does not")
            self.n += 1
            self.fit.take(difference + self.margin)
            self.unfit.take(-difference - self.margin)

    @property
    def needed(self) -> float:
        """The logarithm either bet must reach."""
        return -log(self.alpha)

    @property
    def verdict(self) -> Literal["fits", "unfit"] | None:
        """None: not known yet. What was known first stays: the rest of the cases need not be asked."""
        if self.fit.peak >= self.needed:
            return "fits"
        return "unfit" if self.unfit.peak >= self.needed else None


def certifiable_margin(n: int, discordance: float, alpha: float = 0.05) -> float | None:
    """The smallest margin that ``n`` cases are to be expected to certify for an equal model that differs on ``discordance`` of them (0..1).

    Where all agree about 4 / n. None without cases.
    """
    if n <= 0:
        return None
    low, high = 0.0, 1 - 1e-9
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if n * _growth(middle, discordance) >= LEARNING - log(alpha) else (middle, high)
    return high


def _growth(margin: float, discordance: float) -> float:
    """Of the wealth's logarithm per case with the best fixed bet, half of what differs being for the candidate."""
    bet = min(margin / (discordance + margin * margin), CAUTION / (1 - margin))
    even = (1 - discordance) * log1p(bet * margin)
    return even + discordance / 2 * (log1p(bet * (margin + 1)) + log1p(bet * (margin - 1)))
