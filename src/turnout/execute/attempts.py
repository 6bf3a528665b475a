"""The attempt engine's rules: what to do next, given what happened. Pure: time comes in events, chance from the seed.

    Began ─▶ StartAttempt ─▶ ContentCame ─▶ Commit ─▶ AttemptFinished ─▶ Done
                ▲  │             │    ▲        └─▶ AttemptFailed, DeadlinePassed ─▶ Cut
       Rested   │  │             └─▶ WriteRecord (journal: required) ─▶ RecordRefused, DeadlinePassed ─▶ GiveUp
          Sleep ┘  └─▶ AttemptFailed ─▶ StartAttempt (another step), Sleep, or GiveUp

Until Commit nothing is sent, so every end before it is a GiveUp, and a Cut comes only after it.
One attempt limit, one deadline and one budget hold for the whole chain, so that retries and fallbacks never multiply.
Attempts are numbered and every command names the one it means.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from turnout.errors import Blame, Code
from turnout.execute.commands import (
    UNRECORDED,
    Abandon,
    CancelAttempt,
    Command,
    Commit,
    Cut,
    Done,
    GiveUp,
    Sleep,
    StartAttempt,
    WriteRecord,
)
from turnout.execute.events import (
    AttemptFailed,
    AttemptFinished,
    Began,
    ClientLeft,
    ContentCame,
    DeadlinePassed,
    Event,
    RecordRefused,
    RecordWritten,
    Rested,
    Stopped,
)
from turnout.execute.rests import LONGEST_REST, SHARE_OF_TIME, backoff
from turnout.types.decision import Plan
from turnout.types.money import usd

Phase = Literal["fresh", "trying", "resting", "committing", "committed", "over"]

# What a second try may cure. The others would fail the same way again.
_TRANSIENT = frozenset({"rate_limited", "unavailable", "timeout", "broken"})


class Failure(msgspec.Struct, frozen=True):
    """An attempt that failed, and the step it was made for."""

    step: int
    fault: AttemptFailed


class Skip(msgspec.Struct, frozen=True):
    """A step that could have served and was not called, and why (a rejection at dispatch)."""

    model: str
    reason: str


class State(msgspec.Struct, frozen=True):
    """A request between two events. ``deadline`` in steady seconds; ``step`` is the one being tried or waited for.

    The plan has at least one step and allows at least one attempt.
    ``spent`` counts an attempt of unknown cost as what its step was expected to cost.
    """

    plan: Plan
    seed: int
    deadline: float
    phase: Phase = "fresh"
    attempt: int = 0
    step: int = -1
    spent: int = 0
    failures: tuple[Failure, ...] = ()
    skipped: tuple[Skip, ...] = ()


Move = tuple[State, tuple[Command, ...]]
"""The state after an event, and what to do about it."""


def step(state: State, event: Event) -> Move:
    """Apply one event by the rule of its phase. One that belongs to no rule, or to an attempt that no longer counts, changes nothing."""
    rule = _RULES[state.phase].get(type(event))
    if rule is None or getattr(event, "attempt", state.attempt) != state.attempt:
        return state, ()
    return rule(state, event)


def _begin(state: State, began: Began) -> Move:
    """The first step is due whatever its ``on`` says; only one that cannot be paid for is passed over."""
    return _start(state, began.at, 0) if _affordable(state, 0) else _advance(state, began.at, None)


def _after_content(state: State, came: ContentCame) -> Move:
    if state.plan.journal_required:
        return replace(state, phase="committing"), (WriteRecord(came.attempt),)
    return _commit(state, came)


def _commit(state: State, event: ContentCame | RecordWritten) -> Move:
    return replace(state, phase="committed"), (Commit(event.attempt),)


def _finish(state: State, _: AttemptFinished) -> Move:
    return _over(state, Done())


def _after_rest(state: State, rested: Rested) -> Move:
    return _start(state, rested.at, state.step)


def _after_refusal(state: State, _: RecordRefused) -> Move:
    return _break_off(state, "cancelled", "the journal could not take the record", UNRECORDED)


def _after_failure(state: State, fault: AttemptFailed) -> Move:
    """Committed: the stream ends. The caller's own fault: so does the chain. Else what comes next."""
    expected = state.plan.steps[state.step].expected_cost or 0
    spent = state.spent + (expected if fault.cost is None else fault.cost)
    failed = replace(state, spent=spent, failures=(*state.failures, Failure(state.step, fault)))
    if state.phase == "committed":
        return _over(failed, Cut(Code.UPSTREAM_FAILED, f"the answer broke off: {_told(failed)}"))
    if fault.condition is None:
        return _over(failed, _verdict(failed, fault.at))
    return _advance(failed, fault.at, fault.condition)


def _after_deadline(state: State, _: DeadlinePassed) -> Move:
    return _break_off(state, "timeout", "the request's deadline passed", _too_late(state))


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
    "trying": {ContentCame: _after_content, AttemptFailed: _after_failure, **_UNDER_WAY},
    "resting": {Rested: _after_rest, **_UNDER_WAY},
    "committing": {RecordWritten: _commit, RecordRefused: _after_refusal, **_UNDER_WAY},
    "committed": {AttemptFinished: _finish, AttemptFailed: _after_failure, **_UNDER_WAY},
    "over": {},
}
"""What may happen in each phase, and what follows from it."""


