from collections import Counter

import msgspec
import pytest

from tests.support.views import CHEAP, FLEET, MID, PREMIUM, model, traits, view
from turnout.decide.decide import decide, in_full
from turnout.decide.mix import UNIFORM, fold
from turnout.types.money import PicoDollars, pico_from_usd
from turnout.types.policy import Fallback, Mix, Needs, Prefers, Route, Value
from turnout.types.traits import Trait


def models_of(route: Route, seed: int = 1, models=FLEET, value: Value = Value(), **changes) -> list[str]:  # noqa: B008
    world = view(msgspec.structs.replace(route, name="r"), models=models, value=value)
    return [step.model for step in decide(world, traits(model="r", **changes), seed).plan.steps]


def drawn(n: int) -> int:
    """The n-th of a sequence that fills 63 bits evenly, as the clock's seeds do."""
    return n * 5_700_357_409_661_598_721 % 2**63


def test_cost_takes_the_cheapest_that_qualifies() -> None:
    """Then the others by price, as alternates."""
    assert models_of(Route("r", "cost")) == ["a/small", "b/medium", "c/large"]
    assert models_of(Route("r", "cost", needs=Needs(quality=6))) == ["b/medium", "c/large"]


def test_latency_takes_the_fastest() -> None:
    """By p95, unknown last."""
    slow = model("d/unknown", p95=None)
    assert models_of(Route("r", "latency"), models=(slow, PREMIUM, CHEAP)) == ["a/small", "c/large", "d/unknown"]


def test_quality_takes_the_cheapest_within_the_band_of_the_best() -> None:
    """The band is what quality may cost."""
    close = model("d/close", price=(3, 9), quality=8.7)
    assert models_of(Route("r", "quality", band=0.5), models=(*FLEET, close))[0] == "d/close"
    assert models_of(Route("r", "quality", band=0.1), models=(*FLEET, close))[0] == "c/large"


def test_prefers_comes_first_and_loses_nobody() -> None:
    """Soft wishes reorder, never empty."""
    route = Route("r", "quality", prefers=Prefers(latency_p95_ms=2_000))
    assert models_of(route) == ["b/medium", "a/small", "c/large"]


def test_static_keeps_the_policys_order_and_its_fallbacks_conditions() -> None:
    """One model, then what the policy says, on what it says."""
    route = Route("r", "static", models=("c/large",), fallback=(Fallback("a/small", frozenset({"rate_limited"})),))
    decided = decide(view(route), traits(model="r"), 1)

    assert [(step.model, sorted(step.on)) for step in decided.plan.steps] == [("c/large", ["any"]), ("a/small", ["rate_limited"])]
    assert decided.reason == "static"


def test_alternates_of_another_provider_come_before_those_that_share_the_outage() -> None:
    """Two models of one provider fall together."""
    twin = model("a/twin", price=(0.2, 0.5))
    assert models_of(Route("r", "cost"), models=(CHEAP, twin, MID)) == ["a/small", "b/medium", "a/twin"]


def test_a_candidate_that_is_a_fallback_too_serves_on_either_condition() -> None:
    """In its place among the others, which takes none of their room."""
    written = (Fallback("b/medium", frozenset({"content_filter"})),)
    route = Route("r", "cost", models=("a/small", "b/medium", "c/large"), fallback=written, attempts=3)
    decided = decide(view(route), traits(model="r"), 1)

    assert [(step.model, sorted(step.on)) for step in decided.plan.steps] == [
        ("a/small", ["any"]),
        ("b/medium", ["content_filter", "rate_limited", "unavailable"]),
        ("c/large", ["rate_limited", "unavailable"]),
    ]


def test_a_candidate_too_far_down_is_a_fallback_on_what_the_policy_says() -> None:
    """Where the attempts do not reach it as one of the others."""
    written = (Fallback("c/large", frozenset({"content_filter"})),)
    route = Route("r", "cost", models=("a/small", "b/medium", "c/large"), fallback=written, attempts=2)
    decided = decide(view(route), traits(model="r"), 1)

    assert [(step.model, sorted(step.on)) for step in decided.plan.steps] == [
        ("a/small", ["any"]),
        ("c/large", ["content_filter"]),
    ]


