"""The page Queues: requests that were handed to people; one ticket with its conversation, to be answered or dismissed."""

from collections.abc import Iterable
from typing import Literal, get_args
from urllib.parse import quote, urlencode

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
from turnout.control.pages.decision import bounded, decision_link
from turnout.control.pages.sources import Sources
from turnout.store.queries import place_of
from turnout.store.tickets import TicketFilters, TicketLine
from turnout.types.tickets import Kind, State, Ticket, TicketStatus

PER_PAGE = 50
MOST = 200
"""Messages of a conversation that are shown, the last ones."""
_STATES: dict[State, Tone] = {"open": "warn", "answered": "good", "dismissed": "plain"}
_HOW = "A route hands requests to people when its fallback chain ends in {queue: human}; the how-to `Hand requests to people` has the rest."


class QueuesAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With an ``id``: that ticket. ``cursor`` is where an earlier page ended."""

    id: str | None = None
    state: State | Literal[""] = ""
    kind: Kind | Literal[""] = ""
    route: str | None = None
    cursor: str | None = None
    window: str = ""
    zone: str = "UTC"

    def __post_init__(self) -> None:
        if self.cursor is not None:
            try:
                place_of(self.cursor)
            except ValueError as error:
                raise ValueError(f"`cursor`: {error}") from None


def queues(asked: QueuesAsked, sources: Sources) -> Page:
    """Raises NoSuchThing."""
    now, store = sources.clock.now(), sources.ledger.tickets
    if asked.id is not None:
        found = store.find(asked.id)
        if found is None:
            raise NoSuchThing("no such ticket in the ledger; one of the last second may still be on its way")
        return Page("queues", "A request for people", tuple(_one(*found)), now)
    waiting = {"human": 0, "review": 0, **store.open_by_kind()}
    lines = store.list(PER_PAGE + 1, _filters(asked))
    return Page(
        "queues",
        "Queues",
        (Section((_counts(waiting),), wide=True), Section(tuple(_list(asked, lines)), wide=True)),
        now,
        live=True,
    )


def _filters(asked: QueuesAsked) -> TicketFilters:
    at, id_ = place_of(asked.cursor) if asked.cursor is not None else (None, None)
    return TicketFilters(asked.kind or None, asked.state or None, asked.route or None, at, id_)


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
            Field("state", "State", asked.state, ("", *get_args(State))),
            Field("kind", "Kind", asked.kind, ("", *get_args(Kind))),
            Field("route", "Route", asked.route or ""),
        )
    )
    columns = (
        Column("Arrived", "time"), Column("State"), Column("Kind"), Column("Route"), Column("Task"), Column("Asked"), Column("Why"), Column("By"),
    )  # fmt: skip
    rows = tuple(
        (
            Cell(line.at, link=f"/queues/{quote(line.id, safe='')}"), Cell(line.state, _STATES[line.state]), line.kind, line.route, line.task,
            line.asked, line.why, line.by,
        )
        for line in lines[:PER_PAGE]
    )  # fmt: skip
    more = _further(asked, lines[PER_PAGE - 1]) if len(lines) > PER_PAGE else None
    yield Table("tickets", "Tickets", columns, rows, f"Nothing here. {_HOW}", more=more)


def _further(asked: QueuesAsked, last: TicketLine) -> str:
    kept = {name: value for name in ("state", "kind", "route") if (value := getattr(asked, name))}
    return "/queues?" + urlencode({**kept, "cursor": f"{last.at!r},{last.id}"})


def _one(ticket: Ticket, status: TicketStatus) -> Iterable[Section]:
    yield Section((Figures(tuple(_facts(ticket, status))), *_said(status)), wide=True)
    place = f"/api/tickets/{quote(ticket.id, safe='')}"
    conversation = tuple(block for said in ticket.messages[-MOST:] for block in bounded(said.role, said.text, "plain", place))
    if len(ticket.messages) > MOST:
        conversation = (
            Note(f"{len(ticket.messages) - MOST:,} earlier messages are not shown. All are at:", command=place),
            *conversation,
        )
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
    yield Figure("Arrived", ticket.at, "time", f"from {ticket.tenant}" if ticket.tenant else "")
    yield Figure("Request", ticket.id, "code", "as it was decided and tried", link=decision_link(ticket.id))
    yield Figure("Route", ticket.route, "text", ticket.task or "")
    yield Figure("Why", ticket.why, "text")


def _said(status: TicketStatus) -> Iterable[Block]:
    if status.text is not None:
        yield Text(f"{status.state} by {status.by}", status.text)
    if status.settled_at is not None:
        yield Figures((Figure("Settled", status.settled_at, "time", f"by {status.by}"),))


def _actions(ticket: Ticket) -> Iterable[Block]:
    place = f"/api/tickets/{quote(ticket.id, safe='')}"
    by = Field("by", "Your name")
    yield Action("Answer", f"{place}/answer", "", {}, (Field("text", "Answer"), by), "good")
    yield Action("Dismiss", f"{place}/dismiss", "Nobody will answer it then.", {}, (Field("reason", "Reason"), by), "bad")
