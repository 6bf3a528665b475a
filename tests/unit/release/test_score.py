"""The score of PRODUCT R4: its formula, its bound, what it allows."""

from math import inf, isclose

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.benched import answers
from turnout.release.pairs import paired
from turnout.release.score import Figures, ceiling, score, terms
from turnout.types.money import PicoDollars
from turnout.types.release_rules import ReleaseRules, Thresholds, Weights
from turnout.types.suite import UNCALIBRATED

RULES = ReleaseRules()
OLD, NEW = "a/old", "b/new"


def pairs_of(n: int, new: dict, old: dict):
    return paired([*answers(OLD, n, **old), *answers(NEW, n, **new)], NEW, lambda task, band: OLD)


@pytest.mark.parametrize(
    ("before", "after", "value"),
    [
        (Figures(1.0, 1000, 0.9), Figures(0.2, 1000, 0.9), 0.24),
        (Figures(1.0, 1000, 0.9), Figures(0.2, 500, 0.63), 0.27),
        (Figures(1.0, 1000, 0.9), Figures(1.0, 1000, 0.95), 0.022),
        (Figures(1.0, 1000, 0.6), Figures(1.5, 1000, 0.9), 0.05),
        (Figures(1.0, 1000, 0.9), Figures(0.6, 1000, 0.9), 0.12),
    ],
)
def test_the_worked_values(before: Figures, after: Figures, value: float) -> None:
    """80 % cheaper; 80 % cheaper and twice as fast but a third worse; a little better; much better and dearer; and 40 % cheaper, as good."""
    assert terms(before, after).weighed(Weights()) == pytest.approx(value, abs=0.0005)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (Figures(0, 0, 0), Figures(0, 0, 0), (0, 0, 0)),
        (Figures(0, 0, 0), Figures(1, 1, 1), (-1, -1, 1)),
        (Figures(inf, inf, 0), Figures(1, 1, 0.5), (1, 1, 1)),
        (Figures(1, 1, 0.5), Figures(inf, inf, 0), (-1, -1, -1)),
        (Figures(1, 1, 0.1), Figures(9, 9, 0.9), (-1, -1, 1)),
        (Figures(5, 5, 1), Figures(0, 0, 1), (1, 1, 0)),
    ],
)
def test_nothing_is_divided_by_nothing(before: Figures, after: Figures, expected: tuple[float, ...]) -> None:
    """What is free, what was never solved, what never came; and each term is clipped."""
    assert msgspec.structs.astuple(terms(before, after)) == expected


positive = st.floats(0.001, 1e9)


@given(positive, positive, st.floats(0.01, 1), positive, positive, st.floats(0.01, 1))
def test_a_model_against_itself_scores_nothing_and_terms_keep_their_bounds(c0, l0, q0, c1, l1, q1) -> None:
    """Whatever the figures are."""
    found = terms(Figures(c0, l0, q0), Figures(c1, l1, q1))
    assert all(-1 <= term <= 1 for term in msgspec.structs.astuple(found))
    assert terms(Figures(c0, l0, q0), Figures(c0, l0, q0)).weighed(Weights()) == 0
    assert (found.cost > 0) == (c1 < c0) or isclose(c0, c1)


def test_the_bound_lies_below_the_value_and_is_the_same_each_time() -> None:
    """Seeded; and nearer to it the more cases there are."""
    few, many = (pairs_of(n, {"chance": 0.9, "cost": 60}, {"chance": 0.9, "cost": 100}) for n in (50, 800))
    one, other = score(few, RULES, "r-1"), score(many, RULES, "r-1")
    assert one is not None
    assert other is not None
    assert score(few, RULES, "r-1") == one
    assert one.low < one.value
    assert 0 < other.value - other.low < one.value - one.low
    assert other.value == pytest.approx(0.12, abs=0.02)
    assert (other.n, other.ceiling) == (800, 5.0)
    assert other.margin is not None
    assert other.margin < (one.margin or 1)


