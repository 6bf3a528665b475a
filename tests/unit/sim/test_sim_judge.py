"""A simulated judge."""

from turnout.serve import rubric
from turnout.sim import cases
from turnout.sim.judge import judged
from turnout.sim.profile import default_fleet
from turnout.suites.graders import pairwise
from turnout.types.tickets import Said

MODELS = default_fleet(seed=7).models()
DEEP = MODELS["sim-anthropic/deep"]


def score(answer: str, number: int) -> float:
    asked = cases.case("qa", number)
    system, material = rubric.asked([Said("user", asked.prompt)], answer, "=== 4711")
    text = judged("sim-anthropic/deep", DEEP, system["content"], material["content"], seed=7)
    assert text is not None
    found = rubric.score_of(text)
    assert found is not None
    return found


def test_a_good_judge_tells_right_from_wrong() -> None:
    """Over many answers the right ones get far more than the wrong ones, and not each judgement is right."""
    right = [score(cases.case("qa", n).right, n) for n in range(200)]
    wrong = [score(cases.case("qa", n).wrong, n) for n in range(200)]

    assert sum(right) / 200 > 8
    assert sum(wrong) / 200 < 4
    assert min(right) < 5


def test_whoever_asks_for_no_grade_gets_none() -> None:
    """An answer like any other: neither the words nor the marks alone make a judge of it."""
    assert judged("m", DEEP, "", "=== 1 CONVERSATION\na\n=== 1 ANSWER\nb\n=== 1 END", seed=7) is None
    assert judged("m", DEEP, 'Answer with {"score": 1}', "What is 2 + 2?", seed=7) is None


def better(first: str, second: str, number: int) -> str | None:
    asked = cases.case("qa", number)
    system, material = pairwise.asked([Said("user", asked.prompt)], first, second, "=== 4711")["messages"]
    text = judged("sim-anthropic/deep", DEEP, system["content"], material["content"], seed=7)
    assert text is not None
    return pairwise.verdict_of(text)


def test_a_good_judge_knows_the_better_of_two() -> None:
    """Mostly, and whichever stands first; an answer is as good as itself."""
    pairs = [(cases.case("qa", n).right, cases.case("qa", n).wrong, n) for n in range(100)]
    said = [better(*pair) for pair in pairs]

    assert said.count("first") > 80
    assert [better(wrong, right, n) for right, wrong, n in pairs].count("second") == said.count("first")
    assert {better(right, right, n) for right, _, n in pairs} == {"tie"}
