from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from turnout.control.pages.forecast import forecast

TODAY = date(2026, 11, 18)  # a Wednesday; twelve days of November are left after it


def before(costs: list[int]) -> dict[date, int]:
    return {TODAY - timedelta(days=len(costs) - n): cost for n, cost in enumerate(costs)}


def test_days_that_are_alike_are_foretold_exactly():
    """No scatter, no doubt: what is left of today and twelve days more, each at the same cost."""
    told = forecast(before([100] * 5), 1000, TODAY, 0.25)

    assert told is not None
    assert told.expected == told.low == told.high == 1000 + 100 * 12.75
    assert not told.by_weekday


def test_after_two_weeks_each_weekday_is_its_own():
    """Weekends that cost nothing cost nothing in the days to come."""
    told = forecast(before([0 if (TODAY - timedelta(days=28 - n)).weekday() > 4 else 70 for n in range(28)]), 0, TODAY, 1.0)

    assert told is not None
    assert told.by_weekday
    assert told.coming[date(2026, 11, 21)] == 0
    assert told.expected == 70 * 8


def test_two_days_are_too_few():
    """No forecast rather than a guess."""
    assert forecast(before([5, 5]), 10, TODAY, 0.5) is None


def test_by_hand():
    """Three days of 10, 20 and 30: mean 20, standard deviation 10, two degrees of freedom (t 2.92), on the month's last day but one."""
    today = date(2026, 11, 29)
    told = forecast({today - timedelta(days=n): cost for n, cost in ((1, 10), (2, 20), (3, 30))}, 0, today, 1.0)

    assert told is not None
    assert told.expected == 20
    half = 2.92 * (100 * (1 + 1 / 3)) ** 0.5
    assert abs(told.high - (20 + half)) < 0.02 * half
    assert told.low == 0  # what was paid is paid


@given(st.lists(st.integers(0, 10**15), min_size=3, max_size=60), st.integers(0, 10**16), st.floats(0, 1))
def test_the_range_holds_what_is_expected_and_never_takes_back_what_was_paid(costs: list[int], paid: int, gone: float):
    """low <= expected <= high, low >= paid, whatever the days were."""
    told = forecast(before(costs), paid, TODAY, gone)

    assert told is not None
    assert paid <= told.low <= told.expected * (1 + 1e-12)
    assert told.expected <= told.high * (1 + 1e-12)
