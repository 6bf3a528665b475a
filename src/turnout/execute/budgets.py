"""What a route may spend beyond one call per request: second tries, and hedges."""

from collections import Counter
from typing import Literal

from turnout.live import retries
from turnout.types.resilience import QuotaRules

_SAVED = 5.0
"""Hedges that a route may save up in quiet times; money likewise, in so many hedges of the kind asked for."""


class RouteBudget:
    """``requests`` is counted up by whoever serves one; what that earns is worked out when it is asked for.

    ``verdicts`` counts what was asked for, by what it was and whether it was granted.
    """

    __slots__ = ("_for_hedges", "_for_retries", "_hedges", "_retries", "_rules", "_spend", "requests", "verdicts")

    def __init__(self, rules: QuotaRules) -> None:
        self._rules = rules
        self._retries = retries.opened(rules, 0.0)
        self._hedges = 1.0
        self._spend = 0.0
        self._for_retries = self._for_hedges = self.requests = 0
        self.verdicts: Counter[tuple[Literal["retry", "hedge"], bool]] = Counter()

    def retry(self, now: float) -> bool:
        """Whether a step may be tried a second time."""
        fresh, self._for_retries = self.requests - self._for_retries, self.requests
        self._retries, allowed = retries.spend(self._retries, self._rules, now, fresh)
        self.verdicts["retry", allowed] += 1
        return allowed

    def hedge(self, share: float, cost: int, usual: int) -> bool:
        """Whether a hedge of this expected ``cost`` may start, where ``share`` of the requests and of their spend may go into hedges.

        ``usual`` is what one request is expected to cost (pico-dollars): each earns its share of it.
        """
        fresh, self._for_hedges = self.requests - self._for_hedges, self.requests
        self._hedges = min(self._hedges + share * fresh, _SAVED)
        self._spend = min(self._spend + share * fresh * usual, _SAVED * max(cost, usual))
        allowed = self._hedges >= 1.0 and self._spend >= cost
        self.verdicts["hedge", allowed] += 1
        if not allowed:
            return False
        self._hedges -= 1.0
        self._spend -= cost
        return True
