"""Looking at the sources from where we stand: what is accepted, what waits, what was dismissed. Writes nothing."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, date, datetime
from typing import Literal

import msgspec

from turnout.catalog.accepted import Seen
from turnout.catalog.load import Catalog
from turnout.clock import Clock
from turnout.types.release import CatalogEvent, EventState
from turnout.watch.diff import take
from turnout.watch.fetch import Place
from turnout.watch.files import Files, Waiting
from turnout.watch.gather import Gathered, gather
from turnout.watch.look import Looked, look
from turnout.watch.world import World, hash_of, world_of

_Key = tuple[str, str, str | None, str | None]


class Refreshed(msgspec.Struct, frozen=True):
    """What a refresh did. ``events`` are new, or have just been taken; ``quiet`` counts models that were taken and are no news.

    ``suspicion``: why nothing was taken at all. ``errors`` and ``ages`` (seconds, None: never got) are by source; ``changed``: there is another
    catalog now, so that policies are to be read again.
    """

    events: tuple[CatalogEvent, ...]
    errors: dict[str, str]
    ages: dict[str, float | None]
    suspicion: tuple[str, ...] = ()
    quiet: int = 0
    changed: bool = False
    skipped: dict[str, int] = {}


class Glance(msgspec.Struct, frozen=True):
    """One look from here: what was got, the world before, what was found, and what is to be done about each event."""

    gathered: Gathered
    world: World
    looked: Looked
    sorted: "Sorted"
    after: World

    def refreshed(self, events: tuple[CatalogEvent, ...], now: float, *, changed: bool) -> Refreshed:
        """For whoever asked for it."""
        seen, looked = self.gathered.seen, self.looked
        skipped = {spec: each.skipped for spec, each in seen.items() if each.skipped}
        ages = {spec: age_of(each, now) for spec, each in seen.items()}
        return Refreshed(events, self.gathered.errors, ages, looked.suspicion, self.sorted.quiet, changed, skipped)


class Sight:
    """Where it is looked from. ``vendors`` are looked at beside those of the shipped catalog; methods that fetch block."""

    def __init__(
        self, files: Files, clock: Clock, shipped: Catalog, places: Sequence[Place] = (), vendors: Collection[str] = (),
        in_use: Callable[[], Collection[str]] = frozenset,
    ) -> None:  # fmt: skip
        self.files = files
        self.clock = clock
        self.shipped = shipped
        self.places = tuple(places)
        self._vendors = frozenset(shipped.by_vendor) | frozenset(vendors)
        self._in_use = in_use

    def glance(self) -> Glance:
        """Ask every source, and compare."""
        gathered = gather(self.places, self._vendors, self.files, self.clock)
        before, world = self.files.waiting(), self.world()
        dismissed = frozenset(_key(each.event) for each in before if each.state == "dismissed")
        base, now = hash_of(world, self.shipped), self.clock.now()
        looked = look(world, gathered.sheets, self._vendors, self._in_use(), now, base, lambda event: _key(event) in dismissed)
        found = Sorted(looked, before)
        return Glance(gathered, world, looked, found, world if looked.suspicion else take(world, looked.world, found.taken))

    def preview(self) -> Refreshed:
        """What a refresh would find, without a trace."""
        seen = self.glance()
        return seen.refreshed(seen.sorted.told, self.clock.now(), changed=seen.after.models != seen.world.models)

    def world(self) -> World:
        """As accepted."""
        accepted, _ = self.files.accepted()
        return world_of(self.shipped, accepted, self._today())

    def ages(self) -> dict[str, float | None]:
        """Seconds since each source's content was got, by source; None where it never was."""
        _, pointer = self.files.accepted()
        known = pointer.sources if pointer is not None else {}
        return {place.spec: age_of(known.get(place.spec), self.clock.now()) for place in self.places}

    def _today(self) -> date:
        return datetime.fromtimestamp(self.clock.now(), UTC).date()


class Sorted:
    """A look's events by what is to be done about each, given what waited before it."""

    def __init__(self, looked: Looked, before: Sequence[Waiting]) -> None:
        held = {_key(each.event): each for each in before}
        stated = {_key(event) for event in (*looked.events, *looked.quiet, *looked.dismissed)}
        quiet = {event.id for event in looked.quiet}
        every = (*looked.events, *looked.quiet)
        self.taken = tuple(event for event in every if event.state == "accepted")
        self.quiet = sum(1 for event in looked.quiet if event.kind == "model_added" and event.state == "accepted")
        self.new: list[CatalogEvent] = []
        self.confirmed: list[CatalogEvent] = []
        self.over = [each.event.id for key, each in held.items() if key not in stated and each.state != "dismissed"]
        waiting = [each for key, each in held.items() if each.state == "dismissed" and key in stated]
        for event in every:
            earlier = held.get(_key(event))
            told = event.id not in quiet
            if told and (earlier is None or not earlier.told):
                self.new.append(event)
            elif earlier is not None and earlier.told and event.state == "accepted":
                self.confirmed.append(msgspec.structs.replace(event, id=earlier.event.id))
            if _waits(event):
                waiting.append(_waiting(earlier.event if earlier is not None else event, looked.world, event.state, told=told))
        self.waiting = tuple(waiting)

    @property
    def told(self) -> tuple[CatalogEvent, ...]:
        return (*self.new, *self.confirmed)


def _waits(event: CatalogEvent) -> bool:
    """Whether a person's word could make it so: a price that one source says, and all of a refresh that was kept apart."""
    return event.state == "quarantined" or (event.state == "noted" and event.kind == "price_changed")


def _waiting(event: CatalogEvent, world: World, now: EventState, *, told: bool) -> Waiting:
    alias = world.aliases.get(event.model) if event.kind == "alias_moved" else None
    state: Literal["noted", "quarantined"] = "quarantined" if now == "quarantined" else "noted"
    return Waiting(event, state, world.models.get(event.model), world.ended.get(event.model), alias, told)


def _key(event: CatalogEvent) -> _Key:
    """What it says, whenever it was said."""
    return event.kind, event.model, event.field, event.after


def age_of(seen: Seen | None, now: float) -> float | None:
    return None if seen is None or seen.fetched_at is None else max(now - seen.fetched_at, 0.0)
