"""A route's mirror (PRODUCT R11): copies of some requests go to a candidate. Nobody waits for its answers, and nobody gets them."""

from msgspec.structs import replace

from turnout.decide.mirror import mirrored
from turnout.serve.after import Noted, follow
from turnout.serve.book import Book
from turnout.serve.copies import NoClient, copied, run_behind
from turnout.serve.plan import execute
from turnout.types.policy import Mirror


def mirror(book: Book) -> None:
    """Ask the mirror's model too, if this request is in its sample. Its client has been answered.

    What was answered from the cache cost nothing and shows nothing; what a drill spoilt is no comparison.
    """
    assert book.decided is not None, "what was answered has been decided"
    assert book.traits is not None, "and classified before"
    rule = book.decided.route.mirror
    if rule is None or book.drill is not None or book.execution.reason == "cache":
        return
    decided = mirrored(book.snapshot.view, book.decided, book.traits, book.request.seed)
    if decided is None:
        return
    copy = copied(book)
    copy.decided = replace(decided, route=replace(decided.route, priority="low"))  # everybody else goes first
    if not run_behind(copy, _ask(copy, rule)):
        _count(copy, "busy")


async def _ask(book: Book, rule: Mirror) -> None:
    """What is under way is set aside as it is expected to cost: by as much as that is wrong, a day may go over its budget."""
    gateway, decided = book.gateway, book.decided
    assert decided is not None, "it is a copy of one that was decided"
    amount = decided.plan.steps[0].expected_cost
    if amount is None:
        _count(book, "no_price")
        return
    held = await gateway.grader.purse.hold(f"mirror:{rule.release}", amount, rule.budget, gateway.clock.now())
    if held is None:
        _count(book, "no_budget")
        return
    client, after = NoClient(), decided.route.after
    noted = None if after is None else Noted(client, after)
    try:
        await execute(book, noted or client)
    finally:
        gateway.grader.purse.settle(held, book.execution.cost)
        book.close()
    _count(book, book.execution.outcome)
    if noted is not None:
        follow(book, noted)


def _count(book: Book, result: str) -> None:
    assert book.decided is not None, "it is a copy of one that was decided"
    book.gateway.metrics.add("turnout_mirrored", (book.decided.route.name, result))
