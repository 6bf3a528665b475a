"""What the ledger is asked of single requests, as frozen answers.

Each query reads its window by the index of arrival, and a bounded part of it: a search that has not found enough says where to go
on. An index for each filter would cost every record a tenth of its ingest.
"""

from collections import defaultdict
from collections.abc import Sequence
from math import ceil, isfinite
from statistics import median
from string import hexdigits
from typing import Literal, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, func, or_, select
from sqlalchemy.sql.elements import quoted_name
from sqlalchemy.sql.functions import Function

from turnout.store.rollups.collect import tags_of
from turnout.store.rows import DbRow
from turnout.store.schema import attempts, requests
from turnout.types.money import PicoDollars

_ATTEMPT_SAMPLE = 50_000
_REJECTED = 0.5
_ID_DIGITS, _ID_TELLS = 12, 8
"""An id begins with the milliseconds of arrival, in so many hexadecimal digits; the first so many tell the minute."""
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
    policy: int
    session: str | None
    drill: str | None
    verdict: float | None
    verdict_by: str | None


class Filters(msgspec.Struct, frozen=True):
    """Which requests to list; None means any. ``before``, ``since`` and ``until`` are unix seconds; ``cursor`` is what an earlier search gave.

    ``tag`` is ``key=value``, ``called`` whom one of the upstream calls went to and ``fault`` how that call failed, ``id`` the beginning of
    an id. ``trial`` is the release on whose trial it was, ``side`` its arm. ``outcomes`` are those of which it is one. ``copies`` are left
    out (False), the only ones (True), or among the others (None).
    Of the rest the numbers are bounds, both ends included.
    """

    route: str | None = None
    model: str | None = None
    task: str | None = None
    outcome: str | None = None
    before: float | None = None
    code: str | None = None
    reason: str | None = None
    caller: str | None = None
    session: str | None = None
    policy: int | None = None
    drill: str | None = None
    tag: str | None = None
    fault: str | None = None
    id: str | None = None
    min_cost: PicoDollars | None = None
    min_duration_ms: float | None = None
    min_verdict: float | None = None
    max_verdict: float | None = None
    since: float | None = None
    until: float | None = None
    cursor: str | None = None
    called: str | None = None
    trial: str | None = None
    side: str | None = None
    outcomes: tuple[str, ...] = ()
    copies: bool | None = False


class Found(msgspec.Struct, frozen=True):
    """Newest first. ``more`` is where to go on (``Filters.cursor``), None at the end; ``looked_at`` is how many requests were read for it.

    A search reads a bounded number of requests. So there may be few lines, or none, and more all the same.
    """

    lines: tuple[RequestLine, ...]
    more: str | None
    looked_at: int


class ObservedLatency(msgspec.Struct, frozen=True):
    """What a model's ``n`` latest successful attempts took; None where no attempt showed it."""

    n: int
    p50_ms: float
    p95_ms: float
    ttft_ms: float | None
    output_tokens_per_s: float | None


Worst = Literal["slowest", "dearest", "failed", "rejected"]
LOOK = 15_000
"""Requests that a search reads at most before it asks whether to go on."""
_USUAL_SAMPLE = 2_000
_EQUAL = ("route", "model", "task", "outcome", "code", "reason", "caller", "policy", "drill", "side")
_AT_LEAST = {"min_cost": requests.c.cost_pico, "min_duration_ms": requests.c.duration_ms, "min_verdict": requests.c.verdict}
_ID_SLACK_S = 60.0
"""An id begins with the milliseconds of arrival; a clock may be set between the two."""
_encode = msgspec.msgpack.Encoder().encode
_LINE = tuple(requests.c[f"{name}_pico" if name in {"cost", "baseline"} else name] for name in RequestLine.__struct_fields__)
_NEWEST_FIRST = (requests.c.at.desc(), requests.c.id.desc())


class _Place(NamedTuple):
    """Just before the request ``id`` of the second ``at``; before all of that moment, when there is no id."""

    at: float
    id: str


