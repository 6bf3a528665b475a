"""How far a judge can be believed: its verdicts beside people's, and what that means for a share it reports.

Agreement beyond chance is Cohen's kappa over better, tie, worse. A share of answers "not worse" as the judge sees it is put right by
p = (p_obs + q0 - 1) / (q0 + q1 - 1), with q1 its sensitivity and q0 its specificity (Rogan and Gladen 1978); the interval carries both samples
(Lee et al., arXiv 2511.21140).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256
from math import sqrt
from pathlib import Path
from statistics import NormalDist
from typing import Any

import msgspec
from msgspec.structs import replace

from turnout.errors import Problem
from turnout.suites.graders.pairwise import PROTOCOL, Ask, Compared, asked, compare, control, flip_rate, mark, turned
from turnout.suites.inputs import BadInput, body_of, said_of
from turnout.suites.problems import BadSuite
from turnout.suites.tabular import Row, json_rows, text_of
from turnout.types.judge import Better, Calibration, Labelled, Labels
from turnout.types.suite import Case, Pairwise

QUESTIONS = 3
"""That a judge is asked about each label."""
MOST_LABELS = 1_000
HOLDS = 30 * 86_400.0
"""Seconds for which what was found of a judge is taken as found: its provider may change it, and nobody says when."""
EXAMPLE = '{"input": "...", "a": "...", "b": "...", "better": "a"}'

_NAMES: dict[object, Better] = {"a": "first", "b": "second", "tie": "tie"}


class Held(msgspec.Struct, frozen=True):
    """A judge beside people on one label: their word, its verdict, and its verdict on the first answer against itself (None: it gave none)."""

    people: Better
    judge: Compared
    control: Better | None


class Share(msgspec.Struct, frozen=True):
    """A share with its interval, 0..1."""

    value: float
    low: float
    high: float


def load_labels(path: Path) -> tuple[Labelled, ...]:
    """JSON lines ``{"input": ..., "a": "...", "b": "...", "better": "a" | "b" | "tie"}``; ``good`` says what a good answer is, where the judge is told.

    Raises:
        Unusable: the file cannot be read; BadSuite, which is one, with every line that cannot be used.
    """
    found: list[Labelled] = []
    wrong: list[Problem] = []
    for row in json_rows(text_of(path)):
        if isinstance(row, Problem):
            wrong.append(row._replace(suggestion=f"write one label a line: {EXAMPLE}"))
            continue
        label = _label(row)
        wrong += [label] if isinstance(label, Problem) else []
        found += [label] if isinstance(label, Labelled) else []
    if not wrong and not found:
        wrong = [Problem("", None, "there is no label in it", f"write one a line: {EXAMPLE}")]
    if len(found) > MOST_LABELS:
        wrong.append(
            Problem("", None, f"more than {MOST_LABELS:,} labels", "the judge is asked about each: 50 to 200 are enough")
        )
    if wrong:
        raise BadSuite(path, wrong)
    return tuple(found)


def _label(row: Row) -> Labelled | Problem:
    try:
        said = said_of(body_of(row.item))
    except BadInput as bad:
        return Problem(bad.key, row.line, bad.message, bad.suggestion)
    first, second, better = row.item.get("a"), row.item.get("b"), _NAMES.get(_word(row.item.get("better")))
    good = row.item.get("good")
    if not isinstance(good, str | None):
        return Problem("good", row.line, "must be a text: what a good answer is")
    if not isinstance(first, str) or not isinstance(second, str) or better is None:
        return Problem("", row.line, "a label needs the answers a and b, and better", "write a, b or tie for better")
    return Labelled(said, first, second, better, good)


def labels_of(labels: Iterable[Labelled], cases: Iterable[Case]) -> Labels:
    """As the judge of these cases is asked about them: what is good is what all the cases that compare say is, where they say one thing."""
    prompts = {graded.rule.prompt for case in cases for graded in case.graders if isinstance(graded.rule, Pairwise)}
    prompt = prompts.pop() if len(prompts) == 1 else None
    pairs = tuple(label if label.prompt is not None else replace(label, prompt=prompt) for label in labels)
    content = msgspec.json.encode((PROTOCOL, pairs), order="deterministic")
    return Labels(sha256(content).hexdigest()[:32], pairs)


async def held(ask: Ask, label: Labelled) -> Held:
    """Ask the judge about the pair in both orders, and about the first answer against itself: ``QUESTIONS``."""
    compared = await compare(ask, label.said, label.first, label.second, label.prompt)
    return Held(label.better, compared, await control(ask, label.said, label.first, label.prompt))


def questions(label: Labelled) -> tuple[dict[str, Any], ...]:
    """What it is going to be asked, as requests."""
    both, same = (label.first, label.second), (label.first, label.first)
    return tuple(asked(label.said, *answers, mark(), label.prompt) for answers in (both, both[::-1], same))


def calibrated(known: Sequence[Held], at: float) -> Calibration:
    """People's word and the judge's, pair by pair. Each pair is read from both sides, so that it does not matter who was called ``a``."""
    told = [each for each in known if each.judge.score is not None]
    words: list[tuple[Better, Better]] = [(each.people, _better(each.judge)) for each in told]
    sides = [side for people, judge in words for side in ((people, judge), (turned(people), turned(judge)))]
    good = [judge != "second" for people, judge in sides if people != "second"]
    bad = [judge == "second" for people, judge in sides if people == "second"]
    return Calibration(
        len(words), len(known) - len(words), kappa(words), _mean(good), _mean(bad), len(good), len(bad),
        flip_rate(each.control for each in known), _mean([not each.judge.consistent for each in told]), at,
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
