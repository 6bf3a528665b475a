"""Which requests a mirror's model is asked too."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.views import FLEET, TOOLS, model, traits, view
from turnout.decide.decide import Decided, decide
from turnout.decide.mirror import mirrored
from turnout.types.models import ModelFacts
from turnout.types.money import PicoDollars
from turnout.types.policy import ComplexityIs, Hedge, Mirror, Needs, Route

NEW = model("d/new", quality=6, untried=True)
MIRROR = Mirror("r-1", "d/new", 1.0, PicoDollars(1))
ROUTE = Route("r", "cost", models=("a/small", "c/large"), mirror=MIRROR, journal_required=True, hedge=Hedge())


def copy(route: Route = ROUTE, new: ModelFacts = NEW, seed: int = 1, **changes: Any) -> Decided | None:
    compiled, request = view(route, models=(*FLEET, new)), traits(model="r", **changes)
    return mirrored(compiled, decide(compiled, request, seed), request, seed)


def test_one_call_of_one_model() -> None:
    """No fallback, no second try beside it, no record before it."""
    found = copy()
    assert found is not None
    assert [(step.model, step.reason) for step in found.plan.steps] == [("d/new", "trial")]
    assert (found.plan.attempts, found.plan.hedge, found.plan.journal_required) == (1, None, False)
    assert found.plan.steps[0].expected_cost == 100 * 1_000_000 + 200 * 2_000_000
    assert found.drawn == ("r-1", "mirror", 1.0)


@pytest.mark.parametrize(
    ("route", "changes"),
    [
        (replace(ROUTE, mirror=replace(MIRROR, when=ComplexityIs(frozenset({"simple"})))), {}),
        (replace(ROUTE, mirror=None), {}),
        (replace(ROUTE, mirror=replace(MIRROR, model="e/gone")), {}),
        (replace(ROUTE, needs=Needs(quality=7)), {}),
        (replace(ROUTE, needs=Needs(region=frozenset({"eu"})), unknown_price="warn"), {}),
        (ROUTE, {"features": TOOLS}),
        (ROUTE, {"tokens_max": 20_000}),
        (ROUTE, {"models": ("small",)}),
    ],
)
def test_what_it_may_not_serve_it_is_not_asked(route: Route, changes: dict[str, Any]) -> None:
    """Its condition, and every constraint of the route and the request."""
    models = tuple(replace(each, region="eu") for each in FLEET)
    compiled = view(route, models=(*models, replace(NEW, features=0, context=10_000)))
    request = traits(model="r", **changes)
    assert mirrored(compiled, decide(compiled, request, 1), request, 1) is None


def test_a_sample_of_requests() -> None:
    """About as many as it says."""
    asked = sum(copy(replace(ROUTE, mirror=replace(MIRROR, sample=0.2)), seed=seed) is not None for seed in range(500))
    assert 65 < asked < 135


def test_who_names_a_model_is_not_mirrored() -> None:
    """There is no route to be compared on."""
    compiled, request = view(ROUTE, models=(*FLEET, NEW)), traits(model="c/large")
    assert mirrored(compiled, decide(compiled, request, 1), request, 1) is None
