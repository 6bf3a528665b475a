"""What an answer is worth: each rule as it should be, weighed; and what cannot be told is not made up."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from turnout.checks.checker import Checker
from turnout.suites.graders.grade import Mark, Tools, grade
from turnout.suites.graders.pairwise import Compared
from turnout.suites.graders.sandbox import Sandbox
from turnout.suites.grading import CaseGrader
from turnout.types.checks import Hook, JsonSchema, JsonValid, PythonCompiles, Regex
from turnout.types.money import PicoDollars
from turnout.types.suite import (
    Asked,
    Bounded,
    Case,
    Contains,
    Exact,
    Graded,
    Numeric,
    Pairwise,
    Passes,
    PythonTests,
    Rule,
    Similar,
    ToolCall,
)  # fmt: skip

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "required": ["x"]}}}
BODY: dict[str, Any] = {"messages": [{"role": "user", "content": "q"}], "tools": [TOOL]}


@pytest.fixture
async def tools() -> AsyncIterator[Tools]:
    checker = Checker(seconds=2.0)
    yield Tools(checker, Sandbox("/nowhere"))
    await checker.close()


def case(*rules: Rule | Graded, body: Mapping[str, Any] = BODY, reference: str | None = None) -> Case:
    graded = tuple(rule if isinstance(rule, Graded) else Graded(rule) for rule in rules)
    return Case("c", dict(body), graded, reference=reference)


@pytest.mark.parametrize(("rule", "asked", "score"), [
    (Exact(("a",)), Asked("ok", "a"), 1.0), (Exact(("a",)), Asked("ok", "b"), 0.0), (Contains(("a",)), Asked("ok", "b a"), 1.0),
    (Numeric(3), Asked("ok", "It is 3."), 1.0), (Similar("a b", 0.9), Asked("ok", "b a"), 1.0), (Similar("a b", 0.9), Asked("ok", "c"), 0.0),
    (ToolCall("f"), Asked("ok", calls=(("f", "{}"),)), 1.0), (ToolCall("*"), Asked("ok", calls=(("f", '{"x": 1}'),)), 1.0),
    (ToolCall("*"), Asked("ok", calls=(("f", "{}"),)), 0.0), (ToolCall("*"), Asked("ok", calls=(("g", "{}"),)), 0.0), (ToolCall("*"), Asked("ok"), 0.0),
    (Passes(JsonValid()), Asked("ok", "[1]"), 1.0), (Passes(Regex("a")), Asked("ok", "b"), 0.0), (Passes(PythonCompiles()), Asked("ok", "```python\nx = (\n```"), 0.0),
    (Passes(Regex("a")), Asked("ok", calls=(("f", "{}"),)), 0.0), (Passes(JsonSchema()), Asked("ok", "1"), None),
    (Passes(Hook("tests.unit.checks.hooks:passes")), Asked("ok", "a"), 1.0), (Bounded(ms=10), Asked("ok", ms=11), 0.0),
    (Bounded(ms=10, cost=PicoDollars(5)), Asked("ok", ms=9, cost=PicoDollars(5)), 1.0), (Bounded(cost=PicoDollars(5)), Asked("ok"), None),
    (Pairwise(), Asked("ok", "a"), None), (PythonTests("assert 1"), Asked("ok", "no code here"), 0.0),
    (PythonTests("assert 1"), Asked("ok", "```python\nx = 1\n```"), None),
])  # fmt: skip
async def test_each_rule(tools: Tools, rule: Rule, asked: Asked, score: float | None) -> None:
    """Holds, does not, or cannot be told; and says which."""
    mark = await grade(case(rule), asked, tools)
    assert mark.score == score
    assert mark.solved is (None if score is None else score == 1.0)
    assert len(mark.details) == 1


async def test_a_case_asks_for_its_own_schema(tools: Tools) -> None:
    """The request's response format is what the answer is held to."""
    asking = BODY | {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "array"}}}}
    assert (await grade(case(Passes(JsonSchema()), body=asking), Asked("ok", "[1]"), tools)).score == 1.0
    assert (await grade(case(Passes(JsonSchema()), body=asking), Asked("ok", "1"), tools)).score == 0.0


