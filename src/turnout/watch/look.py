"""One look at the sources, without doing anything: sheets in, what would change out."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import msgspec

from turnout.catalog.vendors import undated
from turnout.types.release import CatalogEvent, EventKind
from turnout.watch.diff import BACK, diff
from turnout.watch.merge import merge
from turnout.watch.quarantine import judge
from turnout.watch.sheet import Headline, Sheet
from turnout.watch.world import World

NEWS = timedelta(days=30)
"""At the first look at a source, a model that came out before that is no news: it was only not carried."""


class Looked(msgspec.Struct, frozen=True):
    """What one look found; ``world`` is how it all would be.

    ``quiet`` are events that nobody need be told of, ``dismissed`` those that somebody said no to.
    """

    world: World
    events: tuple[CatalogEvent, ...]
    quiet: tuple[CatalogEvent, ...] = ()
    suspicion: tuple[str, ...] = ()
    dismissed: tuple[CatalogEvent, ...] = ()


def look(
    world: World, sheets: Sequence[Sheet], vendors: frozenset[str], in_use: Collection[str], at: float, base: str,
    dismissed: Callable[[CatalogEvent], bool] = lambda _: False,
) -> Looked:  # fmt: skip
    """Merge, compare, doubt. ``base`` is the hash of ``world``, ``vendors`` those whose models are of interest.

    ``dismissed`` says of an event that somebody said no to it: it is neither taken nor a reason for doubt.
    """
    today = datetime.fromtimestamp(at, UTC).date()
    merged = merge(world, sheets, vendors, today)
    found = diff(world, merged.world, merged.said, at, base)
    refused = tuple(event for event in found if dismissed(event))
    judged = judge([event for event in found if not dismissed(event)], world, merged.world, in_use, at)
    seen = frozenset(source for sources in world.stated_by.values() for source in sources)
    quiet = [event for event in judged.events if _is_old_news(event, merged.world, seen, today)]
    old = {event.model for event in quiet}
    loud = [event for event in judged.events if event.model not in old]
    quiet = [event for event in judged.events if event.model in old]
    loud += _headlines(sheets, merged.world, vendors, at)
    return Looked(merged.world, tuple(loud), tuple(quiet), judged.suspicion, refused)


def _is_old_news(event: CatalogEvent, world: World, seen: frozenset[str], today: date) -> bool:
    """A model that sources list which were not looked at before, and that did not come out lately; or the dated name of one."""
    if event.kind != "model_added" or event.detail == BACK:
        return False
    vendor, _, name = event.model.partition("/")
    if undated(name) != name and f"{vendor}/{undated(name)}" in world.models:
        return True
    released = world.models[event.model].released
    looked_at_before = not seen.isdisjoint(world.stated_by.get(event.model, ()))
    return not looked_at_before and (released is None or today - released > NEWS)


def _headlines(sheets: Sequence[Sheet], world: World, vendors: Collection[str], at: float) -> list[CatalogEvent]:
    """What feeds name and nobody lists, or what they say ends: noted, and that is all."""
    named = {_plain(name): facts for name, facts in world.models.items()}
    found = []
    for sheet in sheets:
        for headline in sheet.news:
            facts = named.get(_plain(headline.model))
            if headline.model.partition("/")[0] in vendors and (
                facts is None or (headline.ends and facts.status != "deprecated")
            ):
                found.append(_event(headline, sheet.source, facts.id if facts is not None else headline.model, at))
    return found


def _event(headline: Headline, source: str, model: str, at: float) -> CatalogEvent:
    name = sha256(f"{source}\n{headline.model}\n{headline.ends}".encode()).hexdigest()[:16]
    kind: EventKind = "deprecation_announced" if headline.ends else "model_added"
    return CatalogEvent(name, at, kind, model, None, None, None, (source,), "noted", detail=headline.title)


def _plain(name: str) -> str:
    return name.replace(".", "-").lower()
