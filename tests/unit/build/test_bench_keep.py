"""Which benchmark the control process begins, and when; what they do is tests/flow/test_bench_runs.py's."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

from turnout.build.bench_keep import Benching, begin_scheduled, drifted, next_run, tell_ended
from turnout.build.bench_spec import LEASE, SUITES, lease_of
from turnout.build.spec import Places
from turnout.catalog.load import load_catalog
from turnout.clock import ManualClock
from turnout.config.load import load
from turnout.control.publish import Publisher
from turnout.sim.policy import Ports, policy_yaml
from turnout.sim.profile import default_fleet
from turnout.store.ledger import Ledger
from turnout.suites.frozen import Frozen, suite_hash
from turnout.types.money import PicoDollars
from turnout.types.suite import Case, Contains, Graded, Result, Run, Suite
from turnout.view import ViewStore

DAY = 86_400.0
ROUTES = """\
routes:
  own: {objective: cost, models: [sim-openai/small, sim-openai/medium]}
  default: {static: sim-openai/small}
suites:
  own: {sample: {last: 7d, cases: 5}, routes: [own], schedule: weekly, budget_usd: 2, graders: [{contains: {all: [x]}}]}
"""
CASES = tuple(
    Case(f"c{n}", {"messages": [{"role": "user", "content": f"question {n}"}]}, (Graded(Contains(("x",))),)) for n in range(5)
)

Open = Callable[[float], Benching]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / Places.ledger)
    yield opened
    opened.close()


@pytest.fixture
def opened(tmp_path: Path, ledger: Ledger, clock: ManualClock) -> Open:
    """With a policy in force that allows so many dollars a day, and a sample that was drawn before."""

    def make(budget: float) -> Benching:
        file, catalog = tmp_path / "turnout.yaml", load_catalog()
        more = f"release: {{budget_usd_per_day: {budget}}}\n"
        file.write_text(policy_yaml(default_fleet(time_scale=0), Ports(), routes=ROUTES) + more)
        loaded = load(file, {}, catalog, date(2026, 11, 23))
        tasks = {task: dict(skills) for task, skills in catalog.tasks.items()}
        publish = Publisher(ViewStore(tmp_path / Places.views), ledger, clock, tasks)
        publish.adopt(loaded, str(file))
        Frozen(tmp_path / SUITES).keep_sampled(Suite("own", suite_hash(CASES, 1.0), CASES))
        return Benching(tmp_path, "sqlite", str(file), clock, ledger, publish, lambda: True)

    return make


def run(n: int, **changes) -> Run:
    plain = Run(
        f"r{n}", 1_000.0 + n, "s", "h", ("a/b",), "waiting", "cli:ada", PicoDollars(5), PicoDollars(1), PicoDollars(0), 2, 0
    )
    return replace(plain, **changes)


def test_the_oldest_first(ledger: Ledger, clock: ManualClock):
    """Of those that wait; what is over, paused or left alone is not begun."""
    for one in (run(0, state="done"), run(1, due=clock.now() + 1), run(2), run(3)):
        ledger.bench.begin(one)

    assert next_run(ledger, clock).id == "r2"
    assert next_run(ledger, clock, {"r2"}).id == "r3"
    clock.advance(1)
    assert next_run(ledger, clock).id == "r1"


def test_who_was_killed_is_found(ledger: Ledger, clock: ManualClock):
    """A run is its process's as long as that renews its lease, and anybody's after it."""
    ledger.bench.begin(run(0, state="running"))
    lease = ledger.lease(lease_of("r0"), "somebody", clock, LEASE)
    assert lease.take()

    assert next_run(ledger, clock) is None
    clock.advance(LEASE + 1)
    assert next_run(ledger, clock).id == "r0"


def test_a_schedule_comes_due(opened: Open, ledger: Ledger, clock: ManualClock):
    """The models in use are asked, once a week, of cases that are kept with the run."""
    bench = opened(10)
    (begun,) = begin_scheduled(bench)

    assert (begun.actor, begun.models, begun.state, begun.total) == (
        "schedule",
        ("sim-openai/small", "sim-openai/medium"),
        "waiting",
        10,
    )
    assert begun.budget == 2 * 10**12
    assert ledger.bench.get(begun.id) == begun
    assert len(Frozen(bench.data_dir / SUITES).get(begun.suite_hash).cases) == 5
    assert begin_scheduled(bench) == ()
    ledger.bench.note(replace(begun, state="done"))
    clock.advance(6 * DAY)
    assert begin_scheduled(bench) == ()
    clock.advance(DAY)
    assert len(begin_scheduled(bench)) == 1


def test_nothing_is_spent_unasked(opened: Open, ledger: Ledger):
    """No budget for the day, no run."""
    assert begin_scheduled(opened(0)) == ()
    assert ledger.bench.list() == ()


def test_what_is_left_of_the_day(opened: Open, ledger: Ledger, clock: ManualClock):
    """A run gets no more than what others of today have left over."""
    bench = opened(1)
    ledger.bench.begin(run(0, at=clock.now(), actor="rel-1", release="rel-1", budget=PicoDollars(6 * 10**11)))
    (begun,) = begin_scheduled(bench)

    assert begun.budget == 4 * 10**11


def test_too_dear_is_said(opened: Open, ledger: Ledger, capsys: pytest.CaptureFixture[str]):
    """A day's budget that is not enough for the suite begins nothing, and somebody is told."""
    assert begin_scheduled(opened(0.000001)) == ()

    assert "suite own was not begun" in capsys.readouterr().err


