"""How often the chosen model's answer was acceptable, and how often a cheaper model's would have been. Pure."""

from math import sqrt

import msgspec

ACCEPTABLE = 0.5
"""A verdict from this up calls an answer acceptable."""
Z95, Z999 = 1.959964, 3.290527
"""Standard normal quantiles of two-sided 95 % and 99.9 % intervals."""


class Share(msgspec.Struct, frozen=True):
    """``part`` of ``n`` (a sum of verdicts is a part, too), and the interval the share behind it lies in."""

    n: int
    part: float
    low: float
    high: float

    @property
    def share(self) -> float:
        return self.part / self.n


class Cheaper(msgspec.Struct, frozen=True):
    """Of a route's requests for a task where it is known what a cheaper model made of them, the share where its answer was acceptable.

    It is known from graded copies and from cheaper first tries that a check refused.
    """

    route: str | None
    task: str | None
    acceptable: Share


def share(part: float, n: int, z: float = Z95) -> Share | None:
    """By Wilson's score interval; None of nothing.

    Of verdicts in 0..1 ``part`` may be the sum: no such values vary more than zeros and ones of the same mean, so that the interval is
    wide enough.
    """
    if n <= 0:
        return None
    p = part / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(max(p * (1 - p), 0.0) / n + z * z / (4 * n * n))
    # The interval holds the share itself, whatever the last bit says.
    return Share(n, part, max(0.0, min(centre - half, p)), min(1.0, max(centre + half, p)))
