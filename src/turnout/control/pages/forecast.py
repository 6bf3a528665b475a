"""What a month will have cost. Pure."""

from collections.abc import Mapping
from datetime import date, timedelta
from math import sqrt

import msgspec

FEWEST = 3
"""Complete days below which nothing is foretold."""
BY_WEEKDAY = 14
"""Complete days from which on each weekday has its own mean: two of each at least."""
_Z90 = 1.644854


class Forecast(msgspec.Struct, frozen=True):
    """Pico-dollars: ``expected`` for the whole month with its 90 % interval, and for each day that is left, today's rest first.

    ``days`` complete days were looked at; ``by_weekday`` says whether each weekday had a mean of its own.
    """

    expected: float
    low: float
    high: float
    days: int
    by_weekday: bool
    coming: dict[date, float]


def forecast(complete: Mapping[date, int], this_month: int, today: date, gone: float) -> Forecast | None:
    """``complete``: the cost of each recent whole day without a gap; ``this_month`` what it has cost so far; ``gone`` the share of today that is over.

    Each day that is left costs what such days cost on average, and varies as they varied. The interval has both parts: the days' own
    scatter, and the uncertainty of the mean. None: too few days.
    """
    n = len(complete)
    if n < FEWEST:
        return None
    by_weekday = n >= BY_WEEKDAY
    groups: dict[int, list[int]] = {}
    for day, cost in complete.items():
        groups.setdefault(day.weekday() if by_weekday else 0, []).append(cost)
    means = {group: sum(costs) / len(costs) for group, costs in groups.items()}
    freedom = n - len(groups)
    scatter = sum((cost - means[group]) ** 2 for group, costs in groups.items() for cost in costs) / freedom
    weights = {today: 1 - gone} | dict.fromkeys(_rest_of_month(today), 1.0)
    coming = {day: weight * means[day.weekday() if by_weekday else 0] for day, weight in weights.items()}
    own = sum(weight * weight for weight in weights.values())
    shared: dict[int, float] = {}
    for day, weight in weights.items():
        group = day.weekday() if by_weekday else 0
        shared[group] = shared.get(group, 0.0) + weight
    of_means = sum(weight * weight / len(groups[group]) for group, weight in shared.items())
    half = _t90(freedom) * sqrt(scatter * (own + of_means))
    expected = this_month + sum(coming.values())
    return Forecast(expected, max(float(this_month), expected - half), expected + half, n, by_weekday, coming)


def _rest_of_month(today: date) -> list[date]:
    """The days after today."""
    days: list[date] = []
    day = today + timedelta(days=1)
    while day.month == today.month:
        days.append(day)
        day += timedelta(days=1)
    return days


def _t90(freedom: int) -> float:
    """Student's two-sided 90 % quantile, within 2 % from 2 degrees of freedom on (Abramowitz and Stegun 26.7.5)."""
    z = _Z90
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2) + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)  # fmt: skip
