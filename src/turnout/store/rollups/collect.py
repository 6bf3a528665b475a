"""Slices from rows, and coarser slices from finer ones. Pure: whoever adds up the same rows in other portions gets the same slice.

Quantiles are within 1 %, all else is exact but for the last digits of sums of fractions.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from turnout.feedback.accuracy import ACCEPTABLE
from turnout.store.rollups.cells import CallKey, Calls, Cell, Key, Period, Slice, Tag
from turnout.store.rollups.sketch import Sketch, bucket, packed
from turnout.store.rollups.sums import OTHER, added, added_calls, added_tags

TAGS = 200
"""Kept apart in a slice."""
TASKS = 100
"""Likewise: a caller may name a task of its own."""
_TAGS_AT_ONCE = 20_000
"""Tags that are counted apart while rows are read. A tag may be another one for each request, and memory is to end somewhere."""


class Asked(NamedTuple):
    """What a slice needs of a request's row; ``traits`` as they are stored, ``worth`` the sum of its feedback of kind ``value``."""

    at: float
    route: str | None
    model: str | None
    task: str | None
    caller: str | None
    policy: int
    outcome: str
    reason: str | None
    is_copy: bool
    cost: int | None
    baseline: int | None
    saved: int | None
    tokens_in: int | None
    tokens_out: int | None
    verdict: float | None
    worth: float | None
    duration_ms: float
    first_token_ms: float | None
    decision_us: float
    traits: bytes | None


class Tried(NamedTuple):
    """What a slice needs of an attempt's row, and of its request's: ``route``, and whether it has ended. Tokens None: none were reported."""

    route: str | None
    model: str
    has_ended: bool
    fault: str | None
    cost: int | None
    started_ms: float
    ended_ms: float
    first_token_ms: float | None
    input: int | None
    cache_read: int | None
    cache_write: int | None
    output: int | None
    reasoning: int | None


class _Tagged(msgspec.Struct):
    """The part of types.traits.Traits that is read here; the rest is passed over, which is what makes it quick."""

    tags: dict[str, str] = {}


_decode = msgspec.msgpack.Decoder(_Tagged).decode


def tags_of(traits: bytes) -> dict[str, str]:
    """Of traits as they are stored."""
    return _decode(traits).tags


class _Values:
    """A sketch in the making."""

    __slots__ = ("buckets", "total")

    def __init__(self) -> None:
        self.buckets: dict[int, int] = {}
        self.total = 0.0

    def add(self, value: float) -> None:
        index = bucket(value)
        self.buckets[index] = self.buckets.get(index, 0) + 1
        self.total += value

    def done(self) -> Sketch:
        return packed(self.buckets, self.total)


class _Cell:
    """A cell in the making."""

    __slots__ = ("cell", "decision", "duration", "first_token")

    def __init__(self) -> None:
        self.cell = Cell()
        self.duration, self.first_token, self.decision = _Values(), _Values(), _Values()

    def add(self, row: Asked) -> None:
        cell = self.cell
        if row.cost is not None:
            cell.cost += row.cost
        elif row.outcome not in UNBILLED:
            cell.unpriced += 1
        if row.is_copy:
            cell.copies += 1
            return
        cell.requests += 1
        setattr(cell, row.outcome, getattr(cell, row.outcome) + 1)
        cell.fallbacks += row.reason == "fallback"
        cell.cached += row.reason == "cache"
        if row.cost is not None and row.baseline is not None:
            cell.baseline += row.baseline
            cell.compared += row.cost
        cell.saved += row.saved or 0
        cell.tokens_in += row.tokens_in or 0
        cell.tokens_out += row.tokens_out or 0
        if row.verdict is not None:
            cell.graded += 1
            cell.verdicts += row.verdict
            cell.squares += row.verdict**2
            cell.acceptable += row.verdict >= ACCEPTABLE
        cell.worth += row.worth or 0.0
        if row.model is not None and row.outcome != "begun":
            self.duration.add(row.duration_ms)
            self.decision.add(row.decision_us)
            if row.first_token_ms is not None:
                self.first_token.add(row.first_token_ms)

    def done(self) -> Cell:
        self.cell.duration, self.cell.first_token, self.cell.decision = (
            self.duration.done(),
            self.first_token.done(),
            self.decision.done(),
        )
        return self.cell


