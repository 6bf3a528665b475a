"""Requests that nobody made and for whose answers nobody waits: a stale answer's renewal, a drill's mirror."""

import asyncio
from collections.abc import Coroutine

from msgspec.structs import replace

from turnout.ports import Serving
from turnout.serve.book import Book
from turnout.serve.worker import Request, request_id
from turnout.types.decision import NOT_DRAWN

MOST_BEHIND = 100
"""How many go on at once in each worker; beyond that they are left out."""


class NoClient:
    """The client of such a request: it takes everything and never leaves."""

    def begin(self, serving: Serving) -> None:
        pass

    async def send(self, data: bytes) -> None:
        pass

    async def wait_gone(self) -> None:
        await asyncio.Event().wait()


def copied(book: Book) -> Book:
    """The same request again, with an id and a record of its own. Its seed is that of the decision it shares; it is on no trial."""
    clock = book.gateway.clock
    asked, at = book.request, clock.now()
    id_ = request_id(at, clock.seed())
    request = Request(id_, asked.seed, at, clock.steady(), asked.front, asked.ask, asked.hints, asked.key, asked.trace)
    fresh = Book(book.gateway, book.snapshot, request)
    fresh.traits, fresh.decided, fresh.copy_of = book.traits, book.decided, asked.id
    if fresh.decided is not None and fresh.decided.drawn is not NOT_DRAWN:
        fresh.decided = replace(fresh.decided, drawn=NOT_DRAWN)
    return fresh


def run_behind(book: Book, work: Coroutine[None, None, None]) -> bool:
    """Let it go on without anybody waiting. False: it is left out, and not one step of it was taken."""
    tasks = book.gateway.behind
    if len(tasks) >= MOST_BEHIND:
        work.close()
        return False
    task = asyncio.ensure_future(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return True
