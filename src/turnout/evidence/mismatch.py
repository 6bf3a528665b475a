"""Did units fall to the arms as the shares said? A sample-ratio e-value (Lindon and Malek 2022) that goes on while the share changes."""

from math import log

import msgspec

ALARM = log(1_000)
PRIOR = 100.0
"""Units' worth of belief that the shares are kept."""


class Mismatch(msgspec.Struct, array_like=True):
    """Wealth of a gambler who guesses the next arm from how the arms were over- or underfilled so far; ``peak`` is its highest logarithm.

    With one share throughout it is the Beta-binomial of ``PRIOR`` units against the binomial.
    """

    log: float = 0.0
    peak: float = 0.0
    candidates: float = 0.0
    controls: float = 0.0
    expected: float = 0.0
    expected_controls: float = 0.0

    def take(self, candidate: bool, share: float) -> None:  # noqa: FBT001 which arm
        """One unit. A share of none or all is no draw, and says nothing."""
        if not 0 < share < 1:
            return
        rest = 1 - share
        over = (PRIOR * share + self.candidates) / (PRIOR * share + self.expected)
        under = (PRIOR * rest + self.controls) / (PRIOR * rest + self.expected_controls)
        whole = share * over + rest * under
        self.log += log((over if candidate else under) / whole)
        self.peak = max(self.peak, self.log)
        self.candidates += candidate
        self.controls += not candidate
        self.expected += share
        self.expected_controls += rest
