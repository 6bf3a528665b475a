"""Steps of a plan that come before or beside the choice: a cascade's arms, and the same model in several places."""

import pytest
from msgspec.structs import replace

from tests.support.views import CHEAP, FLEET, MID, PREMIUM, SCHEMA, TOOLS, model, traits, view
from turnout.decide.decide import decide, in_full
from turnout.decide.match import NoCandidate
from turnout.decide.order import digest
from turnout.types.checks import JsonValid, NotRefusal
from turnout.types.decision import Plan
from turnout.types.models import ModelFacts
from turnout.types.policy import Arm, ComplexityIs, Fallback, Hedge, Needs, Route, TaskIs
from turnout.types.resilience import QuotaRules

CHECKS = (JsonValid(),)
ARM = Arm("a/small", None, CHECKS)


def decided(route: Route, models: tuple[ModelFacts, ...] = FLEET, **changes: object) -> Plan:
    return decide(view(replace(route, name="r"), models=models), traits(model="r", **changes), 1).plan


def names(plan: Plan) -> list[str]:
    return [step.model for step in plan.steps]


QUALITY = Route("r", "quality", band=0.1, cascade=(ARM,))


def test_an_arm_comes_first_with_its_checks() -> None:
    """Its answer is held; it costs no attempt of the route's own; what follows is the plan as it would have been."""
    plan, plain = decided(QUALITY), decided(replace(QUALITY, cascade=()))

    assert names(plan)[:2] == ["a/small", "c/large"]
    assert (plan.steps[0].reason, plan.steps[0].checks, plan.steps[0].on) == ("cascade", CHECKS, {"any"})
    assert plan.steps[0].expected_cost == 100 * 100_000 + 200 * 400_000
    assert plan.steps[1:] == plain.steps
    assert plan.attempts == plain.attempts + 1
    assert plan.own == plain.own
    assert all(not step.checks for step in plan.steps[1:])


def test_an_arm_is_for_the_requests_it_names() -> None:
    """An unknown complexity is not simple."""
    route = replace(
        QUALITY,
        cascade=(replace(ARM, when=ComplexityIs(frozenset({"simple"}))), Arm("b/medium", TaskIs(frozenset({"qa"})), CHECKS)),
    )

    assert names(decided(route, band="simple"))[:3] == ["a/small", "b/medium", "c/large"]
    assert names(decided(route))[:2] == ["b/medium", "c/large"]
    assert names(decided(route, band=None, task="code_generation"))[0] == "c/large"


def test_the_routes_own_choice_is_no_arm() -> None:
    """There is nothing to save."""
    plan = decided(Route("r", "cost", cascade=(ARM,)))

    assert names(plan)[0] == "a/small"
    assert plan.steps[0].checks == ()
    assert plan.steps[0].reason == "cheapest"
    assert plan.attempts == 4


def test_an_arm_that_cannot_serve_is_left_out_and_listed() -> None:
    """Hard constraints hold for it as for any."""
    blind = model("a/blind", price=(0.01, 0.02), features=0)
    route = replace(QUALITY, cascade=(Arm("a/blind", None, CHECKS),), models=("b/medium", "c/large"))

    assert names(decided(route, (*FLEET, blind)))[0] == "a/blind"
    found = in_full(view(route, models=(*FLEET, blind)), traits(model="r", features=TOOLS), 1)
    assert found.plan.steps[0].model == "c/large"
    assert [(rejection.model, rejection.reason) for rejection in found.rejections] == [("a/blind", "feature")]
    needy = replace(route, needs=Needs(features=TOOLS))
    found = in_full(view(needy, models=(*FLEET, blind)), traits(model="r"), 1)
    assert [rejection.model for rejection in found.rejections] == ["a/blind"]
    assert found.plan.steps[0].model == "c/large"


def test_an_approved_list_binds_arms_too() -> None:
    """Nothing else may ever serve."""
    assert "a/small" not in names(decided(replace(QUALITY, models=("b/medium", "c/large"), approved=True)))


def test_a_request_that_only_an_arm_could_serve_has_no_candidate() -> None:
    """An arm is a try, not a chain."""
    route = replace(QUALITY, models=("c/large",))
    with pytest.raises(NoCandidate):
        decide(
            view(replace(route, needs=Needs(features=SCHEMA)), models=(replace(CHEAP, features=TOOLS | SCHEMA), PREMIUM)),
            traits(model="r"),
            1,
        )


