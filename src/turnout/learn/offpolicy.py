"""What another policy would have come to on the same requests, from what was recorded (PRODUCT R10). Pure.

A request says something about a policy in so far as that policy would have chosen what was chosen: the ratio of the two probabilities weighs
it (inverse propensity, Horvitz and Thompson 1952). The doubly robust estimate (Dudík, Langford and Li 2011) adds what a plain table of means expects
of the models that were not chosen; it is right if either the probabilities or the table are, and the probabilities are our own.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from math import hypot, sqrt
from typing import Literal

import msgspec

What = Literal["cost", "ms", "ok", "good"]
METRICS: tuple[What, ...] = ("cost", "ms", "ok", "good")

LEAST_COVERED = 0.95
"""Share of the new policy's choices that the recorded one could have made too. What it could not have made is not in the records at all."""
LEAST_EFFECTIVE = 50.0
"""Kish's effective number, (sum w)^2 / sum w^2, of the requests on which the policies differ, below which an interval is a guess.

Where they agree every request counts fully, and says nothing about the difference.
"""
_DIFFERENT = 0.05
"""The total variation between a request's two choices from which on the policies differ on it: exploring alone is less."""
_STRENGTH = 5.0
"""Requests that a mean of all models counts for in the table, so that a cell of one request is no certainty."""
_FOLDS = 2
"""What is expected of a request comes from the other half: a table that has seen the answer would promise too narrow an interval."""


class Observation(msgspec.Struct, frozen=True, gc=False):
    """One recorded request. ``old`` and ``new`` map models to their chance of having been asked first, under either policy.

    ``model`` is the one that was. ``kind`` is what requests of one kind share (task and band), ``unit`` what one person sent. ``cost`` in
    pico-dollars, ``ms`` milliseconds, ``ok`` and ``good`` 0..1; None: not known.
    """

    model: str
    old: dict[str, float]
    new: dict[str, float]
    kind: str
    unit: str
    cost: float | None
    ms: float | None
    ok: float | None
    good: float | None

    @property
    def weight(self) -> float:
        return self.new.get(self.model, 0.0) / self.old[self.model]


class Estimate(msgspec.Struct, frozen=True):
    """Of one metric, over the ``n`` requests where it is known: the mean that was, what the new policy's would have been by both methods.

    ``change`` is the doubly robust one less what was, with its 95 % interval ``low`` to ``high``. ``effective`` is Kish's number.
    """

    metric: What
    n: int
    was: float
    weighted: float
    robust: float
    change: float
    low: float
    high: float
    effective: float


class NoOverlap(Exception):
    """The records do not say what the new policy would have come to, and why."""


def covered(observations: Sequence[Observation]) -> float:
    """Share of the new policy's choices, by probability, that the recorded policy made with some probability too."""
    total = sum(chance for one in observations for model, chance in one.new.items() if one.old.get(model, 0.0) > 0.0)
    return total / len(observations) if observations else 0.0


def unknown_choices(observations: Iterable[Observation]) -> list[tuple[str, float]]:
    """The models of its choices that are not covered, the most frequent first, by requests."""
    found: defaultdict[str, float] = defaultdict(float)
    for one in observations:
        for model, chance in one.new.items():
            if one.old.get(model, 0.0) <= 0.0:
                found[model] += chance
    return sorted(found.items(), key=lambda item: -item[1])


def estimate(observations: Sequence[Observation], metric: What) -> Estimate:
    """Raises NoOverlap: too little of what the new policy would do was ever done."""
    known = [one for one in observations if getattr(one, metric) is not None]
    if (share := covered(known)) < LEAST_COVERED:
        lacking = ", ".join(f"{model} ({times:,.0f})" for model, times in unknown_choices(known)[:5])
        raise NoOverlap(
            f"the records cover {share:.0%} of what the new policy would do; it would ask, and nobody has: {lacking or 'nothing is recorded'}. "
            "Let the route explore for a while (routes.NAME.explore: 0.02), or put the model on trial"
        )
    weights = [one.weight for one in known]
    effective = _effective([weight for one, weight in zip(known, weights, strict=True) if _differs(one)])
    if effective < LEAST_EFFECTIVE:
        raise NoOverlap(
            f"where the policies differ, {len(known):,} requests count for {effective:.0f} and {LEAST_EFFECTIVE:.0f} are wanted: "
            "name a longer time, or explore more"
        )
    values: list[float] = [getattr(one, metric) for one in known]
    robust = _robust(known, values, weights)
    was = sum(values) / len(values)
    changes = [after - before for after, before in zip(robust, values, strict=True)]
    mean, error = _clustered(changes, [one.unit for one in known])
    error = hypot(error, _unseen(metric, changes, weights, known) / len(known))
    wide = _t95(effective - 1) * error if effective < float("inf") else _t95(len(known)) * error
    weighted = sum(weight * value for weight, value in zip(weights, values, strict=True)) / sum(weights)
    return Estimate(metric, len(known), was, weighted, was + mean, mean, mean - wide, mean + wide, effective)


