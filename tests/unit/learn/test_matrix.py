"""Measured quality: posteriors of what was stated and what was seen, and what they come to for a view."""

from math import isclose

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.records import NOW
from tests.support.views import FLEET, TASKS
from turnout.learn.matrix import (
    BENCHMARK_HOLDS,
    ENOUGH,
    HALF_LIFE,
    MOST,
    STRENGTH,
    differ,
    estimates,
    from_benchmark,
    from_traffic,
    heard,
    holding,
    matrix,
    stated,
)  # fmt: skip
from turnout.store.cells import Judged
from turnout.types.matrix import Cell, Matrix
from turnout.types.money import PicoDollars
from turnout.types.policy import Policy, Provider, Route
from turnout.types.suite import Result
from turnout.types.view import Base

A, B = "a/small", "b/medium"


def seven(model: str, task: str) -> float:
    return 7.0


def nothing(model: str, task: str) -> None:
    return None


def result(case: int, *, solved: bool | None = True, **changes) -> Result:
    score = None if solved is None else float(solved)
    plain = Result("run", f"c{case}", A, 0, NOW, "ok", score, solved, 800.0, PicoDollars(100), 10, 20, (), "qa", "simple")
    return msgspec.structs.replace(plain, **changes)


def judged(n: int, verdict: float = 1.0, **changes) -> Judged:
    plain = Judged(NOW - n, A, "qa", "simple", verdict, "user", False, "v1", PicoDollars(100), 900.0)
    return msgspec.structs.replace(plain, **changes)


def cell(good: float, n: int, band=None, basis="benchmark", **changes) -> Cell:
    plain = Cell(A, "qa", band, basis, 0.5, 0.4, 0.6, n, good, NOW, "h" if basis == "benchmark" else None)
    return msgspec.structs.replace(plain, **changes)


def of(cells, band=None, model=A):
    return next(one for one in cells if (one.model, one.band) == (model, band))


def test_a_cell_is_the_prior_and_what_was_seen() -> None:
    """Twenty cases of the stated quality, and the suite's own; by task, and by band within it."""
    results = [result(n, solved=n < 30) for n in range(40)] + [result(40 + n, band="high", solved=False) for n in range(10)]
    cells = from_benchmark(results, seven, "h")
    whole, simple = of(cells), of(cells, "simple")
    assert (whole.n, whole.good, whole.suite, whole.basis) == (50, 30.0, "h", "benchmark")
    assert isclose(whole.quality, (0.7 * STRENGTH + 30) / (STRENGTH + 50))
    assert whole.low < whole.quality < whole.high
    assert (simple.n, simple.good) == (40, 30.0)
    assert whole.cost_solved == PicoDollars(round(50 * 100 / 30))
    assert whole.p50_ms == 800.0


def test_repeats_are_not_more_cases() -> None:
    """Three answers to one prompt say what one does, a little better."""
    once = from_benchmark([result(n, solved=n % 2 == 0) for n in range(40)], seven, "h")
    thrice = from_benchmark([result(n, solved=n % 2 == 0, repeat=r) for n in range(40) for r in range(3)], seven, "h")
    assert (of(once).n, of(once).low) == (of(thrice).n, of(thrice).low)


def test_what_nobody_could_grade_counts_for_nothing_and_what_never_came_was_no_good_answer() -> None:
    """Nor does a case without a task, or one where models were only compared; an answer of unknown cost makes the cost of a solved case unknown."""
    graded = [result(0), result(1, solved=None), result(2, solved=None, outcome="failed", cost=None), result(3, task=None)]
    graded.append(result(5, solved=False, details=("pairwise: worse in both orders",)))
    whole = of(from_benchmark(graded, seven, "h"))
    assert (whole.n, whole.good, whole.cost_solved) == (2, 1.0, PicoDollars(100))
    assert of(from_benchmark([*graded, result(4, cost=None)], seven, "h")).cost_solved is None
    assert of(from_benchmark([result(0, solved=False)], seven, "h")).cost_solved is None


def test_an_unknown_prior_is_worth_next_to_nothing() -> None:
    """One case, of neither good nor bad."""
    assert isclose(of(from_benchmark([result(n) for n in range(9)], nothing, "h")).quality, 9.5 / 10)


@given(st.integers(0, 200), st.integers(0, 200), st.floats(0, 10))
def test_an_estimate_lies_between_what_was_stated_and_what_was_seen(good: int, bad: int, was: float) -> None:
    """And its interval about it, narrower the more was seen."""
    few = of(estimates([cell(good, good + bad)], lambda model, task: was))
    many = of(estimates([cell(0, 0), cell(2 * good, 2 * (good + bad))], lambda model, task: was))
    n = good + bad
    ends = sorted((min(max(was / 10, 0.025), 0.975), good / n if n else was / 10))
    assert ends[0] - 0.026 <= few.quality <= ends[1] + 0.026
    assert few.low <= few.quality <= few.high
    if 0 < n <= MOST // 2 and 0.2 < few.quality < 0.8 and 0.2 < many.quality < 0.8 and abs(few.quality - many.quality) < 0.01:
        assert many.high - many.low <= few.high - few.low + 1e-9


