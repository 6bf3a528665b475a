"""Which models could never serve a route, whatever the request, and why. The words are the decider's own: nothing is judged twice."""

from collections.abc import Mapping, Sequence
from datetime import date

import msgspec

from turnout.catalog.load import Catalog
from turnout.config.logic import demanded
from turnout.decide.compiled import Lane, compile_view, lacking, tolerated
from turnout.decide.slot import Slot
from turnout.types.decision import Rejected
from turnout.types.models import Modality, ModelFacts, names
from turnout.types.policy import Policy, Route
from turnout.types.view import Base, Overlay


class Shortfall(msgspec.Struct, frozen=True):
    """What a model lacks, in the decider's words."""

    reason: Rejected
    detail: str


def shortfalls(policy: Policy, facts: Mapping[str, ModelFacts], catalog: Catalog, today: date) -> dict[str, dict[str, Shortfall]]:
    """By route, the models among its candidates, fallbacks and arms that can never serve it. Models not in ``facts`` are passed over."""
    known = msgspec.structs.replace(policy, routes=tuple(_known(route, facts) for route in policy.routes))
    tasks = {task: dict(skills) for task, skills in catalog.tasks.items()}
    view = compile_view(Base(0, known, tuple(facts.values()), tasks), Overlay("", today), "")
    return {lane.route.name: _short(lane) for lane in view.lanes}


def _known(route: Route, facts: Mapping[str, ModelFacts]) -> Route:
    return msgspec.structs.replace(
        route,
        models=tuple(model for model in route.models if model in facts),
        split=tuple((model, weight) for model, weight in route.split if model in facts),
        fallback=tuple(step for step in route.fallback if step.model in facts),
        cascade=tuple(arm for arm in route.cascade if arm.model in facts),
        segments=tuple(segment for segment in route.segments if segment.model in facts),
    )


def _short(lane: Lane) -> dict[str, Shortfall]:
    found = {refusal.model: Shortfall(refusal.reason, refusal.detail) for refusal in lane.refused}
    for slot in (*lane.slots, *lane.reserve, *(arm.slot for arm in lane.arms)):
        lack = _lacks_what_comes(slot, lane.route) or _too_weak(slot, lane.route)
        if lack is not None:
            found.setdefault(slot.id, lack)
    return found


def _lacks_what_comes(slot: Slot, route: Route) -> Shortfall | None:
    """Every request that ``when`` lets in brings these."""
    features, modalities = demanded(route.when)
    if missing := features & ~(slot.features | (slot.unknown_features & tolerated(route))):
        return Shortfall("feature", f"{lacking(missing, slot)}, which `when` says every request needs")
    if missing := modalities & ~slot.input:
        return Shortfall("modality", f"no {', '.join(names(Modality(missing)))} input, which `when` says every request brings")
    return None


def _too_weak(slot: Slot, route: Route) -> Shortfall | None:
    """Quality goes by the request's task: below the best figure of any task, no request passes."""
    least = route.needs.quality
    if least is None:
        return None
    best = max(_figures((*slot.quality.values(), slot.general)), default=None)
    if best is None:
        return Shortfall("quality", f"quality unknown, needs >= {least:g}")
    return Shortfall("quality", f"quality {best:.1f} at best, needs >= {least:g}") if best < least else None


def _figures(figures: Sequence[float | None]) -> tuple[float, ...]:
    return tuple(figure for figure in figures if figure is not None)


REMEDIES: Mapping[Rejected, str] = {
    "unknown_price": "state models.{model}.price, or unknown_price: warn on the route",
    "quality": "lower the need, name another model, or state models.{model}.quality",
    "feature": "name another model, or state models.{model}.features where it is known to be able",
    "context_window": "name another model, or state models.{model}.context",
    "not_approved": "add {model} to `approved`, or remove it here",
    "region": "name another model, or state the region of its provider",
    "data_policy": "name another model, or state the data_policy of its provider",
}
"""What to do about a shortfall; the others speak for themselves."""
