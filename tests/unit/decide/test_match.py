import msgspec
import pytest

from tests.support.views import FLEET, IMAGE, SCHEMA, TEXT, TOOLS, model, traits, view
from turnout.decide.match import NoCandidate, match
from turnout.decide.price import by_tokens
from turnout.decide.route import choose
from turnout.errors import Code, TurnoutError
from turnout.types.decision import Rejection
from turnout.types.models import Feature
from turnout.types.money import pico_from_usd
from turnout.types.policy import Fallback, Needs, Route

EYES = model("d/eyes", input=TEXT | IMAGE, features=TOOLS | SCHEMA)


def rejected(route: Route, *models, **changes) -> dict[str, Rejection]:
    world = view(msgspec.structs.replace(route, name="r"), models=(*models, EYES))
    found = match(choose(world, traits(model="r", **changes)), traits(model="r", **changes))
    return {rejection.model: rejection for rejection in found.rejections}


@pytest.mark.parametrize(
    ("facts", "needs", "changes", "reason"),
    [
        ({"context": 128_000}, Needs(), {"tokens_max": 150_000}, "context_window"),
        ({"context": 128_000}, Needs(), {"tokens_max": 120_000, "max_output": 8_001}, "context_window"),
        ({"context": 400_000, "max_input": 1_000}, Needs(), {"tokens_max": 1_001}, "context_window"),
        ({"max_output": 1_000}, Needs(), {"max_output": 1_001}, "max_output"),
        ({"input": TEXT}, Needs(), {"input": TEXT | IMAGE}, "modality"),
        ({"features": TOOLS}, Needs(), {"features": SCHEMA}, "feature"),
        ({"features": 0, "unknown_features": SCHEMA}, Needs(), {"features": SCHEMA}, "feature"),
        ({"features": TOOLS}, Needs(features=SCHEMA), {}, "feature"),
        ({"quality": 5.0}, Needs(quality=6), {}, "quality"),
        ({"quality": None}, Needs(quality=1), {}, "quality"),
        ({"skills": {"reasoning": 6.0}}, Needs(levels={"reasoning": 7}), {}, "quality"),
        ({"price": (100, 100)}, Needs(cost_per_request=pico_from_usd("0.01")), {}, "cost"),
        ({"price": (100, 100)}, Needs(), {"max_cost": pico_from_usd("0.01")}, "cost"),
        ({"price": None}, Needs(), {}, "unknown_price"),
        ({"p95": 2_000.0}, Needs(latency_p95_ms=1_000), {}, "latency"),
        ({"p95": None}, Needs(latency_p95_ms=1_000), {}, "latency"),
        ({}, Needs(region=frozenset({"eu"})), {}, "region"),
        ({}, Needs(data_policy=frozenset({"no_training"})), {}, "data_policy"),
        ({"disabled": True}, Needs(), {}, "disabled"),
        ({"retires": __import__("datetime").date(2026, 11, 23)}, Needs(), {}, "retired"),
        ({}, Needs(), {"models": ("d/eyes",)}, "not_approved"),
    ],
)
def test_each_reason_to_refuse_a_model(facts, needs, changes, reason) -> None:
    """Constraints fail closed, on known misses and on unknown figures, and the detail says what was missing."""
    fit = msgspec.structs.replace(
        EYES,
        quality={"default": 9.0},
        skills={"reasoning": 9.0},
        region="eu",
        data_policy=frozenset({"no_training"}),
        context=10**6,
    )

    world = view(Route("r", "cost", needs=needs), models=(model("a/tested", **facts), fit))
    asked = traits(model="r", **changes)
    found = match(choose(world, asked), asked)

    assert [(rejection.model, rejection.reason) for rejection in found.rejections] == [("a/tested", reason)]
    assert found.rejections[0].detail
    assert [slot.id for slot in found.slots] == ["d/eyes"]


