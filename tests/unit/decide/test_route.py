import pytest

from tests.support.views import model, traits, view
from turnout.decide.route import choose
from turnout.errors import Code, TurnoutError
from turnout.types.policy import Route, TagIs, TaskIs

AUDIT = Route("finance", "static", when=TagIs("requires_audit", frozenset({"true"})), models=("c/large",))
CODE = Route("code", "quality", when=TaskIs(frozenset({"code_generation"})))
NAMED = Route("nightly", "cost")
VIEW = view(AUDIT, CODE, NAMED, models=(model("a/small"), model("b/medium"), model("c/large"), model("b/small")))


def route_of(**changes) -> str:
    return choose(VIEW, traits(**changes)).route.name


def test_auto_takes_the_first_route_that_applies_else_default() -> None:
    """Routes without ``when`` are reached by name only."""
    assert route_of(task="code_generation") == "code"
    assert route_of(task="code_generation", tags={"requires_audit": "true"}) == "finance"
    assert route_of(task="qa") == "default"
    assert route_of(model="nightly") == "nightly"
    assert route_of(route="nightly") == "nightly"


def test_a_model_is_named_with_or_without_its_provider() -> None:
    """A bare id stands for every provider that serves it."""
    exact = choose(VIEW, traits(model="b/medium"))
    bare = choose(VIEW, traits(model="small"))

    assert [slot.id for slot in exact.slots] == ["b/medium"]
    assert [slot.id for slot in bare.slots] == ["a/small", "b/small"]
    assert exact.route.name == "direct"


@pytest.mark.parametrize("asked", ["auto", "b/medium", "nightly", "code"])
def test_a_bound_tag_governs_whatever_the_client_asks_for(asked: str) -> None:
    """An audited tenant cannot shed its tag by naming another route or model."""
    bound = {"tags": {"requires_audit": "true"}, "bound": frozenset({"requires_audit"})}

    assert route_of(model=asked, **bound) == "finance"
    assert route_of(route="nightly", model=asked, **bound) == "finance"


def test_an_unknown_name_is_told_with_what_is_near() -> None:
    """404 that helps."""
    with pytest.raises(TurnoutError) as caught:
        route_of(model="b/medum")

    assert caught.value.code is Code.MODEL_NOT_FOUND
    assert "b/medium" in caught.value.message


def test_an_unknown_route_hint_is_not_taken_for_a_model() -> None:
    """``x-turnout-route: b/medium`` names no route."""
    with pytest.raises(TurnoutError) as caught:
        route_of(route="b/medium")

    assert caught.value.code is Code.MODEL_NOT_FOUND


def test_a_key_limited_to_routes_may_name_models_where_the_policy_says_so() -> None:
    """``direct: true`` beside ``routes``: said, so meant."""
    assert route_of(model="b/medium", routes=frozenset({"code"}), direct=True) == "direct"


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "nightly", "routes": frozenset({"code"})},
        {"model": "auto", "routes": frozenset({"code"}), "task": "qa"},
        {"model": "b/medium", "routes": frozenset({"code"}), "direct": False},
        {"model": "b/medium", "direct": False},
        {"model": "small", "direct": False},
    ],
)
def test_a_limited_key_stays_inside_its_limits(changes) -> None:
    """Other routes, the default and direct models are refused, by name."""
    with pytest.raises(TurnoutError) as caught:
        route_of(**changes)

    assert caught.value.code is Code.FORBIDDEN


def test_a_limited_key_skips_routes_it_may_not_use() -> None:
    """``auto`` looks only at the key's routes."""
    assert route_of(task="code_generation", tags={"requires_audit": "true"}, routes=frozenset({"code"})) == "code"