class _Calls:
    """Sums over calls in the making."""

    __slots__ = ("calls", "duration", "first_token")

    def __init__(self) -> None:
        self.calls = Calls(faults={})
        self.duration, self.first_token = _Values(), _Values()

    def add(self, row: Tried) -> None:
        calls = self.calls
        calls.calls += 1
        if row.cost is not None:
            calls.cost += row.cost
        elif row.has_ended:
            calls.unpriced += 1
        if row.input is not None:
            calls.input += row.input
            calls.cache_read += row.cache_read or 0
            calls.cache_write += row.cache_write or 0
            calls.output += row.output or 0
            calls.reasoning += row.reasoning or 0
        if row.fault is not None:
            calls.faults[row.fault] = calls.faults.get(row.fault, 0) + 1
        elif row.has_ended:
            self.duration.add(row.ended_ms - row.started_ms)
            if row.first_token_ms is not None:
                self.first_token.add(row.first_token_ms - row.started_ms)

    def done(self) -> Calls:
        self.calls.duration, self.calls.first_token = self.duration.done(), self.first_token.done()
        return self.calls


_NO_TRAITS = msgspec.msgpack.encode({})
_ERRORS = frozenset({"failed", "cut"})


UNBILLED = frozenset({"begun", "rejected"})
"""Outcomes whose requests cost nothing unknown: nobody was called for them, or what it costs is not known yet."""


def collect(period: Period, start: int, asked: Iterable[Asked], tried: Iterable[Tried]) -> Slice:
    """The slice of these rows, in any order. They are read once, one after the other."""
    cells: defaultdict[tuple[str | None, str | None, str | None, str | None, int], _Cell] = defaultdict(_Cell)
    calls: defaultdict[tuple[str | None, str], _Calls] = defaultdict(_Calls)
    tags: dict[str, Tag] = {}
    latest = float(start)
    for row in asked:
        cells[row.route, row.model, row.task, row.caller, row.policy].add(row)
        if row.traits is not None:
            _tag(tags, row)
        if row.at > latest and not row.is_copy:
            latest = row.at
    for call in tried:
        calls[call.route, call.model].add(call)
    return Slice(
        period, start, latest,
        _bounded({Key(*of): [cell.done()] for of, cell in cells.items()}), [(CallKey(*of), some.done()) for of, some in calls.items()], _most(tags),
    )  # fmt: skip


def merge(period: Period, start: int, slices: Sequence[Slice]) -> Slice:
    """The slice of all these slices' rows."""
    cells: defaultdict[Key, list[Cell]] = defaultdict(list)
    calls: defaultdict[CallKey, list[Calls]] = defaultdict(list)
    tags: defaultdict[str, list[Tag]] = defaultdict(list)
    for one in slices:
        for of, cell in one.cells:
            cells[of].append(cell)
        for whose, some in one.calls:
            calls[whose].append(some)
        for name, tag in one.tags:
            tags[name].append(tag)
    return Slice(
        period, start, max((one.latest for one in slices), default=float(start)),
        _bounded(cells), [(whose, added_calls(all_of)) for whose, all_of in calls.items()],
        _most({name: added_tags(of_name) for name, of_name in tags.items()}),
    )  # fmt: skip


def _bounded(cells: Mapping[Key, list[Cell]]) -> list[tuple[Key, Cell]]:
    """Added up by key; the tasks with the most requests apart, and the rest as one."""
    sums = {of: added(some) if len(some) > 1 else some[0] for of, some in cells.items()}
    tasks: Counter[str | None] = Counter()
    for of, cell in sums.items():
        tasks[of.task] += cell.requests
    if len(tasks) <= TASKS:
        return list(sums.items())
    tasks.pop(OTHER, None)
    kept = set(sorted(tasks, key=lambda task: (-tasks[task], task or ""))[: TASKS - 1])
    folded: defaultdict[Key, list[Cell]] = defaultdict(list)
    for of, cell in sums.items():
        folded[of if of.task in kept else msgspec.structs.replace(of, task=OTHER)].append(cell)
    return [(of, added(some)) for of, some in folded.items()]


def _tag(tags: dict[str, Tag], row: Asked) -> None:
    for key, value in tags_of(row.traits or _NO_TRAITS).items():
        name = f"{key}={value}"
        tag = tags.get(name)
        if tag is None:
            tag = tags.setdefault(name if len(tags) < _TAGS_AT_ONCE else OTHER, Tag())
        if row.cost is not None:
            tag.cost += row.cost
        elif row.outcome not in UNBILLED:
            tag.unpriced += 1
        if row.is_copy:
            continue
        tag.requests += 1
        tag.errors += row.outcome in _ERRORS
        tag.worth += row.worth or 0.0
        if row.verdict is not None:
            tag.graded += 1
            tag.verdicts += row.verdict


def _most(tags: dict[str, Tag]) -> list[tuple[str, Tag]]:
    """Those with the most requests, and the rest as one."""
    if len(tags) <= TAGS:
        return list(tags.items())
    other = [tags.pop(OTHER)] if OTHER in tags else []
    ordered = sorted(tags.items(), key=lambda named: (-named[1].requests, named[0]))
    return [*ordered[: TAGS - 1], (OTHER, added_tags([*other, *(tag for _, tag in ordered[TAGS - 1 :])]))]
