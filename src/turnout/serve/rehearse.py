"""Requests that take part in a drill: live ones, or copies of them whose answers nobody gets."""

from msgspec.structs import replace

from turnout.cache.tee import Nobody
from turnout.serve.book import Book
from turnout.serve.given import again, behind
from turnout.serve.once import execute
from turnout.serve.worker import Rehearsal
from turnout.types.drill import drilled
from turnout.types.money import PicoDollars


def rehearse(book: Book, rehearsal: Rehearsal) -> None:
    """Have the request served in the drill's world, or a copy of it, if it is one of those that take part."""
    drill = rehearsal.drill
    if not drilled(drill, book.request.seed):
        return
    if drill.on == "live":
        book.world, book.drill = rehearsal.world, drill.id
        return
    assert book.decided is not None, "what takes part has been decided"
    expected = book.decided.plan.steps[0].expected_cost
    if expected is None or not rehearsal.purse.reserve(expected):
        return
    if not behind(book, _copy(again(book), rehearsal, expected)):
        rehearsal.purse.settle(expected, PicoDollars(0))


async def _copy(book: Book, rehearsal: Rehearsal, expected: PicoDollars) -> None:
    """Ask the drilled models what a client asks the others. No tool is ever run, and nobody sees the answer."""
    assert book.decided is not None, "it is a copy of one that was decided"
    unaudited = replace(book.decided.plan, journal_required=False)
    book.decided = replace(book.decided, plan=unaudited)
    book.world, book.drill = rehearsal.world, rehearsal.drill.id
    try:
        await execute(book, Nobody())
    finally:
        rehearsal.purse.settle(expected, book.execution.cost)
        book.close()
