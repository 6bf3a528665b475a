"""The records of one request, from its first minute to its last."""

from turnout.catalog import rates
from turnout.decide.decide import Decided
from turnout.decide.order import digest
from turnout.decide.slot import Slot
from turnout.errors import TurnoutError
from turnout.execute.job import Execution
from turnout.feedback.turns import turn_of
from turnout.serve.worker import Gateway, Request, Snapshot
from turnout.types.money import PicoDollars
from turnout.types.record import Record
from turnout.types.reply import Usage
from turnout.types.traits import Traits

HANDED_OVER = 202
"""The status of an answer that is a ticket."""

_GONE = Execution("cancelled", (), PicoDollars(0))
"""Of a request that ended while it waited for something else than a call."""


class Book:
    """The records of one request. Each is a new edition; the last one written is the one that holds.

    ``traits`` and ``decided`` are there as soon as they are known; ``execution`` is the latest that is known of its answer. ``world`` is
    where it is executed: another than the snapshot's if the request is part of a ``drill``. ``copy_of`` as in its records.
    """

    __slots__ = (
        "_edition",
        "began",
        "copy_of",
        "decided",
        "decision_us",
        "drill",
        "execution",
        "gateway",
        "request",
        "snapshot",
        "traits",
        "world",
    )

    def __init__(self, gateway: Gateway, snapshot: Snapshot, request: Request) -> None:
        self.gateway = gateway
        self.snapshot = snapshot
        self.request = request
        self.began = gateway.clock.steady()
        self.traits: Traits | None = None
        self.decided: Decided | None = None
        self.execution = _GONE
        self.world = snapshot.world
        self.drill: str | None = None
        self.copy_of: str | None = None
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

    def close(self) -> None:
        """It is over, however it went."""
        self.write(self.answered(self.execution))

    def answered(self, execution: Execution) -> Record:
        """What is known of its execution."""
        request, view, traits, decided = self.request, self.snapshot.view, self.traits, self.decided
        assert traits is not None, "what is executed has been classified"
        assert decided is not None, "and decided"
        error, route, drawn = execution.error, decided.route.name, decided.drawn
        # By position, in the struct's own order: names would cost a microsecond.
        return Record(
            request.id, request.at, self.gateway.worker, view.version, view.hash, request.seed,
            digest(route, decided.plan), route, execution.reason, execution.model, execution.outcome,
            error.code if error is not None else None,
            _status(execution),
            traits.stream, self._ms(), execution.first_token_ms, self.decision_us,
            execution.cost, traits, execution.attempts, self._baseline(decided.best, execution.usage),
            tuple([(skip.model, skip.reason) for skip in execution.skipped]), self._edition,
            execution.saved, self.drill, execution.ticket, self.copy_of, request.trace,
            None if traits.session is None or self.copy_of is not None else turn_of(request.ask.sketch, traits.session),
            drawn.trial, drawn.side, drawn.propensity,
        )  # fmt: skip

    def refused(self, error: TurnoutError, route: str | None) -> Record:
        """What is known of one that nothing was called for."""
        request, view = self.request, self.snapshot.view
        return Record(
            id=request.id, at=request.at, worker=self.gateway.worker, policy=view.version, view=view.hash, seed=request.seed,
            plan="", route=route, reason=None, model=None, outcome="rejected", code=error.code, status=error.status,
            stream=request.ask.sketch.stream, duration_ms=self._ms(), first_token_ms=None,
            decision_us=self.decision_us, cost=PicoDollars(0), traits=self.traits, attempts=(),
            edition=self._edition, trace=request.trace,
        )  # fmt: skip

    def _baseline(self, best: Slot | None, usage: Usage | None) -> PicoDollars | None:
        """What the same tokens would have cost on the best model that could have served: the first of the two baselines.

        A copy has none: without a router there would be no copy.
        """
        if best is None or best.tiers is None or usage is None or self.copy_of is not None:
            return None
        return rates.charge(best.tiers, usage)

    def _ms(self) -> float:
        return (self.gateway.clock.steady() - self.request.arrived) * 1_000


def _status(execution: Execution) -> int:
    if execution.ticket is not None and execution.outcome == "failed":
        return HANDED_OVER
    return 200 if execution.outcome != "failed" or execution.error is None else execution.error.status
