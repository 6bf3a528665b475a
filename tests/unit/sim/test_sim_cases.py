import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.sim import cases, texts
from turnout.sim.profile import BANDS

anything = {"task": st.sampled_from(cases.TASKS), "number": st.integers(0, 10**9 - 1)}


@given(**anything)
def test_the_right_answer_is_right_and_the_wrong_one_wrong(task: str, number: int) -> None:
    """Each case's own check tells its two answers apart."""
    case = cases.case(task, number)

    assert cases.is_right(case, case.right)
    assert not cases.is_right(case, case.wrong)


@given(**anything)
def test_a_prompt_leads_back_to_its_case(task: str, number: int) -> None:
    """The reference in the prompt is enough to find the case, inside any conversation."""
    case = cases.case(task, number)

    assert cases.find(case.prompt) == case
    assert cases.find(f"Earlier (ref 0-1). Now: {case.prompt} Thanks!") == case
    assert case.band == BANDS[number % 3]


@pytest.mark.parametrize("text", ["", "no reference", "(ref 9-1)", "(ref x-1)", "(ref 1-)"])
def test_text_without_a_case_has_none(text: str) -> None:
    """What is not a reference to a family is no case."""
    assert cases.find(text) is None


def test_is_right_wants_whole_words() -> None:
    """12 is not found inside 112, 12.5, -12 or 12%."""
    case = cases.Case("0-0", "math", "simple", "", "", "", ("12",))

    assert cases.is_right(case, "It is 12.")
    assert not any(cases.is_right(case, answer) for answer in ("112", "12.5", "-12", "12%", "x12"))


@given(st.integers(0, 10**9 - 1))
def test_a_right_code_answer_compiles_and_a_wrong_one_does_not(number: int) -> None:
    """How often a model's code compiles is how often it is right."""
    case = cases.case("code_generation", number)

    def compiles(answer: str) -> bool:
        code = answer.removeprefix("```python\n").removesuffix("```")
        try:
            compile(code, "answer", "exec")
        except SyntaxError:
            return False
        return True

    assert compiles(case.right)
    assert not compiles(case.wrong)


@pytest.mark.parametrize("task", texts.CODE, ids=lambda task: task.name)
def test_only_the_right_code_passes(task: texts.CodeTask) -> None:
    """Both texts are Python; the right one does what it says, the wrong one fails some test."""
    trials = {
        "add": [((2, 3), 5)],
        "is_even": [((3,), False), ((4,), True)],
        "unique": [(([3, 1, 3, 2, 1, 12, 11, 10],), [3, 1, 2, 12, 11, 10])],
        "chunks": [(([1, 2, 3, 4, 5], 2), [[1, 2], [3, 4], [5]])],
        "merge": [(([(5, 9), (1, 2), (2, 3), (6, 7)],), [(1, 3), (5, 9)]), (([],), [])],
        "topological": [(({"a": ["b"], "b": ["c"], "c": []},), ["c", "b", "a"])],
    }[task.name]

    def passes(code: str) -> bool:
        space: dict = {}
        exec(code, space)
        results = [space["NAME"](*arguments) for arguments, _ in trials]
        return all(result == wanted and type(result) is type(wanted) for result, (_, wanted) in zip(results, trials, strict=True))

    assert passes(task.right)
    assert not passes(task.wrong)


def test_a_family_has_many_different_cases() -> None:
    """Numbers make different questions, so that a suite is more than one case."""
    for task in cases.TASKS:
        prompts = {re.sub(r" \(ref .*", "", cases.case(task, number).prompt) for number in range(300)}
        assert len(prompts) > 20, task
