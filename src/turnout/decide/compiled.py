"""The view as deciding wants it: everything that does not depend on the request worked out when the view is made."""

from collections.abc import Iterable, Iterator, Mapping
from math import inf
from typing import NamedTuple

import msgspec

from turnout.decide.conditions import Test, compiled, headers_read
from turnout.decide.mix import UNIFORM, cumulative
from turnout.decide.slot import Slot, slot_of
from turnout.types.checks import Check
from turnout.types.decision import Rejection
from turnout.types.matrix import UNMEASURED, Matrix, parted
from turnout.types.models import Feature, Modality, ModelFacts, names
from turnout.types.policy import Condition, Mirror, Policy, Route, Segment, Trial
from turnout.types.traits import Band, Traits
from turnout.types.view import Base, Overlay

DIRECT = "direct"
"""Name of the pseudo-route of requests that name a model: hard checks, nothing else."""


class Ladder(NamedTuple):
    """Models best first, those of equal quality as listed: ``within`` the route's band of the best, and ``behind`` that."""

    within: tuple[Slot, ...]
    behind: tuple[Slot, ...]


def ladder(slots: Iterable[Slot], task: str | None, band: float, tier: int | None = None) -> Ladder:
    """Those of a tier, or all, ranked for a task."""
    chosen = slots if tier is None else [slot for slot in slots if slot.tier == tier]
    ranked = tuple(sorted(chosen, key=lambda slot: slot.worth(task), reverse=True))
    if not ranked:
        return Ladder((), ())
    floor, end = ranked[0].worth(task) - band, 1
    while end < len(ranked) and ranked[end].worth(task) >= floor:
        end += 1
    return Ladder(ranked[:end], ranked[end:])


class Ladders:
    """The ladders of a lane's models. They follow from the view alone, so each is worked out once, when it is first asked for."""

    def __init__(self, slots: tuple[Slot, ...], band: float) -> None:
        self.slots = slots
        self._band = band
        self._known: dict[tuple[str | None, int | None], Ladder] = {}

    def at(self, task: str | None, tier: int | None) -> Ladder:
        found = self._known.get((task, tier))
        if found is None and not any(task in slot.quality for slot in self.slots):
            task = None  # a caller may name any task: what no model is known by is not kept
            found = self._known.get((task, tier))
        if found is None:
            found = self._known[task, tier] = ladder(self.slots, task, self._band, tier)
        return found


class Common(msgspec.Struct, frozen=True):
    """What every slot of a lane can do: most requests ask for no more, and then none of them needs to be asked alone."""

    input: int
    output: int
    features: int
    context: float
    max_input: float
    max_output: float
    dialects: frozenset[str]

    def covers(self, traits: Traits) -> bool:
        """No slot can fall short of this request."""
        wanted = traits.max_output or 0
        return not (
            traits.input & ~self.input
            or traits.output & ~self.output
            or traits.features & ~self.features
            or traits.tokens_max > self.max_input
            or traits.tokens_max + wanted > self.context
            or wanted > self.max_output
            or (traits.carries and self.dialects != {traits.front})
        )


class Armed(msgspec.Struct, frozen=True):
    """A cascade's arm compiled: its test (None: always), its model, and what its answer must pass."""

    test: Test | None
    slot: Slot
    checks: tuple[Check, ...]


class Placed(msgspec.Struct, frozen=True):
    """The model of a segment, a trial or a mirror, and the test of the requests that are for it (None: all)."""

    test: Test | None
    slot: Slot

    def fits(self, traits: Traits) -> bool:
        return self.test is None or self.test(traits)


class Lane(msgspec.Struct, frozen=True):
    """A route compiled: its test, the models it may use, and those refused once for all with their reasons.

    ``reserve`` are the fallbacks' models in order; those that can never serve are in ``refused`` too.
    ``tolerance`` are the feature bits whose unknown support it accepts, ``providers`` those of its slots. ``common`` is None where
    there is nothing to be common. ``ranks`` is the cumulative table of recent complexities (balanced routes). ``ladders`` are those
    of its slots, since most requests rule out none. ``patience`` is how long (seconds) a request may wait for room,
    ``twins`` are the models that others are the same as. ``topics`` names what is known of task and band together, where any of its
    models was measured in that band; None where none was. ``segments``, ``trial`` and ``mirror`` are what releases made of the route, ``explore`` is the
    share of requests that try any of its slots; ``is_plain`` where no segment, trial or exploring can change a plan. ``besides`` are the ladders of its slots but for the trial's; None
    where the trial's is none of them.
    """

    route: Route
    test: Test | None
    slots: tuple[Slot, ...]
    reserve: tuple[Slot, ...]
    refused: tuple[Rejection, ...]
    ranks: tuple[float, ...]
    tolerance: int = 0
    providers: frozenset[str] = frozenset()
    common: Common | None = None
    ladders: Ladders | None = None
    arms: tuple[Armed, ...] = ()
    patience: float = 2.0
    twins: frozenset[str] = frozenset()
    topics: Mapping[tuple[str | None, Band | None], str] | None = None
    segments: tuple[Placed, ...] = ()
    trial: Placed | None = None
    mirror: Placed | None = None
    explore: float = 0.0
    is_plain: bool = True
    besides: Ladders | None = None


