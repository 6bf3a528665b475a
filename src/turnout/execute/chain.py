"""What a request may try next: the plan's further steps, then those worth another try. Pure."""

from typing import Literal

import msgspec

from turnout.execute.progress import Skip, State
from turnout.execute.rests import backoff
from turnout.live.health import NOT_BAD, Badness

# What a second try may cure. The others would fail the same way again.
_TRANSIENT = frozenset({"rate_limited", "unavailable", "timeout", "broken"})

AS_FAULT = {"ejected": "unavailable", "quota": "rate_limited", "retries": "rate_limited"}
"""A step that dispatch turned away leads on as one that failed like this."""

FORCING_AFTER = 1.0
"""Seconds of resting that are better than trying what is ejected: sooner ready steps are tried again first."""


class Again(msgspec.Struct, frozen=True):
    """A step worth another try, and when (steady seconds)."""

    ready: float
    step: int
    how: Literal["retry", "forced", "line"]


def next_step(state: State, condition: str | None, *, elsewhere: bool = False) -> tuple[int | None, set[int]]:
    """The first untried step further on that takes this condition and can be paid for; and those that cannot be.

    ``condition`` None: nothing has failed yet, so the first step is due, and after it only steps that take anything.
    ``elsewhere``: only at another provider than the one that is being tried.
    """
    tried = {failure.step for failure in state.failures} | {turned.step for turned in state.turned}
    unpaid: set[int] = set()
    for index in range(state.step + 1, len(state.plan.steps)):
        on = state.plan.steps[index].on
        due = "any" in on or condition in on or (condition is None and index == 0)
        if not due or index in tried or (elsewhere and _provider(state, index) == _provider(state, state.step)):
            continue
        if affordable(state, index):
            return index, unpaid
        unpaid.add(index)
    return None, unpaid


def again(state: State, at: float) -> tuple[Again | None, set[int]]:
    """The step that is the first to be worth another try, and those that cannot be paid for; ties go to the plan's order.

    A failed one waits for its own Retry-After, one without room until it may have some. The least bad of the ejected ones
    is tried at once, as soon as nothing else is ready within FORCING_AFTER: refusing outright would be worse.
    """
    unpaid: set[int] = set()
    ways: list[tuple[float, Badness, Again]] = []
    for index in dict.fromkeys((*(failure.step for failure in state.failures), *(turned.step for turned in state.turned))):
        way = _way(state, index, at)
        if way is None:
            continue
        if not affordable(state, index):
            unpaid.add(index)
            continue
        badness, found = way
        ways.append((found.ready + (FORCING_AFTER if found.how == "forced" else 0.0), badness, found))
    return min(ways, key=lambda way: (way[0], way[1], way[2].step))[2] if ways else None, unpaid


def _way(state: State, index: int, at: float) -> tuple[Badness, Again] | None:
    """How bad it is to try this step again, and when."""
    fault = next((failure.fault for failure in reversed(state.failures) if failure.step == index), None)
    away = next((turned.away for turned in reversed(state.turned) if turned.step == index), None)
    if away is not None and (fault is None or away.at > fault.at) and away.reason != "retries":
        if away.reason == "ejected":
            return away.badness, Again(at, index, "forced")
        until = line_until(state, at)
        return (NOT_BAD, Again(away.until, index, "line")) if at < until and away.until <= until else None
    if fault is None or fault.name not in _TRANSIENT or not state.may_retry:
        return None
    failures = sum(failure.step == index for failure in state.failures)
    return NOT_BAD, Again(fault.at + max(fault.retry_after or 0.0, backoff(failures, state.seed)), index, "retry")


def line_until(state: State, at: float) -> float:
    """For all its waits together a request has as long as the policy's patience, and none where no place was left."""
    since = at if state.waited_since is None else state.waited_since
    return min(since + state.plan.patience, state.deadline)


def _provider(state: State, index: int) -> str:
    return state.plan.steps[index].model.partition("/")[0]


def affordable(state: State, index: int) -> bool:
    """A step of unknown price cannot be shown to fit a budget, so it does not: constraints fail closed."""
    budget, cost = state.plan.budget, state.plan.steps[index].expected_cost
    if budget is None:
        return True
    # An attempt that goes on beside it will be billed too.
    other = state.plan.steps[state.other.step].expected_cost if state.other is not None else 0
    return cost is not None and other is not None and state.spent + other + cost <= budget


def skipping(state: State, indexes: set[int], reason: str) -> tuple[Skip, ...]:
    """The steps left out so far, and these, each once."""
    new = (Skip(state.plan.steps[index].model, reason) for index in sorted(indexes))
    return state.skipped + tuple(skip for skip in new if skip not in state.skipped)