def test_bases_are_put_together_and_neither_drowns_the_other() -> None:
    """Ten thousand cases weigh as three hundred: what is in doubt is then what they measure."""
    both = of(estimates([cell(9_000, 10_000), cell(150, 300, basis="live", at=NOW + 1, p50_ms=5.0)], seven))
    assert isclose(both.quality, (14 + 270 + 150) / (20 + 600))
    assert (both.n, both.bases, both.at, both.p50_ms) == (10_300, ("benchmark", "live"), NOW + 1, 5.0)


def test_a_band_is_shrunk_towards_its_task() -> None:
    """Its prior is what is known of the task, not what was stated of it."""
    task, simple = estimates([cell(2, 2, "simple"), cell(30, 60)], seven)
    assert (task.band, simple.band) == (None, "simple")
    assert isclose(simple.quality, (STRENGTH * task.quality + 2) / (STRENGTH + 2))


def test_older_verdicts_weigh_less() -> None:
    """By half each fortnight."""
    whole = of(from_traffic([judged(0, 1.0) for _ in range(40)] + [judged(int(HALF_LIFE), 0.0) for _ in range(40)], seven, NOW))
    assert (whole.n, whole.good) == (60, pytest.approx(40.0))
    assert of(from_traffic([judged(0)], seven, NOW)).n == 1
    assert from_traffic([judged(int(3 * HALF_LIFE))], seven, NOW) == ()


def test_what_a_check_refused_was_no_good_answer_of_the_model_that_gave_it() -> None:
    """Whatever was said of the answer that came in its place."""
    assert of(from_traffic([judged(0, 1.0, held=True), judged(1)], seven, NOW)).good == pytest.approx(1.0)


def test_another_version_is_another_model() -> None:
    """Verdicts on what the provider served before do not count, and a benchmark of that no longer holds."""
    said = [judged(0, version="v2"), judged(1, version=None), judged(2, version="v2"), judged(3, 0.0), judged(4, 0.0)]
    assert of(from_traffic(said, seven, NOW)).n == 3
    before, after = cell(1, 1, at=NOW - 3.5), cell(1, 1, at=NOW - 2.5)
    assert holding([before, after], said, NOW) == (after,)
    assert holding([before, after], said[:3], NOW) == (before, after)


def test_benchmarks_hold_for_a_while_and_for_their_suite() -> None:
    """Changed cases are another suite's; live cells are none of this."""
    old, other, live = cell(1, 1, at=NOW - BENCHMARK_HOLDS - 1), cell(1, 1, suite="old"), cell(1, 1, basis="live")
    assert holding([cell(1, 1), old, other, live], (), NOW, {"h"}) == (cell(1, 1),)
    assert holding([other], (), NOW) == (other,)


def test_who_knows_better_is_heard_if_he_knows_all_models() -> None:
    """Models judged by different judges could not be compared."""
    people = [judged(n) for n in range(ENOUGH)]
    checks = [judged(n, by="check", model=B) for n in range(ENOUGH)]
    assert heard([*people, *checks]) == [*people, *checks]
    people_on_b = [judged(n, model=B) for n in range(ENOUGH)]
    assert heard([*people, *checks, *people_on_b]) == [*people, *people_on_b]
    assert heard(people[:3] + checks[:3]) == people[:3] + checks[:3]


def test_a_view_carries_what_is_known_well_enough() -> None:
    """Thirty cases, or a narrow interval; of the models that are there."""
    known = estimates(
        [
            cell(20, ENOUGH),
            cell(9, 10, "simple"),
            cell(200, 200, model=B),
            cell(12, 12, "high", model=B),
            cell(5, ENOUGH - 1, model="c/x"),
        ],
        seven,
    )
    assert set(matrix(known).quality) == {A, B}
    assert set(matrix(known).quality[A]) == {"qa"}
    assert set(matrix(known).quality[B]) == {"qa", "qa|high"}
    assert matrix(known).quality[A]["qa"] == pytest.approx(10 * 34 / 50)
    assert set(matrix(known, {A}).quality) == {A}


def test_small_moves_are_no_news() -> None:
    """A new view for each verdict would be too many."""
    old = Matrix({A: {"qa": 7.0}})
    assert not differ(old, Matrix({A: {"qa": 7.09}}))
    for new in ({A: {"qa": 7.11}}, {A: {"qa": 7.0, "qa|high": 6.0}}, {A: {"math": 7.0}}, {}, {A: {"qa": 7.0}, B: {}}):
        assert differ(old, Matrix(new))


def test_the_prior_is_what_decisions_stood_on_before() -> None:
    """The policy's figures before the catalog's, by task or in general; None for a model that is not there."""
    providers = tuple(Provider(name, None, "openai-chat", "http://127.0.0.1:1", "none") for name in "abc")
    prior = stated(Base(1, Policy((Route("default", "cost"),), providers), FLEET, TASKS), NOW)
    assert (prior(A, "qa"), prior(B, "made up"), prior("d/other", "qa")) == (5, 7, None)
