"""How far a judge can be believed: its verdicts beside people's, and what that means for a share it reports.

Agreement beyond chance is Cohen's kappa over better, tie, worse. A share of answers "not worse" as the judge sees it is put right by
p = (p_obs + q0 - 1) / (q0 + q1 - 1), with q1 its sensitivity and q0 its specificity (Rogan and Gladen 1978); the interval carries both samples
(Lee et al., arXiv 2511.21140).
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from math import sqrt
from pathlib import Path
from statistics import NormalDist

import msgspec

from turnout.errors import Problem
from turnout.suites.graders.pairwise import Ask, Better, Compared, compare, control, flip_rate, turned
from turnout.suites.inputs import BadInput, body_of, said_of
from turnout.suites.problems import BadSuite
from turnout.suites.tabular import json_rows, text_of
from turnout.types.tickets import Said

ENOUGH = 50
"""Labels below which agreement says little, and verdicts do not gate."""
KAPPA = 0.6
"""Agreement from which they do: "substantial" (Landis and Koch 1977)."""

_NAMES: dict[object, Better] = {"a": "first", "b": "second", "tie": "tie"}


class Labelled(msgspec.Struct, frozen=True):
    """Two answers, and which one people found better."""

    said: tuple[Said, ...]
    first: str
    second: str
    better: Better


class Calibration(msgspec.Struct, frozen=True):
    """``n`` labels the judge had a verdict on, ``failed`` it had none on; None: nothing to tell it from.

    ``sensitivity`` and ``specificity`` are of "not worse", with the numbers of labels they rest on. ``flips`` is the share of answers it
    found unequal to themselves, ``inconsistent`` that of verdicts that changed with the order.
    """

    n: int
    failed: int
    kappa: float | None
    sensitivity: float | None
    specificity: float | None
    positives: int
    negatives: int
    flips: float | None
    inconsistent: float | None

    @property
    def gates(self) -> bool:
        """Whether a verdict of this judge may decide anything."""
        return self.kappa is not None and self.kappa >= KAPPA and self.n >= ENOUGH


class Share(msgspec.Struct, frozen=True):
    """A share with its interval, 0..1."""

    value: float
    low: float
    high: float


def load_labels(path: Path) -> tuple[Labelled, ...]:
    """JSON lines ``{"input": ..., "a": "...", "b": "...", "better": "a" | "b" | "tie"}``.

    Raises:
        BadSuite: every line that cannot be used.
    """
    found: list[Labelled] = []
    wrong: list[Problem] = []
    for row in json_rows(text_of(path)):
        if isinstance(row, Problem):
            wrong.append(row)
            continue
        try:
            said = said_of(body_of(row.item))
        except BadInput as bad:
            wrong.append(Problem(bad.key, row.line, bad.message, bad.suggestion))
            continue
        first, second, better = row.item.get("a"), row.item.get("b"), _NAMES.get(_word(row.item.get("better")))
        if not isinstance(first, str) or not isinstance(second, str) or better is None:
            wrong.append(Problem("", row.line, "a label needs the answers a and b, and better", "write a, b or tie for better"))
            continue
        found.append(Labelled(said, first, second, better))
    if wrong or not found:
        raise BadSuite(path, wrong or [Problem("", None, "there is no label in it")])
    return tuple(found)


async def calibrate(ask: Ask, labels: Sequence[Labelled], prompt: str | None = None) -> Calibration:
    """Ask the judge about each pair, in both orders, and about each first answer against itself: three questions a label."""
    compared = [await compare(ask, each.said, each.first, each.second, prompt) for each in labels]
    controls = await asyncio.gather(*(control(ask, each.said, each.first, prompt) for each in labels))
    return calibrated([(each.better, found) for each, found in zip(labels, compared, strict=True)], flip_rate(controls))


def calibrated(pairs: Iterable[tuple[Better, Compared]], flips: float | None) -> Calibration:
    """People's word and the judge's, pair by pair. Each pair is read from both sides, so that it does not matter who was called ``a``."""
    known = list(pairs)
    told = [(people, found) for people, found in known if found.score is not None]
    words: list[tuple[Better, Better]] = [(people, _better(found)) for people, found in told]
    sides = [side for people, judge in words for side in ((people, judge), (turned(people), turned(judge)))]
    good = [judge != "second" for people, judge in sides if people != "second"]
    bad = [judge == "second" for people, judge in sides if people == "second"]
    return Calibration(
        len(words), len(known) - len(words), kappa(words), _mean(good), _mean(bad), len(good), len(bad), flips,
        _mean([not found.consistent for _, found in told]),
    )  # fmt: skip


def kappa(pairs: Sequence[tuple[Better, Better]]) -> float | None:
    """Cohen's. None without pairs, or where both always say the same one thing."""
    if not pairs:
        return None
    n = len(pairs)
    agreed = sum(one == other for one, other in pairs) / n
    ones, others = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    chance = sum(ones[word] * others[word] for word in ones) / n**2
    return (agreed - chance) / (1 - chance) if chance < 1 else None


def corrected(good: float, n: int, by: Calibration, *, level: float = 0.95) -> Share | None:
    """A judge's share ``good`` of ``n`` answers as people would have it. None: the judge tells nothing."""
    if by.sensitivity is None or by.specificity is None or not n:
        return None
    q1 = (by.sensitivity * by.positives + 1) / (
        by.positives + 2
    )  # a few labels without a mistake are no proof that there are none
    q0 = (by.specificity * by.negatives + 1) / (by.negatives + 2)
    power = q0 + q1 - 1
    if power <= 0:
        return None
    share = min(max((good + q0 - 1) / power, 0.0), 1.0)
    spread = (n * good + 1) / (n + 2)
    variance = (
        spread * (1 - spread) / n
        + (1 - share) ** 2 * q0 * (1 - q0) / (by.negatives + 2)
        + share**2 * q1 * (1 - q1) / (by.positives + 2)
    )
    half = NormalDist().inv_cdf((1 + level) / 2) * sqrt(variance) / power
    return Share(share, max(share - half, 0.0), min(share + half, 1.0))


def _better(found: Compared) -> Better:
    return "first" if found.score == 1 else "second" if found.score == 0 else "tie"


def _mean(values: Sequence[bool]) -> float | None:
    return sum(values) / len(values) if values else None


def _word(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else None
