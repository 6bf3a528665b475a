"""The thin shell around attempts.step: it makes the calls, moves the bytes, and says what happened."""

import asyncio
import contextlib
from collections.abc import Awaitable

from turnout.dialects.delivery import deliver
from turnout.dialects.features import changes
from turnout.errors import CallerFault, ClientGone, Misconfigured, ProviderFault, TimedOut, TurnoutError
from turnout.execute import attempts, commands, events
from turnout.execute.commit import Hold
from turnout.execute.job import Execution, Gate, Job, World
from turnout.execute.tally import Call, Tally
from turnout.execute.watch import NEVER, Cause, Limit, Watch
from turnout.ports import Incoming, Sink
from turnout.types.record import Outcome

ERROR_BODY_LIMIT = 64 * 1024
"""Bytes read of a provider's error answer; what explains it stands at its beginning."""

LAST_EVENT_WITHIN = 5.0
"""Seconds a client gets to take the event that ends a cut stream."""
RECORD_WITHIN = 5.0
"""Seconds the journal gets to take the record of an error that is yet to be told."""

_OVERDUE: dict[Limit, str] = {
    "first_token": "no content within the time for the first token",
    "idle": "no further byte within the idle time",
    "total": "no answer within the time for a whole one",
}


class Run:
    """One request under way. Everything that decides is in attempts.step; everything that counts is in the tally.

    ``gate`` is there when the plan demands it (``journal_required``).
    """

    def __init__(self, job: Job, world: World, sink: Sink, gate: Gate | None = None) -> None:
        self.job = job
        self.world = world
        self.sink = sink
        self.gate = gate
        self.stream = job.ask.sketch.stream
        self.steady = world.clock.steady
        deadline = job.arrived + job.plan.deadline
        self.watch = Watch(world.nursery, sink, deadline)
        self.tally = Tally(job.arrived, world.charge)
        self.call: Call | None = None
        self.state = attempts.State(job.plan, job.seed, deadline)
        self.end: commands.End | None = None

    async def play(self) -> None:
        """Answer the request through the sink, or find out why not. However it ends, :meth:`execution` then says how.

        Raises:
            asyncio.CancelledError: the task was cancelled from outside; the upstream call is cancelled too, and telling the
                client is left to whoever catches it.
        """
        try:
            await self._follow(events.Began(self.steady()))
        finally:
            if self.end is None:
                self._stop()
            self.watch.stop()
            if self.call is not None and self.call.incoming is not None:
                await self.call.hang_up()
        if not isinstance(self.end, commands.Done):
            await self._conclude()

    def execution(self) -> Execution:
        """The sum of it, once it is over: with outcome ``failed`` nothing was sent, and the caller tells the error."""
        skipped = self.state.skipped
        match self.end:
            case commands.Done():
                return self.tally.execution("ok", skipped)
            case commands.Abandon():
                return self.tally.execution("cancelled", skipped)
            case commands.GiveUp(code, message, status, retry, retry_after):
                error = TurnoutError(code, message, retry=retry, retry_after=retry_after, status=status)
                return self.tally.execution("failed", skipped, error)
            case commands.Cut(code, message):
                return self.tally.execution("cut", skipped, TurnoutError(code, message, retry=False))
            case None:
                raise AssertionError("an execution is summed up when it is over")

    async def _follow(self, event: events.Event) -> None:
        """Do what the rules say until they say it is over."""
        while True:
            for command in self._step(event):
                if isinstance(command, commands.Ending):
                    return
                try:
                    event = await self._perform(command) or event
                except asyncio.CancelledError:
                    cause = self.watch.taken()
                    if cause is None:
                        raise
                    event = self._interrupted(cause)

    def _step(self, event: events.Event) -> tuple[commands.Command, ...]:
        self.state, due = attempts.step(self.state, event)
        assert due, f"{type(event).__name__} does not belong in the phase {self.state.phase}"
        if isinstance(last := due[-1], commands.Ending):
            self.end = last
        return due

    def _stop(self) -> None:
        """The task was cancelled from outside, or broke: keep what is known, and send nothing more from here."""
        for command in self._step(self._finished_anyway() or events.Stopped(self.steady())):
            if isinstance(command, commands.CancelAttempt) and self.call is not None:
                self._cancelled(command)

    async def _conclude(self) -> None:
        """What is due after the last attempt: a stream's error event, or the record of an error that is yet to be told."""
        end = self.end
        if isinstance(end, commands.Cut) and self.stream:
            with contextlib.suppress(ClientGone, TimeoutError):
                async with asyncio.timeout(LAST_EVENT_WITHIN):
                    await self.sink.send(self.job.front.error_event(TurnoutError(end.code, end.message, retry=False)))
        elif isinstance(end, commands.GiveUp) and self.job.plan.journal_required and end is not commands.UNRECORDED:
            try:
                async with asyncio.timeout(RECORD_WITHIN):
                    await self._pass_gate(self.execution())
            except OSError:  # a TimeoutError is one too
                self.end = commands.UNRECORDED

    def _perform(self, command: commands.Act) -> Awaitable[events.Event | None]:
        """Doing it, and what happened: None when that is no news."""
        match command:
            case commands.StartAttempt():
                return self._try(command)
            case commands.Commit():
                return self._deliver()
            case commands.WriteRecord():
                return self._write_record()
            case commands.Sleep():
                return self._rest(command)
            case commands.CancelAttempt():
                return self._cancel(command)

    async def _try(self, command: commands.StartAttempt) -> events.Event:
        """Call the step's model and read its answer up to the commit point."""
        if self.call is not None:
            await self.call.hang_up()
        call = self._new_call(command)
        try:
            request = call.upstream.outgoing(self.job.ask, self.job.front)
            incoming = await self.world.transport.send(request, connect_timeout=call.step.timeouts.connect)
            call.incoming, call.status = incoming, incoming.status
            if not 200 <= incoming.status < 300:
                return self._failed(call, await _read_error(call, incoming))
            call.chunks = incoming.chunks()
            async for chunk in call.chunks:
                if call.hold.feed(chunk):
                    self.watch.lift()
                    break
            else:
                self._ended(call)
                await call.hang_up()
        except TurnoutError as error:
            # The request cannot be written for this model, though matching let it pass: as wrong as if the provider had said so.
            return self._failed(call, CallerFault(error.message, status=error.status))
        except ProviderFault as fault:
            return self._failed(call, fault)
        now = self.steady()
        if self.stream:
            call.first_token = now
        return events.ContentCame(now, call.number)

    async def _write_record(self) -> events.Event:
        call = self._under_way()
        outcome: Outcome = "ok" if call.record else "begun"
        try:
            await self._pass_gate(self.tally.execution(outcome, self.state.skipped, chosen=call))
        except OSError:
            return events.RecordRefused(self.steady(), call.number)
        return events.RecordWritten(self.steady(), call.number)

    async def _pass_gate(self, execution: Execution) -> None:
        assert self.gate is not None, "a plan that demands a record comes with a way to write it"
        await self.gate(execution)

    async def _deliver(self) -> events.Event:
        """Let the client have what was held, and what follows as it comes."""
        call, job = self._under_way(), self.job
        stated = changes(job.ask.sketch.carries, job.front.name, call.upstream.dialect.name)
        serving = self.tally.serve(call, stated)
        try:
            self.sink.begin(serving)
            await self.sink.send(call.hold.release())
            if call.record is None:
                await self._relay(call)
        except ClientGone:
            return events.ClientLeft(self.steady())
        except ProviderFault as fault:
            return self._finished_anyway() or self._failed(call, fault)
        return events.AttemptFinished(self.steady(), call.number)

    async def _relay(self, call: Call) -> None:
        """The hot path of a stream: no task, no timer, no parsing beyond the delivery's own."""
        assert call.chunks is not None, "what is committed to has begun"
        watch, steady, feed, send = self.watch, self.steady, call.hold.delivery.feed, self.sink.send
        watch.allow_between_reads(call.step.timeouts.idle)
        async for chunk in call.chunks:
            out = feed(chunk)
            if out:
                watch.touched = NEVER  # a slow client is not a slow provider
                await send(out)
            watch.touched = steady()
        self._ended(call)
        await call.hang_up()
        rest = call.hold.release()
        if rest:
            await send(rest)

    async def _rest(self, command: commands.Sleep) -> events.Event:
        await self._under_way().hang_up()
        await asyncio.sleep(command.until - self.steady())
        return events.Rested(self.steady())

    def _new_call(self, command: commands.StartAttempt) -> Call:
        step = self.job.plan.steps[command.step]
        upstream = self.world.upstreams[step.model]
        hold = Hold(deliver(self.job.front, upstream.dialect, self.job.ask), stream=self.stream)
        now = self.steady()
        self.call = call = Call(command.attempt, step, upstream, hold, now)
        if not self.stream:
            self.watch.allow("total", step.timeouts.total)
        elif upstream.thinks:
            self.watch.allow("first_token", step.timeouts.first_token_reasoning)
        else:
            self.watch.allow("first_token", step.timeouts.first_token)
        return call

    def _under_way(self) -> Call:
        assert self.call is not None, "no command names an attempt before the first has started"
        return self.call

    async def _cancel(self, command: commands.CancelAttempt) -> None:
        self._cancelled(command)
        await self._under_way().hang_up()

    def _cancelled(self, command: commands.CancelAttempt) -> None:
        self.tally.cancelled(self._under_way(), self.steady(), command.fault, command.detail)

    def _ended(self, call: Call) -> None:
        """Its body has ended. The connection is to go back before the client is served, however slow that is."""
        call.hold.end()
        self.watch.lift()
        self.tally.answered(call, self.steady())

    def _finished_anyway(self) -> events.AttemptFinished | None:
        """Whatever ends a stream after its end mark has gone out changes nothing: SDKs hang up on it, some providers never do."""
        call = self.call
        if call is None or call.record is not None or not self.watch.awaits_bytes or not call.hold.delivery.seen.ended:
            return None
        self.watch.lift()
        now = self.steady()
        self.tally.answered(call, now)
        return events.AttemptFinished(now, call.number)

    def _failed(self, call: Call, fault: ProviderFault, *, hung_up: bool = False) -> events.AttemptFailed:
        self.watch.lift()
        now = self.steady()
        record = self.tally.failed(call, now, fault, hung_up=hung_up)
        return events.AttemptFailed(
            now, call.number, fault.name, fault.condition, fault.blame, fault.message, record.status, fault.retry_after, record.cost
        )  # fmt: skip

    def _interrupted(self, cause: Cause) -> events.Event:
        """The watch ended a wait."""
        if (finished := self._finished_anyway()) is not None:
            return finished
        if cause == "client":
            return events.ClientLeft(self.steady())
        if cause == "deadline":
            return events.DeadlinePassed(self.steady())
        return self._failed(self._under_way(), TimedOut(_OVERDUE[cause]), hung_up=True)


async def _read_error(call: Call, incoming: Incoming) -> ProviderFault:
    """Classify an answer that is none."""
    if incoming.status < 400:
        return Misconfigured(f"the provider answered {incoming.status}, a redirect or less", status=incoming.status)
    body = bytearray()
    with contextlib.suppress(ProviderFault):  # a broken error body still has its status
        async for chunk in incoming.chunks():
            body += chunk
            if len(body) >= ERROR_BODY_LIMIT:
                break
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in incoming.headers}
    return call.upstream.dialect.read_error(incoming.status, headers, bytes(body[:ERROR_BODY_LIMIT]))
