"""Segments: part of a route's requests that a model serves first, because a release brought it there."""

import pytest
from msgspec.structs import replace

from tests.support.views import CHEAP, FLEET, PREMIUM, SCHEMA, TOOLS, model, traits, view
from turnout.decide.decide import decide, in_full
from turnout.decide.match import NoCandidate
from turnout.types.decision import NOT_DRAWN, Decision
from turnout.types.models import ModelFacts
from turnout.types.policy import Arm, ComplexityIs, Fallback, HeaderIs, Needs, Route, Segment, TaskIs

NEW = model("d/new", price=(0.05, 0.1), quality=6)
MODELS = (*FLEET, NEW)
LISTED = ("a/small", "b/medium", "c/large")
SIMPLE = Segment("d/new", ComplexityIs(frozenset({"simple"})), "r-1")
ROUTE = Route("r", "quality", band=0.1, models=LISTED, segments=(SIMPLE,))


def decided(route: Route, models: tuple[ModelFacts, ...] = MODELS, **changes: object) -> Decision:
    return in_full(view(route, models=models), traits(model="r", **changes), 1)


def names(decision: Decision) -> list[str]:
    return [step.model for step in decision.plan.steps]


def test_its_model_serves_the_requests_it_names() -> None:
    """Though the route does not list it; what would have been first comes behind."""
    found, plain = decided(ROUTE, band="simple"), decided(replace(ROUTE, segments=()), band="simple")

    assert names(found) == ["d/new", *names(plain)]
    assert found.reason == found.plan.steps[0].reason == "static"
    assert {step.reason for step in found.plan.steps[1:]} == {"fallback"}
    assert found.drawn == NOT_DRAWN
    assert {each.model: each.probability for each in found.candidates} == {"d/new": 1, **dict.fromkeys(LISTED, 0)}


@pytest.mark.parametrize("band", ["moderate", "high", None])
def test_others_are_served_as_before(band: str | None) -> None:
    """An unknown complexity is not simple."""
    assert decided(ROUTE, band=band) == decided(replace(ROUTE, segments=()), band=band)


def test_the_first_that_fits_and_can_serve() -> None:
    """One whose model cannot take the request gives way to the next, and is listed."""
    blind = model("e/blind", features=0)
    route = replace(ROUTE, segments=(Segment("e/blind"), SIMPLE, Segment("b/medium")))
    models = (*MODELS, blind)

    assert names(decided(route, models, band="simple"))[0] == "e/blind"
    found = decided(route, models, band="simple", features=TOOLS)
    assert names(found)[0] == "d/new"
    assert [(each.model, each.reason) for each in found.rejections] == [("e/blind", "feature")]
    assert names(decided(route, models, features=TOOLS))[0] == "b/medium"


def test_the_routes_needs_bind_it() -> None:
    """A segment is no way around a need."""
    found = decided(replace(ROUTE, needs=Needs(quality=6.5)), band="simple")
    assert "d/new" not in names(found)
    assert "d/new" in {each.model for each in found.rejections}


@pytest.mark.parametrize(("admitted", "first"), [(frozenset[str](), "c/large"), (frozenset({"d/new"}), "d/new")])
def test_an_approved_list_binds_it(admitted: frozenset[str], first: str) -> None:
    """Unless people admitted it, and then only where the segment says so."""
    route = replace(ROUTE, approved=True, admitted=admitted)
    assert names(decided(route, band="simple"))[0] == first
    assert "d/new" not in names(decided(route, band="high"))


def test_it_is_written_and_wins_over_a_sessions_model() -> None:
    """The same kind of request gets the same model, and a session goes back to its own with the next."""
    on_large = {"session": "s", "held": "b/medium"}
    route = replace(ROUTE, objective="latency")
    assert names(decided(route, band="simple", **on_large))[:2] == ["d/new", "b/medium"]
    found = decided(route, band="high", **on_large)
    assert (names(found)[0], found.reason) == ("b/medium", "sticky")


def test_a_model_that_only_the_segment_has_can_serve_alone() -> None:
    """Nothing else of the route could; a request outside it has no candidate."""
    able = model("d/new", features=TOOLS | SCHEMA)
    models = (*FLEET, able)
    found = decided(ROUTE, models, band="simple", features=SCHEMA)
    assert (names(found), found.reason) == (["d/new"], "static")
    with pytest.raises(NoCandidate):
        decided(ROUTE, models, band="high", features=SCHEMA)


def test_a_cascade_goes_on_before_it() -> None:
    """It takes the place of the route's own choice, which is what comes behind a cheap first try."""
    found = decided(replace(ROUTE, cascade=(Arm("a/small"),)), band="simple")
    assert names(found)[:3] == ["a/small", "d/new", "c/large"]


def test_no_model_is_tried_twice() -> None:
    """One that the route lists, or falls back on, moves to the front."""
    route = replace(ROUTE, segments=(Segment("a/small"),), fallback=(Fallback("b/medium"),))
    assert names(decided(route)) == ["a/small", "c/large", "b/medium"]
    route = replace(route, segments=(Segment("b/medium"),))
    assert sorted(names(decided(route))) == ["a/small", "b/medium", "c/large"]


def test_one_whose_model_is_gone_is_nothing() -> None:
    """The catalog may lose a model between two policies."""
    assert names(decided(ROUTE, FLEET, band="simple")) == names(decided(replace(ROUTE, segments=()), FLEET, band="simple"))


def test_headers_that_only_a_segment_reads_are_kept() -> None:
    """Or its condition could never hold."""
    route = replace(ROUTE, segments=(Segment("d/new", HeaderIs("x-tier", frozenset({"free"}))),))
    compiled = view(route, models=MODELS)
    assert compiled.headers == {"x-tier"}
    assert decide(compiled, traits(model="r", headers={"x-tier": "free"}), 1).plan.steps[0].model == "d/new"


UNTRIED = replace(NEW, untried=True)


def test_a_model_nobody_has_taken_up_is_in_no_route_without_a_list() -> None:
    """However good it looks."""
    found = decided(Route("r", "cost"), (*FLEET, UNTRIED))
    assert {each.model for each in found.candidates} == set(LISTED)
    assert "d/new" not in names(found)


@pytest.mark.parametrize(
    "route",
    [
        Route("r", "cost", models=("a/small", "d/new")),
        Route("r", "static", split=(("d/new", 1),)),
        Route("r", "quality", models=("a/small",), segments=(Segment("d/new", TaskIs(frozenset({"qa"}))),)),
    ],
)
def test_it_serves_where_it_is_named(route: Route) -> None:
    """By a route's list, a split or a segment."""
    assert names(decided(route, (CHEAP, UNTRIED)))[0] == "d/new"


def test_it_serves_who_names_it() -> None:
    """Its bare name goes to where somebody has taken it up, if there is such a place."""
    compiled = view(models=(CHEAP, UNTRIED))
    assert decide(compiled, traits(model="d/new"), 1).plan.steps[0].model == "d/new"
    assert decide(compiled, traits(model="new"), 1).plan.steps[0].model == "d/new"
    elsewhere = model("e/new", price=(5, 5))
    found = decide(view(models=(PREMIUM, UNTRIED, elsewhere)), traits(model="new"), 1)
    assert [step.model for step in found.plan.steps] == ["e/new"]