def _advance(state: State, at: float, condition: str | None) -> Move:
    """Start the next step of the chain, wait for one that may be tried again, or give up."""
    if at >= state.deadline:
        return _over(state, _too_late(state))
    if state.attempt >= state.plan.attempts:
        return _over(state, _verdict(state, at))
    chosen, unpaid = _next_step(state, condition)
    if chosen is not None:
        return _start(_skip(state, unpaid), at, chosen)
    ready, again, unpaid_again = _soonest_retry(state)
    state = _skip(state, unpaid | unpaid_again)
    if again is None:
        return _over(state, _over_budget(state) if unpaid or unpaid_again else _verdict(state, at))
    if ready <= at:
        return _start(state, at, again)
    if ready - at > min(LONGEST_REST, (state.deadline - at) * SHARE_OF_TIME):
        return _over(state, _verdict(state, at))
    return replace(state, phase="resting", step=again), (Sleep(ready),)


def _next_step(state: State, condition: str | None) -> tuple[int | None, set[int]]:
    """The first untried step further on that takes this condition and can be paid for; and those that cannot be.

    ``condition`` None: nothing has failed yet, so the first step is due, and after it only steps that take anything.
    """
    tried = {failure.step for failure in state.failures}
    unpaid: set[int] = set()
    for index in range(state.step + 1, len(state.plan.steps)):
        on = state.plan.steps[index].on
        due = "any" in on or condition in on or (condition is None and index == 0)
        if not due or index in tried:
            continue
        if _affordable(state, index):
            return index, unpaid
        unpaid.add(index)
    return None, unpaid


def _soonest_retry(state: State) -> tuple[float, int | None, set[int]]:
    """When and which failed step may be tried again; ties go to the plan's order. Each step waits for its own Retry-After."""
    latest = {failure.step: failure.fault for failure in state.failures}
    ready: list[tuple[float, int]] = []
    unpaid: set[int] = set()
    for index, fault in latest.items():
        if fault.name not in _TRANSIENT:
            continue
        if not _affordable(state, index):
            unpaid.add(index)
            continue
        failures = sum(failure.step == index for failure in state.failures)
        ready.append((fault.at + max(fault.retry_after or 0.0, backoff(failures, state.seed)), index))
    when, chosen = min(ready, default=(state.deadline, None))
    return when, chosen, unpaid


def _affordable(state: State, index: int) -> bool:
    """A step of unknown price cannot be shown to fit a budget, so it does not: constraints fail closed."""
    budget, cost = state.plan.budget, state.plan.steps[index].expected_cost
    return budget is None or (cost is not None and state.spent + cost <= budget)


def _start(state: State, at: float, index: int) -> Move:
    if at >= state.deadline:
        return _over(state, _too_late(state))
    attempt = state.attempt + 1
    return replace(state, phase="trying", attempt=attempt, step=index), (StartAttempt(attempt, index),)


def _skip(state: State, unpaid: set[int]) -> State:
    """Note each step that the budget ruled out, once."""
    if not unpaid:
        return state
    new = (Skip(state.plan.steps[index].model, "budget") for index in sorted(unpaid))
    return replace(state, skipped=state.skipped + tuple(skip for skip in new if skip not in state.skipped))


def _verdict(state: State, at: float) -> GiveUp:
    """What the client is told of a chain that failed."""
    last = state.failures[-1].fault
    if last.blame is Blame.CALLER:
        # The provider's own 4xx, so that the SDK raises the class the caller expects for this mistake.
        status = last.status if last.status is not None and 400 <= last.status < 500 else None
        return GiveUp(Code.INVALID_REQUEST, last.message, status)
    if all(failure.fault.name == "rate_limited" for failure in state.failures):
        waits = [failure.fault.at + failure.fault.retry_after - at for failure in state.failures if failure.fault.retry_after]
        return GiveUp(Code.RATE_LIMITED, _told(state), retry_after=max(min(waits), 0.0) if waits else None)
    return GiveUp(Code.UPSTREAM_FAILED, _told(state))


def _over_budget(state: State) -> GiveUp:
    left = usd((state.plan.budget or 0) - state.spent)
    names = ", ".join(skip.model for skip in state.skipped)
    before = f"; {_told(state)}" if state.failures else ""
    return GiveUp(Code.BUDGET_EXHAUSTED, f"the budget has ${max(left, 0.0):.6g} left, too little for {names}{before}")


def _too_late(state: State) -> GiveUp:
    before = f"; {_told(state)}" if state.failures else ""
    return GiveUp(Code.DEADLINE_EXCEEDED, f"no complete answer within the deadline of {state.plan.deadline:g} s{before}")


def _told(state: State) -> str:
    """The chain's failures in a sentence: how many, and how the last one went."""
    step, fault = state.failures[-1].step, state.failures[-1].fault
    answered = f"answered {fault.status}" if fault.status else "gave no answer"
    attempts = f"{state.attempt} attempts" if state.attempt > 1 else "1 attempt"
    return f"{attempts} made, the last one at {state.plan.steps[step].model} {answered} ({fault.name}): {fault.message}"


def _break_off(state: State, fault: str, detail: str, end: GiveUp | Abandon) -> Move:
    """Hang up on the attempt under way and end; once something was sent the client is told by a Cut."""
    told = Cut(end.code, end.message) if state.phase == "committed" and isinstance(end, GiveUp) else end
    if state.phase in ("trying", "committing", "committed"):
        return _over(state, CancelAttempt(state.attempt, fault, detail), told)
    return _over(state, told)


def _over(state: State, *commands: Command) -> Move:
    return replace(state, phase="over"), commands
