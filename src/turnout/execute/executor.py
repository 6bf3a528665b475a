"""The thin shell around attempts.step: it makes the calls, moves the bytes, and says what happened."""

import asyncio
import contextlib
from collections.abc import Awaitable

from turnout.dialects.delivery import deliver
from turnout.dialects.features import changes
from turnout.errors import CallerFault, ClientGone, Misconfigured, ProviderFault, TimedOut, TurnoutError, Unfit
from turnout.execute import attempts, commands, events
from turnout.execute.checking import held_answer
from turnout.execute.commit import Hold
from turnout.execute.deployment import Away, Lease
from turnout.execute.dispatch import Dispatch
from turnout.execute.job import Execution, Gate, Job, World
from turnout.execute.progress import State
from turnout.execute.race import Race
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
        self.dispatch = Dispatch(job, world)
        self.tally = Tally(job.arrived, world.charge)
        self.call: Call | None = None
        self.race = Race()
        plan, skipped = self.dispatch.plan(self.steady)
        self.state = State(plan, job.seed, deadline, skipped=skipped)
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
            if self.race.running:
                await self.race.end()
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
                if command is self.end:
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
        if self.state.phase == "over":
            last = due[-1]
            assert isinstance(last, commands.Ending), "what is over ends with a word on it"
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

    def _perform(self, command: commands.Command) -> Awaitable[events.Event | None]:
        """Doing it, and what happened: None when that is no news."""
        match command:
            case commands.StartAttempt():
                return self._try(command)
            case commands.Commit():
                return self._deliver()
            case commands.WriteRecord():
                return self._write_record()
            case commands.Check():
                return self._check(command)
            case commands.Sleep():
                return self._rest(command)
            case commands.StandInLine():
                return self._stand_in_line(command)
            case commands.AwaitAttempt():
                return self._next_of_two()
            case commands.CancelAttempt():
                return self._cancel(command)
            case commands.Ending():
                raise AssertionError("an end is told, not done")

    async def _try(self, command: commands.StartAttempt) -> events.Event:
        """Ask dispatch for a way to the step's model, and call it."""
        if self.call is not None and not command.beside:
            await self.call.hang_up()
        now = self.steady()
        found = self.dispatch.lease(self.state.plan, command, now)
        if isinstance(found, Away):
            return events.TurnedAway(now, command.attempt, found.reason, found.until, found.badness)
        call = self._new_call(command, found, now)
        hedge = self.state.plan.hedge
        if hedge is None or call.step.checks:
            return await self._ask(call)
        # In a task of its own, so that another attempt may be made meanwhile.
        after = None if command.beside else self.dispatch.hedge_after(hedge, found.deployment)
        self.watch.lift()  # each has its own time: only the deadline and the client concern both
        self.race.enter(call, self._within(call), None if after is None else now + after)
        return await self._next_of_two()

    async def _within(self, call: Call) -> events.Event:
        try:
            async with asyncio.timeout(self.dispatch.patience(call.step, call.lease)):
                event = await self._ask(call)
        except TimeoutError:
            event = self._failed(call, TimedOut(_OVERDUE["first_token" if self.stream else "total"]), hung_up=True)
        if isinstance(event, events.AttemptFailed):
            await call.hang_up()
        return event

    async def _next_of_two(self) -> events.Event:
        """What is heard next of the attempts under way, or that the only one has been silent for so long."""
        news = await self.race.next(self.steady)
        if news is None:
            return events.HedgeDue(self.steady(), self.state.attempt)
        self.call, event = news
        return event

    async def _ask(self, call: Call) -> events.Event:
        """Call the model and read its answer up to the commit point."""
        try:
            deployment = call.lease.deployment
            request = deployment.upstream.outgoing(self.job.ask, self.job.front)
            incoming = await self.world.transport.send(request, connect_timeout=call.step.timeouts.connect)
            call.incoming, call.status = incoming, incoming.status
            if call.started >= deployment.hear_at or not deployment.is_open:
                deployment.hear(incoming.headers, self.steady(), self.world.clock.now())
            if not 200 <= incoming.status < 300:
                return self._failed(call, await _read_error(call, incoming))
            call.chunks = incoming.chunks()
            async for chunk in call.chunks:
                if call.hold.feed(chunk):
                    self.watch.lift()
                    break
                if call.step.checks and self._has_said_all(call):
                    self._ended(call)
                    await call.hang_up()
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
        if self.stream and call.first_token is None:
            call.first_token = now
        return events.ContentCame(now, call.number)

    def _has_said_all(self, call: Call) -> bool:
        """A stream that is held to be checked: its first content lifts the first limit; after its end mark nothing is waited for."""
        seen = call.hold.delivery.seen
        if self.stream and seen.content:
            if call.first_token is None:
                call.first_token = self.steady()
                self.watch.allow_between_reads(call.step.timeouts.idle)
            self.watch.touched = self.steady()
        return self.stream and seen.ended

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

    async def _check(self, command: commands.Check) -> events.Event:
        """Hold the answer to what its step demands."""
        call, job = self._under_way(), self.job
        try:
            answer = held_answer(job.ask, job.front, call.hold.peek())
        except ProviderFault as fault:
            return self._failed(call, fault)
        failed = await self.world.verify(call.step.checks, answer)
        if failed is not None:
            return self._failed(call, Unfit(f"{failed.check}: {failed.detail}"))
        now = self.steady()
        self.tally.answered(call, now)
        return events.CheckPassed(now, command.attempt)

    async def _stand_in_line(self, command: commands.StandInLine) -> events.Event:
        if self.call is not None:
            await self.call.hang_up()
        if await self.dispatch.wait_for_room(self.state.plan, command, self.steady()):
            return events.Rested(self.steady())
        return events.TurnedAway(self.steady(), self.state.attempt, "quota", command.ready)

    async def _rest(self, command: commands.Sleep) -> events.Event:
        await self._under_way().hang_up()
        await asyncio.sleep(command.until - self.steady())
        return events.Rested(self.steady())

    def _new_call(self, command: commands.StartAttempt, lease: Lease, now: float) -> Call:
        step, upstream = self.state.plan.steps[command.step], lease.deployment.upstream
        hold = Hold(deliver(self.job.front, upstream.dialect, self.job.ask), stream=self.stream and not step.checks)
        self.call = call = Call(command.attempt, step, upstream, hold, now, lease)
        self.watch.allow("first_token" if self.stream else "total", self.dispatch.patience(step, lease))
        return call

    def _under_way(self) -> Call:
        assert self.call is not None, "no command names an attempt before the first has started"
        return self.call

    async def _cancel(self, command: commands.CancelAttempt) -> None:
        call = self.race.call(command.attempt) or self._under_way()
        try:
            await self.race.leave(command.attempt)
        finally:  # whatever else happens meanwhile
            self.tally.cancelled(call, self.steady(), command.fault, command.detail, outrun=command.outrun)
        await call.hang_up()

    def _cancelled(self, command: commands.CancelAttempt) -> None:
        call = self.race.call(command.attempt) or self._under_way()
        self.tally.cancelled(call, self.steady(), command.fault, command.detail)

    def _ended(self, call: Call) -> None:
        """Its body has ended. The connection is to go back before the client is served, however slow that is."""
        call.hold.end()
        self.watch.lift()
        if not call.step.checks:  # else it is not yet known how it ended
            self.tally.answered(call, self.steady())

    def _finished_anyway(self) -> events.AttemptFinished | None:
        """Whatever ends a stream after its end mark has gone out changes nothing: SDKs hang up on it, some providers never do."""
        call = self.call
        if (
            call is None
            or call.record is not None
            or call.step.checks
            or not self.watch.awaits_bytes
            or not call.hold.delivery.seen.ended
        ):
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
            now, call.number, fault.name, fault.condition, fault.blame, fault.message, record.status, fault.retry_after, record.cost,
            self.dispatch.has_spare(call.step, call.lease, fault.blame, now),
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
    return call.upstream.read_error(incoming.status, headers, bytes(body[:ERROR_BODY_LIMIT]))