def test_a_fallback_that_is_chosen_first_is_not_tried_again_as_a_fallback() -> None:
    """And takes no place among the attempts."""
    route = Route("r", "cost", models=("a/small", "b/medium", "c/large"), fallback=(Fallback("a/small"),), attempts=3)

    assert [step.model for step in decide(view(route), traits(model="r"), 1).plan.steps] == ["a/small", "b/medium", "c/large"]


def test_explicit_fallbacks_always_fit_into_the_attempts() -> None:
    """Alternates give way to what the policy names."""
    route = Route("r", "cost", models=("a/small", "b/medium"), fallback=(Fallback("c/large"),), attempts=2)
    assert models_of(route) == ["a/small", "c/large"]


def test_an_overflow_moves_on_only_to_a_larger_context() -> None:
    """Elsewhere the same request would overflow again."""
    roomy = model("d/roomy", price=(5, 5), context=1_000_000)
    steps = decide(view(Route("r", "cost"), models=(CHEAP, MID, roomy)), traits(model="r"), 1).plan.steps

    assert {step.model: "context_overflow" in step.on for step in steps[1:]} == {"b/medium": False, "d/roomy": True}


def test_a_split_keeps_its_weights_and_a_session_its_arm() -> None:
    """By a stable hash: no state, no drift."""
    world = view(Route("r", "static", split=(("a/small", 90), ("b/medium", 10))))
    counts = Counter(decide(world, traits(model="r"), drawn(seed)).plan.steps[0].model for seed in range(4_000))
    stays = {decide(world, traits(model="r", session="s"), seed).plan.steps[0].model for seed in range(50)}

    assert 0.88 < counts["a/small"] / 4_000 < 0.92
    assert len(stays) == 1


def test_a_split_goes_on_with_the_arms_that_can_serve() -> None:
    """A rejected arm's weight falls to the others; the probabilities shown are the true ones."""
    blind = model("a/small", context=50)
    world = view(Route("r", "static", split=(("a/small", 90), ("b/medium", 10))), models=(blind, MID))
    decision = in_full(world, traits(model="r"), 1)

    assert [(candidate.model, candidate.probability) for candidate in decision.candidates] == [("b/medium", 1.0)]


def test_the_balanced_mix_holds_over_a_drifting_workload() -> None:
    """70/20/10 within 3 points over 10,000 decisions whose complexity drifts and ties (ADR 4)."""
    histogram, fresh, counts = UNIFORM, [], Counter()
    world = view()
    for n in range(10_000):
        if n % 250 == 0:
            histogram, fresh = fold(histogram, fresh), []
            world = view(mix={"default": histogram})
        complexity = round(min(1.0, 0.1 + 0.4 * n / 10_000 + (n * 7_919 % 1_000) / 1_000 * 0.45), 1)
        fresh.append(complexity)
        counts[decide(world, traits(complexity=complexity), drawn(n)).plan.steps[0].model] += 1

    assert abs(counts["a/small"] / 100 - 70) < 3
    assert abs(counts["b/medium"] / 100 - 20) < 3
    assert abs(counts["c/large"] / 100 - 10) < 3


def test_the_mix_gives_harder_requests_to_better_models() -> None:
    """Rank by complexity, not a draw: within one view a harder request never gets a cheaper tier."""
    world = view()
    easy = decide(world, traits(complexity=0.1), 1).plan.steps[0].model
    hard = decide(world, traits(complexity=0.99), 1).plan.steps[0].model

    assert (easy, hard) == ("a/small", "c/large")


def test_unknown_complexity_is_spread_as_the_mix_says_not_taken_for_simple() -> None:
    """Unknown is its own value."""
    world = view()
    counts = Counter(decide(world, traits(complexity=None, band=None), drawn(seed)).plan.steps[0].model for seed in range(3_000))

    assert 0.67 < counts["a/small"] / 3_000 < 0.73
    assert 0.07 < counts["c/large"] / 3_000 < 0.13


