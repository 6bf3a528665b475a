"""What a window of the ledger comes to: a short one from its rows, a long one from slices."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, and_, func, select

from turnout.store.queries import quantile
from turnout.store.rollups.cells import Cell, Slice
from turnout.store.rollups.collect import UNBILLED
from turnout.store.rollups.sketch import Sketch
from turnout.store.rollups.sums import Group, cells
from turnout.store.rows import DbRow
from turnout.store.schema import requests
from turnout.types.money import PicoDollars
from turnout.types.record import Outcome

FROM_ROWS_S = 3600
"""A window of up to so many seconds is summed from its rows."""
_LATENCY_SAMPLE = 10_000
_RATE_WINDOW_S = 10.0
_ASKED = requests.c.copy_of.is_(None)
_MICRO = 10**6


class Share(msgspec.Struct, frozen=True):
    """What one model or route had of the requests. ``errors``: failed or cut; ``cost`` sums the known ones, copies' too."""

    name: str
    requests: int
    errors: int
    cost: PicoDollars


class Quantiles(msgspec.Struct, frozen=True):
    """Milliseconds; None when there were none. Of a short window exact, over its latest 10,000 requests; else over all, within 1 %."""

    p50: float | None
    p95: float | None
    p99: float | None


class Summary(msgspec.Struct, frozen=True):
    """A window of the ledger. ``errors``: failed or cut. ``unpriced`` requests, served to the end or not, cost something unknown and are in no sum.

    ``saved`` is what the baseline (the best model for everything) would have cost more, over the requests where both are known.
    ``latest`` is the arrival of the newest request, unix seconds: it shows how far the ledger lags. ``since`` is where the window really
    begins: a long one at a whole minute, hour or day.
    """

    since: float
    requests: int
    requests_per_s: float
    outcomes: dict[str, int]
    errors: int
    fallbacks: int
    cost: PicoDollars
    baseline: PicoDollars
    saved: PicoDollars
    unpriced: int
    latency_ms: Quantiles
    first_token_ms: Quantiles
    decision_us_p50: float | None
    models: tuple[Share, ...]
    routes: tuple[Share, ...]
    latest: float | None


def from_rows(connection: Connection, since: float, now: float) -> Summary:
    """Of the requests that arrived from ``since`` on. Of copies only what they cost is in it. Takes 1.2 s per million."""
    everything = connection.execute(_grouped(since)).all()
    groups = [group for group in everything if group.asked]
    outcomes: Counter[str] = Counter()
    for group in groups:
        outcomes[group.outcome] += group.requests
    timings = connection.execute(
        select(requests.c.duration_ms, requests.c.first_token_ms, requests.c.decision_us)
        .where(_ASKED, requests.c.at >= since, requests.c.model.is_not(None), requests.c.outcome != "begun")
        .order_by(requests.c.at.desc())
        .limit(_LATENCY_SAMPLE)
    ).all()
    return Summary(
        since=since,
        requests=outcomes.total(),
        requests_per_s=_rate(connection, now),
        outcomes=dict(outcomes),
        errors=outcomes["failed"] + outcomes["cut"],
        fallbacks=sum(group.fallbacks for group in groups),
        cost=_total(everything, "cost"),
        baseline=_total(groups, "baseline"),
        saved=PicoDollars(_total(groups, "baseline") - _total(groups, "compared")),
        unpriced=sum(group.unpriced for group in everything),
        latency_ms=_quantiles(row.duration_ms for row in timings),
        first_token_ms=_quantiles(row.first_token_ms for row in timings),
        decision_us_p50=quantile(sorted(row.decision_us for row in timings), 0.5),
        models=_shares(everything, "model"),
        routes=_shares(everything, "route"),
        latest=max((group.latest for group in groups), default=None),
    )


