"""What is known of a request's attempts: one record each, their times, tokens and money."""

from collections.abc import AsyncIterator, Callable

import msgspec

from turnout.errors import ProviderFault, TurnoutError
from turnout.execute.attempts import Skip, StartAttempt
from turnout.execute.commit import Hold
from turnout.execute.job import Execution, Job, Upstream
from turnout.ports import Incoming, Serving
from turnout.types.decision import Step
from turnout.types.money import PicoDollars
from turnout.types.record import Attempt, Outcome
from turnout.types.reply import Usage


class Call:
    """One attempt while it runs. ``record`` is there once it is over."""

    __slots__ = (
        "chunks",
        "first_token",
        "hold",
        "incoming",
        "number",
        "reason",
        "record",
        "started",
        "status",
        "step",
        "upstream",
    )

    def __init__(self, command: StartAttempt, step: Step, upstream: Upstream, hold: Hold, started: float) -> None:
        self.number = command.attempt
        self.step = step
        self.reason = step.reason if command.step == 0 else "fallback"
        self.upstream = upstream
        self.hold = hold
        self.started = started
        self.first_token: float | None = None
        self.status: int | None = None
        self.incoming: Incoming | None = None
        self.chunks: AsyncIterator[bytes]
        self.record: Attempt | None = None


class Tally:
    """The attempts of one request, in order, and the one whose answer is served."""

    def __init__(self, job: Job, charge: Callable[[str, Usage], PicoDollars | None]) -> None:
        self._job = job
        self._charge = charge
        self._records: list[Attempt] = []
        self._served: Call | None = None

    def answered(self, call: Call, now: float) -> None:
        """Its body ended as the protocol says."""
        self._close(call, now, None, None, billed=True)

    def failed(self, call: Call, now: float, fault: ProviderFault, *, hung_up: bool = False) -> Attempt:
        """It failed, or took so long that we hung up."""
        return self._close(call, now, fault.name, fault.message, billed=hung_up or _accepted(call), status=fault.status)

    def cancelled(self, call: Call, now: float, fault: str, detail: str) -> None:
        """We hung up, for no fault of its own."""
        if call.record is None:
            self._close(call, now, fault, detail, billed=True)

    def serve(self, call: Call) -> None:
        """Its answer, and no other, goes to the client."""
        self._served = call

    def serving(self, warnings: tuple[str, ...]) -> Serving:
        """For the front's headers."""
        assert self._served is not None, "an answer begins with a commit"
        cost = self._cost() if self._served.record else None
        return Serving(self._served.step.model, self._served.reason, self._served.number, cost, warnings)

    def execution(
        self, outcome: Outcome, skipped: tuple[Skip, ...], error: TurnoutError | None = None, *, chosen: Call | None = None
    ) -> Execution:
        """The sum of it. ``chosen`` is about to be served."""
        records, cost, call = tuple(self._records), self._cost(), chosen or self._served
        if call is None:
            return Execution(outcome, records, cost, error=error, skipped=skipped)
        return Execution(
            outcome, records, cost, call.step.model, call.reason, call.record.usage if call.record else None,
            self._ms(call.first_token), error, skipped,
        )  # fmt: skip

    def _close(
        self, call: Call, now: float, fault: str | None, detail: str | None, *, billed: bool, status: int | None = None
    ) -> Attempt:
        seen = call.hold.delivery.seen
        usage = seen.usage
        if usage is not None and seen.finish is None and not seen.ended and usage.complete:
            # A provider counts while it speaks: figures from before the finish are not the bill's.
            usage = msgspec.structs.replace(usage, complete=False)
        cost: PicoDollars | None = None if billed else PicoDollars(0)
        if usage is not None or billed:
            cost = self._charge(call.step.model, usage or _UNTOLD)
        call.record = Attempt(
            call.step.model, call.reason, self._since(call.started), self._since(now), self._ms(call.first_token),
            status or call.status, fault, detail, usage, cost, seen.model,
        )  # fmt: skip
        self._records.append(call.record)
        return call.record

    def _cost(self) -> PicoDollars | None:
        total = 0
        for record in self._records:
            if record.cost is None:
                return None
            total += record.cost
        return PicoDollars(total)

    def _since(self, moment: float) -> float:
        return (moment - self._job.arrived) * 1000

    def _ms(self, moment: float | None) -> float | None:
        return None if moment is None else self._since(moment)


_UNTOLD = Usage(complete=False)
"""What a provider billed for without saying: it costs something unknown, or nothing where nothing has a price."""


def _accepted(call: Call) -> bool:
    """A 2xx came, so the provider may bill whatever followed; error answers and refused connections are free."""
    return call.status is not None and 200 <= call.status < 300
