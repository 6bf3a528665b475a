"""What pages ask of slices: sums by what they show, a series over time, a window's slices. Pure.

Names are those of ``Key``'s fields, and ``provider``, which is what is before the first ``/`` of the model.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from turnout.store.rollups.cells import CallKey, Calls, Cell, Key, Period, Slice, Tag
from turnout.store.rollups.sketch import Sketch, merged
from turnout.types.seconds import DAY, HOUR, MINUTE

Group = tuple[Any, ...]
"""A value for each name that was asked by: strings, a policy's number, None."""
OTHER = "(other)"
"""Where a slice's rarer tags are summed."""

_REMEMBERED = 12
"""Groupings that a slice remembers: a page's own, and those of the pages beside it."""
_BROAD = CallKey.__struct_fields__
_Row = TypeVar("_Row", Cell, Calls)
_values = msgspec.structs.astuple


class Window(msgspec.Struct, frozen=True):
    """Whole slices from ``since`` to before ``until``, unix seconds. A window of everything begins at 0."""

    since: int
    until: int
    period: Period


class Day(msgspec.Struct, frozen=True):
    """A day in somebody's zone: its midnight (unix seconds), and the slices that begin in it."""

    start: int
    slices: tuple[Slice, ...]


_WINDOWS = {
    "15m": (900, MINUTE), "1h": (HOUR, MINUTE), "6h": (6 * HOUR, MINUTE), "24h": (DAY, HOUR), "7d": (7 * DAY, HOUR),
    "30d": (30 * DAY, DAY), "90d": (90 * DAY, DAY), "400d": (400 * DAY, DAY), "all": (0, DAY),
}  # fmt: skip


