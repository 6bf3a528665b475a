"""The page Decisions: a search over all requests; and one of them, as it was decided, tried, answered and judged."""

from collections.abc import Iterable, Iterator
from math import isfinite
from typing import Annotated, Literal, get_args
from urllib.parse import urlencode

import msgspec

from turnout.control.pages.asked import Asked, any_of, choice
from turnout.control.pages.blocks import Block, Cell, Column, Field, Note, Page, Search, Section, Table
from turnout.control.pages.decision import decision_link, one
from turnout.control.pages.seen import ERRORS, NOTHING, OUTCOMES, Seen, name_of, see
from turnout.control.pages.sources import Sources
from turnout.feedback.accuracy import ACCEPTABLE
from turnout.store.queries import Filters, Found, RequestLine, key_and_value, place_of
from turnout.store.rollups import sums
from turnout.types.decision import Reason
from turnout.types.money import pico_from_usd
from turnout.types.record import Outcome, Side

_LESS = 1e-9
LARGEST_USD, LARGEST_WHOLE = 9e6, 2**31 - 1
"""What a database's whole numbers hold: of pico-dollars, and of versions."""

Judged = Literal["", "judged", "good", "bad"]
"""``judged`` is whatever has a verdict, ``good`` what is acceptable."""
Copies = Literal["", "with", "only"]
Rows = Literal["50", "500", "5000"]
_JUDGED: dict[str, tuple[float | None, float | None]] = {
    "": (None, None), "judged": (0.0, None), "good": (ACCEPTABLE, None), "bad": (None, ACCEPTABLE - _LESS),
}  # fmt: skip
_COPIES: dict[str, bool | None] = {"": False, "with": None, "only": True}
_SAME = (
    "route",
    "model",
    "task",
    "reason",
    "code",
    "caller",
    "session",
    "tag",
    "called",
    "fault",
    "policy",
    "drill",
    "trial",
    "side",
    "cursor",
)
_AMOUNTS = ("min_cost_usd", "min_ms", "since", "until")


class DecisionsAsked(Asked, frozen=True, kw_only=True):
    """With an ``id``: that request. ``find`` is the beginning of one. Times are unix seconds, ``cursor`` is where an earlier page ended.

    ``outcome`` may be ``errors``: failed or cut. ``called`` is whom a call went to, whoever answered in the end.
    ``trial`` is the release on whose trial it was, ``side`` its arm.
    """

    id: str | None = None
    find: str | None = None
    outcome: Outcome | Literal["", "errors"] = ""
    reason: Reason | Literal[""] = ""
    code: str | None = None
    caller: str | None = None
    session: str | None = None
    tag: str | None = None
    called: str | None = None
    fault: str | None = None
    policy: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_WHOLE)] | None = None
    drill: str | None = None
    trial: str | None = None
    side: Side | Literal[""] = ""
    judged: Judged = ""
    copies: Copies = ""
    min_cost_usd: float | None = None
    min_ms: float | None = None
    since: float | None = None
    until: float | None = None
    rows: Rows = "50"
    cursor: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in _AMOUNTS:
            value = getattr(self, name)
            if value is not None and not (isfinite(value) and value >= 0):
                raise ValueError(f"`{name}`: {value} is no amount; leave it empty for any")
        if self.min_cost_usd is not None and self.min_cost_usd > LARGEST_USD:
            raise ValueError(f"`min_cost_usd`: no request costs {self.min_cost_usd:g} dollars")
        for name, read in (("tag", key_and_value), ("cursor", place_of)):
            if value := getattr(self, name):
                try:
                    read(value)
                except ValueError as error:
                    raise ValueError(f"`{name}`: {error}") from None
        for name, value in msgspec.structs.asdict(self).items():
            if isinstance(value, str) and "\0" in value:  # PostgreSQL has no place for it
                raise ValueError(f"`{name}`: no text has a NUL character")

    @property
    def said(self) -> dict[str, str]:
        """What was asked for, as a query, without where an earlier page ended."""
        values = msgspec.structs.asdict(self)
        default = {field.name: field.default for field in msgspec.structs.fields(self)}
        return {
            name: str(value)
            for name, value in values.items()
            if value not in (default[name], "") and name not in {"zone", "cursor"}
        }


def decisions(asked: DecisionsAsked, sources: Sources) -> Page:
    """Raises NoSuchThing."""
    if asked.id is not None:
        return one(asked.id, sources)
    seen = see(asked, sources)
    filters = _filters(asked, seen)
    found = sources.ledger.search(int(asked.rows), filters)
    asof = found.lines[0].at if found.lines and asked.cursor is None else seen.asof
    sections = (Section((_search(asked, seen),)), Section(tuple(_list(asked, found, filters.since)), wide=True))
    return Page("decisions", "Decisions", sections, seen.now, asof)


