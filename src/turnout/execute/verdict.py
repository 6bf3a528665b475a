"""What the client is told of a request that got no answer. Pure words and codes."""

from turnout.errors import Blame, Code
from turnout.execute.commands import GiveUp
from turnout.execute.progress import State
from turnout.types.money import usd


def exhausted(state: State, at: float) -> GiveUp:
    """Of a chain in which everything worth trying was tried."""
    last = state.failures[-1].fault if state.failures else None
    if last is not None and last.blame is Blame.CALLER:
        # The provider's own 4xx, so that the SDK raises the class the caller expects for this mistake.
        status = last.status if last.status is not None and 400 <= last.status < 500 else None
        return GiveUp(Code.INVALID_REQUEST, last.message, status)
    names = [failure.fault.name for failure in state.failures]
    if all(name == "rate_limited" for name in names) and all(turned.away.reason != "ejected" for turned in state.turned):
        waits = [failure.fault.at + failure.fault.retry_after - at for failure in state.failures if failure.fault.retry_after]
        last_words = {turned.step: turned.away for turned in state.turned}
        waits += [away.until - at for away in last_words.values() if away.reason == "quota"]
        return GiveUp(Code.RATE_LIMITED, told(state), retry_after=max(min(waits), 0.0) if waits else None)
    return GiveUp(Code.UPSTREAM_FAILED, told(state))


def over_budget(state: State) -> GiveUp:
    left = usd((state.plan.budget or 0) - state.spent)
    names = ", ".join(skip.model for skip in state.skipped if skip.reason == "budget")
    return GiveUp(
        Code.BUDGET_EXHAUSTED, f"the budget has ${max(left, 0.0):.6g} left, too little for {names}{_before(state)}"
    )  # fmt: skip


def too_late(state: State) -> GiveUp:
    return GiveUp(
        Code.DEADLINE_EXCEEDED, f"no complete answer within the deadline of {state.plan.deadline:g} s{_before(state)}"
    )  # fmt: skip


def told(state: State) -> str:
    """The chain's failures in a sentence: how many, how the last one went, and what was not called at all."""
    called = {state.plan.steps[failure.step].model for failure in state.failures}
    uncalled = {
        model: turned.away.reason for turned in state.turned if (model := state.plan.steps[turned.step].model) not in called
    }
    left_out = ", ".join(f"{model} ({_WHY[reason]})" for model, reason in uncalled.items())
    if not state.failures:
        return f"no model was called: {left_out}"
    step, fault = state.failures[-1].step, state.failures[-1].fault
    answered = f"answered {fault.status}" if fault.status else "gave no answer"
    attempts = f"{state.made} attempts" if state.made > 1 else "1 attempt"
    last = f"{attempts} made, the last one at {state.plan.steps[step].model} {answered} ({fault.name}): {fault.message}"
    return f"{last}; not called: {left_out}" if left_out else last


_WHY = {"ejected": "ejected: it has failed too often", "quota": "quota: it has no room", "retries": "quota: retried enough"}


def _before(state: State) -> str:
    return f"; {told(state)}" if state.failures or state.turned else ""