@pytest.mark.parametrize(
    ("trait", "first"), [({"quality": Trait("critical", "tag")}, "c/large"), ({"cost": Trait("critical", "tag:key")}, "a/small")]
)
def test_a_stated_need_overrides_the_mix_and_an_inferred_one_does_not(trait, first) -> None:
    """Or the mix would not hold."""
    inferred = {name: Trait(value.value, "words:urgent") for name, value in trait.items()}
    picks = {decide(view(), traits(complexity=0.5, **inferred), drawn(seed)).plan.steps[0].model for seed in range(20)}

    assert {decide(view(), traits(complexity=0.5, **trait), drawn(seed)).plan.steps[0].model for seed in range(20)} == {first}
    assert picks == {"a/small"}


def test_an_empty_tier_gives_way_upward_first() -> None:
    """Quality before price."""
    world = view(Route("default", "balanced", mix=Mix(0, 100, 0)), models=(CHEAP, PREMIUM))

    assert decide(world, traits(), 1).plan.steps[0].model == "c/large"


def test_the_probabilities_of_the_mix_add_up() -> None:
    """Each candidate's chance of being first, over seeds."""
    decision = in_full(view(), traits(complexity=None), 1)

    assert sum(candidate.probability for candidate in decision.candidates) == pytest.approx(1)
    assert {candidate.model: round(candidate.probability, 6) for candidate in decision.candidates} == {
        "a/small": 0.7, "b/medium": 0.2, "c/large": 0.1,
    }  # fmt: skip


def test_a_session_stays_with_its_model_until_quality_asks_for_another() -> None:
    """A switch needs a reason: more than the band of quality, or a price below even the cached one."""
    route = Route("r", "quality", band=0.5)
    near = model("d/near", quality=8.6, price=(20, 80))
    world = view(route, models=(*FLEET, near))

    stays = decide(world, traits(model="r", session="s", held="d/near"), 1)
    leaves = decide(world, traits(model="r", session="s", held="a/small"), 1)

    assert (stays.plan.steps[0].model, stays.reason) == ("d/near", "sticky")
    shown = in_full(world, traits(model="r", session="s", held="d/near"), 1).candidates
    assert {candidate.model: candidate.probability for candidate in shown if candidate.probability} == {"d/near": 1.0}
    assert (leaves.plan.steps[0].model, leaves.reason) == ("c/large", "best")


def test_a_session_is_not_held_to_a_model_that_cannot_serve() -> None:
    """Constraints come before custom."""
    world = view(Route("r", "quality", needs=Needs(quality=8)))

    assert decide(world, traits(model="r", session="s", held="b/medium"), 1).plan.steps[0].model == "c/large"


def test_the_weights_of_value_move_the_choice_and_are_shown() -> None:
    """P2 to P4: with a dear second the faster model wins though its tokens cost more."""
    slow = model("a/slow", price=(1, 1), p95=20_000.0)
    fast = model("b/fast", price=(2, 2), p95=200.0)
    value = Value(second=pico_from_usd("0.01"), abandonment={"realtime": pico_from_usd("0.5")}, rerun=True)
    world = view(Route("r", "cost"), models=(slow, fast), value=value)
    decision = in_full(world, traits(model="r", latency=Trait("realtime", "tag")), 1)
    shown = {candidate.model: candidate for candidate in decision.candidates}

    assert decision.plan.steps[0].model == "b/fast"
    assert shown["a/slow"].latency_cost == pico_from_usd("0.1")
    assert shown["a/slow"].opportunity_cost == pico_from_usd("9.75")
    assert shown["a/slow"].error_cost == shown["a/slow"].cost
    assert models_of(Route("r", "cost"), models=(slow, fast))[0] == "a/slow"


def test_the_request_may_tighten_the_plans_limits_and_not_loosen_them() -> None:
    """Deadline and budget: the smaller holds."""
    route = Route("r", "cost", deadline=10.0, budget=PicoDollars(10**12))
    tight = decide(view(route), traits(model="r", deadline_ms=500, max_cost=PicoDollars(10**10)), 1).plan
    loose = decide(view(route), traits(model="r", deadline_ms=60_000, max_cost=PicoDollars(10**14)), 1).plan

    assert (tight.deadline, tight.budget) == (0.5, 10**10)
    assert (loose.deadline, loose.budget) == (10.0, 10**12)
