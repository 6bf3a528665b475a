"""From an event to the releases it opens: one on each route that it may mean something to, and for the others the reason why not. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from hashlib import sha256

import msgspec

from turnout.catalog import rates
from turnout.release import places
from turnout.release.screen import fits
from turnout.types.models import ModelFacts
from turnout.types.policy import Route
from turnout.types.release import CatalogEvent, Release, ReleaseKind, Status
from turnout.types.view import Base

NEARLY = 0.5
"""Points of quality (0..10) that a replacement may be estimated below what it replaces, and still be taken for as good."""
_OF_NEWS: Mapping[str, ReleaseKind] = {
    "model_added": "new", "price_changed": "repriced", "capability_changed": "changed", "context_changed": "changed",
}  # fmt: skip
_OF_ENDS = frozenset({"deprecation_announced", "retired"})


class CannotOpen(ValueError):
    """There is no such model or route, or the two do not go together; says what and why."""


class Opening(msgspec.Struct, frozen=True):
    """What an event means to a route: a release, or ``why`` there is none."""

    route: str
    release: Release | None
    why: str = ""


def opened(event: CatalogEvent, base: Base, now: float, serving: Mapping[str, str] = {}) -> tuple[Release, ...]:
    """The releases of an event. Opened again they are the same: their ids come from event and route.

    ``serving`` names by route the model that serves most of it today; static routes need none.
    """
    return tuple(one.release for one in considered(event, base, now, serving) if one.release is not None)


def considered(event: CatalogEvent, base: Base, now: float, serving: Mapping[str, str] = {}) -> tuple[Opening, ...]:
    """The same with the reasons: an answer for every route."""
    if event.state != "accepted":
        return _nowhere(base, f"the event is {event.state}")
    offers = places.served_as(event.model, base)
    if event.kind in _OF_ENDS or _is_dearer(event):
        ids = frozenset((event.model, *(facts.id for facts in offers)))
        return tuple(_replaced(event, ids, route, base, now, serving) for route in base.policy.routes)
    if not offers:
        return _nowhere(base, f"no provider of the policy serves {event.model}")
    if event.kind in _OF_NEWS:
        return tuple(_tried(event, offers, route, base, now, serving) for route in base.policy.routes)
    return _nowhere(base, f"{event.kind} calls for no release")


def manual(model: str, route: str, base: Base, now: float, serving: Mapping[str, str] = {}) -> Release:
    """The release a person asks for (``turnout release open``). Raises CannotOpen."""
    facts = next((one for one in base.models if one.id == model), None)
    if facts is None:
        raise CannotOpen(f"no model is called {model}: `turnout models` lists those of the policy's providers")
    found = next((one for one in base.policy.routes if one.name == route), None)
    if found is None:
        raise CannotOpen(f"no route is called {route}; there are {', '.join(one.name for one in base.policy.routes)}")
    against = places.incumbent(found, serving.get(route))
    if against == model:
        raise CannotOpen(f"{model} serves route {route} already: there is nothing to measure it against")
    return _release(f"manual:{model}:{int(now)}", "new", model, route, against, now)


def replacement(model: str, route: Route, base: Base, now: float) -> ModelFacts | None:
    """The best known model to stand in for another on a route: as good by estimate (within NEARLY) and then the cheapest, else the best.

    It fits the route's needs, stays, is priced, and is not the same model at another place that ends with it.
    """
    today = places.day(now)
    leaving = next((facts for facts in base.models if facts.id == model), None)
    able = [
        facts
        for facts in base.models
        if facts.id != model and _stays(facts) and not fits(facts, route) and rates.in_force(facts.prices, today) is not None
        and not (route.approved and facts.id not in route.models)
        and not (leaving is not None and facts.provider == leaving.provider and facts.upstream_id == leaving.upstream_id)
    ]  # fmt: skip
    if not able:
        return None
    wanted = places.level(leaving) if leaving is not None else None
    as_good = [facts for facts in able if wanted is not None and (places.level(facts) or 0.0) >= wanted - NEARLY]
    if as_good:
        return min(as_good, key=lambda facts: (_price(facts, today), -(places.level(facts) or 0.0), facts.id))
    return max(able, key=lambda facts: (places.level(facts) or 0.0, -_price(facts, today), facts.id))


def _tried(
    event: CatalogEvent, offers: Sequence[ModelFacts], route: Route, base: Base, now: float, serving: Mapping[str, str]
) -> Opening:
    """A model that is new, cheaper or abler, on a route that may have use for it."""
    fresh = [facts for facts in offers if not _is_in_use(facts, route, base)]
    if not fresh:
        return Opening(route.name, None, f"it chooses among {offers[0].id} already")
    misses = [fits(facts, route) for facts in fresh]
    if all(misses):
        return Opening(route.name, None, f"{fresh[0].id}: {'; '.join(misses[0])}")
    candidate = next(facts for facts, missed in zip(fresh, misses, strict=True) if not missed)
    if not _stays(candidate):
        return Opening(route.name, None, f"{candidate.id} is {'disabled' if candidate.disabled else 'on its way out itself'}")
    against = places.incumbent(route, serving.get(route.name))
    return Opening(route.name, _release(event.id, _OF_NEWS[event.kind], candidate.id, route.name, against, now))


def _replaced(
    event: CatalogEvent, ids: frozenset[str], route: Route, base: Base, now: float, serving: Mapping[str, str]
) -> Opening:
    """A model that ends (and may not be offered any more), or costs more now, on a route that it serves."""
    against = places.incumbent(route, serving.get(route.name))
    held = next((model for model in (against, *(step.model for step in route.fallback)) if model in ids), None)
    if held is not None:
        return _in_place_of(event, held, route, base, now)
    if ids & {*(segment.model for segment in route.segments), *(arm.model for arm in route.cascade)}:
        return Opening(
            route.name, None, "it serves a part of the route: without it, what stands behind it there serves that part too"
        )
    used = ids & (places.choices(route, base) | places.named(route))
    why = f"it chooses among others too, and {', '.join(sorted(used))} serves little of it" if used else "it does not use it"
    return Opening(route.name, None, why)


def _in_place_of(event: CatalogEvent, held: str, route: Route, base: Base, now: float) -> Opening:
    found = replacement(held, route, base, now)
    if found is None:
        return Opening(route.name, None, f"no known model could take the place of {held}")
    kind: ReleaseKind = "retiring" if event.kind in _OF_ENDS else "repriced"
    return Opening(route.name, _release(event.id, kind, found.id, route.name, held, now, _due(event, held, base)))


def _release(
    event: str, kind: ReleaseKind, model: str, route: str, against: str | None, now: float, due: float | None = None
) -> Release:
    id_ = sha256(f"{event}\n{route}".encode()).hexdigest()[:12]
    return Release(f"r-{id_}", now, event, kind, model, route, against, Status("detected", now), due=due)


def _due(event: CatalogEvent, held: str, base: Base) -> float | None:
    """When it ends, unix seconds; None for what only costs more."""
    if event.kind not in _OF_ENDS:
        return None
    end = _date(event.after) or next((facts.retires for facts in base.models if facts.id == held), None)
    if end is not None:
        return datetime(end.year, end.month, end.day, tzinfo=UTC).timestamp()
    return event.at if event.kind == "retired" else None


def _date(written: str | None) -> date | None:
    try:
        return date.fromisoformat((written or "")[:10])
    except ValueError:
        return None


def _is_in_use(facts: ModelFacts, route: Route, base: Base) -> bool:
    return facts.id in places.choices(route, base) or facts.id == places.front(route)


def _is_dearer(event: CatalogEvent) -> bool:
    return event.kind == "price_changed" and event.change is not None and event.change > 0


def _stays(facts: ModelFacts) -> bool:
    return facts.status != "deprecated" and facts.retires is None and not facts.disabled


def _price(facts: ModelFacts, today: date) -> int:
    tiers = rates.in_force(facts.prices, today)
    assert tiers is not None, "only what is priced is compared"
    return rates.blended(tiers)


def _nowhere(base: Base, why: str) -> tuple[Opening, ...]:
    return tuple(Opening(route.name, None, why) for route in base.policy.routes)
