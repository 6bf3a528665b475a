"""Two worlds compared: what differs, as typed events, and one made into the other by those that are taken."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256

import msgspec

from turnout.catalog.rates import blended, in_force
from turnout.types.models import Feature, Modality, ModelFacts, Rate
from turnout.types.release import CatalogEvent, EventKind
from turnout.watch.world import Said, World

BACK = "it is listed again"
LIMITS = ("context", "max_input", "max_output")
_NOBODY = Said((), confirmed=False)


def diff(before: World, after: World, said: Mapping[tuple[str, str], Said], at: float, base: str) -> tuple[CatalogEvent, ...]:
    """Everything by which they differ, in order of models, each event as if it were taken. ``base`` is the hash of ``before``.

    An id is made from both sides: the same look at the same world finds the same events.
    """
    found = _Found(said, at, base)
    for name in sorted(after.models.keys() | before.models.keys()):
        old, new = before.models.get(name), after.models.get(name)
        if new is not None:
            found.of_model(old, new)
        found.of_end(name, before.ended.get(name), after.ended.get(name), new or old)
    found.of_aliases(before.aliases, after.aliases)
    found.of_conflicts(before, after)
    return tuple(found.events)


class _Found:
    def __init__(self, said: Mapping[tuple[str, str], Said], at: float, base: str) -> None:
        self._said = said
        self._at = at
        self._base = base
        self.events: list[CatalogEvent] = []

    def of_model(self, old: ModelFacts | None, new: ModelFacts) -> None:
        if old is None:
            self._add("model_added", new.id, None, (None, in_short(new, self._at)), detail=_alike(new))
            return
        if old == new:
            return
        self._of_prices(old, new)
        for field in LIMITS:
            was, now = getattr(old, field), getattr(new, field)
            if was != now:
                self._add("context_changed", new.id, field, (_tokens(was), _tokens(now)))
        for field in ("input", "output", "features"):
            if sides := _able(old, new, field):
                self._add("capability_changed", new.id, field, sides)
        self._of_notice(old, new)

    def of_end(self, name: str, was: str | None, now: str | None, facts: ModelFacts | None) -> None:
        if was == now:
            return
        if now == "gone":
            self._add("model_removed", name, None, ("listed", None), detail="no source lists it any more")
        elif now == "retired":
            day = facts.retires.isoformat() if facts is not None and facts.retires else None
            self._add("retired", name, "retires", (None, day))
        else:
            self._add("model_added", name, None, (None, "listed"), detail=BACK)

    def of_aliases(self, old: Mapping[str, str], new: Mapping[str, str]) -> None:
        for alias in sorted(new):
            if alias in old and old[alias] != new[alias]:
                self._add("alias_moved", alias, "alias", (old[alias], new[alias]))

    def of_conflicts(self, before: World, after: World) -> None:
        for name, conflicts in sorted(after.conflicts.items()):
            if _repriced(before, after, name):
                continue  # the change itself is told, and who does not say it is seen with the model
            noted = {(conflict.field, conflict.kept): conflict for conflict in before.conflicts.get(name, ())}
            for conflict in conflicts:
                earlier = noted.get((conflict.field, conflict.kept))
                others = {source: price for source, price in conflict.prices.items() if source != conflict.kept}
                if earlier is None or any(earlier.prices.get(source) != price for source, price in others.items()):
                    told = ", ".join(f"{source} {price:g}" for source, price in others.items())
                    kept = f"{conflict.kept} {conflict.prices.get(conflict.kept, 0):g}"
                    sources = (conflict.kept, *others)
                    who = Said(sources, confirmed=False)
                    self._add("source_conflict", name, conflict.field, (kept, told), said=who, detail=conflict.why)

    def _of_prices(self, old: ModelFacts, new: ModelFacts) -> None:
        if old.prices == new.prices:
            return
        was, now = _price_text(old, self._at), _price_text(new, self._at)
        self._add("price_changed", new.id, "prices", (was, now), change=change_of(old, new, self._at))

    def _of_notice(self, old: ModelFacts, new: ModelFacts) -> None:
        """A day that was named, moved or withdrawn; without a day, the bare word."""
        if (old.retires, old.status) == (new.retires, new.status):
            return
        was, now = (facts.retires.isoformat() if facts.retires else facts.status for facts in (old, new))
        self._add("deprecation_announced", new.id, "retires", (was, now))

    def _add(
        self, kind: EventKind, model: str, field: str | None, sides: tuple[str | None, str | None], *, said: Said | None = None,
        change: float | None = None, detail: str = "",
    ) -> None:  # fmt: skip
        who = (
            said
            or self._said.get((model, field or ""))
            or (self._said.get((model, "status")) if field == "retires" else None)
            or self._said.get((model, ""))
            or _NOBODY
        )
        before, after = sides
        named = "\n".join((self._base, kind, model, str(field), str(before), str(after)))
        name = sha256(named.encode()).hexdigest()[:16]
        self.events.append(
            CatalogEvent(name, self._at, kind, model, field, before, after, who.sources, "accepted", who.confirmed, change, detail)
        )  # fmt: skip


def take(before: World, after: World, events: Iterable[CatalogEvent]) -> World:
    """``before`` with what these events say, as it is in ``after``. What is no event (conflicts, who lists what) follows along."""
    models, ended = dict(before.models), dict(before.ended)
    aliases = {**after.aliases, **before.aliases}
    for event in events:
        name, new = event.model, after.models.get(event.model)
        if event.kind == "alias_moved":
            aliases[name] = after.aliases[name]
        elif event.kind in {"model_removed", "retired"}:
            ended[name] = after.ended[name]
        elif event.kind == "model_added":
            ended.pop(name, None)
            if new is not None:
                models[name] = new
                ended |= {name: after.ended[name]} if name in after.ended else {}
        elif new is not None and name in models and event.kind != "source_conflict":
            models[name] = _with(models[name], new, event)
    conflicts = {name: found for name, found in after.conflicts.items() if not _repriced(after, World(models), name)}
    conflicts |= {name: found for name, found in before.conflicts.items() if _repriced(after, World(models), name)}
    return World(models, ended, aliases, after.stated_by, conflicts)


def _repriced(one: World, other: World, name: str) -> bool:
    """Whether a model of both has other prices."""
    return name in one.models and name in other.models and one.models[name].prices != other.models[name].prices


_FIELDS: Mapping[str, tuple[str, ...]] = {"features": ("features", "unknown_features"), "retires": ("retires", "status")}


def _with(facts: ModelFacts, new: ModelFacts, event: CatalogEvent) -> ModelFacts:
    field = event.field or ""
    group = {"input": "modalities", "output": "modalities"}.get(field, field)
    taken = {name: getattr(new, name) for name in _FIELDS.get(field, (field,))}
    groups = _FIELDS["retires"] if field == "retires" else (group,)
    sources = facts.sources | {name: new.sources[name] for name in groups if name in new.sources}
    return msgspec.structs.replace(facts, **taken, sources=sources)


def change_of(old: ModelFacts, new: ModelFacts, at: float) -> float | None:
    """Relative change of the blended price (3:1); None where there was none to compare with, or it was zero."""
    was, now = rates_of(old, at), rates_of(new, at)
    if was is None or now is None or not blended(was):
        return None
    return blended(now) / blended(was) - 1


def rates_of(facts: ModelFacts, at: float) -> tuple[Rate, ...] | None:
    """The tariff in force on that day (UTC)."""
    return in_force(facts.prices, datetime.fromtimestamp(at, UTC).date())


def in_short(facts: ModelFacts, at: float) -> str:
    """``200,000 tokens, $1 in, $5 out per million``."""
    size = f"{_tokens(facts.context)} tokens" if facts.context else "context unknown"
    return f"{size}, {_price_text(facts, at) or 'price unknown'}"


def _price_text(facts: ModelFacts, at: float) -> str | None:
    tiers = rates_of(facts, at)
    if tiers is None:
        return None
    first = f"${tiers[0].input / 1e6:g} in, ${tiers[0].output / 1e6:g} out per million"
    return first + "".join(f"; above {step.above:,} tokens ${step.input / 1e6:g}, ${step.output / 1e6:g}" for step in tiers[1:])


def _alike(facts: ModelFacts) -> str:
    name = facts.sources["skills"].name if "skills" in facts.sources else ""
    return name.replace("prior:as", "the same as") if facts.untried else ""


def _tokens(count: int | None) -> str | None:
    return None if count is None else f"{count:,}"


def _able(old: ModelFacts, new: ModelFacts, field: str) -> tuple[str, str] | None:
    """What differs, on both sides: ``image no, audio no`` and ``image yes, audio yes``."""
    was, now = _bits(old, field), _bits(new, field)
    changed = [name for name in was if was[name] != now[name]]
    if not changed:
        return None
    before, after = (", ".join(f"{name} {side[name]}" for name in changed) for side in (was, now))
    return before, after


def _bits(facts: ModelFacts, field: str) -> dict[str, str]:
    kind: type[Feature | Modality] = Feature if field == "features" else Modality
    yes, unknown = getattr(facts, field), facts.unknown_features if field == "features" else 0
    return {(each.name or "").lower(): "yes" if yes & each else "unknown" if unknown & each else "no" for each in kind}