def _filters(asked: DecisionsAsked, seen: Seen) -> Filters:
    least, most = _JUDGED[asked.judged]
    same = {name: None if (value := getattr(asked, name)) == "" else value for name in _SAME}
    return Filters(
        **same,
        id=asked.find or None,
        outcomes=ERRORS if asked.outcome == "errors" else (asked.outcome,) if asked.outcome else (),
        copies=_COPIES[asked.copies],
        min_cost=None if asked.min_cost_usd is None else pico_from_usd(asked.min_cost_usd),
        min_duration_ms=asked.min_ms,
        min_verdict=least,
        max_verdict=most,
        since=seen.window.since if asked.since is None else asked.since,
        until=asked.until,
    )


def _search(asked: DecisionsAsked, seen: Seen) -> Search:
    there = {name: sums.values(seen.everything, name) for name in ("route", "model", "task", "caller")}
    return Search(
        (
            choice(asked, "window", "Window"),
            *(any_of(asked, name, name.capitalize(), there[name]) for name in ("route", "model", "task", "caller")),
            Field("outcome", "Outcome", asked.outcome, ("", "errors", *get_args(Outcome))),
            Field("reason", "Reason", asked.reason, ("", *get_args(Reason))),
            Field("judged", "Verdict", asked.judged, get_args(Judged)),
            Field("code", "Error code", asked.code or ""),
            Field("fault", "Provider's fault", asked.fault or ""),
            Field("tag", "Tag", asked.tag or ""),
            Field("session", "Session", asked.session or ""),
            Field("min_cost_usd", "At least $", _number(asked.min_cost_usd)),
            Field("min_ms", "At least ms", _number(asked.min_ms)),
            Field("find", "Id begins", asked.find or ""),
            *_rarer(asked),
            Field("rows", "Rows", asked.rows, get_args(Rows)),
        )
    )


def _rarer(asked: DecisionsAsked) -> Iterator[Field]:
    """Filters that links bring: seen where they are set, so that they can be taken off, and are kept when another one changes."""
    for name, label in (("called", "Called"), ("drill", "Drill"), ("policy", "Policy"), ("trial", "Trial")):
        if value := getattr(asked, name):
            yield Field(name, label, str(value))
    for name, label in (("since", "From (unix s)"), ("until", "Before (unix s)")):
        if (moment := getattr(asked, name)) is not None:
            yield Field(name, label, _number(moment))
    if asked.side or asked.trial:
        yield Field("side", "Arm", asked.side, ("", *get_args(Side)))
    if asked.copies:
        yield Field("copies", "Copies", asked.copies, get_args(Copies))


def _number(value: float | None) -> str:
    return "" if value is None else repr(value).removesuffix(".0")


def _list(asked: DecisionsAsked, found: Found, since: float | None) -> Iterable[Block]:
    columns = (
        Column("Time", "time"), Column("Route"), Column("Model"), Column("Reason"), Column("Task"), Column("Band"), Column("Caller"),
        Column("Session"), Column("Cost", "usd"), Column("Latency", "ms"), Column("Calls", "count"), Column("Verdict", "percent"),
        Column("Outcome"), Column("Request", "code"),
    )  # fmt: skip
    # The next page begins where this one's window does, however much later it is asked for: else the oldest would drop out meanwhile.
    more = None if found.more is None else _link(asked, since=repr(since), cursor=found.more)
    note = f"{found.looked_at:,} requests looked at." if found.lines else ""
    yield Table(
        "requests", "Requests", columns, tuple(_row(asked, line) for line in found.lines), _nothing(found), note, more, 50
    )
    if found.more is not None and not found.lines:
        yield Note("None among these; the search goes on from there with “Older ones”.")


def _nothing(found: Found) -> str:
    if found.looked_at:
        return f"None of {found.looked_at:,} requests is like that. Widen the window, or empty a filter."
    return (
        "No requests in this window. Point a client at the gateway, or run `turnout demo`, and they appear here within seconds."
    )


def _row(asked: DecisionsAsked, line: RequestLine) -> tuple[Cell | float | str | None, ...]:
    was_called = line.attempts or line.model is not None
    return (
        Cell(line.at, link=decision_link(line.id)), name_of(line.route), Cell(line.model or NOTHING, series=line.model), line.reason or NOTHING,
        line.task or NOTHING, line.band or NOTHING, _narrower(asked, "caller", line.caller), _narrower(asked, "session", line.session),
        line.cost if was_called else NOTHING, NOTHING if line.outcome == "begun" else line.duration_ms, line.attempts,
        NOTHING if line.verdict is None else Cell(line.verdict, "bad" if line.verdict < ACCEPTABLE else "good"),
        Cell(line.code or line.outcome, OUTCOMES.get(line.outcome, "plain")), line.id,
    )  # fmt: skip


def _narrower(asked: DecisionsAsked, name: str, value: str | None) -> Cell | str:
    """One that leads to those of these that have the same."""
    return Cell(value, link=_link(asked, **{name: value})) if value else NOTHING


def _link(asked: DecisionsAsked, **more: str) -> str:
    return "/decisions?" + urlencode({**asked.said, **more})
