"""Calls at once per credential: none is limited before a refusal, AIMD after it."""

import pytest

from turnout.live.concurrency import FORGET, Concurrency, has_room, limit, refused, succeeded
from turnout.types.resilience import QuotaRules

RULES = QuotaRules()


def test_no_limit_before_a_refusal() -> None:
    """A provider that refuses nobody is never throttled."""
    concurrency = Concurrency()
    for _ in range(1000):
        concurrency = succeeded(concurrency, 1.0, 5000)

    assert limit(concurrency, RULES, 1.0) is None
    assert has_room(concurrency, RULES, 1.0, 100_000)


@pytest.mark.parametrize(("in_flight", "expected"), [(100, 90), (1, 1), (0, 1), (50_000, 10_000)])
def test_the_first_refusal_finds_the_limit(in_flight: int, expected: int) -> None:
    """Just below what was in flight; never nobody."""
    assert limit(refused(Concurrency(), 1.0, in_flight), RULES, 1.0) == expected


def test_refusals_together_count_once() -> None:
    """Those within a second answer calls sent before the limit was lowered."""
    concurrency = refused(Concurrency(), 1.0, 100)

    assert refused(concurrency, 1.9, 100) is concurrency
    assert limit(refused(concurrency, 2.0, 100), RULES, 2.0) == 81


def test_it_grows_by_one_for_each_limit_full() -> None:
    """Ten successes at ten calls at once make it about eleven."""
    concurrency = Concurrency(10.0, 1.0)
    for _ in range(11):
        concurrency = succeeded(concurrency, 2.0, 10)

    assert limit(concurrency, RULES, 2.0) == 11


def test_it_does_not_grow_unused() -> None:
    """What was never filled to the half proves nothing of the whole."""
    concurrency = Concurrency(10.0, 1.0)

    assert succeeded(concurrency, 2.0, 4) is concurrency
    assert succeeded(concurrency, 2.0, 5) != concurrency


def test_room() -> None:
    """Up to the limit, the new call included."""
    concurrency = Concurrency(2.9, 1.0)

    assert has_room(concurrency, RULES, 2.0, 1)
    assert not has_room(concurrency, RULES, 2.0, 2)


def test_the_rules_fix_it() -> None:
    """A number of the policy's own is neither raised nor lowered."""
    rules = QuotaRules(concurrency=3)

    assert limit(refused(Concurrency(), 1.0, 100), rules, 1.0) == 3
    assert has_room(Concurrency(), rules, 1.0, 2)
    assert not has_room(Concurrency(), rules, 1.0, 3)


def test_it_is_forgotten() -> None:
    """A single refusal in the morning does not throttle the evening, and the next one starts anew."""
    concurrency = refused(Concurrency(), 1.0, 1)
    later = 1.1 + FORGET

    assert not has_room(concurrency, RULES, 1.0 + FORGET, 1)
    assert has_room(concurrency, RULES, later, 1)
    assert succeeded(concurrency, later, 50) == Concurrency()
    assert limit(refused(concurrency, later, 50), RULES, later) == 45
