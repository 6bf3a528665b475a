"""What a trial and exploring make of a plan."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.views import FLEET, MID, SCHEMA, TOOLS, model, traits, view
from turnout.decide.decide import in_full
from turnout.decide.drawn import arm
from turnout.decide.match import NoCandidate
from turnout.types.checks import JsonValid
from turnout.types.decision import NOT_DRAWN, Decision, Drawn
from turnout.types.models import ModelFacts
from turnout.types.policy import Arm, ComplexityIs, Fallback, Needs, Route, Segment, Trial

NEW = model("d/new", price=(0.05, 0.1), quality=6)
MODELS = (*FLEET, NEW)
LISTED = ("a/small", "b/medium", "c/large")
TRIAL = Trial("r-1", "d/new", 1.0, "salt")
ROUTE = Route("r", "quality", band=0.1, models=LISTED, trial=TRIAL)
CHECKS = (JsonValid(),)


def decided(route: Route, fleet: tuple[ModelFacts, ...] = MODELS, seed: int = 1, **changes: Any) -> Decision:
    return in_full(view(route, models=fleet), traits(model="r", **changes), seed)


def control(route: Route) -> Route:
    assert route.trial is not None
    return replace(route, trial=replace(route.trial, share=0.0))


def names(decision: Decision) -> list[str]:
    return [step.model for step in decision.plan.steps]


def test_the_candidate_stands_before_the_ordinary_plan() -> None:
    """With an attempt of its own; the first of the others is tried whatever became of the candidate."""
    found, plain = decided(ROUTE), decided(replace(ROUTE, trial=None))

    assert names(found) == ["d/new", *names(plain)]
    assert [(step.reason, step.on) for step in found.plan.steps[:2]] == [("trial", {"any"}), ("fallback", {"any"})]
    assert found.plan.steps[2:] == plain.plan.steps[1:]
    assert found.plan.attempts == plain.plan.attempts + 1
    assert (found.plan.own, found.plan.equal) == (plain.plan.own + 1, 1)
    assert found.reason == "trial"
    assert found.drawn == Drawn("r-1", "candidate", 1.0)


def test_the_control_is_the_ordinary_plan() -> None:
    """And its reason; the record says which arm it was."""
    found, plain = decided(control(ROUTE)), decided(replace(ROUTE, trial=None))
    assert (found.plan, found.reason) == (plain.plan, plain.reason)
    assert found.drawn == Drawn("r-1", "control", 1.0)


def test_a_cascades_step_on_trial_is_held() -> None:
    """Its answer must pass; the whole plan follows as it would have been."""
    route = replace(ROUTE, trial=replace(TRIAL, checks=CHECKS), cascade=(Arm("a/small", None, CHECKS),))
    found, plain = decided(route), decided(replace(route, trial=None))

    assert (found.plan.steps[0].model, found.plan.steps[0].checks, found.plan.steps[0].reason) == ("d/new", CHECKS, "trial")
    assert found.plan.steps[1:] == plain.plan.steps
    assert (found.plan.own, found.plan.attempts) == (plain.plan.own, plain.plan.attempts + 1)


def test_a_new_first_choice_stands_behind_a_cascade() -> None:
    """Where it would be if it were adopted."""
    found = decided(replace(ROUTE, cascade=(Arm("a/small", None, CHECKS),)))
    assert names(found)[:3] == ["a/small", "d/new", "c/large"]
    assert names(decided(replace(ROUTE, trial=replace(TRIAL, model="a/small"), cascade=(Arm("a/small", None, CHECKS),))))[
        0:2
    ] == [
        "a/small",
        "c/large",
    ]


@pytest.mark.parametrize("share", [0.0, 1.0])
@pytest.mark.parametrize(
    ("route", "changes"),
    [
        (replace(ROUTE, trial=replace(TRIAL, when=ComplexityIs(frozenset({"simple"})))), {"band": "high"}),
        (replace(ROUTE, needs=Needs(quality=6.5)), {}),
        (replace(ROUTE, approved=True), {}),
        (ROUTE, {"models": LISTED}),
        (ROUTE, {"tokens_max": 10_000}),
        (replace(ROUTE, segments=(Segment("d/new"),)), {}),
        (replace(ROUTE, models=("d/new",)), {}),
    ],
)
def test_who_is_not_exposed(route: Route, changes: dict[str, Any], share: float) -> None:
    """Whose condition does not fit, whom the candidate may not serve, or who has nothing to compare it with: in either arm alike."""
    assert route.trial is not None
    fleet = (*FLEET, replace(NEW, context=8_000))
    found = decided(replace(route, trial=replace(route.trial, share=share)), fleet, **changes)
    plain = decided(replace(route, trial=None), fleet, **changes)
    assert found.drawn == NOT_DRAWN
    assert (found.plan, found.reason, found.candidates) == (plain.plan, plain.reason, plain.candidates)


def test_who_names_a_model_is_not_exposed() -> None:
    """There is no route, and so no trial."""
    found = in_full(view(ROUTE, models=MODELS), traits(model="c/large"), 1)
    assert (found.reason, found.drawn) == ("direct", NOT_DRAWN)


def test_what_only_the_candidate_could_serve_has_no_candidate() -> None:
    """Neither arm may be a selection."""
    models = (*FLEET, replace(NEW, features=TOOLS | SCHEMA))
    with pytest.raises(NoCandidate):
        decided(ROUTE, models, features=SCHEMA)


def test_the_control_of_a_segments_requests_is_the_segment() -> None:
    """What an earlier release brought is ordinary by now."""
    route = replace(ROUTE, segments=(Segment("a/small"),))
    assert names(decided(route))[:2] == ["d/new", "a/small"]
    found = decided(control(route))
    assert (names(found)[0], found.reason) == ("a/small", "static")


@pytest.mark.parametrize("held", [None, "a/small", "c/large"])
def test_a_candidate_the_route_lists_is_nobodys_ordinary_choice(held: str | None) -> None:
    """Or both arms would begin with it; the control may still fall back on it."""
    route = replace(ROUTE, objective="cost", trial=replace(TRIAL, model="a/small"))
    found = decided(control(route), FLEET, session="s", held=held)

    assert names(found)[0] == "b/medium"
    assert names(found)[-1] == "a/small"
    assert names(decided(route, FLEET, session="s", held=held))[0] == "a/small"
    assert len(set(names(found))) == len(names(found))


def test_a_written_fallback_stays_one() -> None:
    """The control has it where it was; the other arm has tried it by then."""
    route = replace(ROUTE, fallback=(Fallback("d/new", frozenset({"content_filter"})),))
    assert names(decided(control(route)))[-1] == "d/new"
    assert names(decided(route)).count("d/new") == 1


def test_a_candidate_that_cannot_serve_is_listed() -> None:
    """So that explain says why there is no trial of it."""
    found = decided(ROUTE, (*FLEET, replace(NEW, features=0)), features=TOOLS)
    assert [(each.model, each.reason) for each in found.rejections] == [("d/new", "feature")]
    assert found.drawn == NOT_DRAWN


@pytest.mark.parametrize("objective", ["quality", "cost", "balanced", "static"])
def test_chances_on_trial(objective: Any) -> None:
    """The candidate's is its share; the others divide the rest as they would have the whole."""
    share = 0.3
    found = decided(replace(ROUTE, objective=objective, trial=replace(TRIAL, share=share)), complexity=None)
    plain = decided(replace(ROUTE, objective=objective, trial=None), complexity=None)
    chances = {each.model: each.probability for each in found.candidates}

    assert chances.pop("d/new") == share
    assert chances == pytest.approx({each.model: each.probability * (1 - share) for each in plain.candidates})


