"""Requests that are handed to people: what a worker writes down, and what came of it."""

from typing import Literal

import msgspec

Kind = Literal["human", "review"]
State = Literal["open", "answered", "dismissed"]


class Said(msgspec.Struct, frozen=True):
    """One message of the conversation, as text."""

    role: str
    text: str


class Tried(msgspec.Struct, frozen=True):
    """One attempt that failed: the fault's word (``timeout``) and what the provider said of it."""

    model: str
    fault: str
    detail: str | None = None


class Ticket(msgspec.Struct, frozen=True):
    """A request as people get it. ``id`` is the request's; ``at`` unix seconds of arrival.

    A caller may wait for the answer to a ``human`` ticket; nobody waits for a ``review``. ``tenant`` is the name of the caller's key,
    None where no keys are asked for. ``front`` is the dialect of ``body``, which is the request as it came. ``why`` says what failed.
    ``left_out`` says in words what was too large to be kept.
    """

    id: str
    kind: Kind
    at: float
    route: str
    tenant: str | None
    front: str
    task: str | None
    messages: tuple[Said, ...]
    why: str
    tried: tuple[Tried, ...] = ()
    body: bytes | None = None
    left_out: tuple[str, ...] = ()


class TicketStatus(msgspec.Struct, frozen=True):
    """How it stands with a ticket. ``text`` is the answer, or the reason it was dismissed for; ``by`` whoever said so.

    The names it shares with a ticket are meant: a ticket's own file, read as a status, says that it is open.
    """

    id: str
    kind: Kind
    at: float
    tenant: str | None
    state: State = "open"
    text: str | None = None
    by: str | None = None
    settled_at: float | None = None
