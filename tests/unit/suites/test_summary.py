import pytest

from turnout.suites.summary import figures, pair, parts
from turnout.types.money import PicoDollars
from turnout.types.suite import Result

OLD, NEW = "a/old", "b/new"


def result(case: str, model: str, score: float | None, **changes) -> Result:
    given = {"outcome": "ok", "ms": 100.0, "cost": PicoDollars(10), "task": "qa", "band": "simple", "repeat": 0, **changes}
    return Result(
        "r", case, model, given["repeat"], 0.0, given["outcome"], score, None if score is None else score >= 1, given["ms"],
        given["cost"], 0, 0, (), given["task"], given["band"],
    )  # fmt: skip


def test_figures():
    """Solved among the judged, what a solved case costs with what the others cost, the median of what was answered."""
    rows = [
        result("1", OLD, 1.0), result("2", OLD, 0.0, ms=300.0), result("3", OLD, None), result("4", OLD, 1.0, ms=200.0),
        result("5", OLD, 0.0, outcome="failed", ms=9_000.0), result("1", NEW, 1.0),
    ]  # fmt: skip
    found = figures(rows, OLD)

    assert (found.n, found.solved, found.unjudged, found.failed) == (4, 2, 1, 1)
    assert (found.cost_solved, found.p50_ms, found.score) == (25, 150.0, 0.5)
    assert found.low < 0.5 < found.high


def test_unknown_is_not_zero():
    """One unknown cost makes that of a solved case unknown, and so does solving none."""
    assert figures([result("1", OLD, 1.0), result("2", OLD, 1.0, cost=None)], OLD).cost_solved is None
    assert figures([result("1", OLD, 0.0)], OLD).cost_solved is None
    assert figures([], OLD).p50_ms is None


def test_parts():
    """Simple before high, and what has no task is a part too."""
    rows = [result("1", OLD, 1.0, band="high"), result("2", OLD, 1.0), result("3", OLD, 1.0, task=None, band=None)]

    assert parts(rows) == ((None, None), ("qa", "simple"), ("qa", "high"))
    assert figures(rows, OLD, ("qa", "high")).n == 1


@pytest.mark.parametrize(("lost", "verdict"), [(0, "fits"), (40, "worse"), (8, None)])
def test_a_pair(lost: int, verdict: str | None):
    """Shown to be worse, shown not to be, or neither: what cases tell and no more."""
    rows = [result(f"{n}", OLD, 1.0) for n in range(120)] + [result(f"{n}", NEW, float(n >= lost)) for n in range(120)]
    found = pair(rows, OLD, NEW, 0.06)

    assert (found.n, found.verdict) == (120, verdict)
    assert found.difference == pytest.approx(-lost / 120)
    assert found.low <= found.difference <= found.high
    assert 0 < found.certifiable < 1


def test_only_what_both_were_judged_on():
    """A case that one of them was not judged on compares nobody; repeats are one case."""
    rows = [
        result("1", OLD, 1.0),
        result("2", OLD, None),
        result("2", NEW, 1.0),
        result("1", NEW, 1.0),
        result("1", NEW, 0.0, repeat=1),
    ]

    assert pair(rows, OLD, NEW, 0.05).difference == -0.5
    assert pair(rows[:1], OLD, NEW, 0.05).difference is None
