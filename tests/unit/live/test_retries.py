"""The budget of second tries."""

from turnout.live.retries import RetryBudget, earned, opened, spend
from turnout.types.resilience import QuotaRules

RULES = QuotaRules()


def spent(budget: RetryBudget, now: float, tries: int = 10_000) -> int:
    """How many tries it grants at once."""
    granted = 0
    for _ in range(tries):
        budget, may = spend(budget, RULES, now, 0)
        granted += may
    return granted


def test_a_quiet_route_may_retry() -> None:
    """What the floor earns in ten seconds is there from the start, and no more."""
    assert spent(opened(RULES, 5.0), 5.0) == 10


def test_requests_earn_a_fifth() -> None:
    """A hundred requests in this instant are twenty tries."""
    assert spent(earned(RetryBudget(0.0, 5.0), RULES, 5.0, 100), 5.0) == 20


def test_credits_expire() -> None:
    """A busy hour long ago pays for nothing now: only the floor is left."""
    rich = earned(opened(RULES, 0.0), RULES, 1.0, 100_000)

    assert spent(rich, 1.0) > 9000
    assert spent(rich, 200.0) == 10


def test_a_long_gap_is_spread() -> None:
    """Requests of an hour folded at once are worth what they are per second, not their sum."""
    assert spent(earned(opened(RULES, 0.0), RULES, 3600.0, 36_000), 3600.0) == 30


def test_an_outage_is_not_doubled() -> None:
    """At 200 requests a second that all fail, second tries settle at a fifth and the floor."""
    budget, granted = opened(RULES, 0.0), 0
    for number in range(200 * 60):
        budget, may = spend(budget, RULES, number / 200, 1)
        granted += may

    assert 0.2 * 12_000 <= granted <= 0.2 * 12_000 + 60 + 10


def test_no_budget() -> None:
    """A share and a floor of nothing are no second tries."""
    none = QuotaRules(retry_share=0.0, retry_floor=0.0)

    assert not spend(opened(none, 0.0), none, 100.0, 1000)[1]