def _unseen(metric: What, changes: Sequence[float], weights: Sequence[float], known: Sequence[Observation]) -> float:
    """The standard error of four more requests where the policies differ: a few dozen answers have too little variance too often.

    Half of them right and half wrong where the metric is a share, as Agresti and Coull (1998) add them, else as the others vary.
    """
    off = [(weight, change) for one, weight, change in zip(known, weights, changes, strict=True) if weight and _differs(one)]
    if not off:
        return 0.0
    if metric in ("ok", "good"):
        return 2.0 * sqrt(sum(weight * weight for weight, _ in off) / len(off)) / 2
    return 2.0 * sqrt(sum(change * change for _, change in off) / len(off))


def _differs(one: Observation) -> bool:
    models = one.old.keys() | one.new.keys()
    return sum(abs(one.old.get(model, 0.0) - one.new.get(model, 0.0)) for model in models) / 2 > _DIFFERENT


def _effective(weights: Sequence[float]) -> float:
    """Without bound where there is nothing to weigh: then the policies are the same."""
    squares = sum(weight * weight for weight in weights)
    return sum(weights) ** 2 / squares if squares else (0.0 if weights else float("inf"))


def _robust(known: Sequence[Observation], values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Each request's part in the doubly robust estimate."""
    folds = [_fold(one.unit) for one in known]
    tables = [
        _table((one, value) for one, value, at in zip(known, values, folds, strict=True) if at != fold) for fold in range(_FOLDS)
    ]
    parts = []
    for one, value, weight, fold in zip(known, values, weights, folds, strict=True):
        expected = tables[fold]
        promised = sum(chance * expected(one.kind, model) for model, chance in one.new.items())
        parts.append(promised + weight * (value - expected(one.kind, one.model)))
    return parts


def _table(seen: Iterable[tuple[Observation, float]]) -> Callable[[str, str], float]:
    """Means by kind and model, drawn towards the model's, and that towards all."""
    cells: defaultdict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    models: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    total = [0.0, 0.0]
    for one, value in seen:
        for sums in (cells[one.kind, one.model], models[one.model], total):
            sums[0] += value
            sums[1] += 1
    overall = total[0] / total[1] if total[1] else 0.0
    by_model = {model: (value + _STRENGTH * overall) / (n + _STRENGTH) for model, (value, n) in models.items()}
    by_cell = {
        cell: (value + _STRENGTH * by_model[cell[1]]) / (n + _STRENGTH) for cell, (value, n) in cells.items()
    }  # fmt: skip
    return lambda kind, model: by_cell.get((kind, model), by_model.get(model, overall))


def _clustered(values: Sequence[float], units: Sequence[str]) -> tuple[float, float]:
    """The mean, and its standard error when what one unit sent is not independent of itself (Liang and Zeger 1986)."""
    mean = sum(values) / len(values)
    sums: defaultdict[str, float] = defaultdict(float)
    for value, unit in zip(values, units, strict=True):
        sums[unit] += value - mean
    groups = len(sums)
    if groups < 2:
        return mean, float("inf")
    return mean, sqrt(sum(part * part for part in sums.values()) * groups / (groups - 1)) / len(values)


def _fold(unit: str) -> int:
    return blake2b(unit.encode(), digest_size=1).digest()[0] % _FOLDS


def _t95(freedom: float) -> float:
    """The 97.5 % quantile of Student's t, by the expansion of Cornish and Fisher: within 0.1 % from 10 degrees on."""
    z = 1.959964
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
