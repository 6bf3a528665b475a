"""The attempt engine's rules: what to do next, given what happened. Pure: time comes in events, chance from the seed.

    Began ─▶ StartAttempt ─▶ ContentCame ─▶ Commit ─▶ AttemptFinished ─▶ Done
                ▲  │             │    ▲        └─▶ AttemptFailed, DeadlinePassed ─▶ Cut
       Rested   │  │             ├─▶ Check (cascade) ─▶ CheckPassed
          Sleep ┘  │             └─▶ WriteRecord (journal: required) ─▶ RecordRefused, DeadlinePassed ─▶ GiveUp
                   ├─▶ AttemptFailed, TurnedAway ─▶ StartAttempt (another step), Sleep, StandInLine, or GiveUp
                   └─▶ HedgeDue ─▶ StartAttempt (beside it)

Until Commit nothing is sent, so every end before it is a GiveUp, and a Cut comes only after it.
One attempt limit, one deadline and one budget hold for the whole chain, so that retries, hedges and fallbacks never multiply.
Attempts are numbered and every command names the one it means.
"""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from turnout.errors import Code
from turnout.execute import chain, verdict
from turnout.execute.commands import (
    UNRECORDED,
    Abandon,
    AwaitAttempt,
    CancelAttempt,
    Check,
    Command,
    Commit,
    Cut,
    Done,
    GiveUp,
    Sleep,
    StandInLine,
    StartAttempt,
    WriteRecord,
)
from turnout.execute.events import (
    AttemptFailed,
    AttemptFinished,
    Began,
    CheckPassed,
    ClientLeft,
    ContentCame,
    DeadlinePassed,
    Event,
    HedgeDue,
    RecordRefused,
    RecordWritten,
    Rested,
    Stopped,
    TurnedAway,
)
from turnout.execute.progress import NO_PLACE, Failure, Other, Phase, State, Turned
from turnout.execute.rests import LONGEST_REST, SHARE_OF_TIME

Move = tuple[State, tuple[Command, ...]]
"""The state after an event, and what to do about it."""


def step(state: State, event: Event) -> Move:
    """Apply one event by the rule of its phase. One that belongs to no rule, or to an attempt that no longer counts, changes nothing."""
    rule = _RULES[state.phase].get(type(event))
    if rule is None:
        return state, ()
    number = getattr(event, "attempt", state.attempt)
    if number != state.attempt:
        if state.other is None or number != state.other.attempt:
            return state, ()
        state = replace(state, attempt=number, step=state.other.step, other=Other(state.attempt, state.step))
    return rule(state, event)


def _begin(state: State, began: Began) -> Move:
    """The first step is due whatever its ``on`` says; only one that cannot be paid for is passed over."""
    return _start(state, began.at, 0) if chain.affordable(state, 0) else _advance(state, began.at, None)


def _after_turning(state: State, away: TurnedAway) -> Move:
    """No call was made. A hedge is let be; a step of the chain leads on as if it had failed like that."""
    state = replace(state, made=state.made - 1)
    if state.other is not None:
        return _only_the_other(state)
    turned = replace(
        state,
        turned=(*state.turned, Turned(state.step, away)),
        skipped=chain.skipping(state, {state.step}, away.reason),
        may_retry=state.may_retry and away.reason != "retries",
    )
    return _advance(turned, away.at, chain.AS_FAULT[away.reason])


def _after_silence(state: State, due: HedgeDue) -> Move:
    """Start the chain's next step of another provider beside it, if it may be paid for: one that would share its outage is no help."""
    beside = replace(state, other=Other(state.attempt, state.step))
    if state.other is None and state.made < state.plan.attempts and due.at < state.deadline:
        chosen, _ = chain.next_step(beside, "unavailable", elsewhere=True)
        if chosen is not None:
            return _start(beside, due.at, chosen, beside=True)
    return state, (AwaitAttempt(),)


def _after_content(state: State, came: ContentCame) -> Move:
    lost: tuple[Command, ...] = ()
    if state.other is not None:
        lost = _without_the_other(state, "another attempt answered first", outrun=state.other.attempt < came.attempt)
        expected = state.plan.steps[state.other.step].expected_cost or 0
        state = replace(state, other=None, spent=state.spent + expected)
    if state.plan.steps[state.step].checks:
        return replace(state, phase="checking"), (*lost, Check(came.attempt))
    ready, commands = _after_check(state, came)
    return ready, (*lost, *commands)


def _after_check(state: State, event: ContentCame | CheckPassed) -> Move:
    if state.plan.journal_required:
        return replace(state, phase="committing"), (WriteRecord(event.attempt),)
    return _commit(state, event)


def _commit(state: State, event: ContentCame | CheckPassed | RecordWritten) -> Move:
    return replace(state, phase="committed"), (Commit(event.attempt),)


def _finish(state: State, _: AttemptFinished) -> Move:
    return _over(state, Done())


def _after_rest(state: State, rested: Rested) -> Move:
    """What it rested for may be tried again: a step that failed, or one that had no room and was not called at all."""
    return _start(state, rested.at, state.step, again=any(failure.step == state.step for failure in state.failures))


def _after_a_full_line(state: State, away: TurnedAway) -> Move:
    return _advance(replace(state, waited_since=NO_PLACE), away.at, None)


def _after_refusal(state: State, _: RecordRefused) -> Move:
    return _break_off(state, "cancelled", "the journal could not take the record", UNRECORDED)


