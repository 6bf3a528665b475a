"""What is known of a request's attempts: one record each, their times, tokens and money."""

from collections.abc import AsyncIterator, Callable

import msgspec

from turnout.errors import ProviderFault, TurnoutError, Unanswered
from turnout.execute.commit import Hold
from turnout.execute.deployment import Lease, Upstream
from turnout.execute.job import Execution
from turnout.execute.progress import Skip
from turnout.ports import Incoming, Serving
from turnout.types.decision import Step
from turnout.types.money import PicoDollars
from turnout.types.record import Attempt, Outcome
from turnout.types.reply import Usage


class Call(msgspec.Struct, eq=False):
    """One attempt while it runs. ``chunks`` are there once its head has come, ``record`` once it is over."""

    number: int
    step: Step
    upstream: Upstream
    hold: Hold
    started: float
    lease: Lease
    first_token: float | None = None
    status: int | None = None
    incoming: Incoming | None = None
    chunks: AsyncIterator[bytes] | None = None
    record: Attempt | None = None

    async def hang_up(self) -> None:
        """Done with the upstream's answer, however far it came."""
        incoming, self.incoming = self.incoming, None
        if incoming is not None:
            await incoming.close()


class Tally(msgspec.Struct, eq=False):
    """The attempts of one request, in order, and the one whose answer is served. ``arrived`` in steady seconds.

    Its deployment is told how each ended, so that the next request knows.
    """

    arrived: float
    charge: Callable[[str, Usage], PicoDollars | None]
    records: list[Attempt] = []
    cost: PicoDollars | None = PicoDollars(0)
    served: Call | None = None

    def answered(self, call: Call, now: float) -> None:
        """Its body ended as the protocol says."""
        record = self._close(call, now, None, None, billed=True)
        call.lease.deployment.answered(call.lease, call.started, call.first_token, now, record.usage)

    def failed(self, call: Call, now: float, fault: ProviderFault, *, hung_up: bool = False) -> Attempt:
        """It failed, or took so long that we hung up."""
        call.lease.deployment.failed(call.lease, now, fault, heard=call.status is not None, hung_up=hung_up)
        billed = hung_up or isinstance(fault, Unanswered) or _accepted(call)
        return self._close(call, now, fault.name, fault.message, billed=billed, status=fault.status)

    def cancelled(self, call: Call, now: float, fault: str, detail: str, *, outrun: bool = False) -> None:
        """We hung up, for no fault of its own, but that a later one was quicker (``outrun``)."""
        if call.record is None:
            call.lease.deployment.dropped(call.lease, call.started, now, outrun=outrun, heard=call.status is not None)
            self._close(call, now, fault, detail, billed=True)

    def serve(self, call: Call, warnings: tuple[str, ...]) -> Serving:
        """Its answer, and no other, goes to the client; this is for the front's headers."""
        self.served = call
        return Serving(call.step.model, call.step.reason, call.number, self.cost if call.record else None, warnings)

    def execution(
        self, outcome: Outcome, skipped: tuple[Skip, ...], error: TurnoutError | None = None, *, chosen: Call | None = None
    ) -> Execution:
        """The sum of it. ``chosen`` is about to be served."""
        records, cost, call = tuple(self.records), self.cost, chosen or self.served
        if call is None:
            return Execution(outcome, records, cost, error=error, skipped=skipped)
        return Execution(
            outcome, records, cost, call.step.model, call.step.reason, call.record.usage if call.record else None,
            self._first_token(call), error, skipped,
        )  # fmt: skip

    def _close(
        self, call: Call, now: float, fault: str | None, detail: str | None, *, billed: bool, status: int | None = None
    ) -> Attempt:
        seen = call.hold.delivery.seen
        usage = seen.usage
        is_final = seen.finish is not None or seen.ended  # it has said how it ended
        if usage is not None and usage.complete and not (is_final and (usage.total_input or usage.total_output)):
            # A provider counts while it speaks, so figures from before the finish are not the bill's; and no request reads nothing.
            usage = msgspec.structs.replace(usage, complete=False)
        cost: PicoDollars | None = PicoDollars(0)
        if usage is not None or billed:
            cost = self.charge(call.step.model, usage or _UNTOLD)
        record = call.record = Attempt(
            call.step.model, call.step.reason, self._ms(call.started), self._ms(now), self._first_token(call),
            status or call.status, fault, detail, usage, cost, seen.model,
        )  # fmt: skip
        self.records.append(record)
        self.cost = None if cost is None or self.cost is None else PicoDollars(self.cost + cost)
        return record

    def _first_token(self, call: Call) -> float | None:
        return None if call.first_token is None else self._ms(call.first_token)

    def _ms(self, moment: float) -> float:
        return (moment - self.arrived) * 1000


_UNTOLD = Usage(complete=False)
"""What a provider billed for without saying: it costs something unknown, or nothing where nothing has a price."""


def _accepted(call: Call) -> bool:
    """A 2xx came, so the provider may bill whatever followed; error answers and refused connections are free."""
    return call.status is not None and 200 <= call.status < 300
