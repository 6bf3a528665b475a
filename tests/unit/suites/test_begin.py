import pytest
from msgspec.structs import replace

from tests.support.views import FLEET, model, view
from turnout.errors import Unusable
from turnout.suites.begin import Wish, begun, more
from turnout.suites.plan import TooDear
from turnout.suites.run import chosen
from turnout.types.judge import Calibration, Labelled, Labels
from turnout.types.money import PicoDollars, pico_from_usd
from turnout.types.suite import Case, Exact, Graded, Pairwise, Suite
from turnout.types.tickets import Said

SLOTS = view(models=(*FLEET, model("a/other", price=(1, 2)), model("d/odd", price=None))).slots
CASES = tuple(
    Case(f"c{n}", {"messages": [{"role": "user", "content": f"question {n}"}]}, (Graded(Exact(("yes",))),), "qa")
    for n in range(30)
)
SUITE = Suite("s", "hash", CASES)
PAIRED = Suite("s", "hash", (Case("p", CASES[0].body, (Graded(Pairwise()),)),))
WISH = Wish(("a/small", "b/medium"), pico_from_usd("5"), "cli:ada")


def start(wish: Wish = WISH, suite: Suite = SUITE):
    return begun(wish, suite, SLOTS, 1_000.0, 7)


def test_a_run_waits():
    """It says what is wanted of whom, and what that is expected to cost."""
    run, estimate = start(replace(WISH, repeats=2))

    assert (run.state, run.total, run.done, run.spent, run.suite_hash) == ("waiting", 120, 0, 0, "hash")
    assert run.estimate == estimate.expected > 0


def test_some_cases():
    """As many as are asked for, the same whenever the run is taken up."""
    run, _ = start(replace(WISH, cases=7))

    assert run.total == 14
    assert len(chosen(run, SUITE)) == 7


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (replace(WISH, models=("a/smal",)), "no model a/smal; did you mean a/small"),
        (replace(WISH, judge="x/y"), "no model x/y"),
        (replace(WISH, models=("a/small", "a/small")), "not compared with itself"),
        (replace(WISH, models=("d/odd",)), "nobody knows what d/odd costs"),
        (replace(WISH, judge="a/small"), "to judge and to be judged"),
    ],
)
def test_what_cannot_begin(wish: Wish, said: str):
    """Is refused in words before anybody is asked."""
    with pytest.raises(Unusable, match=said):
        start(wish)


def test_without_a_judge():
    """Cases that only a judge can tell about need one; a suite needs cases."""
    with pytest.raises(Unusable, match="only a judge can tell"):
        start(suite=PAIRED)
    with pytest.raises(Unusable, match="no cases"):
        start(suite=Suite("s", "hash", ()))
    assert start(replace(WISH, judge="c/large"), PAIRED)[1].judgements == 2


def test_too_dear():
    """More than the budget is not begun."""
    with pytest.raises(TooDear, match="--budget"):
        start(replace(WISH, budget=PicoDollars(1)))


def test_unknown_prices_by_consent():
    """Somebody may insist; the run then has no estimate."""
    run, estimate = start(replace(WISH, models=("a/small", "d/odd"), anyhow=True))

    assert (run.estimate, estimate.unpriced) == (None, ("d/odd",))


def test_going_on():
    """With what is left, or with more; not with what is over."""
    run, _ = start()
    stopped = replace(run, state="stopped", done=10, spent=PicoDollars(50), budget=PicoDollars(60), ended=5.0)

    assert (again := more(stopped, PicoDollars(90), 9.0)).state == "waiting"
    assert (again.budget, again.due, again.ended, again.done) == (90, 9.0, None, 10)
    with pytest.raises(Unusable, match="allow more"):
        more(stopped, PicoDollars(50), 9.0)
    with pytest.raises(Unusable, match="is over"):
        more(replace(run, state="done"), PicoDollars(50), 9.0)


LABELS = Labels("l", tuple(Labelled((Said("user", f"question {n}"),), "a", "b", "first") for n in range(60)))
KNOWN = Calibration(60, 0, 0.9, 1.0, 1.0, 60, 60, 0.0, 0.0, 5.0)


def test_labels_are_in_the_estimate():
    """Three questions each, priced; none where they were asked lately, where no case is judged, or where there is no judge."""
    judged = replace(WISH, judge="c/large", labels=LABELS)
    run, estimate = start(judged, PAIRED)
    _, without = start(replace(judged, labels=None), PAIRED)
    again, known = start(replace(judged, calibration=KNOWN), PAIRED)
    plain, unjudged = start(judged)

    assert (run.labels, run.calibration, estimate.questions) == ("l", None, 180)
    assert estimate.expected == without.expected + estimate.for_labels > without.expected
    assert (again.labels, again.calibration, known) == ("l", KNOWN, without)
    assert (plain.labels, unjudged.labels) == (None, 0)


def test_a_budget_too_small_for_the_labels():
    """Is told before anything is asked, with what the labels take of it."""
    with pytest.raises(TooDear, match=r"of it for holding the judge against 60 labels first"):
        start(replace(WISH, judge="c/large", labels=LABELS, budget=PicoDollars(1)), PAIRED)


def test_a_judge_of_one_family_is_told_of():
    """And may judge all the same."""
    assert "of one family (a)" in start(replace(WISH, models=("a/small",), judge="a/other"), PAIRED)[0].unfit
    assert start(replace(WISH, judge="c/large"), PAIRED)[0].unfit == ""
