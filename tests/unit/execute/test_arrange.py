"""The order in which a plan is begun."""

import pytest
from msgspec.structs import replace

from tests.support.play import plan, step
from turnout.execute.arrange import arranged
from turnout.execute.progress import Skip
from turnout.types.checks import NotRefusal
from turnout.types.decision import Plan, Step

LESS = frozenset({"unavailable"})


def own(*steps: Step, equal: int = 1, own: int | None = None) -> Plan:
    return replace(plan(*steps), own=len(steps) if own is None else own, equal=equal)


def models(the_plan: Plan) -> list[str]:
    return [step.model for step in the_plan.steps]


def first(_models: list[str]) -> int:
    return 0


A, B, C = step("a", reason="cheapest"), step("b", LESS), step("c", LESS)


def test_nothing_known_nothing_moved() -> None:
    """The plan as decided."""
    assert arranged(own(A, B, C), frozenset(), first, 0.5) == (own(A, B, C), ())


def test_a_late_first_goes_behind_the_first_that_is_not() -> None:
    """What leads to a place stays with the place; why a model serves goes along."""
    changed, skipped = arranged(own(A, B, C), frozenset({"a", "b"}), first, 0.5)

    assert models(changed) == ["c", "a", "b"]
    assert [step.on for step in changed.steps] == [A.on, LESS, LESS]
    assert [step.reason for step in changed.steps] == ["fallback", "cheapest", "fallback"]
    assert skipped == (Skip("a", "degraded"),)


@pytest.mark.parametrize(("chance", "moved"), [(0.0, False), (0.0999, False), (0.1, True), (0.99, True)])
def test_a_tenth_stays(chance: float, *, moved: bool) -> None:
    """By which its recovery is seen."""
    changed, _ = arranged(own(A, B), frozenset({"a"}), first, chance)
    assert (models(changed) == ["b", "a"]) is moved


@pytest.mark.parametrize("reason", ["static", "split", "trial", "explore", "direct", "fallback"])
def test_what_was_not_a_free_choice_stays(reason: str) -> None:
    """A policy's, a split's, a trial's."""
    the_plan = own(step("a", reason=reason), B)
    assert arranged(the_plan, frozenset({"a"}), first, 0.5) == (the_plan, ())


def test_what_the_policy_wrote_as_fallback_does_not_come_first() -> None:
    """Only the route's own choice is moved."""
    the_plan = own(A, B, own=1)
    assert arranged(the_plan, frozenset({"a"}), first, 0.5) == (the_plan, ())


def test_arms_stay_in_front() -> None:
    """A cascade's are not of the choice."""
    arm = Step("arm", A.on, "cascade", None, A.timeouts, (NotRefusal(),))
    changed, skipped = arranged(own(arm, A, B, C, own=2), frozenset({"a", "arm"}), first, 0.5)
    assert models(changed) == ["arm", "b", "a", "c"]
    assert skipped == (Skip("a", "degraded"),)


def test_the_lighter_of_equals_begins_in_the_others_name() -> None:
    """Only among the equals; nobody was passed over."""
    asked: list[list[str]] = []

    def second(names: list[str]) -> int:
        asked.append(names)
        return 1

    changed, skipped = arranged(own(A, B, C, equal=2), frozenset(), second, 0.5)
    assert asked == [["a", "b"]]
    assert models(changed) == ["b", "a", "c"]
    assert [(step.reason, step.on) for step in changed.steps] == [("cheapest", A.on), ("fallback", LESS), ("fallback", LESS)]
    assert skipped == ()


def test_the_same_step_twice_is_two_steps() -> None:
    """None is lost, none comes twice."""
    changed, _ = arranged(own(A, B, B), frozenset({"a"}), first, 0.5)
    assert models(changed) == ["b", "a", "b"]
