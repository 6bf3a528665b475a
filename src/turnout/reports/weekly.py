"""The weekly review: what went where, what it cost, how good it was, against the week before. Pure, from the ledger's slices."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import msgspec

from turnout.evidence.intervals import wilson
from turnout.reports.intervals import difference
from turnout.store.policies import PolicyVersion
from turnout.store.rollups.cells import Calls, Cell, Slice
from turnout.store.rollups.sums import calls, cells
from turnout.types.seconds import DAY

WEEK_S = 7 * DAY
ENOUGH = 30
"""Verdicts below which two weeks are not compared."""
NONE = "(none)"


class Week(NamedTuple):
    """An ISO week in UTC, from ``since`` to before ``until`` (unix seconds)."""

    name: str
    since: int
    until: int


class Line(msgspec.Struct, frozen=True):
    """One route, model, task or caller, this week and the one before. Costs in pico-dollars, of priced answers; shares 0..1."""

    name: str
    requests: int
    before: int
    share: float
    share_before: float
    cost: int
    cost_before: int
    unpriced: int
    errors: int
    fallbacks: int
    cached: int
    p50_ms: float | None
    p95_ms: float | None
    p95_before_ms: float | None
    first_token_p95_ms: float | None


class Verdicts(msgspec.Struct, frozen=True):
    """How answers of a route by a model were judged: mean verdict 0..1 with an interval of 95 %. ``change`` is against the week before."""

    route: str
    model: str
    graded: int
    mean: float
    low: float
    high: float
    before: float | None
    change: float | None
    change_low: float | None
    change_high: float | None

    @property
    def dropped(self) -> bool:
        """By more than chance."""
        return self.change_high is not None and self.change_high < 0


class Upstream(msgspec.Struct, frozen=True):
    """Calls of one route to one model."""

    route: str
    model: str
    calls: int
    faults: dict[str, int]
    unpriced: int
    cost: int
    input: int
    cache_read: int
    output: int
    p95_ms: float | None


class Work(msgspec.Struct, frozen=True):
    """Requests of one route and task that one model served."""

    route: str
    model: str
    task: str | None
    requests: int
    cost: int
    tokens_in: int
    tokens_out: int


class Served(msgspec.Struct, frozen=True):
    """A policy version that served requests this week."""

    version: int
    requests: int
    at: float | None
    actor: str | None
    note: str | None


class Totals(msgspec.Struct, frozen=True):
    """A week as one. ``saved_against_best`` over the requests where both costs are known; None where there were none."""

    requests: int
    answered: int
    errors: int
    rejected: int
    fallbacks: int
    cached: int
    cost: int
    unpriced: int
    saved_by_cache: int
    baseline: int
    compared: int
    graded: int
    verdicts: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    decision_p95_us: float | None


class Review(msgspec.Struct, frozen=True):
    """Everything the report says, but for what to change (:mod:`turnout.reports.advice`). ``asof`` is the newest request in it."""

    week: str
    since: int
    until: int
    asof: float | None
    total: Totals
    before: Totals
    days: dict[str, int]
    spend: dict[str, int]
    routes: tuple[Line, ...]
    models: tuple[Line, ...]
    tasks: tuple[Line, ...]
    quality: tuple[Verdicts, ...]
    upstream: tuple[Upstream, ...]
    work: tuple[Work, ...]
    policies: tuple[Served, ...]
    last_drill: str | None = None


def week(name: str) -> Week:
    """Of ``2026-W47``. Raises ValueError with what is wrong."""
    year, mark, number = name.upper().partition("-W")
    if not mark or not (year.isascii() and year.isdigit() and number.isascii() and number.isdigit()):
        raise ValueError(f"{name} is no week; write it as 2026-W47")
    try:
        first = date.fromisocalendar(int(year), int(number), 1)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return _beginning(first)


def week_before(now: float) -> Week:
    """The last whole one."""
    today = datetime.fromtimestamp(now, UTC).date()
    return _beginning(today - timedelta(days=today.weekday() + 7))


def _beginning(first: date) -> Week:
    year, number, _ = first.isocalendar()
    since = int(datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp())
    return Week(f"{year}-W{number:02}", since, since + WEEK_S)


def review(of: Week, slices: Sequence[Slice], versions: Sequence[PolicyVersion], last_drill: str | None = None) -> Review:
    """From the slices of days of this week and the one before, in any order."""
    now = [one for one in slices if of.since <= one.start < of.until]
    before = [one for one in slices if of.since - WEEK_S <= one.start < of.since]
    by_day = {_day(of.since + place * DAY): [one for one in now if (one.start - of.since) // DAY == place] for place in range(7)}
    return Review(
        week=of.name, since=of.since, until=of.until, asof=max((one.latest for one in now), default=None),
        total=_totals(now), before=_totals(before),
        days={day: cells(some).get((), Cell()).requests for day, some in by_day.items()},
        spend={day: cells(some).get((), Cell()).cost for day, some in by_day.items()},
        routes=_lines(now, before, "route"), models=_lines(now, before, "model"), tasks=_lines(now, before, "task"),
        quality=_quality(now, before), upstream=_upstream(now), work=_work(now), policies=_policies(now, versions),
        last_drill=last_drill,
    )  # fmt: skip


def _day(start: int) -> str:
    return f"{datetime.fromtimestamp(start, UTC):%a %d}"


def _totals(slices: Sequence[Slice]) -> Totals:
    cell = cells(slices).get((), Cell())
    return Totals(
        requests=cell.requests, answered=cell.ok, errors=cell.failed + cell.cut, rejected=cell.rejected, fallbacks=cell.fallbacks,
        cached=cell.cached, cost=cell.cost, unpriced=cell.unpriced, saved_by_cache=cell.saved, baseline=cell.baseline,
        compared=cell.compared, graded=cell.graded, verdicts=cell.verdicts, p50_ms=cell.duration.quantile(0.5),
        p95_ms=cell.duration.quantile(0.95), p99_ms=cell.duration.quantile(0.99), decision_p95_us=cell.decision.quantile(0.95),
    )  # fmt: skip


def _lines(now: Sequence[Slice], before: Sequence[Slice], by: str) -> tuple[Line, ...]:
    """Of this week, the most requested first; then what only the week before had."""
    here, there = cells(now, by), cells(before, by)
    total, total_before = _asked(here), _asked(there)
    lines = []
    for (name,) in dict.fromkeys((*here, *there)):
        cell, old = here.get((name,), Cell()), there.get((name,), Cell())
        if not cell.requests and not old.requests and not cell.cost:
            continue
        lines.append(
            Line(
                name=name or NONE, requests=cell.requests, before=old.requests,
                share=cell.requests / total if total else 0.0, share_before=old.requests / total_before if total_before else 0.0,
                cost=cell.cost, cost_before=old.cost, unpriced=cell.unpriced, errors=cell.failed + cell.cut, fallbacks=cell.fallbacks,
                cached=cell.cached, p50_ms=cell.duration.quantile(0.5), p95_ms=cell.duration.quantile(0.95),
                p95_before_ms=old.duration.quantile(0.95), first_token_p95_ms=cell.first_token.quantile(0.95),
            )
        )  # fmt: skip
    return tuple(sorted(lines, key=lambda line: (-line.requests, -line.before, line.name)))


def _asked(by: Mapping[tuple[object, ...], Cell]) -> int:
    return sum(cell.requests for cell in by.values())


def _quality(now: Sequence[Slice], before: Sequence[Slice]) -> tuple[Verdicts, ...]:
    there = cells(before, "route", "model")
    found = []
    for (route, model), cell in cells(now, "route", "model").items():
        if not cell.graded:
            continue
        low, high = wilson(cell.verdicts, cell.graded)
        old = there.get((route, model), Cell())
        changed = None
        if cell.graded >= ENOUGH and old.graded >= ENOUGH:
            changed = difference((cell.verdicts, cell.squares, cell.graded), (old.verdicts, old.squares, old.graded))
        found.append(
            Verdicts(
                route or NONE, model or NONE, cell.graded, cell.verdicts / cell.graded, low, high,
                old.verdicts / old.graded if old.graded else None, *(changed or (None, None, None)),
            )
        )  # fmt: skip
    return tuple(sorted(found, key=lambda each: (not each.dropped, -each.graded)))


def _upstream(now: Sequence[Slice]) -> tuple[Upstream, ...]:
    found = (
        Upstream(
            route or NONE, model, some.calls, dict(some.faults), some.unpriced, some.cost, some.input, some.cache_read, some.output,
            some.duration.quantile(0.95),
        )
        for (route, model), some in _named_calls(now)
    )  # fmt: skip
    return tuple(sorted(found, key=lambda each: (-each.calls, each.route, each.model)))


def _named_calls(now: Sequence[Slice]) -> list[tuple[tuple[str | None, str], Calls]]:
    return [((route, model), some) for (route, model), some in calls(now, "route", "model").items()]


def _work(now: Sequence[Slice]) -> tuple[Work, ...]:
    found = (
        Work(route or NONE, model or NONE, task, cell.requests, cell.cost, cell.tokens_in, cell.tokens_out)
        for (route, model, task), cell in cells(now, "route", "model", "task").items()
        if cell.requests
    )
    return tuple(sorted(found, key=lambda each: -each.cost))


def _policies(now: Sequence[Slice], versions: Sequence[PolicyVersion]) -> tuple[Served, ...]:
    known = {version.version: version for version in versions}
    found = []
    for (number,), cell in cells(now, "policy").items():
        version = known.get(number)
        told = (version.at, version.actor, version.note) if version is not None else (None, None, None)
        found.append(Served(number, cell.requests, *told))
    return tuple(sorted(found, key=lambda each: each.version))
