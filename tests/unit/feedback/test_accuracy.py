"""Shares with their intervals, and the collapse of one."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.feedback.accuracy import share
from turnout.feedback.collapse import FEWEST, FEWEST_BEFORE, Sums, find_drop, find_drops


def test_no_evidence_is_none():
    """Not zero."""
    assert share(0, 0) is None


def test_wilsons_interval_is_the_published_one():
    """Newcombe 1998 (Statistics in Medicine 17:857), table I: 81/263, 15/148, 0/20, 1/29."""
    for part, n, low, high in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ]:
        found = share(part, n)
        assert found is not None
        assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.floats(0, n), st.just(n))))
def test_an_interval_holds_its_share(of: tuple[float, int]):
    """And lies in 0..1."""
    found = share(*of)

    assert found is not None
    assert 0 <= found.low <= found.share <= found.high <= 1


def test_an_interval_covers_the_truth_nearly_always():
    """95 % of the time, on average over where the truth is: summed exactly, not drawn."""
    n, covered = 40, []
    for p in [k / 20 for k in range(1, 20)]:
        held = [k for k in range(n + 1) if (found := share(k, n)) is not None and found.low <= p <= found.high]
        covered.append(sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in held))

    assert sum(covered) / len(covered) == pytest.approx(0.95, abs=0.01)


WELL = Sums(answers=2_000, graded=1_000, verdicts=900.0)


def test_fewer_good_answers_are_a_drop():
    """Nine of ten were good, now half are."""
    drop = find_drop(Sums(100, 40, 20.0), WELL)

    assert drop is not None
    assert (drop.measure, drop.change) == ("verdict", pytest.approx(-0.4))
    assert drop.low < drop.change < drop.high < 0


def test_a_few_bad_answers_are_not():
    """Too few to tell, or within what chance does."""
    assert find_drop(Sums(FEWEST - 1, FEWEST - 1, 0.0), WELL) is None
    assert find_drop(Sums(100, 40, 34.0), WELL) is None
    assert find_drop(Sums(40, 40, 0.0), Sums(FEWEST_BEFORE - 1, FEWEST_BEFORE - 1, 49.0)) is None


def test_signals_alone_show_a_collapse():
    """All they ever say is bad, so that their mean stays: what rises is how many answers they are about."""
    before, now = Sums(answers=5_000, graded=100, verdicts=20.0), Sums(answers=200, graded=60, verdicts=12.0)
    drop = find_drop(now, before)

    assert drop is not None
    assert (drop.measure, drop.change) == ("complaints", pytest.approx(0.24 - 0.016))


def test_people_who_begin_to_speak_are_no_collapse():
    """Complaints rise, and praise still more."""
    assert find_drop(Sums(200, 150, 120.0), Sums(5_000, 0, 0.0)) is None


def test_a_certain_difference_that_nobody_minds_is_none():
    """A percent of a million is certain."""
    assert find_drop(Sums(1_000_000, 1_000_000, 890_000.0), Sums(1_000_000, 1_000_000, 900_000.0)) is None


def test_drops_are_named_the_worst_first():
    """Who had no seven days before is compared with nothing."""
    now = {"a": Sums(100, 50, 30.0), "b": Sums(100, 50, 5.0), "c": Sums(100, 50, 45.0), "new": Sums(100, 50, 0.0)}
    before = dict.fromkeys("abc", WELL)

    assert [name for name, _ in find_drops(now, before)] == ["b", "a"]


@given(st.integers(0, 300), st.integers(0, 3000))
def test_the_same_share_is_never_a_drop(now: int, before: int):
    """However many there are."""
    assert find_drop(Sums(now, now, now * 0.8), Sums(before, before, before * 0.8)) is None
