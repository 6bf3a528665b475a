"""Two arms, one number a unit: confidence sequences of the difference of means, valid at every look from ``FEWEST`` units an arm on.

An asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024) of the sum of ``(value - m) * (arm - share)``,
where ``m`` is the control's mean of the units before. Its expectation is ``share * (1 - share)`` times the difference at that moment,
so that neither a ramp nor a drift shared by both arms looks like a difference; with one share throughout it is as narrow as the ordinary one.
"""

from math import ceil, erfc, exp, inf, log, sqrt

import msgspec

FEWEST = 300
"""Units an arm before anything is said: with fewer the normal approximation errs too often."""
SHARPEST = 2_000.0
"""Units, half of them the candidate's, at which the sequence is narrowest."""
BEFORE = 10
"""The control's units that give a first mean to measure from."""
MEMORY = 5_000
_KEEP = 1 - 1 / MEMORY


class Contrast(msgspec.Struct, array_like=True):
    """Streaming sums. ``weight`` is the sum of share * (1 - share), ``total`` and ``square`` those of the products and their squares.

    ``mean`` and ``of``: the control's, older units weighing less.
    """

    n_control: int = 0
    n_candidate: int = 0
    total: float = 0.0
    square: float = 0.0
    weight: float = 0.0
    mean: float = 0.0
    of: float = 0.0

    def take(self, candidate: bool, share: float, value: float, unit: float = 1.0) -> None:  # noqa: FBT001 which arm
        """One unit's value; the difference is measured in ``unit``, which must be known beforehand."""
        if self.n_control >= BEFORE and 0 < share < 1:
            product = (value - self.mean) / unit * (candidate - share)
            self.total += product
            self.square += product * product
            self.weight += share * (1 - share)
        if candidate:
            self.n_candidate += 1
        else:
            self.n_control += 1
            self.of = self.of * _KEEP + 1
            self.mean += (value - self.mean) / self.of

    @property
    def speaks(self) -> bool:
        return min(self.n_control, self.n_candidate) >= FEWEST and self.weight > 0

    def bounds(self, alpha: float, unsure: float = 0.0) -> tuple[float, float] | None:
        """Of candidate minus control, both at once; None too early. ``unsure`` is added to the sum of squares."""
        square = self.square + unsure
        if not self.speaks:
            return None
        looks = self._looks(alpha)
        wide = sqrt(square * 2 * (looks + 1) / looks * log(sqrt(looks + 1) / alpha))
        return (self.total - wide) / self.weight, (self.total + wide) / self.weight

    def above(self, margin: float, alpha: float) -> float:
        """The logarithm of 1 / a for the smallest a at which the one-sided sequence, tuned for ``alpha``, lies above ``margin``.

        The half-normal mixture itself: in the limit an e-value against "at most ``margin``". 0 too early or where nothing speaks for it.
        """
        over = self.total - margin * self.weight
        if not self.speaks or over <= 0 or self.square <= 0:
            return 0.0
        looks = self._looks(2 * alpha)
        z = over / sqrt(self.square)
        part = looks / (looks + 1)
        return log(erfc(-z * sqrt(part / 2))) - log(looks + 1) / 2 + z * z * part / 2

    def _looks(self, alpha: float) -> float:
        """The paper's n times r squared: the units so far, as many as half and half would have taken, against those to be sharpest at."""
        nats = -2 * log(alpha)
        return 4 * self.weight * (nats + log(nats + 1)) / SHARPEST


def unsure(share: float, rate: float) -> float:
    """Two good and two bad units more in each arm, for a ``Contrast`` of outcomes of two, whose spread is too small when all went well."""
    return (2 * rate * rate + 2 * (1 - rate) * (1 - rate)) * ((1 - share) ** 2 + share**2)


TAIL = 0.01
"""The share of the control's values that may be cut."""
FAR = 5.0
"""Means: below this nothing is cut, or a candidate dearer throughout would pass for an outlier where the control's values hardly differ."""
STEP = log(1.02)
RENEW = 50


class Cap(msgspec.Struct, array_like=True):
    """Where values are cut (winsorised): what ``TAIL`` of the control's so far lie above, to 2 %, and at least ``FAR`` of their means."""

    counts: dict[int, int] = {}
    of: int = 0
    total: float = 0.0
    at: float = inf

    def take(self, value: float) -> None:
        """One of the control's."""
        bucket = ceil(log(value) / STEP) if value > 0 else NONE
        self.counts[bucket] = self.counts.get(bucket, 0) + 1
        self.of += 1
        self.total += value
        if self.of % RENEW == 0:
            left = int(self.of * TAIL)
            for key in sorted(self.counts, reverse=True):
                left -= self.counts[key]
                if left < 0:
                    self.at = max(exp(key * STEP), FAR * self.total / self.of)
                    break


NONE = -(10**4)
"""The bucket of what cost nothing."""
