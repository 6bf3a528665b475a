"""What a run found: each model by task and band, and two of them case by case. Pure."""

from collections.abc import Iterable, Sequence
from statistics import fmean, median
from typing import Literal

import msgspec

from turnout.evidence.bootstrap import interval
from turnout.evidence.intervals import wilson
from turnout.evidence.paired import Paired, certifiable_margin
from turnout.suites.graders.calibration import Share, corrected
from turnout.suites.paired import differences
from turnout.types.judge import Calibration
from turnout.types.money import PicoDollars
from turnout.types.suite import Result
from turnout.types.traits import Band

RESAMPLED = 1_000

Part = tuple[str | None, Band | None]
"""A task and a band of complexity."""


class Figures(msgspec.Struct, frozen=True):
    """A model's, of one task and band; both None: of all. ``solved`` of ``n`` judged answers, with the share's 95 % interval ``low`` to ``high``.

    ``score`` is the mean, 0..1. ``cost_solved`` is what a solved case costs, None when some cost is unknown or none was solved.
    ``failed`` counts answers that never came, ``unjudged`` those that no grader could tell about.
    """

    model: str
    task: str | None
    band: Band | None
    n: int
    solved: int
    low: float
    high: float
    score: float | None
    cost_solved: PicoDollars | None
    p50_ms: float | None
    failed: int
    unjudged: int


class Pair(msgspec.Struct, frozen=True):
    """The ``second`` model's scores minus the ``first``'s on ``n`` cases that both were judged on: the mean, with its 95 % interval.

    ``verdict``: the second is shown to be worse by more than ``margin``, or shown not to be; None: so many cases do not tell.
    ``certifiable`` is the smallest margin that an equal model could be certified at with them.
    """

    first: str
    second: str
    n: int
    margin: float
    difference: float | None
    low: float | None
    high: float | None
    verdict: Literal["worse", "fits"] | None
    certifiable: float | None


class NotWorse(msgspec.Struct, frozen=True):
    """How often the run's judge found the ``second`` model's answer not worse than the ``first``'s, ``seen`` (0..1) of ``n`` cases.

    ``put_right`` is that share as people would have it, by what the judge's calibration says of its errors (F9); None: it says nothing.
    """

    first: str
    second: str
    n: int
    seen: float
    put_right: Share | None


def not_worse(results: Iterable[Result], first: str, second: str, by: Calibration | None) -> NotWorse | None:
    """None: no judge compared them. Repeats of a case are one observation, their mean."""
    found: dict[str, list[bool]] = {}
    for one in results:
        if one.model == second and one.compared is not None:
            found.setdefault(one.case, []).append(one.compared >= 0.5)
    if not found:
        return None
    seen = fmean(fmean(each) for each in found.values())
    return NotWorse(first, second, len(found), seen, corrected(seen, len(found), by) if by is not None else None)


def parts(results: Iterable[Result]) -> tuple[Part, ...]:
    """All tasks and bands there are, in order."""
    return tuple(sorted({(one.task, one.band) for one in results}, key=lambda part: (part[0] or "", _BANDS.index(part[1]))))


_BANDS: tuple[Band | None, ...] = ("simple", "moderate", "high", None)


def figures(results: Sequence[Result], model: str, part: Part | None = None) -> Figures:
    """Of one model; ``part`` None: of all its answers."""
    task, band = part or (None, None)
    mine = [one for one in results if one.model == model and (part is None or (one.task, one.band) == part)]
    judged = [one for one in mine if one.score is not None]
    solved = sum(bool(one.solved) for one in judged)
    low, high = wilson(solved, len(judged))
    costs = [one.cost for one in mine]
    known = [cost for cost in costs if cost is not None]
    times = [one.ms for one in mine if one.outcome == "ok"]
    return Figures(
        model, task, band, len(judged), solved, low, high, fmean(one.score or 0.0 for one in judged) if judged else None,
        PicoDollars(sum(known) // solved) if solved and len(known) == len(costs) else None, median(times) if times else None,
        sum(one.outcome != "ok" for one in mine), len(mine) - len(judged),
    )  # fmt: skip


def pair(results: Sequence[Result], first: str, second: str, margin: float, part: Part | None = None) -> Pair:
    """Two models on the cases of a part; None: on all."""
    apart = differences([one for one in results if part is None or (one.task, one.band) == part], first, second)
    if not apart:
        return Pair(first, second, 0, margin, None, None, None, None, None)
    bets = Paired.new(margin)
    bets.take(apart)
    low, high = interval(fmean, apart, f"{first}/{second}", rounds=RESAMPLED)
    discordance = sum(each != 0 for each in apart) / len(apart)
    verdict: dict[str | None, Literal["worse", "fits"]] = {"unfit": "worse", "fits": "fits"}
    return Pair(
        first,
        second,
        len(apart),
        margin,
        fmean(apart),
        low,
        high,
        verdict.get(bets.verdict),
        certifiable_margin(len(apart), discordance),
    )
