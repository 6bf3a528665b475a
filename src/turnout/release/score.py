"""The score of PRODUCT R4: 0.3 c + 0.3 l + 0.4 q, taken at its lower bound. A rank and a ceiling; whether a model is fit is the gates' question. Pure.

Its terms are relative to the incumbent, so that twice the price is the worst there is, however little that is beside what an answer is worth. A route
that says what a solved request is worth (``worth``) is scored by the net gain instead: quality gained less cost added, in units of that worth.
"""

from collections.abc import Sequence
from math import inf
from statistics import fmean, median

import msgspec

from turnout.evidence.bootstrap import lower_bound
from turnout.evidence.paired import certifiable_margin
from turnout.release.pairs import Pair
from turnout.types.money import PicoDollars
from turnout.types.release import Score
from turnout.types.release_rules import ReleaseRules, Thresholds, Weights

ALPHA = 0.1
"""The chance that the score is truly lower than its bound. The gates, which come first, are stricter."""
ROUNDS = 500


class Figures(msgspec.Struct, frozen=True):
    """Of one model: what a solved case costs (pico-dollars; infinite where it solved none), its median time (ms), the share it solved."""

    cost_solved: float
    p50_ms: float
    quality: float


class Terms(msgspec.Struct, frozen=True):
    """Cost, latency and quality of a candidate against an incumbent; positive is better, each in [-1, 1]."""

    cost: float
    latency: float
    quality: float

    def weighed(self, weights: Weights) -> float:
        return weights.cost * self.cost + weights.latency * self.latency + weights.quality * self.quality


def terms(before: Figures, after: Figures) -> Terms:
    """By the formulas c = 1 - cost1 / cost0 per solved case, l = 1 - p50_1 / p50_0, q = (q1 - q0) / q0."""
    return Terms(
        _saved(before.cost_solved, after.cost_solved),
        _saved(before.p50_ms, after.p50_ms),
        0.0 - _saved(before.quality, after.quality),
    )


def score(pairs: Sequence[Pair], rules: ReleaseRules, seed: str, worth: PicoDollars | None = None) -> Score | None:
    """Of the cases that both models answered; None without any, and where the cost of an answer is unknown: an unknown cost is no saving.

    ``seed`` makes the bootstrap repeatable: a release's id. ``worth`` (pico-dollars) is the route's.
    """

    def valued(drawn: Sequence[_Row]) -> float:
        return _terms(drawn).weighed(rules.weights) if worth is None else _gained(drawn, worth)

    rows = [_row(pair) for pair in pairs]
    known = [row for row in rows if row is not None]
    if not known or len(known) < len(rows):
        return None
    found, value = _terms(known), valued(known)
    low = min(lower_bound(valued, known, seed, ALPHA, ROUNDS), value)
    differing = fmean(pair.difference**2 for pair in pairs)
    return Score(
        value, low, found.cost, found.latency, found.quality, len(pairs), ceiling(low, rules, worth),
        certifiable_margin(len(pairs), differing), worth,
    )  # fmt: skip


def thresholds(rules: ReleaseRules, worth: PicoDollars | None) -> Thresholds:
    """What a score is held against."""
    return rules.thresholds if worth is None else rules.net_thresholds


def ceiling(low: float, rules: ReleaseRules, worth: PicoDollars | None = None) -> float:
    """The largest share of traffic (percent) before live evidence is in; 0: no trial."""
    limits = thresholds(rules, worth)
    for least, share in ((limits.fifty, 50.0), (limits.ten, 10.0), (limits.trial, rules.first_ceiling)):
        if low >= least:
            return share
    return 0.0


_Row = tuple[float, float, float, float, float | None, float | None]
"""A case: cost, quality and time of the one and of the other. Plain, since the bootstrap sums it a million times."""


def _row(pair: Pair) -> _Row | None:
    before, after = pair.control, pair.candidate
    if before.cost is None or after.cost is None:
        return None
    return before.cost, after.cost, before.good, after.good, before.ms, after.ms


def _terms(rows: Sequence[_Row]) -> Terms:
    n = len(rows)
    cost0, cost1, good0, good1, times0, times1 = zip(*rows, strict=True)
    came0, came1 = [ms for ms in times0 if ms is not None], [ms for ms in times1 if ms is not None]
    before = Figures(_per_solved(sum(cost0), sum(good0)), median(came0) if came0 else inf, sum(good0) / n)
    after = Figures(_per_solved(sum(cost1), sum(good1)), median(came1) if came1 else inf, sum(good1) / n)
    return terms(before, after)


def _gained(rows: Sequence[_Row], worth: PicoDollars) -> float:
    """What a request gains: what it is solved more often for, less what it costs more; 0.01 is a point of quality."""
    cost0, cost1, good0, good1, _, _ = zip(*rows, strict=True)
    gained, dearer = sum(good1) - sum(good0), sum(cost1) - sum(cost0)
    return float(gained - dearer / worth) / len(rows)


def _per_solved(cost: float, solved: float) -> float:
    return cost / solved if solved > 0 else inf


def _saved(before: float, after: float) -> float:
    """1 - after / before, clipped to [-1, 1]. From nothing, or from what never ends, to the same is no change; any more is the worst, any less the best."""
    if before == after:
        return 0.0
    if before == 0 or after == inf:
        return -1.0
    return 1.0 if before == inf else max(-1.0, min(1.0, 1 - after / before))