async def test_no_answer_is_worth_nothing(tools: Tools) -> None:
    """Whatever its rules; it says what went wrong."""
    assert await grade(case(Bounded(ms=10)), Asked("failed", "a", error="overloaded"), tools) == Mark(
        0.0, False, ("no answer: overloaded",)
    )


async def test_rules_are_weighed(tools: Tools) -> None:
    """By their weights; one without weight is told and does not count; the threshold is the suite's."""
    three = case(Graded(Exact(("a",)), 3.0), Graded(Numeric(1), 1.0), Graded(Contains(("z",)), 0.0))
    mark = await grade(three, Asked("ok", "a"), tools)
    assert (mark.score, mark.solved) == (0.75, False)
    assert mark.details == ("exact: holds", "numeric: there is no number in it", 'contains: "z" is missing')
    assert (await grade(three, Asked("ok", "a"), tools, threshold=0.75)).solved is True


async def test_what_cannot_be_told_is_not_made_up_from_the_rest(tools: Tools) -> None:
    """All rules that count, or none: else two models would be held to different ones."""
    mark = await grade(case(Exact(("a",)), PythonTests("assert 1")), Asked("ok", "x = f(1)"), tools)
    assert (mark.score, mark.solved) == (None, None)
    assert "not run: there is no sandbox" in mark.details[1]
    assert (await grade(case(Exact(("a",)), Graded(Pairwise(), 0.0)), Asked("ok", "a"), tools)).score == 1.0
    assert (await grade(case(), Asked("ok", "a"), tools)).score is None


async def test_a_tie_solves_a_case_at_half_its_score(tools: Tools) -> None:
    """The score compares models; solved counts answers that are not worse. What rests on a judge says so."""

    async def opinion(prompt: str | None) -> Compared:
        return Compared({"tie": 0.5, "worse": 0.0, None: None}[prompt], "as the judge says")

    mark = await grade(case(Pairwise("tie")), Asked("ok", "a"), tools, opinion)
    assert (mark.score, mark.solved, mark.judged, mark.compared) == (0.5, True, True, 0.5)
    assert (await grade(case(Pairwise("worse")), Asked("ok", "a"), tools, opinion)).solved is False
    assert (await grade(case(Pairwise()), Asked("ok", "a"), tools, opinion)).score is None
    beside = await grade(case(Exact(("a",)), Graded(Pairwise("worse"), 0.0)), Asked("ok", "a"), tools, opinion)
    assert (beside.score, beside.judged, beside.compared) == (1.0, False, 0.0)


async def test_answers_are_compared_with_the_first(tools: Tools) -> None:
    """Each pair is put to the judge once (in both orders), and what one wins the other loses."""
    asked: list[Mapping[str, Any]] = []

    async def judge(body: Mapping[str, Any]) -> Asked:
        asked.append(body)
        first, second = body["messages"][1]["content"].partition("ANSWER 1\n")[2].partition("ANSWER 2\n")[::2]
        better = "1" if "good" in first and "good" not in second else "2" if "good" in second and "good" not in first else "tie"
        return Asked("ok", f'{{"better": "{better}"}}')

    grader = CaseGrader(tools.checker, tools.sandbox, threshold=1.0)
    answers = {"a/old": Asked("ok", "bad"), "b/new": Asked("ok", "good"), "c/new": Asked("ok", "poor")}

    two = await grader.grade(case(Pairwise()), dict(list(answers.items())[:2]), judge)
    assert [(found.score, found.solved) for found in two.values()] == [(0.0, False), (1.0, True)]
    assert len(asked) == 2
    assert [(found.on_judge, found.compared) for found in two.values()] == [(True, 0.0), (True, 1.0)]

    three = await grader.grade(case(Pairwise()), answers, judge)
    assert [found.score for found in three.values()] == [0.25, 1.0, 0.5]

    alone = await grader.grade(case(Pairwise(), reference="good"), {"a/old": Asked("ok", "bad")}, judge)
    assert alone["a/old"].score == 0.0
    assert (await grader.grade(case(Pairwise()), {"a/old": Asked("ok", "bad")}, judge))["a/old"].score is None
    assert (await grader.grade(case(Pairwise()), answers, None))["a/old"].details == (
        "pairwise: nobody compares the answers: name a judge",
    )