def window(span: str | int, now: float) -> Window:
    """By name (``15m`` ... ``400d``, ``all``), or by seconds (0: everything). The slice that is under way is its last.

    Raises:
        ValueError: no such window.
    """
    if isinstance(span, int):
        seconds, period = span, DAY if not 0 < span <= 7 * DAY else HOUR if span > 6 * HOUR else MINUTE
    elif span in _WINDOWS:
        seconds, period = _WINDOWS[span]
    else:
        raise ValueError(f"no window is called {span!r}; there are {', '.join(_WINDOWS)}")
    until = (int(now) // period + 1) * period
    return Window(until - -(-seconds // period) * period if seconds else 0, until, period)


def cells(slices: Iterable[Slice], *names: str) -> dict[Group, Cell]:
    """Requests by these names; by none, one total under ``()``, if there is anything."""
    return _summed((_remembered(one, "cells", names) for one in slices), added)


def values(slices: Iterable[Slice], name: str) -> set[str | None]:
    """What requests are told apart by, as ``route`` or ``task``, without a sum of any."""
    return set[str | None]().union(*(_remembered(one, "values", (name,)) for one in slices))


def calls(slices: Iterable[Slice], *names: str) -> dict[Group, Calls]:
    """Upstream calls by ``route``, ``model`` or ``provider``."""
    return _summed((_remembered(one, "calls", names) for one in slices), added_calls)


def tags(slices: Iterable[Slice]) -> dict[str, Tag]:
    """By ``key=value``, the most requested first; what the slices did not keep apart comes last, as ``(other)``."""
    some: defaultdict[str, list[Tag]] = defaultdict(list)
    for one in slices:
        for name, tag in one.tags:
            some[name].append(tag)
    return dict(sorted(((name, added_tags(of_name)) for name, of_name in some.items()), key=_by_requests))


def only(slices: Iterable[Slice], **where: str | int | None) -> tuple[Slice, ...]:
    """What has these values, None meaning that there was none. Of calls nothing is left if it asks what they do not say; of tags never."""
    wanted = tuple(where.values())
    of_cell, of_call = _grouping(Key, tuple(where)), _grouping(CallKey, tuple(where)) if _are_of_calls(where) else None
    return tuple(
        msgspec.structs.replace(
            one,
            cells=[(key, cell) for key, cell in one.cells if of_cell(key) == wanted],
            calls=[(key, some) for key, some in one.calls if of_call is not None and of_call(key) == wanted],
            tags=[] if where else one.tags,
        )
        for one in slices
    )


def series(
    steps: Sequence[Slice | Day], names: Sequence[str], value: Callable[[Cell], float | None]
) -> dict[Group, list[float | None]]:
    """For each group one value a step, in the steps' order; where a group had no requests, the value of an empty cell."""
    by_step = [cells(step.slices if isinstance(step, Day) else (step,), *names) for step in steps]
    nothing = Cell()
    groups = dict.fromkeys(group for found in by_step for group in found)
    return {group: [value(found.get(group, nothing)) for found in by_step] for group in groups}


def gapless(slices: Sequence[Slice], within: Window) -> tuple[Slice, ...]:
    """With an empty slice wherever nothing happened, so that a chart shows it; from the first slice on, if it is of everything."""
    there = {one.start: one for one in slices}
    first = within.since or min(there, default=within.until)
    starts = range(first, within.until, within.period)
    return tuple(there.get(start) or Slice(within.period, start, start, [], [], []) for start in starts)


def days(hours: Iterable[Slice], zone: ZoneInfo) -> tuple[Day, ...]:
    """Hours by the viewer's days. Where the zone is not whole hours from UTC, an hour belongs to the day that it begins in."""
    found: defaultdict[int, list[Slice]] = defaultdict(list)
    for one in hours:
        local = datetime.fromtimestamp(one.start, zone)
        found[int(local.replace(hour=0, minute=0).timestamp())].append(one)
    return tuple(Day(start, tuple(found[start])) for start in sorted(found))


def added(some: Iterable[Cell]) -> Cell:
    """As if the requests of all were in one."""
    return Cell(*_added(_HOW_CELLS, some))


def added_calls(some: Iterable[Calls]) -> Calls:
    return Calls(*_added(_HOW_CALLS, some))


def added_tags(some: Iterable[Tag]) -> Tag:
    return Tag(*_added(_HOW_TAGS, some))


def _by_name(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)


_How = tuple[Callable[[Any], Any], ...]
"""How each field of a struct is added up."""


def _how(kind: type[msgspec.Struct]) -> _How:
    by_type: dict[Any, Callable[[Any], Any]] = {int: sum, float: sum, Sketch: merged, dict[str, int]: _by_name}
    return tuple(by_type[field.type] for field in msgspec.structs.fields(kind))


_HOW_CELLS, _HOW_CALLS, _HOW_TAGS = _how(Cell), _how(Calls), _how(Tag)


def _added(how: _How, rows: Iterable[msgspec.Struct]) -> Iterator[Any]:
    """Column by column: hundreds of thousands of numbers without a step of Python's own for each. Of no rows nothing, so that defaults hold."""
    return (add(column) for add, column in zip(how, zip(*map(_values, rows), strict=True), strict=False))


def _summed(found: Iterable[dict[Group, _Row]], add: Callable[[Iterable[_Row]], _Row]) -> dict[Group, _Row]:
    parts: defaultdict[Group, list[_Row]] = defaultdict(list)
    for one in found:
        for group, row in one.items():
            parts[group].append(row)
    return {group: add(some) for group, some in parts.items()}


def _remembered(one: Slice, what: str, names: tuple[str, ...]) -> Any:
    """A slice's own sums. They are made once: of a window's slices only the latest changes while people look at it."""
    memory: dict[object, object] = one.__dict__.setdefault("summed", {})
    found = memory.get((what, names))
    if found is None:
        if len(memory) >= _REMEMBERED:
            memory.clear()
        found = memory[what, names] = _made_of(one, what, names)
    return found


def _made_of(one: Slice, what: str, names: tuple[str, ...]) -> object:
    if what == "values":
        return {getattr(key, *names) for key, _ in one.cells}
    return _cells_of(one, names) if what == "cells" else _summed(_keyed(one.calls, CallKey, names), added_calls)


def _cells_of(one: Slice, names: tuple[str, ...]) -> dict[Group, Cell]:
    """What most pages ask, sums by route or model or neither, is made from the same few sums."""
    if names == _BROAD or not _are_of_calls(names):
        return _summed(_keyed(one.cells, Key, names), added)
    broad = [(CallKey(*group), cell) for group, cell in _remembered(one, "cells", _BROAD).items()]
    return _summed(_keyed(broad, CallKey, names), added)


def _keyed(rows: list[tuple[Any, _Row]], kind: type[Key | CallKey], names: tuple[str, ...]) -> Iterator[dict[Group, _Row]]:
    group = _grouping(kind, names)
    return ({group(key): row} for key, row in rows)


def _grouping(kind: type[Key | CallKey], names: tuple[str, ...]) -> Callable[[Any], Group]:
    """Raises ValueError on a name that such a key does not have."""
    known = {*kind.__struct_fields__, "provider"}
    for name in names:
        if name not in known:
            raise ValueError(
                f"{'requests' if kind is Key else 'calls'} are not summed by {name!r}, but by {', '.join(sorted(known))}"
            )
    return lambda key: tuple([_provider(key.model) if name == "provider" else getattr(key, name) for name in names])


def _are_of_calls(names: Iterable[str]) -> bool:
    return {*CallKey.__struct_fields__, "provider"}.issuperset(names)


def _provider(model: str | None) -> str | None:
    return None if model is None else model.partition("/")[0]


def _by_requests(named: tuple[str, Tag]) -> tuple[bool, int, str]:
    return named[0] == OTHER, -named[1].requests, named[0]