def _after_failure(state: State, fault: AttemptFailed) -> Move:
    """Committed: the stream ends. The caller's own fault: so does the chain. Else what comes next."""
    expected = state.plan.steps[state.step].expected_cost or 0
    spent = state.spent + (expected if fault.cost is None else fault.cost)
    failed = replace(state, spent=spent, failures=(*state.failures, Failure(state.step, fault)))
    if state.phase == "committed":
        return _over(failed, Cut(Code.UPSTREAM_FAILED, f"the answer broke off: {verdict.told(failed)}"))
    if fault.condition is None:
        lost = _without_the_other(failed, "the request is wrong, wherever it goes")
        return _over(failed, *lost, verdict.exhausted(failed, fault.at))
    if state.other is not None:
        return _only_the_other(failed)
    if fault.spare and failed.made < failed.plan.attempts and chain.affordable(failed, failed.step):
        return _start(failed, fault.at, failed.step)
    return _advance(failed, fault.at, fault.condition)


def _after_deadline(state: State, _: DeadlinePassed) -> Move:
    return _break_off(state, "timeout", "the request's deadline passed", verdict.too_late(state))


def _after_leaving(state: State, _: ClientLeft) -> Move:
    return _break_off(state, "cancelled", "the client left", Abandon())


def _after_stop(state: State, _: Stopped) -> Move:
    incomplete = GiveUp(Code.OVERLOADED, "the request was stopped before its answer was complete")
    return _break_off(state, "cancelled", "the request was stopped in our hands", incomplete)


Rules = Mapping[type, Callable[[State, Any], Move]]
_ANY_TIME: Rules = {ClientLeft: _after_leaving, Stopped: _after_stop}
_UNDER_WAY: Rules = {DeadlinePassed: _after_deadline, **_ANY_TIME}
_RULES: Mapping[Phase, Rules] = {
    "fresh": {Began: _begin, **_ANY_TIME},
    "trying": {
        ContentCame: _after_content, AttemptFailed: _after_failure, TurnedAway: _after_turning, HedgeDue: _after_silence,
        **_UNDER_WAY,
    },
    "resting": {Rested: _after_rest, TurnedAway: _after_a_full_line, **_UNDER_WAY},
    "checking": {CheckPassed: _after_check, AttemptFailed: _after_failure, **_UNDER_WAY},
    "committing": {RecordWritten: _commit, RecordRefused: _after_refusal, **_UNDER_WAY},
    "committed": {AttemptFinished: _finish, AttemptFailed: _after_failure, **_UNDER_WAY},
    "over": {},
}  # fmt: skip
"""What may happen in each phase, and what follows from it."""


def _advance(state: State, at: float, condition: str | None) -> Move:
    """Start the next step of the chain, wait for one that may be tried again, or give up."""
    if at >= state.deadline:
        return _over(state, verdict.too_late(state))
    if state.made >= state.plan.attempts:
        return _over(state, verdict.exhausted(state, at))
    chosen, unpaid = chain.next_step(state, condition)
    if chosen is not None:
        return _start(replace(state, skipped=chain.skipping(state, unpaid, "budget")), at, chosen)
    again, unpaid_again = chain.again(state, at)
    unpaid |= unpaid_again
    state = replace(state, skipped=chain.skipping(state, unpaid, "budget"))
    if again is None:
        return _over(state, verdict.over_budget(state) if unpaid else verdict.exhausted(state, at))
    if again.how == "line":
        waiting = replace(
            state, phase="resting", step=again.step, waited_since=at if state.waited_since is None else state.waited_since
        )
        return waiting, (StandInLine(again.step, again.ready, chain.line_until(state, at)),)
    if again.ready <= at:
        return _start(state, at, again.step, again=again.how == "retry", forced=again.how == "forced")
    if again.ready - at > min(LONGEST_REST, (state.deadline - at) * SHARE_OF_TIME):
        return _over(state, verdict.exhausted(state, at))
    return replace(state, phase="resting", step=again.step), (Sleep(again.ready),)


def _start(state: State, at: float, index: int, *, again: bool = False, forced: bool = False, beside: bool = False) -> Move:
    if at >= state.deadline:
        return _over(state, verdict.too_late(state))
    made = state.made + 1
    started = replace(state, phase="trying", attempt=made, step=index, made=made)
    return started, (StartAttempt(made, index, again, forced, beside),)


def _without_the_other(state: State, detail: str, *, outrun: bool = False) -> tuple[Command, ...]:
    """Hang up on the attempt that goes on beside this one, if there is one."""
    return () if state.other is None else (CancelAttempt(state.other.attempt, "cancelled", detail, outrun),)


def _only_the_other(state: State) -> Move:
    """Of two attempts one is no more."""
    assert state.other is not None, "there are two"
    return replace(state, attempt=state.other.attempt, step=state.other.step, other=None), (AwaitAttempt(),)


def _break_off(state: State, fault: str, detail: str, end: GiveUp | Abandon) -> Move:
    """Hang up on what is under way and end; once something was sent the client is told by a Cut."""
    told = Cut(end.code, end.message) if state.phase == "committed" and isinstance(end, GiveUp) else end
    under_way = [state.attempt] if state.phase in ("trying", "checking", "committing", "committed") else []
    if state.other is not None:
        under_way.append(state.other.attempt)
    return _over(state, *(CancelAttempt(attempt, fault, detail) for attempt in under_way), told)


def _over(state: State, *commands: Command) -> Move:
    return replace(state, phase="over"), commands
