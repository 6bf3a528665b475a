"""The watch: looks at the sources when it is told to, takes what can be taken, keeps the rest for a person, and tells people."""

from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from turnout.audit.kinds import REFRESH
from turnout.catalog.accepted import DIRECTORY, Pointer, Seen
from turnout.catalog.load import Catalog
from turnout.clock import Clock
from turnout.errors import Unusable
from turnout.store.ledger import Ledger
from turnout.types.alert import Alert
from turnout.types.release import CatalogEvent, EventState
from turnout.watch.diff import take
from turnout.watch.fetch import Place
from turnout.watch.files import Files, Waiting
from turnout.watch.sight import Glance, Refreshed, Sight
from turnout.watch.world import World, accepted_of, hash_of

ACTOR = "turnout"
MOST = 100
"""Events that the audit entry of a refresh names; the rest is counted."""
News = Callable[[CatalogEvent], Alert | None]
"""What people are to be told of an event, if anything."""


class Watch:
    """What is known of the world's catalogs, in the data directory and the ledger. Methods block: they fetch, and wait for their turn.

    ``vendors`` are looked at beside those of the shipped catalog; ``in_use`` names models (``vendor/model``) that a policy may send requests to.
    Methods raise OSError, sqlalchemy.exc.SQLAlchemyError.
    """

    def __init__(
        self, data_dir: Path, ledger: Ledger, clock: Clock, shipped: Catalog, places: Sequence[Place] = (), *,
        vendors: Collection[str] = (), in_use: Callable[[], Collection[str]] = frozenset, news: News = lambda _: None,
    ) -> None:  # fmt: skip
        self._files = Files(data_dir / DIRECTORY)
        self._sight = Sight(self._files, clock, shipped, places, vendors, in_use)
        self._ledger = ledger
        self._clock = clock
        self._news = news

    def refresh(self, actor: str = ACTOR) -> Refreshed:
        """Ask every source, take what can be taken, and keep the rest. A source that does not answer speaks by its last good copy."""
        with self._files.held():
            seen = self._sight.glance()
            changed = self._name(seen.after) != self._name(seen.world) or self._files.accepted()[0] is None
            fresh = self._write(seen, actor, changed=changed)
        told = tuple(event for event in seen.sorted.told if event.id in fresh)
        return seen.refreshed(told, self._clock.now(), changed=changed)

    def preview(self) -> Refreshed:
        """What a refresh would find, without a trace."""
        return self._sight.preview()

    def waiting(self) -> tuple[CatalogEvent, ...]:
        """Events that wait for a person's word, as they stand."""
        return tuple(each.event for each in self._files.waiting() if each.told and each.state != "dismissed")

    def accept(self, ids: Collection[str] | None, actor: str, note: str = "") -> tuple[CatalogEvent, ...]:
        """A person takes what waits: these, or all of it (None). Returns what was taken. Raises Unusable naming an id that does not wait."""
        with self._files.held():
            chosen, rest = self._chosen(ids)
            world = self._sight.world()
            events = tuple(_confirmed(each.event) for each in chosen)
            after = take(world, _as_wanted(world, chosen), events)
            name = self._files.keep(accepted_of(after, self._sight.shipped))
            told = tuple(event for event, each in zip(events, chosen, strict=True) if each.told)
            self._settle(chosen, "accepted", actor, note, name, told)
            self._point(name, {})
            self._files.wait(rest)
        return told

    def dismiss(self, ids: Collection[str] | None, actor: str, note: str = "") -> tuple[CatalogEvent, ...]:
        """A person says no to what waits, for as long as the sources go on saying it."""
        with self._files.held():
            chosen, rest = self._chosen(ids)
            self._settle(chosen, "dismissed", actor, note, None)
            self._files.wait((*rest, *(msgspec.structs.replace(each, state="dismissed") for each in chosen)))
        return tuple(msgspec.structs.replace(each.event, state="dismissed") for each in chosen if each.told)

    def events_since(self, at: float, *, model: str | None = None) -> tuple[CatalogEvent, ...]:
        """Latest first, from ``at`` (unix seconds) on."""
        return self._ledger.catalog_events.since(at, model=model)

    def ages(self) -> dict[str, float | None]:
        """Seconds since each source's content was got, by source; None where it never was."""
        return self._sight.ages()

    def _write(self, seen: Glance, actor: str, *, changed: bool) -> frozenset[str]:
        """Files, then the ledger, then what is in force: a kill in between loses nothing, and the next look finds the same again."""
        name = self._files.keep(accepted_of(seen.after, self._sight.shipped))
        now, found = self._clock.now(), seen.sorted
        payload = _payload(name, seen)

        def write(connection: Connection) -> frozenset[str]:
            events = self._ledger.catalog_events
            fresh = events.put(connection, found.new)
            settled = (
                each
                for each in found.confirmed
                if events.settle(connection, [each.id], "accepted", now, confirmed=each.confirmed)
            )
            fresh |= {each.id for each in settled}
            over = events.settle(connection, found.over, "dismissed", now, "the sources say it no more")
            if fresh or over or changed:
                self._ledger.audit.append(connection, REFRESH, actor, payload, now)
            self._tell(connection, (event for event in found.told if event.id in fresh))
            return fresh

        fresh: frozenset[str] = self._ledger.audit.within(write)
        for spec, (copy, content) in seen.gathered.fresh.items():
            self._files.put_copy(spec, copy, content)
        self._files.wait(found.waiting)
        self._point(name, seen.gathered.seen)
        return fresh

    def _name(self, world: World) -> str:
        return hash_of(world, self._sight.shipped)

    def _point(self, name: str, seen: dict[str, Seen]) -> None:
        _, pointer = self._files.accepted()
        known = pointer.sources if pointer is not None else {}
        self._files.point(Pointer(name, self._clock.now(), known | seen))

    def _chosen(self, ids: Collection[str] | None) -> tuple[tuple[Waiting, ...], tuple[Waiting, ...]]:
        waiting = self._files.waiting()
        open_ids = {each.event.id for each in waiting if each.state != "dismissed"}
        wanted = open_ids if ids is None else set(ids)
        if unknown := sorted(wanted - open_ids):
            raise Unusable(
                f"no event {', '.join(unknown)} waits for a word; `turnout models events --waiting` shows those that do"
            )
        chosen = tuple(each for each in waiting if each.event.id in wanted)
        return chosen, tuple(each for each in waiting if each.event.id not in wanted)

    def _settle(
        self,
        chosen: Sequence[Waiting],
        state: EventState,
        actor: str,
        note: str,
        name: str | None,
        told: Sequence[CatalogEvent] = (),
    ) -> None:
        ids = [each.event.id for each in chosen]
        said = f"{state} by {actor}" + (f": {note}" if note else "")
        now = self._clock.now()
        payload = {state: ids[:MOST], "count": len(ids), "catalog": name, "note": note}

        def write(connection: Connection) -> None:
            self._ledger.catalog_events.settle(connection, ids, state, now, said, confirmed=state == "accepted")
            self._ledger.audit.append(connection, REFRESH, actor, payload, now)
            self._tell(connection, told)

        if ids:
            self._ledger.audit.within(write)

    def _tell(self, connection: Connection, events: Iterable[CatalogEvent]) -> None:
        for event in events:
            if (alert := self._news(event)) is not None:
                self._ledger.alerts.put(connection, alert)


