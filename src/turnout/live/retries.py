"""A route's budget of second tries, so that an outage is not multiplied by them (after Finagle's retry budget).

Each request earns ``retry_share`` of a try, each second ``retry_floor`` tries; what was earned fades within about ten seconds.
"""

from math import exp

import msgspec

from turnout.types.resilience import QuotaRules

FADING = 10.0
"""Seconds; the time constant with which credits expire."""


class RetryBudget(msgspec.Struct, frozen=True, gc=False):
    """``credits`` as of ``at`` (steady seconds)."""

    credits: float
    at: float


def opened(rules: QuotaRules, now: float) -> RetryBudget:
    """As it is after a long quiet time: what the floor alone earns."""
    return RetryBudget(rules.retry_floor * FADING, now)


def earned(budget: RetryBudget, rules: QuotaRules, now: float, requests: int) -> RetryBudget:
    """Credit ``requests`` that came since the last call, as if spread evenly: fold them about once a second."""
    passed = max(0.0, now - budget.at)
    left = exp(-passed / FADING)
    kept = FADING * (1.0 - left) / passed if passed > 0.0 else 1.0  # the share of what was earned evenly that has not faded
    return RetryBudget(
        budget.credits * left + kept * (rules.retry_share * requests + rules.retry_floor * passed), max(now, budget.at)
    )


def spend(budget: RetryBudget, rules: QuotaRules, now: float, requests: int) -> tuple[RetryBudget, bool]:
    """May a step be tried a second time? ``requests`` as for :func:`earned`."""
    budget = earned(budget, rules, now, requests)
    if budget.credits < 1.0:
        return budget, False
    return RetryBudget(budget.credits - 1.0, budget.at), True
