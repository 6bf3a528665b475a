"""What one policy version changed against another, as values and as sentences. Secrets and keys are named, never shown."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from turnout.types.models import ModelFacts, PriceRow
from turnout.types.money import PICO_PER_USD
from turnout.types.policy import Mirror, Policy, Segment, Trial
from turnout.types.view import Base

Thing = Literal["route", "provider", "key", "model", "price", "setting"]
How = Literal["added", "removed", "changed"]

SHOWN = 80
"""Characters of a value in a sentence; the versions themselves hold it whole."""
_SETTINGS = tuple(name for name in Policy.__struct_fields__ if name not in {"routes", "providers", "keys"})
_OPEN: frozenset[Thing] = frozenset({"route", "model", "price", "setting"})
"""Things whose values may be shown: a provider's headers, a key's hash may not."""
_NOT_FACTS = frozenset({"sources", "prices"})


class Field(msgspec.Struct, frozen=True):
    """A field and what it held, shortened; None: nothing, or nothing that may be shown."""

    name: str
    before: str | None = None
    after: str | None = None


class Change(msgspec.Struct, frozen=True):
    """One thing that is there, gone, or otherwise. ``owner`` is a route's, as it is now or, once removed, was."""

    how: How
    thing: Thing
    name: str
    fields: tuple[Field, ...] = ()
    owner: str | None = None


def between(before: Base | None, after: Base) -> tuple[Change, ...]:
    """From ``before`` (None: there was nothing) to ``after``: routes first, then what they stand on."""
    old = before.policy if before is not None else Policy((), ())
    new = after.policy
    models = before.models if before is not None else ()
    return (
        *_things("route", _by(old.routes, "name"), _by(new.routes, "name")),
        *_order([route.name for route in old.routes], [route.name for route in new.routes]),
        *_things("provider", _by(old.providers, "id"), _by(new.providers, "id")),
        *_things("key", _by(old.keys, "name"), _by(new.keys, "name")),
        *_settings(before, after),
        *_things("model", _by(models, "id"), _by(after.models, "id"), _NOT_FACTS),
        *_prices(models, after.models),
    )


def sentences(changes: Iterable[Change]) -> tuple[str, ...]:
    """One for each change, for people."""
    return tuple(map(_sentence, changes))


def same_facts(one: Sequence[ModelFacts], other: Sequence[ModelFacts]) -> bool:
    """Whether these say the same, whenever it was that somebody said so: what a file states bears the date of its reading."""
    return one == other or [_undated(facts) for facts in one] == [_undated(facts) for facts in other]


def _undated(facts: ModelFacts) -> ModelFacts:
    prices = tuple(msgspec.structs.replace(row, source=msgspec.structs.replace(row.source, date="")) for row in facts.prices)
    sources = {name: msgspec.structs.replace(source, date="") for name, source in facts.sources.items()}
    return msgspec.structs.replace(facts, prices=prices, sources=sources)


def _by(values: Iterable[Any], key: str) -> dict[str, Any]:
    return {getattr(value, key): value for value in values}


def _things(
    thing: Thing, old: Mapping[str, Any], new: Mapping[str, Any], without: frozenset[str] = frozenset()
) -> Iterator[Change]:
    for name in (*old, *(name for name in new if name not in old)):
        if name not in new:
            yield Change("removed", thing, name, owner=getattr(old[name], "owner", None))
        elif name not in old:
            yield Change("added", thing, name, owner=getattr(new[name], "owner", None))
        elif fields := tuple(_fields(thing, old[name], new[name], without)):
            yield Change("changed", thing, name, fields, getattr(new[name], "owner", None))


def _fields(thing: Thing, old: Any, new: Any, without: frozenset[str]) -> Iterator[Field]:
    for name in old.__struct_fields__:
        one, other = getattr(old, name), getattr(new, name)
        if name not in without and one != other:
            yield Field(name, _shown(one), _shown(other)) if thing in _OPEN else Field(name)


def _order(old: Sequence[str], new: Sequence[str]) -> Iterator[Change]:
    """The first route whose condition holds takes the request, so their order is a rule too."""
    stayed, now = [name for name in old if name in new], [name for name in new if name in old]
    if stayed != now:
        yield Change("changed", "setting", "order of routes", (Field("order", _shown(stayed), _shown(now)),))


def _settings(before: Base | None, after: Base) -> Iterator[Change]:
    if before is None:
        return
    for name in _SETTINGS:
        one, other = getattr(before.policy, name), getattr(after.policy, name)
        if one != other:
            fields = tuple(_fields("setting", one, other, frozenset())) if isinstance(one, msgspec.Struct) else ()
            yield Change("changed", "setting", name, fields or (Field(name, _shown(one), _shown(other)),))
    if before.tasks != after.tasks:
        yield Change("changed", "setting", "skills of tasks", (Field("tasks"),))


def _prices(old: Sequence[ModelFacts], new: Sequence[ModelFacts]) -> Iterator[Change]:
    known = {facts.id: facts.prices for facts in old}
    for facts in new:
        before = known.get(facts.id)
        if before is not None and _undated_prices(before) != _undated_prices(facts.prices):
            yield Change("changed", "price", facts.id, (Field("price", _price(before), _price(facts.prices)),))


def _undated_prices(rows: tuple[PriceRow, ...]) -> list[tuple[object, ...]]:
    return [(row.tiers, row.start, row.batch) for row in rows]


def _price(rows: tuple[PriceRow, ...]) -> str:
    """The latest row's first tier, in USD per million tokens."""
    if not rows:
        return "unknown"
    rate = rows[-1].tiers[0]
    return f"${_per_million(rate.input)} in, ${_per_million(rate.output)} out" + (
        f" from {rows[-1].start}" if rows[-1].start else ""
    )


def _per_million(pico: int) -> str:
    return f"{pico * 1_000_000 / PICO_PER_USD:.4f}".rstrip("0").rstrip(".")


def _shown(value: object) -> str | None:
    if value is None or value == ():
        return None
    text = (
        value
        if isinstance(value, str)
        else "; ".join(map(_part, value))
        if isinstance(value, tuple) and isinstance(value[0], Segment)
        else _part(value)
        if isinstance(value, Trial | Mirror)
        else msgspec.json.encode(value, order="deterministic").decode().replace('"', "").replace(",", ", ")
    )
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _part(part: Segment | Trial | Mirror) -> str:
    """What a release made of a route."""
    whom = "all requests" if part.when is None else "part of the requests"
    match part:
        case Trial(share=share):
            return f"{part.model} tried on {100 * share:g} % of {whom}"
        case Mirror(sample=sample):
            return f"copies of {100 * sample:g} % of {whom} to {part.model}"
        case _:
            return f"{part.model} first for {whom}"


def _sentence(change: Change) -> str:
    what = change.name if change.thing == "setting" else f"{change.thing} {change.name}"
    if change.how != "changed":
        return f"{what} was {change.how}"
    return f"{what} changed: {'; '.join(map(_said, change.fields))}"


def _said(field: Field) -> str:
    name = field.name.replace("_", " ")
    if field.before is None and field.after is None:
        return name
    return f"{name} from {field.before or 'nothing'} to {field.after or 'nothing'}"
