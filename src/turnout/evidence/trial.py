"""What a trial has shown: one fold over its units in the order of arrival (ADR 10). Pure; the same units give the same evidence.

Harm looks at everything known, non-inferiority only at units whose feedback window has passed.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from math import exp, log
from typing import Self

import msgspec

from turnout.evidence.bernoulli import Fit, Harm, Judged
from turnout.evidence.continuous import Cap, Contrast, unsure
from turnout.evidence.mismatch import ALARM, Mismatch
from turnout.types.evidence import Evidence, Exposure, Metric, Reading
from turnout.types.money import usd
from turnout.types.release import Spec

FORMAT = 3
"""Of the kept state. Raise it with any change of what the state means or how a unit is folded: the fold is then begun anew."""


class Sums(msgspec.Struct, array_like=True):
    """One arm's units and values of a metric."""

    n: int = 0
    total: float = 0.0

    def take(self, value: float) -> None:
        self.n += 1
        self.total += value

    @property
    def mean(self) -> float | None:
        return self.total / self.n if self.n else None


class Outcomes(msgspec.Struct, array_like=True):
    """Success or quality: a share that must not fall."""

    harm: Harm
    fit: Fit
    difference: Contrast
    control: Sums
    candidate: Sums

    @classmethod
    def new(cls, harm: float, fit: float) -> Self:
        return cls(Harm(harm), Fit(fit), Contrast(), Sums(), Sums())

    def take(self, candidate: bool, share: float, good: bool, proves: bool) -> None:  # noqa: FBT001 a unit has these four sides
        self.harm.take(candidate, share, good)
        if proves:
            self.fit.take(candidate, share, good)
        self.difference.take(candidate, share, good)
        (self.candidate if candidate else self.control).take(good)

    def reading(self, metric: Metric, spec: Spec, share: float) -> Reading:
        low, high = self.difference.bounds(spec.alpha, unsure(share, self.control.mean or 0.0)) or (None, None)
        at = log(1 / spec.alpha)
        return Reading(
            metric, self.control.n, self.candidate.n, self.control.mean, self.candidate.mean, harm=self.harm.peak,
            harm_at=log(guardrails(spec) / spec.alpha), fit=self.fit.peak, fit_at=at, low=low, high=high, to_go=self.fit.to_go(share, at),
            fall=self.harm.fall,
        )  # fmt: skip


class Latency(msgspec.Struct, array_like=True):
    """``slow`` tests the share of answers within the bound, to which a failure does not belong; the difference is of the logarithms of those that came."""

    slow: Harm
    difference: Contrast
    control: Sums
    candidate: Sums

    def take(self, unit: Exposure, share: float, bound: float | None) -> None:
        if bound is not None and (not unit.ok or unit.ms is not None):
            self.slow.take(unit.candidate, share, unit.ok and unit.ms is not None and unit.ms <= bound)
        if unit.ok and unit.ms is not None and unit.ms > 0:
            value = log(unit.ms)
            self.difference.take(unit.candidate, share, value)
            (self.candidate if unit.candidate else self.control).take(value)

    def reading(self, spec: Spec) -> Reading:
        bounds = self.difference.bounds(spec.alpha)
        low, high = (exp(bounds[0]) - 1, exp(bounds[1]) - 1) if bounds else (None, None)
        control, candidate = self.control.mean, self.candidate.mean
        guarded = spec.slow_ms is not None
        return Reading(
            "latency", self.control.n, self.candidate.n, None if control is None else exp(control),
            None if candidate is None else exp(candidate), harm=self.slow.peak if guarded else None,
            harm_at=log(guardrails(spec) / spec.alpha) if guarded else None, fit=None, fit_at=None, low=low, high=high,
        )  # fmt: skip


class Cost(msgspec.Struct, array_like=True):
    """Dollars, cut far out, in units of the control's mean before: the difference is a relative one. ``peak`` is of ``Contrast.above``."""

    difference: Contrast
    cap: Cap
    control: Sums
    candidate: Sums
    peak: float = 0.0

    def take(self, candidate: bool, share: float, dollars: float, spec: Spec) -> None:  # noqa: FBT001 which arm
        value, mean = min(dollars, self.cap.at), self.difference.mean
        if mean > 0 or not candidate:  # without a mean there is nothing to be relative to
            self.difference.take(candidate, share, value, mean if mean > 0 else 1.0)
        if candidate:
            self.candidate.take(dollars)
            self.peak = max(self.peak, self.difference.above(spec.margins.cost, spec.alpha / guardrails(spec)))
        else:
            self.control.take(dollars)
            self.cap.take(dollars)

    def reading(self, spec: Spec) -> Reading:
        low, high = self.difference.bounds(spec.alpha) or (None, None)
        return Reading(
            "cost", self.control.n, self.candidate.n, self.control.mean, self.candidate.mean, harm=self.peak,
            harm_at=log(guardrails(spec) / spec.alpha), fit=None, fit_at=None, low=low, high=high,
        )  # fmt: skip


