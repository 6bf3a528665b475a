"""Tickets in the ledger: listed, found, and settled once."""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Engine, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from turnout.store.retention import delete_some
from turnout.store.schema import tickets
from turnout.types.tickets import Kind, State, Ticket, TicketStatus

SHOWN = 300
"""Characters of a text in a list."""
_AT_ONCE = 500
"""Ids in one query: databases bound a statement's parameters."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Ticket).decode


class TicketLine(msgspec.Struct, frozen=True):
    """One ticket in a list. ``asked`` begins the last message of the conversation."""

    id: str
    at: float
    kind: Kind
    state: State
    route: str
    tenant: str | None
    task: str | None
    why: str
    asked: str
    by: str | None
    settled_at: float | None


class TicketFilters(msgspec.Struct, frozen=True):
    """Which tickets to list; None means any. ``before`` is unix seconds, to page back; with ``before_id`` from that ticket of that moment on."""

    kind: Kind | None = None
    state: State | None = None
    route: str | None = None
    before: float | None = None
    before_id: str | None = None


class AlreadySettled(Exception):
    """Somebody was quicker; ``status`` says who."""

    def __init__(self, status: TicketStatus) -> None:
        super().__init__(f"the ticket was {status.state} by {status.by}")
        self.status = status


_LINE = [tickets.c[name] for name in TicketLine.__struct_fields__]
_STATUS = [tickets.c[name] for name in TicketStatus.__struct_fields__]


class TicketStore:
    """A part of the ledger (:attr:`Ledger.tickets`). Raises sqlalchemy.exc.SQLAlchemyError from every method."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    def take_in(self, handed_over: Sequence[Ticket]) -> None:
        """Store them as open; one that is known already stays as it is."""
        if handed_over:
            with self._engine.begin() as connection:
                connection.execute(self._insert(tickets).on_conflict_do_nothing(), [_row(ticket) for ticket in handed_over])

    def statuses(self, ids: Iterable[str]) -> dict[str, TicketStatus]:
        """How it stands with those of these that are known."""
        wanted = list(ids)
        found: dict[str, TicketStatus] = {}
        with self._engine.connect() as connection:
            for start in range(0, len(wanted), _AT_ONCE):
                rows = connection.execute(select(*_STATUS).where(tickets.c.id.in_(wanted[start : start + _AT_ONCE])))
                found.update((row.id, TicketStatus(*row)) for row in rows)
        return found

    def list(self, limit: int, filters: TicketFilters = TicketFilters()) -> tuple[TicketLine, ...]:  # noqa: B008  (frozen)
        """Newest first."""
        wanted = select(*_LINE).order_by(tickets.c.at.desc(), tickets.c.id.desc()).limit(limit)
        for name in ("kind", "state", "route"):
            if (value := getattr(filters, name)) is not None:
                wanted = wanted.where(tickets.c[name] == value)
        if filters.before is not None and filters.before_id is None:
            wanted = wanted.where(tickets.c.at < filters.before)
        elif filters.before is not None:  # the first bound is the index's
            later = or_(tickets.c.at < filters.before, tickets.c.id < filters.before_id)
            wanted = wanted.where(tickets.c.at <= filters.before, later)
        with self._engine.connect() as connection:
            return tuple(TicketLine(*row) for row in connection.execute(wanted))

    def open_by_kind(self) -> dict[str, int]:
        """How many wait for people."""
        counted = select(tickets.c.kind, func.count()).where(tickets.c.state == "open").group_by(tickets.c.kind)
        with self._engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(counted)}

    def find(self, ticket_id: str) -> tuple[Ticket, TicketStatus] | None:
        """All of it."""
        with self._engine.connect() as connection:
            row = connection.execute(select(tickets.c.content, *_STATUS).where(tickets.c.id == ticket_id)).first()
        return None if row is None else (_decode(row[0]), TicketStatus(*row[1:]))

    def settle(self, ticket_id: str, state: State, text: str, by: str, at: float) -> TicketStatus | None:
        """Note what people said of an open ticket (unix seconds ``at``); None: there is no such ticket.

        Raises:
            AlreadySettled: it is open no more, and stays as it is.
        """
        said = {"state": state, "text": _storable(text), "by": _storable(by), "settled_at": at}
        with self._engine.begin() as connection:
            done = connection.execute(update(tickets).where(tickets.c.id == ticket_id, tickets.c.state == "open").values(said))
            row = connection.execute(select(*_STATUS).where(tickets.c.id == ticket_id)).first()
        if row is None:
            return None
        if not done.rowcount:
            raise AlreadySettled(TicketStatus(*row))
        return TicketStatus(*row)

    def forget_settled_before(self, moment: float) -> None:
        """Delete what was settled before then (unix seconds), content and all. Open tickets are never deleted."""
        deleted = _AT_ONCE
        while deleted == _AT_ONCE:  # in bounded transactions: others write too
            with self._engine.begin() as connection:
                deleted = delete_some(connection, tickets.c.id, tickets.c.settled_at < moment, limit=_AT_ONCE)


def _row(ticket: Ticket) -> dict[str, object]:
    asked = ticket.messages[-1].text if ticket.messages else ""
    return {
        "id": ticket.id,
        "at": ticket.at,
        "kind": ticket.kind,
        "state": "open",
        "route": _storable(ticket.route),
        "tenant": None if ticket.tenant is None else _storable(ticket.tenant),
        "task": None if ticket.task is None else _storable(ticket.task),
        "why": _storable(ticket.why[:SHOWN]),
        "asked": _storable(asked[:SHOWN]),
        "content": _encode(ticket),
    }


def _storable(text: str) -> str:
    """Without the one character that PostgreSQL has no place for."""
    return text.replace("\0", "")
