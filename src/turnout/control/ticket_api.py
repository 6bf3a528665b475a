"""Tickets under ``/api/tickets``: listed, shown, answered, dismissed."""

from collections.abc import Callable
from typing import Annotated, Literal, get_type_hints

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from turnout.control.guard import refusal
from turnout.control.openapi import described
from turnout.control.tickets import Tickets
from turnout.control.wire import as_json, read_query
from turnout.store.tickets import AlreadySettled, TicketFilters, TicketLine
from turnout.types.tickets import Kind, State, Ticket, TicketStatus

LARGEST_ANSWER = 1024 * 1024
"""Bytes of a call that says something."""
_WHOLE = {**get_type_hints(Ticket), **get_type_hints(TicketStatus), "body": str | None}

_Words = Annotated[str, msgspec.Meta(pattern=r"\S")]
_Name = Annotated[str, msgspec.Meta(pattern=r"\S", max_length=200)]


class TicketQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 50
    kind: Kind | None = None
    state: State | None = None
    route: str | None = None
    before: float | None = None


class AnswerCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: _Words
    by: _Name


class DismissCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: _Words
    by: _Name


def ticket_routes(tickets: Tickets) -> tuple[Route, ...]:
    api = _TicketApi(tickets)
    return (
        Route("/api/tickets", api.list),
        Route("/api/tickets/{id}", api.show),
        Route("/api/tickets/{id}/answer", api.answer, methods=["POST"]),
        Route("/api/tickets/{id}/dismiss", api.dismiss, methods=["POST"]),
    )


class _TicketApi:
    """Plain functions run in threads; those that read a body have their waiting part run there."""

    def __init__(self, tickets: Tickets) -> None:
        self._tickets = tickets

    @described(
        "requests handed to people, newest first",
        query=TicketQuery,
        answers={"tickets": tuple[TicketLine, ...], "open": dict[str, int], "unreadable": int},
    )
    def list(self, request: Request) -> Response:
        query = read_query(request, TicketQuery)
        filters = TicketFilters(query.kind, query.state, query.route, query.before)
        store = self._tickets.store
        return as_json(
            {
                "tickets": store.list(query.limit, filters),
                "open": {"human": 0, "review": 0, **store.open_by_kind()},
                "unreadable": self._tickets.unreadable(),
            }
        )

    @described("a ticket with its conversation", answers=_WHOLE)
    def show(self, request: Request) -> Response:
        found = self._tickets.store.find(request.path_params["id"])
        if found is None:
            return _no_such_ticket()
        ticket, status = found
        # The body is text for whoever reads it; as bytes, JSON would show it in base64.
        body = None if ticket.body is None else ticket.body.decode(errors="replace")
        return as_json({**msgspec.structs.asdict(ticket), "body": body, **msgspec.structs.asdict(status)})

    @described("answers a ticket: whoever waits gets it", body=AnswerCall, answers=TicketStatus)
    async def answer(self, request: Request) -> Response:
        return await self._settle(request, lambda body: ("answered", msgspec.json.decode(body, type=AnswerCall)))

    @described("dismisses a ticket", body=DismissCall, answers=TicketStatus)
    async def dismiss(self, request: Request) -> Response:
        return await self._settle(request, lambda body: ("dismissed", msgspec.json.decode(body, type=DismissCall)))

    async def _settle(
        self, request: Request, read: Callable[[bytes], tuple[Literal["answered", "dismissed"], AnswerCall | DismissCall]]
    ) -> Response:
        body = await _body(request)
        if body is None:
            return refusal(413, "too_large", f"more than {LARGEST_ANSWER:,} bytes")
        state, call = read(body)
        text = call.text if isinstance(call, AnswerCall) else call.reason
        try:
            status = await run_in_threadpool(self._tickets.settle, request.path_params["id"], state, text, call.by)
        except AlreadySettled as quicker:
            return refusal(409, "conflict", f"{quicker}; what was said stays")
        return _no_such_ticket() if status is None else as_json(status)


def _no_such_ticket() -> Response:
    return refusal(404, "not_found", "no such ticket in the ledger; one of the last second may still be on its way")


async def _body(request: Request) -> bytes | None:
    """None when there is more of it than anybody writes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            return None
    return bytes(body)