def test_an_arm_that_is_dearer_than_the_request_allows_is_left_out() -> None:
    """The caller's limit is on each model."""
    plan = decided(Route("r", "cost", models=("a/small",), cascade=(Arm("c/large", None, CHECKS),)), max_cost=1_000_000_000)
    assert names(plan) == ["a/small"]


def test_the_digest_knows_an_arm_and_its_checks() -> None:
    """A plan that checks is another plan."""
    plans = [
        decided(QUALITY),
        decided(replace(QUALITY, cascade=())),
        decided(replace(QUALITY, cascade=(replace(ARM, checks=(NotRefusal(),)),))),
    ]
    assert len({digest("r", plan) for plan in plans}) == 3
    assert digest("r", decided(QUALITY)) == digest("r", decided(QUALITY))


def test_a_plan_has_the_routes_hedge_and_the_policys_patience() -> None:
    """As they were when it was decided."""
    route = Route("r", "cost", hedge=Hedge(1.0, 0.05))
    plan = decide(view(route, quota=QuotaRules(wait=7.0)), traits(model="r"), 1).plan
    assert (plan.hedge, plan.patience) == (Hedge(1.0, 0.05), 7.0)


HERE = model("a/same", price=(1, 2), quality=8, kin="x/same")
THERE = model("d/same", price=(1, 2), quality=8, kin="x/same", p95=3_000.0)


def test_the_same_model_elsewhere_is_its_equal() -> None:
    """At the same price: it stands next to the choice, whatever the objective would have put there."""
    plan = decided(Route("r", "quality", band=0.1), (HERE, THERE, MID))
    assert names(plan) == ["a/same", "d/same", "b/medium"]
    assert (plan.own, plan.equal) == (3, 2)
    assert decided(Route("r", "quality"), (HERE, MID)).equal == 1


@pytest.mark.parametrize(
    "other",
    [
        model("d/same", price=(1, 3), quality=8, kin="x/same"),
        model("d/same", price=None, quality=8, kin="x/same"),
        model("d/same", price=(1, 2), quality=8),
        model("d/same", price=(1, 2), quality=8, kin="x/same", features=0),
        model("d/same", price=(1, 2), quality=8, kin="x/same", context=8_000),
        model("d/same", price=(1, 2), quality=7, kin="x/same"),
    ],
)
def test_what_differs_is_no_equal(other: ModelFacts) -> None:
    """In price, kin, abilities or figures."""
    assert decided(Route("r", "quality", unknown_price="warn"), (HERE, other, MID)).equal == 1


def test_another_dialect_is_no_equal() -> None:
    """A translated answer is not the same."""
    route = Route("r", "quality")
    plan = decide(view(route, models=(HERE, THERE), dialects={"d": "anthropic-messages"}), traits(model="r"), 1).plan
    assert plan.equal == 1


@pytest.mark.parametrize(
    ("route", "changes"),
    [
        (Route("r", "static", models=("a/same", "d/same")), {}),
        (Route("r", "static", split=(("a/same", 1.0), ("d/same", 1e-9))), {}),
        (Route("r", "latency", models=("d/same", "a/same", "b/medium")), {"held": "d/same"}),
    ],
)
def test_what_was_fixed_drawn_or_held_is_not_shared_out(route: Route, changes: dict[str, object]) -> None:
    """A static order, a split's weights and a session's place are what somebody wanted."""
    plan = decided(route, (HERE, THERE, MID), **changes)
    assert plan.equal == 1
    assert plan.steps[0].reason in ("static", "split", "sticky")


def test_an_equal_that_is_a_fallback_keeps_its_own_conditions() -> None:
    """What the policy wrote stays written."""
    route = Route("r", "cost", models=("a/same", "d/same"), fallback=(Fallback("d/same", frozenset({"content_filter"})),))
    plan = decided(route, (HERE, THERE))
    assert plan.equal == 1
    assert [sorted(step.on) for step in plan.steps if step.model == "d/same"] == [
        ["content_filter", "rate_limited", "unavailable"]
    ]
