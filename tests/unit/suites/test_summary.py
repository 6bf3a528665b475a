import pytest
from msgspec.structs import replace

from turnout.suites.summary import NotWorse, figures, not_worse, pair, parts
from turnout.suites.trust import told_of_judge
from turnout.types.judge import Calibration
from turnout.types.money import PicoDollars
from turnout.types.suite import Result, Run

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


def test_a_judge_s_share_is_put_right():
    """By what it is known to get wrong (F9), repeats as one case; of a judge that nobody knows there is nothing to put right by."""
    said = [
        replace(result(f"c{n}", "b", None), compared=1.0 if n < 80 else 0.0, repeat=repeat)
        for n in range(100)
        for repeat in range(2)
    ]
    by = Calibration(400, 0, 0.7, 0.9, 0.7, 10**6, 10**6, 0.0, 0.0)
    found = not_worse(said, "a", "b", by)

    assert found is not None
    assert (found.n, found.seen) == (100, 0.8)
    assert found.put_right is not None
    assert found.put_right.value == pytest.approx((0.8 + 0.7 - 1) / (0.9 + 0.7 - 1), abs=1e-4)
    assert found.put_right.low < found.put_right.value < found.put_right.high
    assert not_worse(said, "a", "b", None) == NotWorse("a", "b", 100, 0.8, None)
    assert not_worse([replace(one, compared=None) for one in said], "a", "b", by) is None


ONE = PicoDollars(1)
RUN = Run("r", 0.0, "s", "h", ("a", "b"), "done", "cli", ONE, ONE, ONE, 2, 2, judge="c/j", labels="l")


@pytest.mark.parametrize(
    ("calibration", "said"),
    [
        (Calibration(77, 3, 0.71, 0.9, 0.9, 80, 74, 0.02, 0.06), ("judge c/j agrees with people: kappa 0.71 over 77 labels (3 more without a verdict); "
         "answers unequal to themselves: 2%; verdicts that change with the order: 6%: its verdicts count")),
        (Calibration(30, 0, 0.41, 0.9, 0.9, 30, 30, None, None), ("judge c/j is not shown to agree with people: kappa 0.41 over 30 labels: "
         "its verdicts decide nothing, for that a kappa of 0.6 and 50 labels would be needed")),
        (Calibration(60, 0, None, 1.0, None, 60, 0, 0.0, 0.0), "judge c/j cannot be told from chance by 60 labels: its verdicts decide nothing"),
        (None, "judge c/j is held against people's verdicts before anything else is asked"),
    ],
)  # fmt: skip
def test_how_far_a_judge_is_to_be_believed_is_a_sentence(calibration: Calibration | None, said: str):
    """With the figures it rests on, and what is lacking."""
    assert told_of_judge(replace(RUN, calibration=calibration), ()) == (said,)


def test_a_judge_without_labels_is_told_of_where_it_is_asked():
    """And nowhere else; so is one that should not judge these models."""
    bare = replace(RUN, labels=None)

    assert told_of_judge(bare, ()) == ()
    assert "suites.s.calibration" in told_of_judge(bare, (), compares=True)[0]
    assert told_of_judge(replace(bare, unfit="x and y are of one family"), ())[1] == "mind that x and y are of one family"
