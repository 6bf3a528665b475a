"""The policy in force: what people wrote, with what releases made of it laid over (ADR 10). Pure."""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, Literal

import msgspec
from pydantic import ValidationError

from turnout.config.conditions import condition_of
from turnout.types.lock import Adopted, Lock, Mirroring, RouteLock, Running
from turnout.types.models import ModelFacts
from turnout.types.policy import Arm, Condition, Fallback, Mirror, Policy, Route, Segment, Trial

Why = Literal["edited", "written", "gone", "unusable"]
"""``edited``: people wrote the route anew. ``written``: people's file says it itself by now. ``gone``: its route or model is."""
CHOICE = ("objective", "when", "models", "approved", "split", "cascade")
"""What a route chooses from: who changes it takes the ground from under what was measured there. A static route's model is in ``models``."""


class Dropped(msgspec.Struct, frozen=True):
    """Something of the lock that has no effect on this policy. ``what`` is ``trial``, ``mirror`` or an adopted role; ``reason`` is for people."""

    route: str
    release: str
    model: str
    what: str
    why: Why
    reason: str


class Amended(msgspec.Struct, frozen=True):
    """What is in force, and what of the lock could not be."""

    policy: Policy
    models: tuple[ModelFacts, ...]
    dropped: tuple[Dropped, ...] = ()


def amend(policy: Policy, models: tuple[ModelFacts, ...], lock: Lock) -> Amended:
    """``policy`` as people wrote it, with adopted roles, trials and mirrors. Models stay what they are: an untried one is named, not taken up."""
    able = {model.id for model in models if not model.disabled}
    dropped: list[Dropped] = []
    routes: list[Route] = []
    for route in policy.routes:
        entry = lock.routes.get(route.name)
        routes.append(route if entry is None else _amended(route, entry, able, dropped))
    names = {route.name for route in policy.routes}
    for name, entry in lock.routes.items():
        if name not in names:
            dropped += (_drop(name, one, "gone", f"there is no route {name} any more") for one in _entries(entry))
    return Amended(msgspec.structs.replace(policy, routes=tuple(routes)), models, tuple(dropped))


def over(route: Route) -> str:
    """A digest of a route as people wrote it: another one ends its trial."""
    return digest(route)


def chooses(route: Route) -> str:
    """A digest of what a route chooses from. A step that a release brought is none of it: who takes it into the file changes nothing."""
    own = tuple(arm for arm in route.cascade if arm.release is None)
    blank = Route(route.name, route.objective)
    return digest(msgspec.structs.replace(blank, **{name: getattr(route, name) for name in CHOICE} | {"cascade": own}))


def written_by_hand(route: Route) -> frozenset[str]:
    """The releases that people's file names itself: ``turnout policy pull`` wrote them there."""
    parts: tuple[Segment | Arm | Fallback, ...] = (*route.segments, *route.cascade, *route.fallback)
    return frozenset(part.release for part in parts if part.release is not None)


def digest(value: msgspec.Struct) -> str:
    """Of what is said, not of what is left at its default: a later version of this program with more settings finds the same."""
    read_back = msgspec.json.decode(msgspec.json.encode(value), type=type(value))  # 7 and 7.0 are the same
    return sha256(msgspec.json.encode(_said(read_back), order="deterministic")).hexdigest()[:16]