def test_the_unit_is_the_session_or_else_the_user() -> None:
    """A request with neither is drawn alone."""
    half = replace(TRIAL, share=0.5)
    by_session = {arm(half, traits(session="s", tags={"user": str(n)}), n).side for n in range(50)}
    by_user = {arm(half, traits(tags={"user": "u"}), n).side for n in range(50)}
    alone = {arm(half, traits(), n).side for n in range(50)}
    assert (len(by_session), len(by_user), len(alone)) == (1, 1, 2)


EXPLORING = Route("r", "cost", models=LISTED, explore=0.3)


def test_exploring_says_how_likely_it_was() -> None:
    """Each eligible model as likely as the other, the winner besides; who is not the winner says why it serves."""
    seen = {
        (names(one)[0], one.reason, round(one.drawn.propensity or 0, 9))
        for one in (decided(EXPLORING, seed=n) for n in range(200))
    }
    assert seen == {("a/small", "cheapest", 0.8), ("b/medium", "explore", 0.1), ("c/large", "explore", 0.1)}
    chances = {each.model: each.probability for each in decided(EXPLORING).candidates}
    assert chances == pytest.approx({"a/small": 0.8, "b/medium": 0.1, "c/large": 0.1})


def test_the_winner_is_behind_what_was_tried() -> None:
    """Nothing is lost by trying."""
    tried = next(one for one in (decided(EXPLORING, seed=n) for n in range(200)) if one.reason == "explore")
    assert sorted(names(tried)) == sorted(LISTED)
    assert names(tried)[1] == "a/small"
    assert tried.plan.equal == 1


@pytest.mark.parametrize(
    ("route", "changes", "propensity"),
    [
        (replace(EXPLORING, objective="latency"), {"session": "s", "held": "b/medium"}, 1.0),
        (replace(EXPLORING, segments=(Segment("c/large"),)), {}, 1.0),
        (replace(EXPLORING, objective="static"), {}, None),
        (replace(EXPLORING, objective="static", models=(), split=(("a/small", 1), ("c/large", 1))), {}, None),
        (replace(EXPLORING, journal_required=True), {}, None),
        (replace(EXPLORING, trial=replace(TRIAL, share=0.0)), {}, 1.0),
        (replace(EXPLORING, models=("b/medium",)), {}, 1.0),
    ],
)
def test_who_does_not_explore(route: Route, changes: dict[str, Any], propensity: float | None) -> None:
    """A session that has its model, what is written or audited, and who is on trial."""
    for seed in range(60):
        found = decided(replace(route, explore=1.0), seed=seed, **changes)
        assert found.reason != "explore"
        assert found.drawn.propensity == (None if propensity is None else pytest.approx(propensity))


def test_only_what_may_serve_is_tried() -> None:
    """A model that cannot is no candidate of chance either."""
    models = (*FLEET[:1], MID, model("c/large", features=0))
    firsts = {names(decided(replace(EXPLORING, explore=1.0), models, seed=n, features=TOOLS))[0] for n in range(60)}
    assert firsts == {"a/small", "b/medium"}


def test_what_would_have_been_first_is_tried_after_any_failure() -> None:
    """A fallback of narrow conditions that had to begin without the trial still answers when the candidate fails otherwise."""
    route = replace(
        ROUTE, models=("a/small",), needs=Needs(quality=5.5), fallback=(Fallback("c/large", frozenset({"rate_limited"})),)
    )
    assert decided(control(route)).plan.steps[0].model == "c/large"
    assert [(step.model, step.on) for step in decided(route).plan.steps] == [("d/new", {"any"}), ("c/large", {"any"})]
