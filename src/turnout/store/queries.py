"""What the ledger is asked, as frozen answers.

Each query reads its window by the index of arrival, or the latest by a limit. So long windows are long queries: a summary of
everything takes 1.2 s per million requests, a list whose filter finds nothing 0.3 s. Neither holds up the writer. An index for each
filter would cost every record a tenth of its ingest, and one on the model has SQLite read it whole for the shortest summary.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from math import ceil
from statistics import median
from typing import Any

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, and_, func, or_, select

from turnout.store.rows import DbRow
from turnout.store.schema import attempts, requests
from turnout.types.money import PicoDollars

_LATENCY_SAMPLE = 10_000
_ATTEMPT_SAMPLE = 50_000
_RATE_WINDOW_S = 10.0
_ASKED = requests.c.copy_of.is_(None)


class RequestLine(msgspec.Struct, frozen=True):
    """One request in a list."""

    id: str
    at: float
    route: str | None
    reason: str | None
    model: str | None
    outcome: str
    code: str | None
    status: int
    stream: bool
    task: str | None
    band: str | None
    caller: str | None
    duration_ms: float
    first_token_ms: float | None
    cost: PicoDollars | None
    baseline: PicoDollars | None
    attempts: int
    tokens_in: int | None
    tokens_out: int | None


class Filters(msgspec.Struct, frozen=True):
    """Which requests to list; None means any. ``before`` is unix seconds, to page back."""

    route: str | None = None
    model: str | None = None
    task: str | None = None
    outcome: str | None = None
    before: float | None = None


class Share(msgspec.Struct, frozen=True):
    """What one model or route had of the requests. ``errors``: failed or cut; ``cost`` sums the known ones, copies' too."""

    name: str
    requests: int
    errors: int
    cost: PicoDollars


class Quantiles(msgspec.Struct, frozen=True):
    """Milliseconds, over the latest 10,000 requests of the window; None when there were none."""

    p50: float | None
    p95: float | None
    p99: float | None


class Summary(msgspec.Struct, frozen=True):
    """A window of the ledger. ``errors``: failed or cut. ``unpriced`` answers cost something unknown and are in no sum.

    ``saved`` is what the baseline (the best model for everything) would have cost more, over the requests where both are known.
    ``latest`` is the arrival of the newest request, unix seconds: it shows how far the ledger lags.
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


class ObservedLatency(msgspec.Struct, frozen=True):
    """What a model's ``n`` latest successful attempts took; None where no attempt showed it."""

    n: int
    p50_ms: float
    p95_ms: float
    ttft_ms: float | None
    output_tokens_per_s: float | None


def recent(connection: Connection, limit: int, filters: Filters) -> tuple[RequestLine, ...]:
    """Newest first, without copies."""
    columns = [_column_of(name) for name in RequestLine.__struct_fields__]
    wanted: list[ColumnElement[bool]] = [
        _column_of(name) == value
        for name in ("route", "model", "task", "outcome")
        if (value := getattr(filters, name)) is not None
    ]
    if filters.before is not None:
        wanted.append(requests.c.at < filters.before)
    rows = connection.execute(select(*columns).where(_ASKED, *wanted).order_by(requests.c.at.desc()).limit(limit))
    return tuple(RequestLine(*row) for row in rows)


def summary(connection: Connection, since: float, now: float) -> Summary:
    """Requests that arrived from ``since`` on. Of copies only what they cost is in it."""
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
    lately = connection.execute(select(func.count()).where(_ASKED, requests.c.at >= now - _RATE_WINDOW_S)).scalar_one()
    return Summary(
        since=since,
        requests=outcomes.total(),
        requests_per_s=lately / _RATE_WINDOW_S,
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


def mix_samples(connection: Connection, route: str, since: float, limit: int = 100_000) -> tuple[float, ...]:
    """The known complexities (0..1) of a route's latest requests, newest first."""
    rows = connection.execute(
        select(requests.c.complexity)
        .where(_ASKED, requests.c.at >= since, requests.c.route == route, requests.c.complexity.is_not(None))
        .order_by(requests.c.at.desc())
        .limit(limit)
    )
    return tuple(rows.scalars())


def latency_by_model(connection: Connection, since: float) -> dict[str, ObservedLatency]:
    """From the latest attempts that answered well."""
    rows = connection.execute(
        select(attempts.c.model, attempts.c.started_ms, attempts.c.ended_ms, attempts.c.first_token_ms, attempts.c.output, attempts.c.reasoning)
        .join(requests, requests.c.id == attempts.c.request_id)
        .where(requests.c.at >= since, requests.c.outcome != "begun", requests.c.drill.is_(None), attempts.c.fault.is_(None))
        .order_by(requests.c.at.desc())
        .limit(_ATTEMPT_SAMPLE)
    ).all()  # fmt: skip
    by_model: defaultdict[str, list[DbRow]] = defaultdict(list)
    for row in rows:
        by_model[row.model].append(row)
    return {model: _observed(rows) for model, rows in by_model.items()}


def quantile(ascending: Sequence[float], q: float) -> float | None:
    """By nearest rank: the smallest value that at least the share ``q`` of all does not exceed."""
    return ascending[max(ceil(q * len(ascending)), 1) - 1] if ascending else None


def _column_of(name: str) -> Column[Any]:
    return requests.c[f"{name}_pico" if name in {"cost", "baseline"} else name]


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
            func.count().filter(c.cost_pico.is_(None), or_(c.outcome == "ok", c.outcome == "cut")).label("unpriced"),
            *_exact_sum("cost", c.cost_pico, c.cost_pico.is_not(None)),
            *_exact_sum("baseline", c.baseline_pico, both_known),
            *_exact_sum("compared", c.cost_pico, both_known),
            func.max(c.at).label("latest"),
        )
        .where(c.at >= since)
        .group_by(c.model, c.route, c.outcome, _ASKED)
    )


_MICRO = 10**6


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
    return tuple(sorted(shares, key=lambda share: (-share.requests, share.name)))


def _quantiles(values: Iterable[float | None]) -> Quantiles:
    ascending = sorted(value for value in values if value is not None)
    return Quantiles(quantile(ascending, 0.5), quantile(ascending, 0.95), quantile(ascending, 0.99))


def _observed(rows: Sequence[DbRow]) -> ObservedLatency:
    """Of at least one attempt. Speed is counted from the first token, or over the whole call where that is not known."""
    durations = sorted(row.ended_ms - row.started_ms for row in rows)
    first_tokens = [row.first_token_ms - row.started_ms for row in rows if row.first_token_ms is not None]
    speeds = [
        (row.output + row.reasoning) * 1000 / writing_ms
        for row in rows
        if row.output is not None and (writing_ms := row.ended_ms - (row.first_token_ms or row.started_ms)) > 0
    ]
    return ObservedLatency(
        n=len(rows),
        p50_ms=quantile(durations, 0.5) or 0.0,
        p95_ms=quantile(durations, 0.95) or 0.0,
        ttft_ms=median(first_tokens) if first_tokens else None,
        output_tokens_per_s=median(speeds) if speeds else None,
    )
