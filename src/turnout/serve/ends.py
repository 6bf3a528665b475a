"""What is left when every model of a chain failed: an answer that is kept, or people."""

import asyncio

from msgspec.structs import replace

from turnout.dialects.collect import events_of
from turnout.errors import Code
from turnout.execute.job import Execution
from turnout.ports import Serving, Sink
from turnout.serve.book import HANDED_OVER, Book
from turnout.serve.given import Given
from turnout.serve.hand import hand
from turnout.serve.said import said
from turnout.types.policy import CacheEnd, QueueEnd, Route
from turnout.types.record import Attempt
from turnout.types.reply import Choice, Reply, Usage
from turnout.types.request import Text
from turnout.types.tickets import Ticket, TicketStatus, Tried

PEOPLE = "people"
"""Who answers in a model's stead, where headers and records name one."""

_CONDITIONS = {"rate_limited": "rate_limited", "context_overflow": "context_overflow", "content_filter": "content_filter"}


async def find_end(book: Book, given: Given, route: Route, client: Sink) -> None:
    """Try the ends of a failed chain in the policy's order; the book says what came of it."""
    failed = book.execution
    condition = _condition(failed)
    if condition is None:
        return
    for end in route.ends:
        if "any" not in end.on and condition not in end.on:
            continue
        if isinstance(end, CacheEnd):
            hit = await given.last(end.kind)
            if hit is not None and await given.give(hit, client):
                return
        elif await _hand_over(book, end, failed, client):
            return


def _condition(failed: Execution) -> str | None:
    """How the chain ended, as an end's ``on`` names it. None: by the caller's own fault, or ours, which no end mends."""
    code = failed.error.code if failed.error is not None else None
    last = failed.attempts[-1].fault if failed.attempts else None
    if code in (None, Code.OVERLOADED) or (code is Code.INVALID_REQUEST and last not in _CONDITIONS):
        return None
    if code is Code.RATE_LIMITED:
        return "rate_limited"
    return _CONDITIONS.get(last or "", "unavailable")


async def _hand_over(book: Book, end: QueueEnd, failed: Execution, client: Sink) -> bool:
    """Have people take it. False when they cannot: the disk refuses, or they have too much on their desks."""
    desk, request = book.gateway.desk, book.request
    try:
        await desk.hand_over(_ticket(book, end, failed))
    except OSError:
        return False
    handed = replace(failed, ticket=request.id)
    book.execution = replace(handed, outcome="cancelled")
    answer = await _waited(book, end, client) if end.kind == "human" and end.wait else None
    if answer is not None and answer.state == "answered":
        serving = Serving(PEOPLE, "fallback", len(failed.attempts), failed.cost, ticket=request.id)
        ended, text = replace(handed, outcome="ok", model=PEOPLE, reason="fallback", error=None), answer.text or ""
    else:
        serving = Serving("none", "none", len(failed.attempts), failed.cost, status=HANDED_OVER, ticket=request.id)
        ended, text = handed, _told(end, request.id, answer)
    await hand(book, ended, serving, _written(book, text), client)
    return True


async def _waited(book: Book, end: QueueEnd, client: Sink) -> TicketStatus | None:
    """What people say while the caller waits, at most as long as it has time. Raises nothing: the ticket is theirs either way."""
    assert book.decided is not None, "it was decided before"
    left = book.request.arrived + book.decided.plan.deadline - book.gateway.clock.steady()
    waiting = asyncio.ensure_future(book.gateway.desk.wait(book.request.id, min(end.wait, max(left, 0.0))))
    gone = asyncio.ensure_future(client.wait_gone())
    try:
        await asyncio.wait((waiting, gone), return_when=asyncio.FIRST_COMPLETED)
        return waiting.result() if waiting.done() else None
    except OSError:
        return None
    finally:
        waiting.cancel()
        gone.cancel()


def _ticket(book: Book, end: QueueEnd, failed: Execution) -> Ticket:
    request, traits, decided = book.request, book.traits, book.decided
    assert traits is not None, "what failed has been classified"
    assert decided is not None, "and decided"
    return Ticket(
        id=request.id, kind=end.kind, at=request.at, route=decided.route.name, tenant=request.tenant, front=request.front.name,
        task=traits.task.value, messages=said(request), why=failed.error.message if failed.error is not None else "",
        tried=tuple(_tried(attempt) for attempt in failed.attempts), body=request.ask.body,
    )  # fmt: skip


def _tried(attempt: Attempt) -> Tried:
    return Tried(attempt.model, attempt.fault or "ok", attempt.detail)


def _told(end: QueueEnd, ticket: str, answer: TicketStatus | None) -> str:
    if answer is not None and answer.state == "dismissed":
        return f"No model could answer this, and the person asked declined to: {answer.text or 'no reason was given'}."
    who = "a person" if end.kind == "human" else "review"
    return f"No model could answer this just now. It was handed to {who}; GET /v1/tickets/{ticket} tells how it stands."


def _written(book: Book, text: str) -> bytes:
    """The text as an answer in the client's dialect, whole or as a stream. No tokens: applications count on there being a count."""
    request = book.request
    reply = Reply(f"ticket-{request.id}", PEOPLE, (Choice((Text(text),), "stop"),), Usage())
    if not request.ask.sketch.stream:
        return request.front.write_reply(reply)
    writer = request.front.writer(request.ask)
    return b"".join(writer.write(event) for event in events_of(reply))
