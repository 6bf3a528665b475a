"""All sources, read: those that answer as they are now, those that do not as they were last, and what is wrong with each."""

from collections.abc import Sequence
from hashlib import sha256

import msgspec

from turnout.catalog.accepted import Seen
from turnout.clock import Clock
from turnout.watch.fetch import Got, Place, fetch
from turnout.watch.files import Copy, Files
from turnout.watch.sheet import Sheet, Unreadable
from turnout.watch.sources import read


class Gathered(msgspec.Struct, frozen=True):
    """``seen`` says by source how it is doing; ``fresh`` is what is to be kept as its last good copy."""

    sheets: tuple[Sheet, ...]
    seen: dict[str, Seen]
    fresh: dict[str, tuple[Copy, bytes]]

    @property
    def errors(self) -> dict[str, str]:
        return {spec: seen.error for spec, seen in self.seen.items() if seen.error is not None}


def gather(places: Sequence[Place], vendors: frozenset[str], files: Files | None, clock: Clock) -> Gathered:
    """Ask all of them; without ``files`` there are no copies. Blocks while it fetches."""
    copies = {place.spec: files.copy(place.spec) for place in places} if files is not None else {}
    tags = {spec: copy[0].tag for spec, copy in copies.items() if copy is not None and copy[0].tag is not None}
    got = fetch(places, tags, clock)
    now = clock.now()
    sheets: list[Sheet] = []
    seen: dict[str, Seen] = {}
    fresh: dict[str, tuple[Copy, bytes]] = {}
    for place in places:
        copy = copies.get(place.spec)
        sheet, said, kept = _one(place, got[place.spec], copy, vendors, now)
        seen[place.spec] = said
        sheets += [sheet] if sheet is not None else []
        fresh |= {place.spec: kept} if kept is not None else {}
    return Gathered(tuple(sheets), seen, fresh)


def _one(
    place: Place, got: Got, copy: tuple[Copy, bytes] | None, vendors: frozenset[str], now: float
) -> tuple[Sheet | None, Seen, tuple[Copy, bytes] | None]:
    """What it says now, else what it said last."""
    error = got.error
    if error is None:
        data = got.data if got.data is not None else copy[1] if copy is not None else b""
        try:
            sheet = _of_interest(read(data, place.vendor), vendors, copy[0].publisher if copy is not None else None)
        except Unreadable as reason:
            error = str(reason)
        else:
            kept = Copy(sha256(data).hexdigest(), got.tag, now, sheet.source)
            return sheet, Seen(now, now, None, sheet.source, len(sheet.skipped)), (kept, data)
    if copy is None:
        return None, Seen(None, now, error), None
    said, data = copy
    try:
        sheet = read(data, place.vendor)
    except Unreadable:  # another program kept it, which could
        return None, Seen(said.fetched_at, now, error, said.publisher), None
    return sheet, Seen(said.fetched_at, now, error, said.publisher), None


def _of_interest(sheet: Sheet, vendors: frozenset[str], publisher: str | None) -> Sheet:
    """Raises Unreadable when it is another thing than it was, or says nothing of any of these vendors."""
    if publisher is not None and sheet.source != publisher:
        raise Unreadable(f"it was in {publisher}'s format before, and is in {sheet.source}'s now")
    if sheet.stated and not any(name.partition("/")[0] in vendors for name in sheet.stated):
        raise Unreadable(f"it names {len(sheet.stated)} models, and none of a vendor of interest ({', '.join(sorted(vendors))})")
    return sheet