class View(msgspec.Struct, frozen=True):
    """The snapshot a request is decided on. ``bare`` maps a model's id without its provider to all that serve it.

    ``headers`` are those that a condition looks at.
    """

    hash: str
    version: int
    decider: int
    policy: Policy
    lanes: tuple[Lane, ...]
    by_name: Mapping[str, Lane]
    slots: Mapping[str, Slot]
    facts: Mapping[str, ModelFacts]
    bare: Mapping[str, tuple[Slot, ...]]
    refused: Mapping[str, Rejection]
    headers: frozenset[str]


def compile_view(base: Base, overlay: Overlay, view_hash: str, matrix: Matrix = UNMEASURED) -> View:
    """Work out what every decision on this view has in common. ``matrix`` is what was measured (``overlay.matrix`` names it)."""
    dialects = {provider.id: provider.dialect for provider in base.policy.providers}
    facts = {model.id: model for model in base.models}
    slots = {
        model.id: slot_of(model, dialects[model.provider], base.tasks, overlay, matrix)
        for model in base.models
        if model.provider in dialects
    }
    refused = {id_: rejection for id_ in slots if (rejection := _withdrawn(facts[id_], overlay)) is not None}
    bare: dict[str, list[Slot]] = {}
    for id_, slot in slots.items():
        bare.setdefault(id_.partition("/")[2], []).append(slot)
    patience = base.policy.quota.wait
    lanes = tuple(_lane(route, slots, facts, refused, overlay, patience, matrix) for route in base.policy.routes)
    return View(
        hash=view_hash,
        version=base.version,
        decider=overlay.decider,
        policy=base.policy,
        lanes=lanes,
        by_name={lane.route.name: lane for lane in lanes},
        slots=slots,
        facts=facts,
        bare={name: _tried(serving, facts) for name, serving in bare.items()},
        refused=refused,
        headers=frozenset().union(*(headers_read(when) for route in base.policy.routes for when in _conditions(route))),
    )


def _tried(serving: list[Slot], facts: Mapping[str, ModelFacts]) -> tuple[Slot, ...]:
    """A model's bare name goes to where somebody has taken it up, if there is such a place."""
    return tuple(slot for slot in serving if not facts[slot.id].untried) or tuple(serving)


def _conditions(route: Route) -> Iterator[Condition | None]:
    yield route.when
    for part in (*route.cascade, *route.segments, route.trial, route.mirror):
        if part is not None:
            yield part.when


def _withdrawn(model: ModelFacts, overlay: Overlay) -> Rejection | None:
    if model.disabled:
        return Rejection(model.id, "disabled", "disabled in the policy")
    if model.retires is not None and model.retires <= overlay.day:
        return Rejection(model.id, "retired", f"retired on {model.retires}")
    return None


def _lane(
    route: Route, slots: Mapping[str, Slot], facts: Mapping[str, ModelFacts], refused: Mapping[str, Rejection], overlay: Overlay,
    patience: float, matrix: Matrix,
) -> Lane:  # fmt: skip
    def unfit(id_: str) -> Rejection | None:
        return refused.get(id_) or _unfit(route, slots[id_], facts[id_])

    def placed(part: Segment | Trial | Mirror | None) -> Placed | None:
        if part is None or part.model not in slots or unfit(part.model) is not None:
            return None
        return Placed(compiled(part.when) if part.when is not None else None, slots[part.model])

    wanted = [name for name, _ in route.split] or list(route.models or (id_ for id_ in slots if not facts[id_].untried))
    reserve = [fallback.model for fallback in route.fallback]
    released = [part.model for part in (*route.segments, route.trial) if part is not None and part.model in slots]
    named = (*(arm.model for arm in route.cascade), *released, *wanted, *reserve)
    never = {id_: rejection for id_ in dict.fromkeys(named) if (rejection := unfit(id_)) is not None}
    segments = tuple(found for segment in route.segments if (found := placed(segment)) is not None)
    trial = placed(route.trial)
    beside = segments if trial is None else (*segments, trial)
    explore = 0.0 if route.objective == "static" or route.journal_required else route.explore
    serving = tuple(slots[id_] for id_ in wanted if id_ not in never)
    spare = tuple(slots[id_] for id_ in reserve if id_ not in never)
    arms = tuple(
        Armed(compiled(arm.when) if arm.when is not None else None, slots[arm.model], arm.checks)
        for arm in route.cascade
        if arm.model not in never
    )
    return Lane(
        route=route,
        test=compiled(route.when) if route.when is not None else None,
        slots=serving,
        reserve=spare,
        refused=tuple(never.values()),
        ranks=cumulative(overlay.mix.get(route.name, UNIFORM)),
        tolerance=tolerated(route),
        providers=frozenset(slot.provider for slot in serving),
        common=_common((*(arm.slot for arm in arms), *(part.slot for part in beside), *serving, *spare)),
        ladders=Ladders(serving, route.band),
        arms=arms,
        patience=patience,
        twins=_twins(serving),
        topics=_topics(matrix, (*serving, *spare, *(part.slot for part in beside))),
        segments=segments,
        trial=trial,
        mirror=placed(route.mirror),
        explore=explore,
        is_plain=not beside and not explore,
        besides=_besides(serving, trial, route.band),
    )


