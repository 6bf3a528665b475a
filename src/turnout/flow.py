"""The spine: one request, one call per verb, in order."""

from collections.abc import Callable, Mapping
from time import perf_counter_ns
from typing import Protocol

import msgspec

from turnout.catalog import rates
from turnout.clock import Clock
from turnout.decide.classify import classify
from turnout.decide.compiled import View
from turnout.decide.decide import Decided, decide
from turnout.decide.order import digest
from turnout.dialects.dialect import Ask, Dialect
from turnout.errors import Code, TurnoutError
from turnout.execute.executor import execute
from turnout.execute.job import Execution, Gate, Job, World
from turnout.execute.sessions import Sessions
from turnout.metrics import Metrics
from turnout.ports import Journal, Sink, Transport
from turnout.types.money import PicoDollars
from turnout.types.policy import Key
from turnout.types.record import Record
from turnout.types.reply import Usage
from turnout.types.traits import Hints, Traits

LOST = Execution("failed", (), None, error=TurnoutError(Code.OVERLOADED, "the request was cancelled or broke in our hands"))
"""What is recorded of a request whose execution told nothing: its cost is unknown, never zero."""


class Snapshot(msgspec.Struct, frozen=True):
    """What requests are served with, swapped as a whole: the view, the world its plans are executed in, its keys by hash."""

    view: View
    world: World
    keys: Mapping[str, Key]


class Gateway(msgspec.Struct):
    """A worker's parts. ``snapshot`` is the only one that changes, by one assignment."""

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
    started = perf_counter_ns()
    traits: Traits | None = None
    try:
        traits = read_traits(gateway, request)
        decided = decide(snapshot.view, traits, request.seed)
    except TurnoutError as refusal:
        _write(gateway, _refused(gateway, snapshot, request, traits, refusal, started))
        raise
    decision_us = (perf_counter_ns() - started) / 1_000

    def record(execution: Execution) -> Record:
        return _record(gateway, snapshot, request, traits, decided, decision_us, execution)

    client.decided(decided.route, decided.reason)
    job = Job(decided.plan, request.ask, request.front, request.seed, request.arrived)
    gate = _durably(gateway, record) if decided.plan.journal_required else None
    execution = LOST
    try:
        execution = await execute(job, snapshot.world, client, gate)
    finally:
        _write(gateway, record(execution))
    if execution.model is not None and traits.session is not None:
        gateway.sessions.put(traits.session, traits.caller, execution.model)
    if execution.error is not None and execution.outcome == "failed":
        client.failed(len(execution.attempts))
        raise execution.error


def read_traits(gateway: Gateway, request: Request) -> Traits:
    """What is known of the request, the model its session is on included."""
    hints, key = request.hints, request.key
    held = gateway.sessions.get(hints.session, key.name if key else None) if hints.session is not None else None
    return classify(request.ask.sketch, hints, front=request.front.name, caller=key, held=held)


def _durably(gateway: Gateway, record: Callable[[Execution], Record]) -> Gate:
    """A whole answer's record is complete by then; a stream's says ``begun`` until the final one replaces it."""

    async def gate(execution: Execution) -> None:
        await gateway.journal.append_durably(record(execution))

    return gate


def _write(gateway: Gateway, record: Record) -> None:
    gateway.journal.append(record)
    gateway.metrics.observe(record)


def _record(
    gateway: Gateway, snapshot: Snapshot, request: Request, traits: Traits, decided: Decided, decision_us: float,
    execution: Execution,
) -> Record:  # fmt: skip
    error = execution.error
    return Record(
        id=request.id,
        at=request.at,
        worker=gateway.worker,
        policy=snapshot.view.version,
        view=snapshot.view.hash,
        seed=request.seed,
        plan=digest(decided.route, decided.plan),
        route=decided.route,
        reason=execution.reason,
        model=execution.model,
        outcome=execution.outcome,
        code=error.code if error is not None else None,
        status=200 if execution.outcome != "failed" or error is None else error.status,
        stream=traits.stream,
        duration_ms=(gateway.clock.steady() - request.arrived) * 1_000,
        first_token_ms=execution.first_token_ms,
        decision_us=decision_us,
        cost=execution.cost,
        traits=traits,
        attempts=execution.attempts,
        baseline=_baseline(decided, execution.usage),
        skipped=tuple((skip.model, skip.reason) for skip in execution.skipped),
    )


def _baseline(decided: Decided, usage: Usage | None) -> PicoDollars | None:
    """What the same tokens would have cost on the best model that could have served: the first of the two baselines."""
    if usage is None or not decided.offers:
        return None
    best, quality = decided.offers[0].slot, -1.0
    for offer in decided.offers:
        if offer.worth > quality:
            best, quality = offer.slot, offer.worth
    return rates.charge(best.tiers, usage) if best.tiers is not None else None


def _refused(
    gateway: Gateway, snapshot: Snapshot, request: Request, traits: Traits | None, refusal: TurnoutError, started: int
) -> Record:
    return Record(
        id=request.id, at=request.at, worker=gateway.worker, policy=snapshot.view.version, view=snapshot.view.hash,
        seed=request.seed, plan="", route=None, reason=None, model=None, outcome="rejected", code=refusal.code,
        status=refusal.status, stream=request.ask.sketch.stream,
        duration_ms=(gateway.clock.steady() - request.arrived) * 1_000, first_token_ms=None,
        decision_us=(perf_counter_ns() - started) / 1_000, cost=PicoDollars(0), traits=traits, attempts=(),
    )  # fmt: skip