def test_an_end_is_told_whoever_played_the_run(opened: Open, ledger: Ledger, clock: ManualClock):
    """Oldest first and once, one at the prompt too; a run that went on after its end ends again; what ended weeks ago is known."""
    told: list[str] = []
    bench = replace(opened(0), ended=lambda ended: told.extend(each.run.id for each in ended))
    now = clock.now()
    for one in (
        run(0, at=now, state="stopped", ended=now + 9), run(1, at=now, state="done", ended=now + 5), run(2, at=now, state="running"),
        run(3, at=now, state="failed", ended=now), run(4, at=now - 20 * DAY, state="done", ended=now - 19 * DAY),
        run(5, at=now - 9 * DAY, state="done", ended=now),
    ):  # fmt: skip
        ledger.bench.begin(one)

    known = tell_ended(bench, set())
    assert told == ["r5", "r1", "r0"]
    assert tell_ended(bench, known) == set()
    ledger.bench.note(replace(ledger.bench.get("r0"), state="done", ended=now + 20))
    known |= tell_ended(bench, known)
    assert (told, tell_ended(bench, known)) == (["r5", "r1", "r0", "r0"], set())


def test_drift_is_told_by_the_latest_run(opened: Open, ledger: Ledger, clock: ManualClock):
    """After a start all recent ends are told again: each model's answers are compared once, not once for each run."""
    told: list[tuple[str, int]] = []
    bench = replace(opened(0), ended=lambda ended: told.extend((each.run.id, len(each.changed)) for each in ended))
    for n, good in enumerate((1.0, 1.0, 0.0)):
        at = clock.now() + n
        ledger.bench.begin(run(n, at=at, state="done", ended=at))
        ledger.bench.put(
            [Result(f"r{n}", f"c{case}", "a/b", 0, at, "ok", good, good > 0, 1.0, None, 0, 0, ()) for case in range(60)]
        )

    tell_ended(bench, set())
    assert told == [("r0", 0), ("r1", 0), ("r2", 1)]


def test_a_changed_model_is_named(ledger: Ledger):
    """By the run that found it out, and by no other."""
    for n, good in enumerate((1.0, 1.0, 0.0)):
        one = run(n, state="done", models=("a/b", "c/d"))
        ledger.bench.begin(one)
        ledger.bench.put(
            [
                Result(one.id, f"c{case}", model, 0, one.at, "ok", score, score > 0, 1.0, None, 0, 0, ())
                for case in range(60)
                for model, score in (("a/b", good), ("c/d", 1.0))
            ]
        )
    first, last = ledger.bench.get("r0"), ledger.bench.get("r2")

    assert [(found.model, found.before, found.after) for found in drifted(ledger, last, last.models, 0.03)] == [("a/b", 1.0, 0.0)]
    assert drifted(ledger, first, first.models, 0.03) == ()
