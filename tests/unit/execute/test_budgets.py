"""What a route may spend on second tries and on hedges."""

from turnout.execute.budgets import RouteBudget
from turnout.types.resilience import QuotaRules


def served(budget: RouteBudget, requests: int) -> RouteBudget:
    budget.requests += requests
    return budget


def test_a_fresh_route_may_hedge_once() -> None:
    """Money is earned first where there is a price."""
    assert RouteBudget(QuotaRules()).hedge(0.1, 0, 0)
    assert not RouteBudget(QuotaRules()).hedge(0.1, 10, 10)
    assert served(RouteBudget(QuotaRules()), 10).hedge(0.1, 10, 10)


def test_requests_earn_hedges_and_what_is_saved_is_bounded() -> None:
    """A tenth of a hundred is ten; five of them are kept."""
    budget = served(RouteBudget(QuotaRules()), 100)
    assert [budget.hedge(0.1, 1, 1) for _ in range(7)] == [True] * 5 + [False] * 2
    served(budget, 10)
    assert [budget.hedge(0.1, 1, 1) for _ in range(2)] == [True, False]


def test_spend_is_kept_as_well_as_number() -> None:
    """A hedge ten times as dear as the request takes what a hundred requests earn at a tenth."""
    budget = served(RouteBudget(QuotaRules()), 100)
    assert [budget.hedge(0.1, 100, 10) for _ in range(2)] == [True, False]


def test_second_tries_are_a_share_of_requests_and_a_floor() -> None:
    """A fifth of 100 at once, and ten seconds' worth of the floor; then one a second."""
    budget = served(RouteBudget(QuotaRules()), 100)
    assert sum(budget.retry(0.0) for _ in range(100)) == 30
    assert [budget.retry(1.2) for _ in range(2)] == [True, False]


def test_verdicts_are_counted() -> None:
    """By what was asked and whether it was granted."""
    budget = RouteBudget(QuotaRules(retry_share=0.0, retry_floor=0.0))
    budget.retry(0.0)
    budget.hedge(0.1, 0, 0)
    budget.hedge(0.1, 0, 0)
    assert dict(budget.verdicts) == {("retry", False): 1, ("hedge", True): 1, ("hedge", False): 1}
