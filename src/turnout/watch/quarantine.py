"""Doubt: a refresh that looks wrong is kept apart as a whole, a price of a model in use waits for a second voice."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import msgspec

from turnout.types.release import CatalogEvent
from turnout.watch.diff import rates_of
from turnout.watch.world import World

FACTOR = 5.0
"""A price that is more than so many times what it was, or a fraction of it so small, is a slip of somebody's comma before it is news."""
VANISHED = 0.3
"""Share of a vendor's listed models, at least :data:`FEW` of them."""
REPRICED = 0.3
"""Share of all prices that the sources speak of, at least :data:`MANY` of them."""
FEW, MANY = 3, 10


class Judged(msgspec.Struct, frozen=True):
    """The events, each with what becomes of it; ``suspicion`` says why all of them are kept apart, empty where they are not."""

    events: tuple[CatalogEvent, ...]
    suspicion: tuple[str, ...] = ()


def judge(events: Sequence[CatalogEvent], before: World, after: World, in_use: Collection[str], at: float) -> Judged:
    """What to take, what to note, or nothing at all. ``in_use`` are models that a policy may send requests to."""
    suspicion = tuple(_suspicions(events, before, after, at))
    if suspicion:
        return Judged(tuple(msgspec.structs.replace(event, state="quarantined") for event in events), suspicion)
    return Judged(tuple(_noted(event) if _waits(event, in_use) else event for event in events))


def _waits(event: CatalogEvent, in_use: Collection[str]) -> bool:
    match event.kind:
        case "price_changed":
            return event.model in in_use and not event.confirmed
        case "source_conflict":
            return True
        case _:
            return False


def _noted(event: CatalogEvent) -> CatalogEvent:
    return msgspec.structs.replace(event, state="noted")


def _suspicions(events: Sequence[CatalogEvent], before: World, after: World, at: float) -> Iterable[str]:
    repriced = [event.model for event in events if event.kind == "price_changed"]
    for model in repriced:
        for what, was, now in _price_pairs(before, after, model, at):
            if was and not now:
                yield f"{model}: the price of {what} fell from ${was / 1e6:g} per million to nothing"
            elif was and now and not 1 / FACTOR <= now / was <= FACTOR:
                yield f"{model}: the price of {what} went from ${was / 1e6:g} to ${now / 1e6:g} per million"
    yield from _vanished(events, before)
    priced = [name for name in before.models if name in after.stated_by and rates_of(before.models[name], at) is not None]
    if len(repriced) >= MANY and len(repriced) > REPRICED * max(len(priced), 1):
        yield f"{len(repriced)} of {len(priced)} prices changed at once"


def _price_pairs(before: World, after: World, model: str, at: float) -> Iterable[tuple[str, int, int]]:
    was, now = rates_of(before.models[model], at), rates_of(after.models[model], at)
    if was is None or now is None:
        return ()
    return (("input", was[0].input, now[0].input), ("output", was[0].output, now[0].output))


def _vanished(events: Sequence[CatalogEvent], before: World) -> Iterable[str]:
    gone = Counter(event.model.partition("/")[0] for event in events if event.kind == "model_removed")
    listed = Counter(name.partition("/")[0] for name in before.stated_by if name not in before.ended)
    for vendor, count in sorted(gone.items()):
        if count >= FEW and count > VANISHED * listed[vendor]:
            yield f"{vendor}: {count} of {listed[vendor]} models are listed no more"