def _said(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        tag = value.__struct_config__.tag
        said = {
            field.name: _said(getattr(value, field.name))
            for field in msgspec.structs.fields(value)
            if getattr(value, field.name) != _default(field)
        }
        return said if tag is None else {"type": tag, **said}
    if isinstance(value, Mapping):
        return {key: _said(item) for key, item in value.items()}
    return [_said(item) for item in value] if isinstance(value, tuple | list) else value


def _default(field: msgspec.structs.FieldInfo) -> Any:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


Entry = Adopted | Running | Mirroring


def _entries(entry: RouteLock) -> Iterator[Entry]:
    yield from entry.adopted
    yield from (one for one in (entry.trial, entry.mirror) if one is not None)


def _drop(route: str, one: Entry, why: Why, reason: str) -> Dropped:
    what = one.role if isinstance(one, Adopted) else "trial" if isinstance(one, Running) else "mirror"
    return Dropped(route, one.release, one.model, what, why, reason)


def _amended(route: Route, entry: RouteLock, able: set[str], dropped: list[Dropped]) -> Route:
    """One route. The latest release comes first, behind a trial, which is drawn before everything else."""
    stands, by_hand, found = Standing(route, entry), written_by_hand(route), route
    for one in sorted(entry.adopted, key=lambda one: one.at):
        if one.release in by_hand or _is_fallback(route, one):
            dropped.append(_drop(route.name, one, "written", "already written by hand"))
        elif (wrong := stands.against(one, able)) is not None:
            dropped.append(_drop(route.name, one, *wrong))
        else:
            found = _with_adopted(found, one)
    for under_way in (entry.trial, entry.mirror):
        if under_way is None:
            continue
        if (wrong := stands.against(under_way, able)) is not None:
            dropped.append(_drop(route.name, under_way, *wrong))
        else:
            found = _with_traffic(found, under_way)
    return found


class Standing:
    """What a route's entry stands on, and whether that still holds."""

    def __init__(self, route: Route, entry: RouteLock) -> None:
        self._route = route
        self._is_edited = over(route) != entry.over
        self._chooses_anew = chooses(route) != entry.chooses

    def against(self, one: Entry, able: set[str]) -> tuple[Why, str] | None:
        """Why it has no effect."""
        name = self._route.name
        if self._chooses_anew:
            return "edited", f"route {name} was edited: it chooses from others now"
        if self._is_edited and not isinstance(one, Adopted):
            return "edited", f"route {name} was edited"
        if one.model not in able:
            return "gone", f"there is no model {one.model} any more, or it is disabled"
        if self._route.approved and not one.approved and one.model not in (*self._route.models, *self._route.admitted):
            return "unusable", f"{one.model} is not on the approved list of route {name}"
        if isinstance(one, Adopted) and one.role == "cascade" and not one.checks:
            return "unusable", "a cascade's step without a check would serve everything"
        try:
            _condition(one)
        except ValidationError as error:
            return "unusable", f"its condition cannot be read: {error.errors(include_url=False)[0]['msg']}"
        return None


def _is_fallback(route: Route, one: Adopted) -> bool:
    return one.role == "fallback" and any(step.model == one.model for step in route.fallback)


def _condition(one: Entry) -> Condition | None:
    return None if one.when is None else condition_of(one.when)


def _with_adopted(route: Route, one: Adopted) -> Route:
    """Roles that concern no request (``new_use``, ``none``) leave it as it is."""
    replace = msgspec.structs.replace
    if one.role in ("primary", "segment"):
        when = None if one.role == "primary" else _condition(one)
        changed = replace(route, segments=(Segment(one.model, when, one.release), *route.segments))
    elif one.role == "cascade":
        changed = replace(route, cascade=(Arm(one.model, _condition(one), one.checks, one.release), *route.cascade))
    elif one.role == "fallback":
        changed = replace(route, fallback=(*route.fallback, Fallback(one.model, release=one.release)))
    else:
        return route
    return _admitting(changed, one)


def _with_traffic(route: Route, one: Running | Mirroring) -> Route:
    if isinstance(one, Running):
        trial = Trial(one.release, one.model, one.share, one.salt, _condition(one), one.checks)
        return _admitting(msgspec.structs.replace(route, trial=trial), one)
    mirror = Mirror(one.release, one.model, one.sample, one.budget, _condition(one))
    return _admitting(msgspec.structs.replace(route, mirror=mirror), one)


def _admitting(route: Route, one: Entry) -> Route:
    """An approval is for the role that was proposed: on a list of candidates the objective would choose it for everything."""
    if not route.approved or not one.approved or one.model in route.models:
        return route
    return msgspec.structs.replace(route, admitted=route.admitted | {one.model})


def unamended(policy: Policy, written: Iterable[Route]) -> Policy:
    """What people wrote, of a policy in force and the routes that releases changed."""
    own = {route.name: route for route in written}
    return msgspec.structs.replace(policy, routes=tuple(own.get(route.name, route) for route in policy.routes))
