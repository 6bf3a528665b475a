import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.decide.mix import BINS, UNIFORM, cumulative, fold, interval, rank

complexities = st.floats(0, 1)


@given(st.lists(complexities, max_size=300))
def test_the_cumulative_table_rises_from_nothing_to_all(seen: list[float]) -> None:
    """Whatever was folded in."""
    table = cumulative(fold(UNIFORM, seen))

    assert len(table) == BINS + 1
    assert table[0] == 0
    assert table[-1] == pytest.approx(1)
    assert list(table) == sorted(table)


@given(st.lists(complexities, max_size=50), complexities, complexities, st.floats(0, 0.999))
def test_a_harder_request_never_ranks_below_an_easier_one(seen: list[float], one: float, other: float, u: float) -> None:
    """For the same draw."""
    table = cumulative(fold(UNIFORM, seen))
    easy, hard = sorted((one, other))

    assert rank(table, easy, u) <= rank(table, hard, u)


def test_an_unknown_complexity_may_get_any_rank() -> None:
    """It is not taken for simple."""
    assert interval(cumulative(UNIFORM), None) == (0.0, 1.0)
    assert rank(cumulative(UNIFORM), None, 0.83) == 0.83


def test_folding_forgets_the_old() -> None:
    """After some hundred requests the table is that of the recent ones."""
    histogram = fold(fold(UNIFORM, [0.1] * 2_000), [0.9] * 2_000)

    assert cumulative(histogram)[BINS // 2] < 0.01


def test_folding_in_parts_is_folding_at_once() -> None:
    """The control process may look whenever it likes."""
    values = [random.Random(7).random() for _ in range(100)]

    assert fold(fold(UNIFORM, values[:37]), values[37:]) == pytest.approx(fold(UNIFORM, values))