def search(connection: Connection, filters: Filters, limit: int, *, look: int = LOOK) -> Found:
    """Up to so many requests. Raises ValueError when the cursor, or the tag, is none."""
    within = _within(filters)
    wanted = _wanted(filters, connection.dialect.name)
    floor = _floor(connection, within, look)
    down_to = within if floor is None else [*within, requests.c.at >= floor]
    tagged = (requests.c.traits,) if filters.tag is not None else ()
    rows = connection.execute(select(*_LINE, *tagged).where(*down_to, *wanted).order_by(*_NEWEST_FIRST).limit(limit)).all()
    lines = tuple(RequestLine(*row[: len(_LINE)]) for row in rows if filters.tag is None or _has_tag(row.traits, filters.tag))
    if len(rows) == limit:
        end = _Place(rows[-1].at, rows[-1].id)
        return Found(lines, _cursor(end), _count(connection, [*within, requests.c.at >= end.at]))
    return Found(lines, None if floor is None else _cursor(_Place(floor, "")), _count(connection, down_to))


def worst(connection: Connection, how: Worst, since: float, until: float, limit: int = 10) -> tuple[RequestLine, ...]:
    """Of the window's latest requests (LOOK at most) those that show what goes wrong; ``rejected`` is by whoever judged the answer."""
    within = [requests.c.at >= since, requests.c.at < until]
    floor = _floor(connection, within, LOOK)
    down_to = within if floor is None else [*within, requests.c.at >= floor]
    c = requests.c
    condition, order = {
        "slowest": (c.outcome != "begun", c.duration_ms.desc()),
        "dearest": (c.cost_pico > 0, c.cost_pico.desc()),
        "failed": (c.outcome.in_(("failed", "cut")), c.at.desc()),
        "rejected": (c.verdict < _REJECTED, c.at.desc()),
    }[how]
    rows = connection.execute(select(*_LINE).where(*down_to, _ASKED, condition).order_by(order).limit(limit))
    return tuple(RequestLine(*row) for row in rows)


def _within(filters: Filters) -> list[ColumnElement[bool]]:
    """The stretch of time to read, by the index of arrival, or a session's."""
    at = requests.c.at
    bounds: list[ColumnElement[bool]] = [at < end for end in (filters.before, filters.until) if end is not None]
    indexed = ((name, getattr(filters, name)) for name in ("session", "trial"))
    bounds += [requests.c[name] == value for name, value in indexed if value is not None]
    if filters.since is not None:
        bounds.append(at >= filters.since)
    if filters.id is not None and (stretch := _stretch_of(filters.id)) is not None:
        bounds += [at >= stretch[0], at < stretch[1]]
    if filters.cursor is not None:
        place = place_of(filters.cursor)
        bounds += [at <= place.at, or_(at < place.at, requests.c.id < place.id)]
    return bounds


def _wanted(filters: Filters, dialect: str) -> list[ColumnElement[bool]]:
    wanted = [requests.c[name] == value for name in _EQUAL if (value := getattr(filters, name)) is not None]
    if filters.copies is not None:
        wanted.append(requests.c.copy_of.is_not(None) if filters.copies else _ASKED)
    if filters.outcomes:
        wanted.append(requests.c.outcome.in_(filters.outcomes))
    wanted += [column >= value for name, column in _AT_LEAST.items() if (value := getattr(filters, name)) is not None]
    if filters.max_verdict is not None:
        wanted.append(requests.c.verdict <= filters.max_verdict)
    if filters.id is not None:
        wanted.append(func.substr(requests.c.id, 1, len(filters.id)) == filters.id)
    if filters.tag is not None:
        key, value = key_and_value(filters.tag)
        find = quoted_name("position", quote=True) if dialect == "postgresql" else "instr"
        wanted.append(Function(find, requests.c.traits, _encode(key) + _encode(value)) > 0)
    of_call = {"model": filters.called, "fault": filters.fault}
    if any(value is not None for value in of_call.values()):
        like_it = [attempts.c[name] == value for name, value in of_call.items() if value is not None]
        wanted.append(select(attempts.c.n).where(attempts.c.request_id == requests.c.id, *like_it).exists())
    return wanted