def _as_wanted(world: World, chosen: Iterable[Waiting]) -> World:
    """The world as these differences would have it."""
    models, ended, aliases = dict(world.models), dict(world.ended), dict(world.aliases)
    for each in chosen:
        name = each.event.model
        models |= {name: each.facts} if each.facts is not None else {}
        ended |= {name: each.ended} if each.ended is not None else {}
        aliases |= {name: each.alias} if each.alias is not None else {}
    return msgspec.structs.replace(world, models=models, ended=ended, aliases=aliases)


def _confirmed(event: CatalogEvent) -> CatalogEvent:
    return msgspec.structs.replace(event, state="accepted", confirmed=True)


def _payload(name: str, seen: Glance) -> dict[str, object]:
    found, gathered, looked = seen.sorted, seen.gathered, seen.looked
    kinds: dict[str, int] = {}
    for event in found.told:
        kinds[event.kind] = kinds.get(event.kind, 0) + 1
    return {
        "catalog": name,
        "events": kinds,
        "ids": [event.id for event in found.told[:MOST]],
        "quiet": found.quiet,
        "sources": {spec: copy.hash for spec, (copy, _) in sorted(gathered.fresh.items())},
        "suspicion": list(looked.suspicion[:MOST]),
        "errors": gathered.errors,
    }
