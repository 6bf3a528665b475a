"""What a trial has shown so far."""

from typing import Literal

import msgspec

from turnout.types.money import PicoDollars

Metric = Literal["success", "quality", "latency", "cost"]
FALLEN = 9.2
"""Odds of 10,000 to one, as a logarithm: without a change one suspicion in so many units of the candidate's."""
METRICS: tuple[Metric, ...] = ("success", "quality", "latency", "cost")


class Exposure(msgspec.Struct, frozen=True, gc=False):
    """One unit of a trial: the first request of a session or a user, or a request of neither, in the order of arrival.

    ``share`` is the probability with which a unit became the candidate's at that moment. ``good`` None: nobody has judged the answer.
    ``ms`` and ``cost`` None: unknown. Failures that a fallback made good are ``ok``, at the price and time they took.
    """

    at: float
    candidate: bool
    share: float
    ok: bool
    good: bool | None = None
    ms: float | None = None
    cost: PicoDollars | None = None


class Reading(msgspec.Struct, frozen=True):
    """One metric. ``control`` and ``candidate`` are means (shares 0..1, milliseconds as geometric mean, dollars), None before there are any.

    ``harm`` and ``fit`` are the highest natural logarithms so far of the e-values against "no worse than the harm margin allows" and
    against "worse than the margin", with what each must reach; None where the metric has no such test. ``low`` and ``high`` bound candidate
    minus control (latency, cost: their ratio minus 1) at every moment, None too early. ``to_go`` is how many more units of the candidate's
    the non-inferiority test is expected to need, None when that cannot be said. ``fall`` is the logarithm of the odds that the candidate is
    worse now than the control was when it was last seen; of shares that can be proven anew (times drift by the hour).
    """

    metric: Metric
    n_control: int
    n_candidate: int
    control: float | None
    candidate: float | None
    harm: float | None
    harm_at: float | None
    fit: float | None
    fit_at: float | None
    low: float | None
    high: float | None
    to_go: int | None = None
    fall: float = 0.0

    @property
    def harmful(self) -> bool:
        return self.harm is not None and self.harm_at is not None and self.harm >= self.harm_at

    @property
    def fits(self) -> bool:
        return self.fit is not None and self.fit_at is not None and self.fit >= self.fit_at


class Evidence(msgspec.Struct, frozen=True):
    """All of them, as of ``at``. ``mismatch`` is the logarithm of the sample-ratio e-value, an alarm from ``mismatch_at`` on.

    ``units`` counts all exposures, ``settled`` those whose feedback window has passed, ``latest`` is the arrival of the youngest.
    """

    at: float
    units: int
    settled: int
    candidates: int
    latest: float | None
    readings: tuple[Reading, ...]
    mismatch: float
    mismatch_at: float

    def reading(self, metric: Metric) -> Reading:
        return next(reading for reading in self.readings if reading.metric == metric)

    @property
    def harmful(self) -> tuple[Metric, ...]:
        return tuple(reading.metric for reading in self.readings if reading.harmful)

    @property
    def fallen(self) -> tuple[Metric, ...]:
        return tuple(reading.metric for reading in self.readings if reading.fall >= FALLEN)

    @property
    def mismatched(self) -> bool:
        return self.mismatch >= self.mismatch_at
