"""How far a judge can be believed: agreement beyond chance, and shares put right."""

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from turnout.suites.graders.calibration import (
    QUESTIONS,
    Held,
    calibrated,
    corrected,
    held,
    kappa,
    labels_of,
    load_labels,
    questions,
)
from turnout.suites.graders.pairwise import Compared
from turnout.suites.problems import BadSuite
from turnout.types.judge import Better, Calibration
from turnout.types.suite import Asked, Case, Graded, Pairwise

SCORES: dict[Better, float] = {"first": 1.0, "tie": 0.5, "second": 0.0}


def compared(better: Better) -> Compared:
    return Compared(SCORES[better], "", (better, better))


def beside(people: Better, judge: Compared, control: Better | None = "tie") -> Held:
    return Held(people, judge, control)


def test_kappa_by_hand() -> None:
    """20 first-first, 5 first-second, 10 second-first, 15 second-second: (0.7 - 0.5) / 0.5."""
    pairs: list[tuple[Better, Better]] = (
        [("first", "first")] * 20 + [("first", "second")] * 5 + [("second", "first")] * 10 + [("second", "second")] * 15
    )
    assert kappa(pairs) == pytest.approx(0.4)
    assert kappa([("first", "first"), ("second", "second")]) == 1
    assert kappa([("first", "first")]) is None
    assert kappa([]) is None


def test_verdicts_gate_from_enough_agreement_on() -> None:
    """50 labels and a kappa of 0.6; a judge that guesses, or that nobody has held against people, does not."""
    words: list[Better] = ["first", "second"] * 25
    assert calibrated([beside(word, compared(word)) for word in words], 0.0).gates
    assert not calibrated([beside(word, compared(word)) for word in words[:40]], 0.0).gates
    assert not calibrated([beside(word, compared("first")) for word in words], 0.0).gates
    assert not calibrated([beside(word, Compared(None, "failed"), None) for word in words], 0.0).gates


def test_it_does_not_matter_who_was_called_a() -> None:
    """Sensitivity and specificity are the same from both sides; ties are not worse."""
    pairs = [beside("first", compared("first"))] * 8 + [beside("first", compared("second"))] * 2
    turned = [beside("second", compared("second"))] * 8 + [beside("second", compared("first"))] * 2
    one, other = calibrated(pairs, 0.0), calibrated(turned, 0.0)
    assert (one.sensitivity, one.specificity) == (other.sensitivity, other.specificity) == (0.8, 0.8)
    assert calibrated([beside("tie", compared("tie"))], 0.0).specificity is None


def calibration(q1: float, q0: float, n: int = 10**6) -> Calibration:
    return Calibration(n, 0, 0.8, q1, q0, n, n, 0.0, 0.0)


def test_a_share_is_put_right_exactly() -> None:
    """p = (p_obs + q0 - 1) / (q0 + q1 - 1); a judge without power tells nothing; the result stays a share."""
    for true in (0.0, 0.3, 0.8, 1.0):
        seen = true * 0.9 + (1 - true) * (1 - 0.7)
        found = corrected(seen, 1000, calibration(0.9, 0.7))
        assert found is not None
        assert found.value == pytest.approx(true, abs=1e-3)
        assert 0 <= found.low <= found.value <= found.high <= 1
    assert corrected(0.5, 100, calibration(0.5, 0.5)) is None
    assert corrected(0.5, 0, calibration(0.9, 0.9)) is None


def test_the_interval_carries_both_samples() -> None:
    """It holds the truth in about 95 of 100 draws of answers and labels, and is wider with fewer labels."""
    dice, held = random.Random(7), 0
    for _ in range(400):
        good = sum(dice.random() < 0.9 for _ in range(100)) / 100
        bad = sum(dice.random() < 0.8 for _ in range(100)) / 100
        seen = sum(dice.random() < 0.7 * 0.9 + 0.3 * 0.2 for _ in range(200)) / 200
        found = corrected(seen, 200, calibration(good, bad, 100))
        assert found is not None
        held += found.low <= 0.7 <= found.high
    assert held >= 370
    few, many = corrected(0.7, 200, calibration(0.9, 0.8, 20)), corrected(0.7, 200, calibration(0.9, 0.8, 2000))
    assert few is not None
    assert many is not None
    assert few.high - few.low > many.high - many.low


async def test_a_judge_is_asked_three_times_a_label(tmp_path: Path) -> None:
    """Both orders, and the first answer against itself."""
    file = tmp_path / "labels.jsonl"
    labels = [
        {"input": "q", "a": "good", "b": "poor", "better": "A"},
        {"input": [{"role": "user", "content": "q"}], "a": "x", "b": "y", "better": "tie"},
    ]
    file.write_text("\n".join(map(json.dumps, labels)))
    bodies: list[Mapping[str, Any]] = []

    async def judge(body: Mapping[str, Any]) -> Asked:
        bodies.append(body)
        first, second = body["messages"][1]["content"].partition("ANSWER 1\n")[2].partition("ANSWER 2\n")[::2]
        return Asked(
            "ok", json.dumps({"better": "1" if "good" in first and "poor" in second else "2" if "poor" in first else "tie"})
        )

    known = load_labels(file)
    found = calibrated([await held(judge, label) for label in known], 7.0)

    assert len(bodies) == QUESTIONS * len(known) == sum(len(questions(label)) for label in known)
    assert found.at == 7.0
    assert (found.n, found.kappa, found.flips, found.inconsistent) == (2, 1.0, 0.0, 0.0)


def test_labels_with_problems_are_refused_whole(tmp_path: Path) -> None:
    """Each with its line."""
    file = tmp_path / "labels.jsonl"
    file.write_text('{"input": "q", "a": "x", "b": "y", "better": "c"}\n{"a": "x", "b": "y", "better": "a"}\n[1]\n')
    with pytest.raises(BadSuite) as bad:
        load_labels(file)
    assert [problem.line for problem in bad.value.problems] == [1, 2, 3]


def test_what_is_good_is_part_of_what_a_judge_is_held_against(tmp_path: Path) -> None:
    """Other labels, or another notion of good, are another question; cases that differ in it leave the general one, a label may have its own."""
    file = tmp_path / "labels.jsonl"
    file.write_text(
        '{"input": "q", "a": "x", "b": "y", "better": "a"}\n{"input": "q", "a": "x", "b": "y", "better": "b", "good": "short"}\n'
    )
    known = load_labels(file)

    def cases(*prompts: str | None) -> list[Case]:
        return [Case(str(n), {}, (Graded(Pairwise(prompt)),)) for n, prompt in enumerate(prompts)]

    plain, kind = labels_of(known, cases(None, None)), labels_of(known, cases("kind"))
    assert [label.prompt for label in plain.pairs] == [None, "short"]
    assert [label.prompt for label in kind.pairs] == ["kind", "short"]
    assert labels_of(known, cases("kind", "polite")) == plain
    assert len({plain.hash, kind.hash, labels_of(known[:1], cases(None)).hash}) == 3
