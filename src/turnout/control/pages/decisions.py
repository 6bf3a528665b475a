"""The page Decisions: a search over all requests; and one of them, as it was decided, tried, answered and judged."""

from collections.abc import Iterable
from math import isfinite
from typing import Literal, get_args
from urllib.parse import urlencode

import msgspec

from turnout.control.pages.asked import Asked, any_of, choice
from turnout.control.pages.blocks import Block, Cell, Column, Field, Note, Page, Search, Section, Table
from turnout.control.pages.decision import OUTCOMES, one
from turnout.control.pages.seen import NOTHING, Seen, name_of, see
from turnout.control.pages.sources import Sources
from turnout.store.queries import Filters, Found, RequestLine
from turnout.store.rollups import sums
from turnout.types.decision import Reason
from turnout.types.money import pico_from_usd
from turnout.types.record import Outcome

PER_PAGE = 50
GOOD = 0.5
"""The verdict from which on an answer counts as acceptable."""

Judged = Literal["", "good", "bad"]
_SAME = ("route", "model", "task", "outcome", "reason", "code", "caller", "session", "tag", "fault", "policy", "drill")


class DecisionsAsked(Asked, frozen=True, kw_only=True):
    """With an ``id``: that request. ``find`` is the beginning of one. Times are unix seconds, ``cursor`` is where an earlier page ended."""

    id: str | None = None
    find: str | None = None
    outcome: str | None = None
    reason: str | None = None
    code: str | None = None
    caller: str | None = None
    session: str | None = None
    tag: str | None = None
    fault: str | None = None
    policy: int | None = None
    drill: str | None = None
    judged: Judged = ""
    min_cost_usd: float | None = None
    min_ms: float | None = None
    since: float | None = None
    until: float | None = None
    cursor: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("min_cost_usd", "min_ms", "since", "until"):
            value = getattr(self, name)
            if value is not None and not (isfinite(value) and value >= 0):
                raise ValueError(f"`{name}`: {value} is no amount; leave it empty for any")


def decisions(asked: DecisionsAsked, sources: Sources) -> Page:
    """Raises NoSuchThing."""
    if asked.id is not None:
        return one(asked.id, sources)
    seen = see(asked, sources)
    found = sources.ledger.search(PER_PAGE, _filters(asked, seen))
    asof = found.lines[0].at if found.lines and asked.cursor is None else seen.asof
    return Page(
        "decisions",
        "Decisions",
        (Section((_search(asked, seen),)), Section(tuple(_list(asked, found)), wide=True)),
        seen.now,
        asof,
    )


def _filters(asked: DecisionsAsked, seen: Seen) -> Filters:
    return Filters(
        **{name: getattr(asked, name) or None for name in _SAME},
        id=asked.find or None,
        min_cost=None if asked.min_cost_usd is None else pico_from_usd(asked.min_cost_usd),
        min_duration_ms=asked.min_ms,
        min_verdict=GOOD if asked.judged == "good" else None,
        max_verdict=GOOD - 1e-9 if asked.judged == "bad" else None,
        since=seen.window.since if asked.since is None else asked.since,
        until=asked.until,
        cursor=asked.cursor,
    )


def _search(asked: DecisionsAsked, seen: Seen) -> Search:
    there = {name: {group[0] for group in sums.cells(seen.everything, name)} for name in ("route", "model", "task", "caller")}
    return Search(
        (
            choice(asked, "window", "Window"),
            *(any_of(asked, name, name.capitalize(), there[name]) for name in ("route", "model", "task", "caller")),
            Field("outcome", "Outcome", asked.outcome or "", ("", *get_args(Outcome))),
            Field("reason", "Reason", asked.reason or "", ("", *get_args(Reason))),
            choice(asked, "judged", "Judged"),
            Field("code", "Error code", asked.code or ""),
            Field("fault", "Provider's fault", asked.fault or ""),
            Field("tag", "Tag", asked.tag or ""),
            Field("session", "Session", asked.session or ""),
            Field("min_cost_usd", "At least $", "" if asked.min_cost_usd is None else f"{asked.min_cost_usd:g}"),
            Field("min_ms", "At least ms", "" if asked.min_ms is None else f"{asked.min_ms:g}"),
            Field("find", "Id begins", asked.find or ""),
        )
    )


def _list(asked: DecisionsAsked, found: Found) -> Iterable[Block]:
    columns = (
        Column("Time", "time"), Column("Route"), Column("Model"), Column("Reason"), Column("Task"), Column("Complexity"), Column("Caller"),
        Column("Cost", "usd"), Column("Latency", "ms"), Column("Calls", "count"), Column("Verdict", "percent"), Column("Outcome"),
    )  # fmt: skip
    more = _further(asked, found.more) if found.more is not None else None
    note = f"{found.looked_at:,} requests looked at" if found.lines else ""
    yield Table("requests", "Requests", columns, tuple(map(_row, found.lines)), _nothing(found), note, more)
    if found.more is not None and not found.lines:
        yield Note("None among these; the search goes on from there with `more`.")


def _nothing(found: Found) -> str:
    if found.looked_at:
        return f"None of {found.looked_at:,} requests is like that. Widen the window, or empty a filter."
    return (
        "No requests in this window. Point a client at the gateway, or run `turnout demo`, and they appear here within seconds."
    )


def _row(line: RequestLine) -> tuple[Cell | float | str | None, ...]:
    return (
        Cell(line.at, link=f"/decisions/{line.id}"), name_of(line.route), Cell(line.model or NOTHING, series=line.model), line.reason or NOTHING,
        line.task or NOTHING, line.band or NOTHING, line.caller or NOTHING, line.cost if line.model else NOTHING, line.duration_ms, line.attempts,
        NOTHING if line.verdict is None else Cell(line.verdict, "bad" if line.verdict < GOOD else "good", note=line.verdict_by or ""),
        Cell(line.code or line.outcome, OUTCOMES.get(line.outcome, "plain")),
    )  # fmt: skip


def _further(asked: DecisionsAsked, cursor: str) -> str:
    said = {
        name: value
        for name, value in msgspec.structs.asdict(asked).items()
        if value not in {None, ""} and name not in {"zone", "cursor"}
    }
    return "/decisions?" + urlencode({**said, "cursor": cursor})
