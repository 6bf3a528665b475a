"""The spine: one request, one call per verb, in order."""

import asyncio

from turnout.decide.classify import classify
from turnout.decide.decide import decide
from turnout.decide.match import NoCandidate
from turnout.errors import TurnoutError
from turnout.execute.commands import UNRECORDED
from turnout.execute.executor import RECORD_WITHIN
from turnout.ports import Sink
from turnout.serve.after import Noted, follow, follow_refused
from turnout.serve.book import Book
from turnout.serve.ends import find_end
from turnout.serve.given import Given
from turnout.serve.mirror import mirror
from turnout.serve.plan import execute
from turnout.serve.rehearse import rehearse
from turnout.serve.worker import Client, Gateway, Request, Snapshot
from turnout.types.policy import Route
from turnout.types.traits import Traits


async def answer(gateway: Gateway, snapshot: Snapshot, request: Request, client: Client) -> None:
    """Classify, decide, execute, record; then, where the route asks for it, keep and grade what was answered.

    Raises:
        TurnoutError: nothing has been sent; the caller answers with it.
    """
    book = Book(gateway, snapshot, request)
    try:
        book.traits = traits = read_traits(gateway, request)
        book.decided = decided = decide(snapshot.view, traits, request.seed)
    except TurnoutError as refusal:
        book.decision_took()
        raise await _refuse(book, refusal, client) from None
    book.decision_took()
    client.decided(decided.route.name, decided.reason)
    if snapshot.rehearsal is not None:
        rehearse(book, snapshot.rehearsal)
    noted = None if decided.route.after is None else Noted(client, decided.route.after)
    try:
        if decided.route.cache is None and not decided.route.ends:
            await execute(book, noted or client)
        else:
            await _with_recourse(book, decided.route, noted or client)
    finally:
        book.close()
        if noted is not None:
            follow(book, noted)
    if decided.route.mirror is not None:
        mirror(book)
    execution = book.execution
    if traits.session is not None and execution.model is not None and execution.reason in _CHOSEN and book.drill is None:
        gateway.sessions.put(traits.session, traits.caller, execution.model)
    if execution.error is not None and execution.outcome == "failed" and execution.ticket is None:
        client.failed(len(execution.attempts))
        raise execution.error


_CHOSEN = frozenset({"static", "cheapest", "fastest", "best", "balanced", "split", "sticky", "explore", "trial", "direct"})
"""A session stays where it was put by choice: neither an outage of a minute, a cheap first try nor a kept answer moves it for good."""


async def _with_recourse(book: Book, route: Route, client: Sink) -> None:
    """What was given before comes first, what is left when every model failed last."""
    given = Given(book, route)
    await given.answer(client)
    if book.execution.outcome == "failed" and route.ends:
        await find_end(book, given, route, client)


async def _refuse(book: Book, refusal: TurnoutError, client: Client) -> TurnoutError:
    """Record a request that was refused before a plan was made; what its client is to be told, which may become another error."""
    error, route = refusal, refusal.route if isinstance(refusal, NoCandidate) else None
    name = route.name if route is not None else None
    if name is not None:
        client.decided(name, "none")
    try:
        if route is not None and route.journal_required:
            async with asyncio.timeout(RECORD_WITHIN):
                await book.write_durably(book.refused(error, name))
    except OSError:  # a TimeoutError is one too
        error = TurnoutError(UNRECORDED.code, UNRECORDED.message)
    finally:
        book.write(book.refused(error, name))
        follow_refused(book, route, error)
    return error


def read_traits(gateway: Gateway, request: Request) -> Traits:
    """What is known of the request, the model its session is on included."""
    hints, key = request.hints, request.key
    held = gateway.sessions.get(hints.session, key.name if key else None) if hints.session is not None else None
    return classify(request.ask.sketch, hints, front=request.front.name, caller=key, held=held)
