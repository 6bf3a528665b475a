"""Laws of deciding: the same inputs give the same plan, a refused model is never in it, an offer is never lost."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.support.views import FLEET, IMAGE, SCHEMA, TEXT, TOOLS, model, traits, view
from turnout.decide.decide import decide, in_full
from turnout.decide.order import digest
from turnout.errors import TurnoutError
from turnout.types.policy import Fallback, Needs, Route
from turnout.types.traits import Traits

MODELS = (
    *FLEET,
    model("d/eyes", input=TEXT | IMAGE, features=TOOLS | SCHEMA, price=(4, 8), quality=6),
    model("e/blank", price=None, quality=None, p95=None),
)
IDS = [facts.id for facts in MODELS]

routes = st.builds(
    lambda objective, models, fallback, quality, attempts, price: Route(
        "r", objective, models=tuple(models), fallback=tuple(Fallback(id_) for id_ in fallback),
        needs=Needs(quality=quality), attempts=attempts, unknown_price=price,
    ),
    st.sampled_from(["cost", "latency", "quality", "balanced", "static"]),
    st.lists(st.sampled_from(IDS), min_size=1, unique=True),
    st.lists(st.sampled_from(IDS), max_size=2, unique=True),
    st.none() | st.floats(0, 10),
    st.integers(1, 5),
    st.sampled_from(["deny", "warn"]),
)  # fmt: skip
asked = st.builds(
    lambda **changes: traits(model="r", **changes),
    complexity=st.none() | st.floats(0, 1),
    input=st.sampled_from([TEXT, TEXT | IMAGE]),
    features=st.sampled_from([0, TOOLS, TOOLS | SCHEMA]),
    tokens_max=st.sampled_from([150, 200_000]),
    session=st.none() | st.just("s"),
    held=st.none() | st.sampled_from(IDS),
)


@given(routes, asked, st.integers(0, 2**63 - 1))
def test_a_decision_is_its_inputs(route: Route, request: Traits, seed: int) -> None:
    """Recomputed from traits that went through the record's encoding, on a view compiled anew, it is the same plan."""
    try:
        first = decide(view(route, models=MODELS), request, seed)
    except TurnoutError:
        return
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(request), type=Traits)
    again = decide(view(route, models=MODELS), stored, seed)

    assert first.plan == again.plan
    assert digest(first.route.name, first.plan) == digest(again.route.name, again.plan)


@given(routes, asked, st.integers(0, 2**63 - 1))
def test_what_is_refused_is_not_tried_and_what_is_not_refused_is_offered(route: Route, request: Traits, seed: int) -> None:
    """Constraints fail closed; every named model is either a candidate, a fallback's step or a rejection with its detail."""
    try:
        decision = in_full(view(route, models=MODELS), request, seed)
    except TurnoutError:
        return
    tried = {step.model for step in decision.plan.steps}
    refused = {rejection.model for rejection in decision.rejections}
    offered = {candidate.model for candidate in decision.candidates}

    assert not tried & refused
    assert set(route.models) <= offered | refused
    assert {fallback.model for fallback in route.fallback} <= tried | refused
    assert all(rejection.detail for rejection in decision.rejections)
    assert len({step.model for step in decision.plan.steps}) == len(decision.plan.steps)
