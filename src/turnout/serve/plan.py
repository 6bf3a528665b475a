"""A request's plan, executed as it was decided."""

from turnout.execute.executor import Run
from turnout.execute.job import Job
from turnout.ports import Sink
from turnout.serve.book import Book
from turnout.types.policy import Route
from turnout.types.traits import Traits

_PRIORITIES = {"high": 0, "normal": 1, "low": 2}
_BY_NEED = {"realtime": 0, "batch": 2}


async def execute(book: Book, sink: Sink) -> None:
    """Have the models of the plan answer; the book then says how it went, whatever happens."""
    request, traits, decided = book.request, book.traits, book.decided
    assert traits is not None, "what is executed has been classified"
    assert decided is not None, "and decided"
    job = Job(
        decided.plan, request.ask, request.front, request.seed, request.arrived, decided.route.name, traits.tokens,
        traits.output_tokens * traits.n, _urgency(decided.route, traits),
    )  # fmt: skip
    run = Run(job, book.world, sink, book.gate)
    try:
        await run.play()
    finally:
        book.execution = run.execution()


def _urgency(route: Route, traits: Traits) -> int:
    """Its place in a line: as the route says, else by how soon the caller needs it; 0 goes first."""
    return _PRIORITIES[route.priority] if route.priority is not None else _BY_NEED.get(traits.latency.value or "", 1)
