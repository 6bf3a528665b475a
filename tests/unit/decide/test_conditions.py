import pytest

from tests.support.views import IMAGE, TEXT, TOOLS, traits
from turnout.decide.conditions import compiled, forced, headers_read
from turnout.types.policy import (
    All,
    AnyOf,
    ComplexityIs,
    HasFeatures,
    HasModality,
    HeaderIs,
    Not,
    TagIs,
    TaskIs,
    TokensAre,
)

AUDIT = TagIs("requires_audit", frozenset({"true"}))


@pytest.mark.parametrize(
    ("condition", "changes", "holds"),
    [
        (TaskIs(frozenset({"qa"})), {"task": "qa"}, True),
        (TaskIs(frozenset({"qa"})), {"task": "math"}, False),
        (TaskIs(frozenset({"qa"})), {"task": None}, False),
        (ComplexityIs(bands=frozenset({"simple"})), {"band": "simple"}, True),
        (ComplexityIs(bands=frozenset({"simple"})), {"band": None, "complexity": None}, False),
        (ComplexityIs(at_least=0.3, below=0.5), {"complexity": 0.3}, True),
        (ComplexityIs(at_least=0.3, below=0.5), {"complexity": 0.5}, False),
        (ComplexityIs(below=0.5), {"complexity": None}, False),
        (AUDIT, {"tags": {"requires_audit": "true"}}, True),
        (AUDIT, {"tags": {"requires_audit": "false"}}, False),
        (AUDIT, {}, False),
        (HeaderIs("x-team", frozenset({"web"})), {"headers": {"x-team": "web"}}, True),
        (HasFeatures(TOOLS), {"features": TOOLS}, True),
        (HasFeatures(TOOLS), {"features": 0}, False),
        (HasModality(IMAGE), {"input": TEXT | IMAGE}, True),
        (TokensAre(at_least=100), {"tokens": 100}, True),
        (TokensAre(below=100), {"tokens": 100}, False),
        (Not(AUDIT), {}, True),
        (All((AUDIT, TaskIs(frozenset({"qa"})))), {"tags": {"requires_audit": "true"}}, True),
        (All((AUDIT, TaskIs(frozenset({"math"})))), {"tags": {"requires_audit": "true"}}, False),
        (AnyOf((AUDIT, TaskIs(frozenset({"qa"})))), {}, True),
        (AnyOf(()), {}, False),
    ],
)
def test_a_condition_holds_for_what_it_names_and_never_for_the_unknown(condition, changes, holds) -> None:
    """Each kind of condition, on both sides of its edge."""
    assert compiled(condition)(traits(**changes)) is holds


@pytest.mark.parametrize(
    ("condition", "bound", "governs"),
    [
        (AUDIT, {"requires_audit": "true"}, True),
        (AUDIT, {"requires_audit": "false"}, False),
        (AUDIT, {}, False),
        (All((AUDIT, TaskIs(frozenset({"qa"})))), {"requires_audit": "true"}, False),
        (AnyOf((AUDIT, TaskIs(frozenset({"qa"})))), {"requires_audit": "true"}, True),
        (Not(AUDIT), {"requires_audit": "false"}, True),
        (Not(AUDIT), {}, False),
        (Not(TaskIs(frozenset({"qa"}))), {"requires_audit": "true"}, False),
    ],
)
def test_a_route_governs_a_key_only_if_its_bound_tags_alone_decide(condition, bound, governs) -> None:
    """What else the request says must not matter."""
    assert forced(condition, bound) is governs


def test_only_headers_that_conditions_look_at_are_kept() -> None:
    """Nested conditions included."""
    condition = AnyOf((Not(HeaderIs("x-a", frozenset({"1"}))), All((HeaderIs("x-b", frozenset({"1"})), AUDIT))))

    assert headers_read(condition) == {"x-a", "x-b"}
