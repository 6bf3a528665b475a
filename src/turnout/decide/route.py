"""Which route a request takes: what it asked for, what its key allows, what its traits fit."""

from msgspec.structs import replace

from turnout.catalog.near import near
from turnout.decide.compiled import DIRECT, Lane, View, tolerated
from turnout.decide.conditions import forced
from turnout.decide.slot import Slot
from turnout.errors import Code, TurnoutError
from turnout.types.policy import After, Route
from turnout.types.traits import Traits

DIRECT_ROUTE = Route(
    name=DIRECT,
    objective="cost",
    unknown=frozenset(
        {"tools", "parallel_tools", "tool_choice", "json_schema", "json_mode", "reasoning", "streaming", "prompt_cache"}
        | {"logprobs", "seed", "stop", "n"}
    ),
    unknown_price="warn",
    sticky=False,
)
"""Naming a model is consent to what is not known of it; what is known to be missing still refuses."""
_TOLERANCE = tolerated(DIRECT_ROUTE)


def choose(view: View, traits: Traits) -> Lane:
    """The route of this request; for a model that it names, a lane of what serves that model.

    Tags bound to the key come first: a route that they alone make apply governs everything the key does. Then an explicit
    route, then ``auto``, a route's name, ``provider/model``, a bare model id.

    Raises:
        TurnoutError: ``model_not_found`` with near matches, ``forbidden`` when the key may not go there.
    """
    if traits.bound and (lane := _governing(view, traits)) is not None:
        return lane
    asked = traits.route or traits.model
    if asked == "auto":
        return _first_applying(view, traits)
    if (lane := view.by_name.get(asked)) is not None:
        return _allowed(lane, traits)
    if traits.route is not None:
        raise _not_found(f'no route "{asked}"', asked, list(view.by_name), "x-turnout-route")
    named = _named(view, asked)
    if not named:
        raise _not_found(f'no model or route "{asked}"', asked, ["auto", *view.by_name, *view.slots, *view.bare], "model")
    if not traits.direct:
        raise TurnoutError(
            Code.FORBIDDEN,
            f'this key may not name models directly; ask for "auto" or one of its routes ({_routes(traits, view)}) instead of "{asked}"',
            param="model",
        )
    return _direct_lane(view, named)


def _governing(view: View, traits: Traits) -> Lane | None:
    bound = {key: traits.tags[key] for key in traits.bound}
    for lane in view.lanes:
        if lane.route.when is not None and forced(lane.route.when, bound):
            return lane
    return None


def _first_applying(view: View, traits: Traits) -> Lane:
    allowed = traits.routes
    for lane in view.lanes:
        if (allowed is None or lane.route.name in allowed) and lane.test is not None and lane.test(traits):
            return lane
    return _allowed(view.by_name["default"], traits)


def _allowed(lane: Lane, traits: Traits) -> Lane:
    if traits.routes is not None and lane.route.name not in traits.routes:
        allowed = ", ".join(sorted(traits.routes)) or "none"
        raise TurnoutError(
            Code.FORBIDDEN, f'this key may not use route "{lane.route.name}"; its routes: {allowed}', param="model"
        )
    return lane


def _named(view: View, asked: str) -> tuple[Slot, ...]:
    if (slot := view.slots.get(asked)) is not None:
        return (slot,)
    return view.bare.get(asked, ())


def _direct_lane(view: View, named: tuple[Slot, ...]) -> Lane:
    slots = tuple(slot for slot in named if slot.id not in view.refused)
    refused = tuple(view.refused[slot.id] for slot in named if slot.id in view.refused)
    content = view.policy.content
    route = DIRECT_ROUTE if content == "none" else replace(DIRECT_ROUTE, after=After(content))
    return Lane(route, None, slots, reserve=(), refused=refused, ranks=(), tolerance=_TOLERANCE)


def _not_found(what: str, asked: str, known: list[str], param: str) -> TurnoutError:
    close = near(asked, known)
    hint = f"; did you mean {' or '.join(close)}?" if close else '; ask for "auto", a route, or a model of GET /v1/models'
    return TurnoutError(Code.MODEL_NOT_FOUND, what + hint, param=param, retry=False)


def _routes(traits: Traits, view: View) -> str:
    return ", ".join(sorted(traits.routes if traits.routes is not None else view.by_name))