def test_an_unknown_feature_serves_only_where_the_route_says_so() -> None:
    """Tri-state: unknown is refused by default."""
    guess = model("a/guess", features=0, unknown_features=SCHEMA)

    assert "a/guess" in rejected(Route("r", "cost"), guess, features=SCHEMA)
    assert "a/guess" not in rejected(Route("r", "cost", unknown=frozenset({"json_schema"})), guess, features=SCHEMA)


def test_what_a_dialect_cannot_carry_makes_a_rejection_not_a_loss() -> None:
    """Thinking signatures have no place in openai-chat."""
    asked = traits(front="anthropic-messages", carries=frozenset({"reasoning_signature"}))
    world = view(models=(*FLEET, model("x/claude")), dialects={"x": "anthropic-messages"})
    found = match(choose(world, asked), asked)

    assert {rejection.reason for rejection in found.rejections} == {"lossy"}
    assert [slot.id for slot in found.slots] == ["x/claude"]


def test_fallbacks_are_judged_like_first_choices() -> None:
    """An image never reaches a text-only model, as a fallback either."""
    route = Route("r", "static", models=("d/eyes",), fallback=(Fallback("a/small"),))
    world = view(route, models=(*FLEET, EYES))
    asked = traits(model="r", input=TEXT | IMAGE)
    found = match(choose(world, asked), asked)

    assert found.reserve == ()
    assert [(rejection.model, rejection.reason) for rejection in found.rejections] == [("a/small", "modality")]


def test_a_model_that_is_candidate_and_fallback_is_refused_once() -> None:
    """A list of rejections names each model once."""
    route = Route("r", "cost", models=("a/small", "d/eyes"), fallback=(Fallback("a/small"),))
    asked = traits(model="r", input=TEXT | IMAGE)
    found = match(choose(view(route, models=(*FLEET, EYES)), asked), asked)

    assert [rejection.model for rejection in found.rejections] == ["a/small"]


def test_what_all_models_can_do_is_not_asked_of_each_and_changes_no_answer() -> None:
    """The quick way through and the slow one agree."""
    asked = traits(model="r", tokens_max=5_000, features=TOOLS)
    for models in (FLEET, (*FLEET, model("a/short", context=4_000)), (*FLEET, model("a/toolless", features=0))):
        world = view(Route("r", "cost"), models=models)
        lane = choose(world, asked)
        quick = match(lane, asked)
        slow = match(msgspec.structs.replace(lane, common=None), asked)

        assert quick == slow


def test_an_approved_list_binds_the_fallbacks_too() -> None:
    """Nothing outside the list may serve."""
    route = Route("r", "cost", models=("d/eyes",), approved=True, fallback=(Fallback("a/small"),))
    world = view(route, models=(*FLEET, EYES))
    asked = traits(model="r")

    assert [rejection.reason for rejection in match(choose(world, asked), asked).rejections] == ["not_approved"]


def test_nothing_left_is_told_with_everything_that_was_missing() -> None:
    """422 names each reason."""
    asked = traits(input=TEXT | IMAGE, features=int(Feature.LOGPROBS))
    with pytest.raises(TurnoutError) as caught:
        match(choose(view(), asked), asked)

    assert isinstance(caught.value, NoCandidate)
    assert (caught.value.route.name, len(caught.value.rejections)) == ("default", 3)
    assert caught.value.code is Code.NO_CANDIDATE
    assert "modality" in caught.value.message
    assert "image" in caught.value.message


def test_a_direct_model_is_checked_for_facts_but_trusted_for_the_unknown() -> None:
    """Naming a model is consent to what is not known of it."""
    world = view(models=(model("a/new", price=None, features=0, unknown_features=TOOLS, quality=None),))
    asked = traits(model="a/new", features=TOOLS)

    assert [offer.cost for offer in by_tokens(match(choose(world, asked), asked).slots, asked)] == [None]

    seeing = traits(model="a/new", input=TEXT | IMAGE)
    with pytest.raises(TurnoutError):
        match(choose(world, seeing), seeing)
