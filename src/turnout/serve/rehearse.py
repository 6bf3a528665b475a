"""Requests that take part in a drill: live ones, or copies of them whose answers nobody gets."""

from msgspec.structs import replace

from turnout.drill.paid import paid
from turnout.drill.worker import Held, spendable
from turnout.serve.book import Book
from turnout.serve.copies import NoClient, copied, run_behind
from turnout.serve.plan import execute
from turnout.serve.worker import Rehearsal
from turnout.types.decision import Plan
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
    held = rehearsal.purse.hold(_at_most(book.decided.plan), spendable(drill, book.request.at))
    if held is not None and not run_behind(book, _copy(copied(book), rehearsal, held)):
        rehearsal.purse.settle(held, PicoDollars(0))


def _at_most(plan: Plan) -> PicoDollars | None:
    """What its dearest step is expected to cost: in a drill the first is not the likeliest. None: one has no known price."""
    costs = [step.expected_cost for step in plan.steps]
    known = [cost for cost in costs if cost is not None]
    return max(known) if len(known) == len(costs) else None


async def _copy(book: Book, rehearsal: Rehearsal, held: Held) -> None:
    """Ask the drilled models what a client asks the others. No tool is ever run, and nobody sees the answer."""
    assert book.decided is not None, "it is a copy of one that was decided"
    unaudited = replace(book.decided.plan, journal_required=False)
    book.decided = replace(book.decided, plan=unaudited)
    book.world, book.drill = rehearsal.world, rehearsal.drill.id
    try:
        await execute(book, NoClient())
    finally:
        rehearsal.purse.settle(held, paid(book.execution.attempts, rehearsal.way.answers_for))
        book.close()
