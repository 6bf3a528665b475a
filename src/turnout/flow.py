"""The spine: one request, one call per verb, in order."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

import msgspec

from turnout.catalog import rates
from turnout.clock import Clock
from turnout.decide.classify import classify
from turnout.decide.compiled import Slot, View
from turnout.decide.decide import Decided, decide
from turnout.decide.match import NoCandidate
from turnout.decide.order import digest
from turnout.dialects.dialect import Ask, Dialect
from turnout.errors import TurnoutError
from turnout.execute.commands import UNRECORDED
from turnout.execute.executor import RECORD_WITHIN, Run
from turnout.execute.job import Execution, Job, World
from turnout.execute.sessions import Sessions
from turnout.metrics import Metrics
from turnout.ports import Journal, Sink, Transport
from turnout.types.money import PicoDollars
from turnout.types.policy import Key, Route
from turnout.types.record import Record
from turnout.types.reply import Usage
from turnout.types.traits import Hints, Traits


class Snapshot(msgspec.Struct, frozen=True):
    """What requests are served with, swapped as a whole: the view, the world its plans are executed in, its keys by hash."""

    view: View
    world: World
    keys: Mapping[str, Key]


class Gateway(msgspec.Struct):
    """A worker's parts. ``snapshot`` is the only one that is exchanged, by one assignment."""

    snapshot: Snapshot
    transport: Transport
    journal: Journal
    metrics: Metrics
    sessions: Sessions
    clock: Clock
    worker: str


class Request(msgspec.Struct, frozen=True, gc=False):
    """One client request as the front hands it over. ``arrived`` is steady seconds, ``at`` unix seconds."""

    id: str
    seed: int
    at: float
    arrived: float
    front: Dialect
    ask: Ask
    hints: Hints
    key: Key | None


class Client(Sink, Protocol):
    """The client's side of an answer, and what its headers must know even when none comes."""

    def decided(self, route: str, reason: str) -> None: ...

    def failed(self, attempts: int) -> None: ...


async def answer(gateway: Gateway, snapshot: Snapshot, request: Request, client: Client) -> None:
    """Classify, decide, execute, record.

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
    job = Job(
        decided.plan, request.ask, request.front, request.seed, request.arrived, decided.route.name, traits.tokens,
        traits.output_tokens * traits.n, _urgency(decided.route, traits),
    )  # fmt: skip
    run = Run(job, snapshot.world, client, book.gate)
    try:
        await run.play()
    finally:
        execution = run.execution()
        book.write(book.answered(execution))
    if traits.session is not None and execution.model is not None and execution.reason not in ("fallback", "cascade"):
        # A session stays where it was put by choice: neither an outage of a minute nor a cheap first try moves it for good.
        gateway.sessions.put(traits.session, traits.caller, execution.model)
    if execution.error is not None and execution.outcome == "failed":
        client.failed(len(execution.attempts))
        raise execution.error


_PRIORITIES = {"high": 0, "normal": 1, "low": 2}
_BY_NEED = {"realtime": 0, "batch": 2}


def _urgency(route: Route, traits: Traits) -> int:
    """Its place in a line: as the route says, else by how soon the caller needs it; 0 goes first."""
    return _PRIORITIES[route.priority] if route.priority is not None else _BY_NEED.get(traits.latency.value or "", 1)


async def _refuse(book: "Book", refusal: TurnoutError, client: Client) -> TurnoutError:
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
    return error


class Book:
    """The records of one request. Each is a new edition; the last one written is the one that holds.

    ``traits`` and ``decided`` are there as soon as they are known.
    """

    __slots__ = ("_edition", "began", "decided", "decision_us", "gateway", "request", "snapshot", "traits")

    def __init__(self, gateway: Gateway, snapshot: Snapshot, request: Request) -> None:
        self.gateway = gateway
        self.snapshot = snapshot
        self.request = request
        self.began = gateway.clock.steady()
        self.traits: Traits | None = None
        self.decided: Decided | None = None
        self.decision_us = 0.0
        self._edition = 0

    def decision_took(self) -> None:
        """Classifying and deciding have come to an end."""
        self.decision_us = (self.gateway.clock.steady() - self.began) * 1e6

    async def gate(self, execution: Execution) -> None:
        """As executing wants it of a route that demands the record first."""
        await self.write_durably(self.answered(execution))

    async def write_durably(self, record: Record) -> None:
        """Before the client gets a byte of what it says. Raises OSError; the record may then still come, and is superseded."""
        self._edition += 1
        await self.gateway.journal.append_durably(record)

    def write(self, record: Record) -> None:
        """At the end, whatever was written before."""
        self.gateway.journal.append(record)
        self.gateway.metrics.observe(record)

    def answered(self, execution: Execution) -> Record:
        """What is known of its execution."""
        request, view, traits, decided = self.request, self.snapshot.view, self.traits, self.decided
        assert traits is not None, "what is executed has been classified"
        assert decided is not None, "and decided"
        error, route = execution.error, decided.route.name
        # By position, in the struct's own order: names would cost a microsecond.
        return Record(
            request.id, request.at, self.gateway.worker, view.version, view.hash, request.seed,
            digest(route, decided.plan), route, execution.reason, execution.model, execution.outcome,
            error.code if error is not None else None,
            200 if execution.outcome != "failed" or error is None else error.status,
            traits.stream, self._ms(), execution.first_token_ms, self.decision_us,
            execution.cost, traits, execution.attempts, _baseline(decided.best, execution.usage),
            tuple([(skip.model, skip.reason) for skip in execution.skipped]), self._edition,
        )  # fmt: skip

    def refused(self, error: TurnoutError, route: str | None) -> Record:
        """What is known of one that nothing was called for."""
        request, view = self.request, self.snapshot.view
        return Record(
            id=request.id, at=request.at, worker=self.gateway.worker, policy=view.version, view=view.hash, seed=request.seed,
            plan="", route=route, reason=None, model=None, outcome="rejected", code=error.code, status=error.status,
            stream=request.ask.sketch.stream, duration_ms=self._ms(), first_token_ms=None,
            decision_us=self.decision_us, cost=PicoDollars(0), traits=self.traits, attempts=(),
            edition=self._edition,
        )  # fmt: skip

    def _ms(self) -> float:
        return (self.gateway.clock.steady() - self.request.arrived) * 1_000


def _baseline(best: Slot | None, usage: Usage | None) -> PicoDollars | None:
    """What the same tokens would have cost on the best model that could have served: the first of the two baselines."""
    return rates.charge(best.tiers, usage) if best is not None and best.tiers is not None and usage is not None else None


def read_traits(gateway: Gateway, request: Request) -> Traits:
    """What is known of the request, the model its session is on included."""
    hints, key = request.hints, request.key
    held = gateway.sessions.get(hints.session, key.name if key else None) if hints.session is not None else None
    return classify(request.ask.sketch, hints, front=request.front.name, caller=key, held=held)