def test_the_value_is_of_what_a_solved_case_costs() -> None:
    """Half the price for half the solved cases is no saving; time is the median."""
    found = score(pairs_of(200, {"chance": 0.4, "cost": 50, "ms": 500}, {"chance": 0.8, "cost": 100}), RULES, "r")
    assert found is not None
    assert found.cost == pytest.approx(0, abs=0.02)
    assert found.latency == pytest.approx(0.5, abs=0.03)
    assert found.quality == pytest.approx(-0.5)


def test_an_unknown_cost_is_no_score() -> None:
    """Neither are no cases. An answer that never came costs nothing unless it says so."""
    old = answers(OLD, 10, 1.0, 100)
    new = answers(NEW, 10, 1.0, 60)
    assert score((), RULES, "r") is None
    unknown = [msgspec.structs.replace(new[0], cost=None), *new[1:]]
    assert score(paired([*old, *unknown], NEW, lambda task, band: OLD), RULES, "r") is None
    failed = [msgspec.structs.replace(new[0], cost=None, outcome="failed", solved=False), *new[1:]]
    assert score(paired([*old, *failed], NEW, lambda task, band: OLD), RULES, "r") is not None


def test_a_route_that_says_what_a_solved_request_is_worth_is_scored_by_the_gain() -> None:
    """Half of the cases more are solved, for 300 pico-dollars an answer: at 1,000 a solved one that gains .2 a request, at 500 it loses .1."""
    pairs = pairs_of(400, {"chance": 0.9, "cost": 400}, {"chance": 0.4, "cost": 100})
    usual, dear, cheap = (
        score(pairs, RULES, "r"),
        score(pairs, RULES, "r", PicoDollars(1_000)),
        score(pairs, RULES, "r", PicoDollars(500)),
    )
    assert usual is not None
    assert dear is not None
    assert cheap is not None
    assert dear.value == pytest.approx(0.5 - 0.3, abs=0.01)
    assert cheap.value == pytest.approx(0.5 - 0.6, abs=0.01)
    assert 0.1 < dear.low < dear.value
    assert (usual.name, usual.worth, dear.name, dear.worth) == ("score", None, "net gain", 1_000)
    assert (dear.cost, dear.quality) == (usual.cost, usual.quality)
    assert (dear.ceiling, cheap.ceiling) == (50, 0)
    assert [ceiling(low, RULES, PicoDollars(500)) for low in (0.009, 0.01, 0.05, 0.1)] == [0, 5, 10, 50]


def test_ceilings_are_reached_at_their_thresholds() -> None:
    """Below the first there is no trial; they are the policy's."""
    assert [ceiling(low, RULES) for low in (0.099, 0.1, 0.2, 0.3)] == [0, 5, 10, 50]
    assert ceiling(0.1, ReleaseRules(thresholds=Thresholds(0.05, 0.1, 0.2), first_ceiling=8)) == 10
    assert ceiling(0.06, ReleaseRules(thresholds=Thresholds(0.05, 0.1, 0.2), first_ceiling=8)) == 8


def test_pairs_are_of_cases_that_both_answered_and_somebody_could_judge() -> None:
    """Believed, that is; repeats are averaged; the control is whoever serves that kind of request; in the order of the candidate's answers."""
    old, new = answers(OLD, 4, 1.0, 100), answers(NEW, 4, 1.0, 60)
    again = [msgspec.structs.replace(one, repeat=1, solved=False, score=0.0) for one in new]
    ungraded = msgspec.structs.replace(old[3], solved=None, score=None)
    found = paired([*old[1:3], ungraded, *reversed(new), *again], NEW, lambda task, band: OLD)
    assert [pair.case for pair in found] == ["c00001", "c00002"]
    assert [(pair.control.good, pair.candidate.good, pair.difference) for pair in found] == [(1.0, 0.5, -0.5)] * 2
    doubted = [msgspec.structs.replace(one, details=("pairwise: better", UNCALIBRATED)) for one in new]
    assert paired([*old, *doubted], NEW, lambda task, band: OLD) == ()
    assert paired([*old, *new], NEW, lambda task, band: "a/else") == ()
    assert paired([*old, *new], NEW, lambda task, band: None) == ()