def _besides(slots: tuple[Slot, ...], trial: Placed | None, band: float) -> Ladders | None:
    if trial is None or trial.slot.id not in {slot.id for slot in slots}:
        return None
    return Ladders(tuple(slot for slot in slots if slot is not trial.slot), band)


def _topics(matrix: Matrix, slots: Iterable[Slot]) -> Mapping[tuple[str | None, Band | None], str] | None:
    """The bands of tasks in which any of these models was measured."""
    names = {name for slot in slots for name in matrix.quality.get(slot.id, ()) if parted(name)[1] is not None}
    return {parted(name): name for name in names} or None


def _twins(slots: tuple[Slot, ...]) -> frozenset[str]:
    """Models that are one and the same in several places."""
    alike: dict[tuple[object, ...], list[str]] = {}
    for slot in slots:
        alike.setdefault(twin_of(slot), []).append(slot.id)
    return frozenset(id_ for ids in alike.values() if len(ids) > 1 for id_ in ids)


def twin_of(slot: Slot) -> tuple[object, ...]:
    """What two slots have in common if it is all one which of them serves: the model, its price and its abilities."""
    return (slot.kin, slot.dialect, slot.tiers, tuple(slot.levels.items()), slot.context, slot.features, slot.input, slot.output)


def _common(slots: tuple[Slot, ...]) -> Common | None:
    if not slots:
        return None
    first = slots[0]
    able, seen, said = first.features, first.input, first.output
    for slot in slots:
        able, seen, said = able & slot.features, seen & slot.input, said & slot.output
    return Common(
        input=seen,
        output=said,
        features=able,
        context=min(slot.context or inf for slot in slots),
        max_input=min(slot.max_input or inf for slot in slots),
        max_output=min(slot.max_output or inf for slot in slots),
        dialects=frozenset(slot.dialect for slot in slots),
    )


def _unfit(route: Route, slot: Slot, facts: ModelFacts) -> Rejection | None:
    """What the route demands of a model whatever the request: a miss is the same for every request of this view."""
    needs = route.needs
    if route.approved and slot.id not in route.models and slot.id not in route.admitted:
        return Rejection(slot.id, "not_approved", f"not on the approved list of route {route.name}")
    if needs.region and facts.region not in needs.region:
        return Rejection(slot.id, "region", f"region {facts.region or 'unknown'}, needs {_list(needs.region)}")
    if needs.data_policy - facts.data_policy:
        return Rejection(slot.id, "data_policy", f"lacks {_list(needs.data_policy - facts.data_policy)}")
    if missing := needs.input & ~slot.input:
        return Rejection(slot.id, "modality", f"no {_list(names(Modality(missing)))} input")
    if missing := needs.features & ~(slot.features | (slot.unknown_features & tolerated(route))):
        return Rejection(slot.id, "feature", lacking(missing, slot))
    if needs.context is not None and (slot.context is None or slot.context < needs.context):
        return Rejection(slot.id, "context_window", f"context {slot.context or 'unknown'}, the route needs {needs.context}")
    if needs.latency_p95_ms is not None and (slot.p95_ms is None or slot.p95_ms > needs.latency_p95_ms):
        return Rejection(slot.id, "latency", f"p95 {_figure(slot.p95_ms, ' ms')}, needs <= {needs.latency_p95_ms:g} ms")
    for level, least in needs.levels.items():
        have = slot.levels.get(level, slot.quality.get(level))
        if have is None or have < least:
            return Rejection(slot.id, "quality", f"{level} {_figure(have)}, needs >= {least:g}")
    if slot.tiers is None and route.unknown_price == "deny":
        return Rejection(slot.id, "unknown_price", "its price is unknown and the route denies unknown prices")
    return None


def tolerated(route: Route) -> int:
    """Feature bits whose unknown support the route accepts."""
    return sum(int(Feature[name.upper()]) for name in route.unknown)


def lacking(missing: int, slot: Slot) -> str:
    """Says of each missing feature whether it is known to be absent or not known at all."""
    unknown = missing & slot.unknown_features
    absent = missing & ~unknown
    parts = []
    if absent:
        parts.append(f"no {_list(names(Feature(absent)))}")
    if unknown:
        parts.append(f"{_list(names(Feature(unknown)))} unknown")
    return "; ".join(parts)


def _list(words: frozenset[str] | tuple[str, ...]) -> str:
    return ", ".join(sorted(words))


def _figure(value: float | None, unit: str = "") -> str:
    return "unknown" if value is None else f"{value:.4g}{unit}"
