"""Where models stand on routes today: what a route names, who serves it, what of the catalog's events is meant by them. Pure."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

from turnout.types.models import Feature, ModelFacts
from turnout.types.policy import Route
from turnout.types.view import Base


def day(now: float) -> date:
    """UTC."""
    return datetime.fromtimestamp(now, UTC).date()


def served_as(model: str, base: Base) -> tuple[ModelFacts, ...]:
    """What the policy's providers offer of ``vendor/model``, in their order: itself, and under the names of one's own endpoints.

    A model that is only the ``same_as`` of another is not meant: its price and its end are its own.
    """
    vendors = {provider.id: provider.vendor or provider.id for provider in base.policy.providers}
    return tuple(
        facts
        for facts in base.models
        if facts.id == model or (f"{vendors.get(facts.provider)}/{facts.upstream_id}" == model and facts.provider in vendors)
    )


def named(route: Route) -> frozenset[str]:
    """Every model the route names, whatever for."""
    return frozenset(_named(route))


def _named(route: Route) -> Iterator[str]:
    yield from route.models
    yield from (model for model, _ in route.split)
    yield from (step.model for step in route.fallback)
    yield from (arm.model for arm in route.cascade)
    yield from (segment.model for segment in route.segments)


def choices(route: Route, base: Base) -> frozenset[str]:
    """The models it chooses among for a request's first try; for a route over every model those that somebody has taken up."""
    if route.split or route.models:
        return frozenset((*route.models, *(model for model, _ in route.split)))
    return frozenset(facts.id for facts in base.models if not facts.untried and not facts.disabled)


def front(route: Route) -> str | None:
    """The model that a release put before all others there."""
    return next((segment.model for segment in route.segments if segment.when is None), None)


def incumbent(route: Route, serving: str | None) -> str | None:
    """Whom a candidate is measured against: the one in front, the static model, or the one that serves most of the route today."""
    if route.objective == "static" and not route.split and route.models:
        return front(route) or route.models[0]
    return serving or front(route)


def tolerated(route: Route) -> int:
    """Feature bits whose unknown support the route accepts."""
    return sum(int(Feature[name.upper()]) for name in route.unknown)


def level(facts: ModelFacts) -> float | None:
    """Quality over all, 0..10: the user's figures before the catalog's."""
    if "default" in facts.quality:
        return facts.quality["default"]
    levels = [*{**facts.skills, **facts.quality}.values()]
    return sum(levels) / len(levels) if levels else None
