"""The page Now: what goes where at this moment, and who is well."""

from turnout.control.pages.asked import Asked
from turnout.control.pages.blocks import Cell, Column, Page, Section, Table, Tone
from turnout.control.pages.sources import Sources
from turnout.store.queries import Filters, RequestLine

LATEST = 20
OUTCOMES: dict[str, Tone] = {
    "ok": "plain",
    "failed": "bad",
    "cut": "bad",
    "rejected": "warn",
    "cancelled": "warn",
    "begun": "warn",
}


class NowAsked(Asked, frozen=True, kw_only=True):
    """A short window by default."""


def now(asked: NowAsked, sources: Sources) -> Page:
    moment = sources.clock.now()
    lines = sources.ledger.recent(LATEST, Filters(asked.route, asked.model, asked.task))
    asof = lines[0].at if lines else None
    return Page("now", "Now", (Section((_latest(lines),), wide=True),), moment, asof, live=True)


def _latest(lines: tuple[RequestLine, ...]) -> Table:
    columns = (
        Column("Time", "time"), Column("Route"), Column("Model"), Column("Reason"), Column("Task"), Column("Cost", "usd"),
        Column("Latency", "ms"), Column("Outcome"),
    )  # fmt: skip
    rows = tuple(
        (
            Cell(line.at, link=f"/decisions/{line.id}"), line.route, Cell(line.model, series=line.model), line.reason, line.task,
            line.cost, line.duration_ms, Cell(line.code or line.outcome, OUTCOMES.get(line.outcome, "plain")),
        )
        for line in lines
    )  # fmt: skip
    return Table(
        "latest",
        "Latest decisions",
        columns,
        rows,
        "No requests yet. Point a client at the gateway and they appear here within a second.",
    )