def _floor(connection: Connection, within: Sequence[ColumnElement[bool]], look: int) -> float | None:
    """The arrival of the last request to read; None when that is all of them. Read from the index alone."""
    last = select(requests.c.at).where(*within).order_by(requests.c.at.desc()).offset(look - 1).limit(1)
    return connection.execute(last).scalar()


def _count(connection: Connection, within: Sequence[ColumnElement[bool]]) -> int:
    return connection.execute(select(func.count()).select_from(requests).where(*within)).scalar_one()


def _cursor(place: _Place) -> str:
    return f"{place.at!r},{place.id}"


def place_of(cursor: str) -> _Place:
    """Raises ValueError."""
    at, comma, id_ = cursor.partition(",")
    try:
        if comma and isfinite(float(at)):
            return _Place(float(at), id_)
    except ValueError:
        pass
    raise ValueError(f"{cursor!r} is no place to go on from: take it from the answer before (more), or leave it out")


def key_and_value(tag: str) -> tuple[str, str]:
    """Raises ValueError."""
    key, equals, value = tag.partition("=")
    if not (key and equals):
        raise ValueError(f"{tag!r} is no tag: write key=value")
    return key, value


def _has_tag(traits: bytes, tag: str) -> bool:
    """The database looks for the bytes, which may stand in another field too."""
    key, value = key_and_value(tag)
    return tags_of(traits).get(key) == value


def _stretch_of(id_: str) -> tuple[float, float] | None:
    """When a request may have arrived whose id begins so; None when the beginning tells nothing."""
    milliseconds = id_[:_ID_DIGITS]
    if len(milliseconds) < _ID_TELLS or not set(milliseconds) <= set(hexdigits):
        return None
    first, last = (int(milliseconds.ljust(_ID_DIGITS, digit), 16) / 1000 for digit in "0f")
    return first - _ID_SLACK_S, last + _ID_SLACK_S


def latency_by_model(connection: Connection, since: float) -> dict[str, ObservedLatency]:
    """From the latest attempts that answered well. Copies are none: a judge's or a benchmark's questions are not what this Turnout is asked."""
    rows = connection.execute(
        select(attempts.c.model, attempts.c.started_ms, attempts.c.ended_ms, attempts.c.first_token_ms, attempts.c.output, attempts.c.reasoning)
        .join(requests, requests.c.id == attempts.c.request_id)
        .where(
            requests.c.at >= since, requests.c.outcome != "begun", requests.c.drill.is_(None), _ASKED, attempts.c.fault.is_(None)
        )
        .order_by(requests.c.at.desc())
        .limit(_ATTEMPT_SAMPLE)
    ).all()  # fmt: skip
    by_model: defaultdict[str, list[DbRow]] = defaultdict(list)
    for row in rows:
        by_model[row.model].append(row)
    return {model: _observed(rows) for model, rows in by_model.items()}


def usual_ms(connection: Connection, route: str, since: float) -> float | None:
    """The 95 % quantile of the times of a route's latest answered requests; None of fewer than 20."""
    wanted = select(requests.c.duration_ms).where(
        requests.c.at >= since, requests.c.route == route, requests.c.outcome == "ok", requests.c.drill.is_(None), _ASKED,
        requests.c.reason != "cache",
    ).order_by(requests.c.at.desc()).limit(_USUAL_SAMPLE)  # fmt: skip
    found = sorted(connection.execute(wanted).scalars())
    return quantile(found, 0.95) if len(found) >= 20 else None


def quantile(ascending: Sequence[float], q: float) -> float | None:
    """By nearest rank: the smallest value that at least the share ``q`` of all does not exceed."""
    return ascending[max(ceil(q * len(ascending)), 1) - 1] if ascending else None


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