class State(msgspec.Struct, array_like=True):
    """All that is kept of the units folded. ``spec`` is the digest of the rules it was folded by; ``share`` that of the last unit.

    ``proof_since`` is from when on units prove anything (Spec).
    """

    format: int
    spec: bytes
    success: Outcomes
    quality: Outcomes
    latency: Latency
    cost: Cost
    mismatch: Mismatch
    judged: Judged
    units: int = 0
    candidates: int = 0
    latest: float | None = None
    share: float = 0.0
    proof_since: float = 0.0


class Fold:
    """The evidence of one trial under ``spec``."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        margins = spec.margins
        self._state = State(
            FORMAT, _digest(spec), Outcomes.new(margins.harm, margins.success), Outcomes.new(margins.harm, margins.quality),
            Latency(Harm(margins.slow), Contrast(), Sums(), Sums()), Cost(Contrast(), Cap(), Sums(), Sums()), Mismatch(), Judged(),
            proof_since=spec.proof_since,
        )  # fmt: skip

    @classmethod
    def restored(cls, spec: Spec, state: bytes) -> Self:
        """As it was when ``state()`` was called. Raises ValueError where that was another format or other rules: then fold anew."""
        kept = msgspec.msgpack.decode(state, type=State)
        fold = cls(spec)
        fold._state = kept
        if kept.format != FORMAT or not fold.go_on(spec):
            raise ValueError(
                f"this state of a trial is of format {kept.format} or of other rules, not of format {FORMAT}: fold its units anew"
            )
        return fold

    def go_on(self, spec: Spec) -> bool:
        """By these rules; False: it was folded by others.

        A doubt since then takes no other fold: what is in it came before, and proves nothing any more. Millions of units are a minute's work.
        """
        state = self._state
        is_doubted = state.proof_since < spec.proof_since
        if state.spec != _digest(spec) or state.proof_since > spec.proof_since:
            return False
        if is_doubted and (state.latest or 0.0) >= spec.proof_since:
            return False
        if is_doubted:
            state.success.fit, state.quality.fit = Fit(spec.margins.success), Fit(spec.margins.quality)
            state.proof_since = spec.proof_since
        self._spec = spec
        return True

    def state(self) -> bytes:
        return msgspec.msgpack.encode(self._state)

    def take(self, exposures: Iterable[Exposure]) -> None:
        """Units whose feedback window has passed, in the order of arrival; in how many portions makes no difference."""
        for unit in exposures:
            _fold(self._state, unit, self._spec, settled=True)

    def evidence(self, now: float, young: Sequence[Exposure] = ()) -> Evidence:
        """With ``young`` units, still inside the window, in the order of arrival after the settled ones. The fold itself stays as it is."""
        state = msgspec.msgpack.decode(self.state(), type=State) if young else self._state
        for unit in young:
            _fold(state, unit, self._spec, settled=False)
        spec, share = self._spec, state.share
        return Evidence(
            at=now, units=state.units, settled=self._state.units, candidates=state.candidates, latest=state.latest,
            readings=(
                state.success.reading("success", spec, share), state.quality.reading("quality", spec, share), state.latency.reading(spec),
                state.cost.reading(spec),
            ),
            mismatch=state.mismatch.peak, mismatch_at=ALARM,
        )  # fmt: skip


def guardrails(spec: Spec) -> int:
    """How many may raise an alarm: success, quality and cost always, latency where it has a bound."""
    return 3 + (spec.slow_ms is not None)


def _fold(state: State, unit: Exposure, spec: Spec, *, settled: bool) -> None:
    """One unit into every test; what is not known of it is left out of that test alone."""
    candidate, share = unit.candidate, unit.share
    if settled:  # of the young only those are known that have ended, and a slow arm's are fewer
        state.mismatch.take(candidate, share)
    proves = settled and unit.at >= spec.proof_since
    state.success.take(candidate, share, unit.ok, proves)
    judged = unit.good is not None
    if unit.good is not None:
        state.quality.take(candidate, state.judged.share(share), unit.good, proves)
    state.judged.take(candidate, share, judged)
    state.latency.take(unit, share, spec.slow_ms)
    if unit.cost is not None:
        state.cost.take(candidate, share, usd(unit.cost), spec)
    state.units += 1
    state.candidates += candidate
    state.latest, state.share = unit.at, share


def _digest(spec: Spec) -> bytes:
    """Of the rules a fold depends on."""
    return blake2b(msgspec.msgpack.encode((spec.alpha, spec.margins, spec.slow_ms)), digest_size=16).digest()
