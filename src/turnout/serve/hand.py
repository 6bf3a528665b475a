"""An answer that no call of this request made, on its way to the client."""

import asyncio

from msgspec.structs import replace

from turnout.errors import ClientGone, TurnoutError
from turnout.execute.commands import UNRECORDED
from turnout.execute.executor import RECORD_WITHIN
from turnout.execute.job import Execution
from turnout.ports import Serving, Sink
from turnout.serve.book import Book


async def hand(book: Book, done: Execution, serving: Serving, body: bytes, client: Sink) -> None:
    """The client gets it, and the book says how that went. On an audited route its record is durable first, or nothing is sent."""
    if not await may_be_told(book, done):
        return
    book.execution = replace(done, outcome="cancelled")
    client.begin(serving)
    try:
        await client.send(body)
    except ClientGone:
        return
    book.execution = done


async def may_be_told(book: Book, done: Execution) -> bool:
    """Once its record is durable, where the route demands that. If it cannot be, the book says so instead."""
    assert book.decided is not None, "what is answered has been decided"
    if not book.decided.plan.journal_required:
        return True
    try:
        async with asyncio.timeout(RECORD_WITHIN):
            await book.gate(done)
    except OSError:  # a TimeoutError is one too
        unrecorded = TurnoutError(UNRECORDED.code, UNRECORDED.message)
        book.execution = Execution("failed", done.attempts, done.cost, error=unrecorded, skipped=done.skipped)
        return False
    return True