def from_slices(connection: Connection, since: float, slices: Sequence[Slice], now: float) -> Summary:
    """The same of slices that hold all requests from ``since`` on, each once."""
    all_of_it = cells(slices).get((), Cell())
    outcomes = {name: count for name in get_args(Outcome) if (count := getattr(all_of_it, name))}
    asked = (one.latest for one in slices if cells((one,))[()].requests)
    return Summary(
        since=since,
        requests=all_of_it.requests,
        requests_per_s=_rate(connection, now),
        outcomes=outcomes,
        errors=all_of_it.failed + all_of_it.cut,
        fallbacks=all_of_it.fallbacks,
        cost=PicoDollars(all_of_it.cost),
        baseline=PicoDollars(all_of_it.baseline),
        saved=PicoDollars(all_of_it.baseline - all_of_it.compared),
        unpriced=all_of_it.unpriced,
        latency_ms=_of_sketch(all_of_it.duration),
        first_token_ms=_of_sketch(all_of_it.first_token),
        decision_us_p50=all_of_it.decision.quantile(0.5),
        models=_cell_shares(cells(slices, "model")),
        routes=_cell_shares(cells(slices, "route")),
        latest=max(asked, default=None),
    )


def _rate(connection: Connection, now: float) -> float:
    """Requests a second, lately."""
    lately = connection.execute(select(func.count()).where(_ASKED, requests.c.at >= now - _RATE_WINDOW_S)).scalar_one()
    return lately / _RATE_WINDOW_S


def _grouped(since: float) -> Any:
    """One pass over the window: the counts and sums of each model, route and outcome."""
    c = requests.c
    both_known = and_(c.cost_pico.is_not(None), c.baseline_pico.is_not(None))
    return (
        select(
            c.model,
            c.route,
            c.outcome,
            _ASKED.label("asked"),
            func.count().label("requests"),
            func.count().filter(c.reason == "fallback").label("fallbacks"),
            func.count().filter(c.cost_pico.is_(None), c.outcome.not_in(UNBILLED)).label("unpriced"),
            *_exact_sum("cost", c.cost_pico, c.cost_pico.is_not(None)),
            *_exact_sum("baseline", c.baseline_pico, both_known),
            *_exact_sum("compared", c.cost_pico, both_known),
            func.max(c.at).label("latest"),
        )
        .where(c.at >= since)
        .group_by(c.model, c.route, c.outcome, _ASKED)
    )


def _exact_sum(name: str, column: Column[int], where: ColumnElement[bool]) -> tuple[ColumnElement[Any], ...]:
    """A sum in two parts, whole micro-dollars and the rest: pico-dollars in 64 bits would overflow at nine million dollars."""
    return (
        func.coalesce(func.sum(column // _MICRO).filter(where), 0).label(f"{name}_high"),
        func.coalesce(func.sum(column % _MICRO).filter(where), 0).label(f"{name}_low"),
    )


def _total(groups: Iterable[DbRow], name: str) -> PicoDollars:
    return PicoDollars(sum(int(getattr(group, f"{name}_high")) * _MICRO + int(getattr(group, f"{name}_low")) for group in groups))


def _shares(groups: Iterable[DbRow], column: str) -> tuple[Share, ...]:
    """Largest first; requests that no model or route got are in none."""
    by_name: defaultdict[str, list[DbRow]] = defaultdict(list)
    for group in groups:
        if (name := getattr(group, column)) is not None:
            by_name[name].append(group)
    shares = (
        Share(
            name=name,
            requests=sum(group.requests for group in of_name if group.asked),
            errors=sum(group.requests for group in of_name if group.asked and group.outcome in {"failed", "cut"}),
            cost=_total(of_name, "cost"),
        )
        for name, of_name in by_name.items()
    )
    return _largest_first(shares)


def _cell_shares(found: Mapping[Group, Cell]) -> tuple[Share, ...]:
    return _largest_first(
        Share(name, cell.requests, cell.failed + cell.cut, PicoDollars(cell.cost))
        for (name,), cell in found.items()
        if name is not None
    )


def _largest_first(shares: Iterable[Share]) -> tuple[Share, ...]:
    return tuple(sorted(shares, key=lambda share: (-share.requests, share.name)))


def _quantiles(values: Iterable[float | None]) -> Quantiles:
    ascending = sorted(value for value in values if value is not None)
    return Quantiles(quantile(ascending, 0.5), quantile(ascending, 0.95), quantile(ascending, 0.99))


def _of_sketch(sketch: Sketch) -> Quantiles:
    return Quantiles(sketch.quantile(0.5), sketch.quantile(0.95), sketch.quantile(0.99))
