"""The page Queues: requests that were handed to people; one ticket with its conversation, to be answered or dismissed."""

from collections.abc import Iterable
from typing import get_args
from urllib.parse import urlencode

import msgspec

from turnout.control.pages.blocks import (
    Action,
    Block,
    Cell,
    Column,
    Field,
    Figure,
    Figures,
    NoSuchThing,
    Note,
    Page,
    Search,
    Section,
    Table,
    Text,
    Tone,
)  # fmt: skip
from turnout.control.pages.sources import Sources
from turnout.store.tickets import TicketFilters, TicketLine
from turnout.types.tickets import Kind, State, Ticket, TicketStatus

PER_PAGE = 50
_STATES: dict[State, Tone] = {"open": "warn", "answered": "good", "dismissed": "plain"}
_HOW = "A route hands requests to people when its fallback chain ends in {queue: human}; the how-to `Hand requests to people` has the rest."


class QueuesAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With an ``id``: that ticket. ``before`` (unix seconds) pages back."""

    id: str | None = None
    state: State | None = None
    kind: Kind | None = None
    route: str | None = None
    before: float | None = None
    window: str = ""
    zone: str = "UTC"


def queues(asked: QueuesAsked, sources: Sources) -> Page:
    """Raises NoSuchThing."""
    now, store = sources.clock.now(), sources.ledger.tickets
    if asked.id is not None:
        found = store.find(asked.id)
        if found is None:
            raise NoSuchThing("no such ticket in the ledger; one of the last second may still be on its way")
        return Page("queues", "A request for people", tuple(_one(*found)), now)
    waiting = {"human": 0, "review": 0, **store.open_by_kind()}
    lines = store.list(PER_PAGE, TicketFilters(asked.kind, asked.state, asked.route, asked.before))
    return Page(
        "queues",
        "Queues",
        (Section((_counts(waiting),), wide=True), Section(tuple(_list(asked, lines)), wide=True)),
        now,
        live=True,
    )


def _counts(waiting: dict[str, int]) -> Figures:
    said = {"human": "a caller may be waiting", "review": "nobody waits"}
    return Figures(
        tuple(
            Figure(f"Open: {kind}", count, "count", said[kind], "warn" if count else "plain", f"/queues?state=open&kind={kind}")
            for kind, count in waiting.items()
        )
    )


def _list(asked: QueuesAsked, lines: tuple[TicketLine, ...]) -> Iterable[Block]:
    yield Search(
        (
            Field("state", "State", asked.state or "", ("", *get_args(State))),
            Field("kind", "Kind", asked.kind or "", ("", *get_args(Kind))),
            Field("route", "Route", asked.route or ""),
        )
    )
    columns = (
        Column("Arrived", "time"), Column("State"), Column("Kind"), Column("Route"), Column("Task"), Column("Asked"), Column("Why"), Column("By"),
    )  # fmt: skip
    rows = tuple(
        (
            Cell(line.at, link=f"/queues/{line.id}"), Cell(line.state, _STATES[line.state]), line.kind, line.route, line.task,
            line.asked, line.why, line.by,
        )
        for line in lines
    )  # fmt: skip
    more = _further(asked, lines[-1].at) if len(lines) == PER_PAGE else None
    yield Table("tickets", "Tickets", columns, rows, f"Nothing here. {_HOW}", more=more)


def _further(asked: QueuesAsked, before: float) -> str:
    kept = {name: value for name in ("state", "kind", "route") if (value := getattr(asked, name)) is not None}
    return "/queues?" + urlencode({**kept, "before": repr(before)})


def _one(ticket: Ticket, status: TicketStatus) -> Iterable[Section]:
    yield Section((Figures(tuple(_facts(ticket, status))), *_said(status)), wide=True)
    conversation = tuple(Text(said.role, said.text) for said in ticket.messages)
    left_out = tuple(Note(f"Left out: {words}.", "warn") for words in ticket.left_out)
    yield Section((*conversation, *left_out), "Conversation", wide=True)
    if ticket.tried:
        columns = (Column("Model"), Column("Fault"), Column("What the provider said"))
        rows = tuple((Cell(tried.model, series=tried.model), Cell(tried.fault, "bad"), tried.detail) for tried in ticket.tried)
        yield Section((Table("tried", "Tried before", columns, rows, ""),), wide=True)
    if status.state == "open":
        yield Section(tuple(_actions(ticket)), "Settle it")


def _facts(ticket: Ticket, status: TicketStatus) -> Iterable[Figure]:
    yield Figure("State", status.state, "text", ticket.kind, _STATES[status.state])
    yield Figure("Arrived", ticket.at, "time", link=f"/decisions/{ticket.id}")
    yield Figure("Route", ticket.route, "text", ticket.task or "")
    yield Figure("Why", ticket.why, "text")


def _said(status: TicketStatus) -> Iterable[Block]:
    if status.text is not None:
        yield Text(f"{status.state} by {status.by}", status.text)


def _actions(ticket: Ticket) -> Iterable[Block]:
    by = Field("by", "Your name")
    yield Action("Answer", f"/api/tickets/{ticket.id}/answer", "", {}, (Field("text", "Answer"), by), "good")
    yield Action(
        "Dismiss", f"/api/tickets/{ticket.id}/dismiss", "Nobody will answer it then.", {}, (Field("reason", "Reason"), by), "bad"
    )
