import msgspec
import pytest

from tests.support.records import NOW
from turnout.store.bench import BenchStore
from turnout.store.ledger import Ledger
from turnout.types.judge import Calibration
from turnout.types.money import PicoDollars
from turnout.types.suite import Result, Run


@pytest.fixture
def store(ledger: Ledger) -> BenchStore:
    return ledger.bench


def run(n: int = 0, **changes) -> Run:
    plain = Run(
        f"run-{n}", NOW + n, "support", "hash", ("a/old", "b/new"), "waiting", "cli:ada", PicoDollars(10), PicoDollars(5), PicoDollars(0), 4, 0
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changes)


def result(run: str = "run-0", case: str = "one", model: str = "a/old", repeat: int = 0, **changes) -> Result:
    plain = Result(run, case, model, repeat, NOW, "ok", 1.0, True, 12.5, PicoDollars(3), 10, 20, ("exact: yes",), "qa", "simple")
    return msgspec.structs.replace(plain, **changes)


def test_a_run_comes_back_as_it_was(store: BenchStore):
    """All of it; one that is begun again stays as it is."""
    assert store.begin(run())
    assert not store.begin(run(note="another"))

    assert store.get("run-0") == run()
    assert store.get("run-1") is None


def test_notes_replace(store: BenchStore):
    """What is noted of a run is what is found by, too."""
    store.begin(run())
    store.note(run(state="done", spent=PicoDollars(7)))

    assert store.get("run-0") == run(state="done", spent=PicoDollars(7))
    assert [found.id for found in store.list(states=("done",))] == ["run-0"]
    assert store.list(states=("waiting",)) == ()


def test_list(store: BenchStore):
    """Latest first; by suite, release and time."""
    for one in (run(0), run(1, suite="code"), run(2, release="r1")):
        store.begin(one)

    assert [found.id for found in store.list()] == ["run-2", "run-1", "run-0"]
    assert [found.id for found in store.list(suite="support")] == ["run-2", "run-0"]
    assert [found.id for found in store.list(release="r1")] == ["run-2"]
    assert [found.id for found in store.list(since=NOW + 1)] == ["run-2", "run-1"]
    assert [found.id for found in store.list(1)] == ["run-2"]


def test_results_once_each(store: BenchStore):
    """An answer to a case is stored once, whatever is said of it later."""
    assert store.put([result(), result(model="b/new")]) == 2
    assert store.put([result(score=0.0), result(case="two")]) == 1
    assert store.put([]) == 0

    assert {(one.case, one.model, one.score) for one in store.results("run-0")} == {
        ("one", "a/old", 1.0), ("one", "b/new", 1.0), ("two", "a/old", 1.0),
    }  # fmt: skip


def test_discarded_rounds_are_asked_again(store: BenchStore):
    """All models' answers to the case, of that repeat only."""
    store.put([result(), result(model="b/new"), result(repeat=1), result(case="two"), result("run-1")])
    store.discard("run-0", [("one", 0)])

    assert {(one.case, one.repeat) for one in store.results("run-0")} == {("one", 1), ("two", 0)}
    assert len(store.results("run-1")) == 1


def test_results_of_a_model_are_of_one_suite(store: BenchStore):
    """Of finished runs of the same hash only, and the model's own."""
    for n, changes in enumerate(({}, {"suite_hash": "other"}, {"state": "failed"}, {})):
        store.begin(run(n, **{"state": "done", **changes}))
        store.put([result(f"run-{n}"), result(f"run-{n}", model="b/new")])

    found = store.of_model("a/old", "support", "hash")
    assert [(each.id, [one.model for one in results]) for each, results in found] == [("run-3", ["a/old"]), ("run-0", ["a/old"])]


def test_the_latest_answer_to_each_case(store: BenchStore):
    """A later run that stopped early leaves the other cases to the run before it."""
    store.begin(run(0, state="done"))
    store.put([result(score=0.0), result(case="two", score=0.0), result(case="two", repeat=1, score=0.5)])
    store.begin(run(1, state="stopped"))
    store.put([result("run-1", score=1.0)])

    latest = store.latest("a/old", "support", "hash")
    assert sorted((one.case, one.score, one.run) for one in latest) == [
        ("one", 1.0, "run-1"),
        ("two", 0.0, "run-0"),
        ("two", 0.5, "run-0"),
    ]


def test_what_a_day_is_counted_by(store: BenchStore):
    """Today's runs, and whatever is still open."""
    for n, state in enumerate(("done", "waiting", "running", "stopped")):
        store.begin(run(n, state=state))

    assert {found.id for found in store.unsettled(NOW + 3)} == {"run-1", "run-2", "run-3"}


def test_what_was_found_of_a_judge(store: BenchStore):
    """The latest of this judge with these labels, from a moment on; one that missing verdicts made fall short is no word on it."""

    def found(at: float, kappa: float = 0.9, failed: int = 0) -> Calibration:
        return Calibration(60, failed, kappa, 1.0, 1.0, 60, 60, 0.0, 0.0, at)

    known = {"judge": "c/j", "labels": "l"}
    store.note(run(0, calibration=found(NOW + 10), **known))
    store.note(run(1, calibration=found(NOW + 20, 0.3), **known))
    store.note(run(2, calibration=found(NOW + 30, 0.3, failed=40), **known))
    store.note(run(3, **known))

    assert store.calibration("c/j", "l", NOW) == found(NOW + 20, 0.3)
    assert store.calibration("c/j", "l", NOW + 21) is None
    assert store.calibration("c/other", "l", NOW) is store.calibration("c/j", "others", NOW) is None
