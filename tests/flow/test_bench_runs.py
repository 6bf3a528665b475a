"""Benchmarks over real HTTP: the simulated providers answer, a process of its own asks, the ledger has what came of it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from turnout.build.bench import Taken, go_on
from turnout.build.bench_keep import next_run
from turnout.build.bench_spec import SUITES, BenchSpec, lease_of
from turnout.build.spec import Places
from turnout.build.supervisor import prepare
from turnout.cli.main import _app
from turnout.clock import SystemClock
from turnout.config.load import settings_of
from turnout.control.ingest import ingest_once
from turnout.decide.slot import Slot
from turnout.sim import cases as known
from turnout.sim.faults import Fault, Rule
from turnout.sim.policy import Ports, policy_yaml
from turnout.sim.profile import default_fleet
from turnout.sim.server import RunningSim, running_sim
from turnout.store.ledger import Ledger
from turnout.store.queries import Filters
from turnout.suites.begin import Wish, begun
from turnout.suites.frozen import Frozen, suite_hash
from turnout.suites.graders.calibration import labels_of, load_labels
from turnout.suites.plan import estimate
from turnout.types.money import PicoDollars, pico_from_usd
from turnout.types.suite import BENCH, UNCALIBRATED, Case, Contains, Graded, Pairwise, Run, Suite
from turnout.view import ViewStore

OLD, NEW = "sim-openai/medium", "sim-openai/small"
TASKS = ("qa", "math", "extraction")


def suite(count: int) -> Suite:
    """Questions whose right answer is known."""
    asked = [known.case(TASKS[n % 3], n // 3) for n in range(count)]
    made = tuple(
        Case(
            one.id, {"messages": [{"role": "user", "content": one.prompt}]}, (Graded(Contains(one.expect)),), one.task, one.band
        )
        for one in asked
    )  # fmt: skip
    return Suite("mixed", suite_hash(made, 1.0), made)


class Home:
    """A data directory with a policy in force, and its ledger; nobody serves from it."""

    def __init__(self, directory: Path, sim: RunningSim, time_scale: float) -> None:
        self.data_dir = directory / "data"
        self.config = directory / "turnout.yaml"
        self.config.write_text(
            policy_yaml(default_fleet(time_scale=time_scale), Ports(sim=sim.port), data_dir=str(self.data_dir))
        )
        self.data_dir.mkdir(mode=0o700)
        settings = settings_of(self.config, {}, {})
        prepare(str(self.config), settings)
        self.store = settings.store.url
        self.ledger = Ledger(self.data_dir / Places.ledger)
        self.stop = asyncio.Event()

    @property
    def slots(self) -> dict[str, Slot]:
        views = ViewStore(self.data_dir / Places.views)
        return dict(views.load(views.current() or "").slots)

    def begin(self, cases: Suite, *, budget: str = "1", models: tuple[str, ...] = (OLD, NEW)) -> Run:
        """A run that waits."""
        run, _ = begun(
            Wish(models, pico_from_usd(budget), "cli:ada"), cases, self.slots, SystemClock().now(), SystemClock().seed()
        )
        Frozen(self.data_dir / SUITES).keep(cases)
        assert self.ledger.bench.begin(run)
        return run

    async def go_on(self, run: Run) -> Run:
        return await go_on(self.ledger, self.data_dir, run.id, self.stop)

    async def process(self, run: Run) -> asyncio.subprocess.Process:
        spec = BenchSpec(str(self.data_dir), self.store, run.id)
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "turnout.build.bench", msgspec.json.encode(spec).decode()), stdin=asyncio.subprocess.PIPE
        )

    async def done_at_least(self, run: Run, answers: int) -> None:
        """Wait until so many are stored."""
        async with asyncio.timeout(20):
            while len(self.ledger.bench.results(run.id)) < answers:  # noqa: ASYNC110 - another process stores them: there is no event
                await asyncio.sleep(0.02)


@pytest.fixture(autouse=True)
def same_umask() -> Iterator[None]:
    """A benchmark makes its process's files its owner's alone; this one has other tests to run."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@asynccontextmanager
async def at_home(
    directory: Path, *, time_scale: float = 0, rules: tuple[Rule, ...] = ()
) -> AsyncIterator[tuple[Home, RunningSim]]:
    async with running_sim(default_fleet(time_scale=time_scale), rules=rules) as sim:
        home = await asyncio.to_thread(Home, directory, sim, time_scale)
        try:
            yield home, sim
        finally:
            home.ledger.close()


async def test_a_run(tmp_path: Path) -> None:
    """Both models are asked every case, the better one solves more, and each call is in the ledger as the run's, at its cost."""
    cases = suite(45)
    async with at_home(tmp_path) as (home, sim):
        run = home.begin(cases)
        ended = await home.go_on(run)
        ingest_once(home.data_dir / Places.journal, home.ledger)
        results = home.ledger.bench.results(run.id)
        copies = home.ledger.search(200, Filters(copies=True)).lines
        asked = home.ledger.search(200).lines
        requests = {name: stats.requests for name, stats in sim.sim.stats.by_model.items() if stats.requests}
        record = home.ledger.request(copies[0].id)

    assert (ended.state, ended.done, ended.total) == ("done", 90, 90)
    assert requests == {OLD: 45, NEW: 45}
    solved = {model: sum(bool(one.solved) for one in results if one.model == model) for model in (OLD, NEW)}
    assert 45 > solved[OLD] > solved[NEW] > 20
    assert (len(copies), asked) == (90, ())
    assert record is not None
    assert (record.copy_of, record.route, record.turn, record.baseline) == (f"{BENCH}{run.id}", "direct", None, None)
    assert sum(line.cost or 0 for line in copies) == ended.spent == sum(one.cost or 0 for one in results)
    assert run.estimate is not None
    assert ended.spent < 3 * run.estimate


async def test_killed_and_gone_on_with(tmp_path: Path) -> None:
    """kill -9 in the middle loses what was under way: all the rest is there, nothing is asked twice but that, and the books are right."""
    cases = suite(60)
    async with at_home(tmp_path, time_scale=0.05) as (home, sim):
        run = home.begin(cases)
        process = await home.process(run)
        await home.done_at_least(run, 30)
        process.kill()
        await process.wait()
        killed, before = home.ledger.bench.get(run.id), home.ledger.bench.results(run.id)
        orphan = next_run(home.ledger, SystemClock())
        _forget_lease(home, run)
        found = next_run(home.ledger, SystemClock())
        ended = await home.go_on(run)
        results = home.ledger.bench.results(run.id)
        requests = sum(stats.requests for stats in sim.sim.stats.by_model.values())

    assert killed is not None
    assert killed.state == "running"
    assert orphan is None  # its lease is not over yet
    assert found is not None
    assert found.id == run.id
    assert 30 <= len(before) < 120
    assert (ended.state, ended.done) == ("done", 120)
    assert set(before) <= set(results)
    assert 120 <= requests <= 120 + 2 * 4  # four rounds were under way
    assert sum(one.cost or 0 for one in results) <= ended.spent <= run.budget


async def test_told_to_stop(tmp_path: Path) -> None:
    """SIGTERM: it ends at once, waits, and may be taken up by whoever comes next; so it does when its supervisor is gone."""
    async with at_home(tmp_path, time_scale=0.05) as (home, _):
        run = home.begin(suite(60))
        process = await home.process(run)
        await home.done_at_least(run, 4)
        process.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(process.wait(), 10)
        told = home.ledger.bench.get(run.id)
        again = next_run(home.ledger, SystemClock())

        process = await home.process(run)
        await home.done_at_least(run, len(home.ledger.bench.results(run.id)) + 2)
        assert process.stdin is not None
        process.stdin.close()
        orphaned = await asyncio.wait_for(process.wait(), 10)
        left = home.ledger.bench.get(run.id)

    assert (code, orphaned) == (0, 0)
    assert told is not None
    assert left is not None
    assert (told.state, left.state) == ("waiting", "waiting")
    assert again is not None
    assert again.id == run.id


async def test_the_budget_stops_it(tmp_path: Path) -> None:
    """Not a cent beyond, four at once; with more money it goes on."""
    async with at_home(tmp_path) as (home, _):
        cases = suite(30)
        whole = await home.go_on(home.begin(cases))
        dearest = estimate(cases.cases, (OLD, NEW), 1, home.slots).margin
        run, little = home.begin(cases), PicoDollars(dearest + whole.spent // 2)
        home.ledger.bench.note(replace(run, budget=little))
        stopped = await home.go_on(run)
        paid = sum(one.cost or 0 for one in home.ledger.bench.results(run.id))
        home.ledger.bench.note(replace(stopped, budget=run.budget))
        ended = await home.go_on(run)

    assert stopped.state == "stopped"
    assert 10 < stopped.done < 50
    assert "budget" in stopped.note
    assert paid <= stopped.spent <= little
    assert (ended.state, ended.done) == ("done", 60)


async def test_a_provider_that_is_down(tmp_path: Path) -> None:
    """The run waits for it, and nothing of the outage counts against its model."""
    async with at_home(tmp_path, rules=(Rule(Fault("server_error"), model=NEW),)) as (home, sim):
        run = home.begin(suite(30))
        paused = await home.go_on(run)
        sim.sim.inject(())
        ended = await home.go_on(run)
        results = home.ledger.bench.results(run.id)

    assert (paused.state, paused.due is not None) == ("waiting", True)
    assert NEW in paused.note
    assert ended.done == 60
    assert {one.outcome for one in results} == {"ok"}


async def test_one_at_a_time(tmp_path: Path) -> None:
    """A run that a process works on is no other's."""
    async with at_home(tmp_path) as (home, _):
        run = home.begin(suite(3))
        assert home.ledger.lease(lease_of(run.id), "elsewhere", SystemClock(), 60).take()

        with pytest.raises(Taken):
            await home.go_on(run)
        assert next_run(home.ledger, SystemClock()) is None


SUITES_YAML = """\
suites:
  mixed: {sample: {cases: 24}, routes: [support], budget_usd: 1, graders: [{contains: {all: [x]}}]}
"""


def said(home: Home, *words: str) -> tuple[int, str]:
    """``turnout bench`` in this process, of what calls nobody: its exit code and what it said."""
    found = CliRunner().invoke(_app(("bench", "check")), ["bench", *words, "--config", str(home.config)], env={"COLUMNS": "160"})
    return found.exit_code, found.output


async def command(home: Home, *words: str) -> tuple[int, str]:
    """The same as a program."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "turnout", "bench", *words, "--config", str(home.config)), stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode or 0, out.decode()


async def test_the_command(tmp_path: Path) -> None:
    """It says what it will cost and asks; then it runs, and tells what it found. The policy is put in force though nobody serves."""
    async with at_home(tmp_path) as (home, sim):
        home.config.write_text(home.config.read_text() + SUITES_YAML)
        Frozen(home.data_dir / SUITES).keep_sampled(replace(suite(24), name="mixed"))
        unasked, told = said(home, NEW)
        called = sum(stats.requests for stats in sim.sim.stats.by_model.values())
        dear, refused = said(home, NEW, "--budget", "0.00001", "--yes")
        code, out = await command(home, NEW, "--against", OLD, "--yes", "--json")
        found = msgspec.json.decode(out)
        shown, table = said(home, "show", found["run"]["id"])
        _, listing = said(home, "list")

    assert (unasked, called) == (2, 0)
    assert "24 cases, asked of sim-openai/small" in told
    assert "24 calls: about $0.0" in told
    assert "say --yes" in told
    assert dear == 1
    assert "--budget" in refused
    assert found["run"]["state"] == "done"
    assert found["run"]["models"] == [OLD, NEW]
    assert [row["n"] for row in found["figures"] if row["task"] is None] == [24, 24]
    assert found["pairs"][0]["n"] == 24
    assert code == shown == int(found["pairs"][0]["verdict"] == "worse")
    assert "24 cases" in table
    assert "can certify" in table
    assert found["run"]["id"] in listing


JUDGE = "sim-anthropic/deep"
JUDGED_YAML = """\
suites:
  paired: {file: cases.jsonl, routes: [support], budget_usd: 5, judge: sim-anthropic/deep, calibration: labels.jsonl}
"""


def _write_judged(home: Home, *, people_agree: bool) -> None:
    """Cases that only a judge can tell about, and 60 labels; who does not agree finds the wrong answer better every other time."""
    cases = [{"input": asked.prompt, "task": "qa"} for asked in (known.case("qa", n) for n in range(12))]
    labels = []
    for n in range(60):
        asked = known.case("qa", 100 + n)
        answers = {"a": asked.right, "b": asked.wrong} if n % 4 < 2 else {"a": asked.wrong, "b": asked.right}
        right = "a" if n % 4 < 2 else "b"
        labels.append({"input": asked.prompt, **answers, "better": right if people_agree or n % 2 else "ab".replace(right, "")})
    for name, rows in (("cases", cases), ("labels", labels)):
        (home.config.parent / f"{name}.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, rows)))


def _asked_of(sim: RunningSim, model: str) -> int:
    return sim.sim.stats.by_model[model].requests if model in sim.sim.stats.by_model else 0


async def test_a_judge_is_held_against_people(tmp_path: Path) -> None:
    """One that agrees with them decides, in this run and, unasked, in the next; a budget too small for it is told before anybody is asked."""
    async with at_home(tmp_path) as (home, sim):
        home.config.write_text(home.config.read_text() + JUDGED_YAML)
        _write_judged(home, people_agree=True)
        dear, refused = said(home, NEW, "--against", OLD, "--budget", "0.00001", "--yes")
        before = _asked_of(sim, JUDGE)
        unasked, told = said(home, NEW, "--against", OLD)
        _, out = await command(home, NEW, "--against", OLD, "--yes", "--json")
        first = msgspec.json.decode(out)
        for_both = _asked_of(sim, JUDGE)
        _, shown = said(home, "show", first["run"]["id"])
        _, out = await command(home, NEW, "--against", OLD, "--yes", "--json")
        second = msgspec.json.decode(out)
        again = _asked_of(sim, JUDGE) - for_both
        results = home.ledger.bench.results(first["run"]["id"])

        _write_judged(home, people_agree=False)
        _, out = await command(home, NEW, "--against", OLD, "--yes", "--json")
        third = msgspec.json.decode(out)
        doubted = home.ledger.bench.results(third["run"]["id"])

    assert (dear, before, unasked) == (1, 0, 2)
    assert "holding the judge against 60 labels first" in refused
    assert "180 of these hold the judge against 60 labels first" in told
    assert for_both == 180 + again
    assert first["run"]["calibration"] == second["run"]["calibration"]
    assert first["run"]["spent"] > second["run"]["spent"]
    assert f"judge {JUDGE} agrees with people: kappa 0." in " ".join(shown.split())
    assert "as people would have it" in shown
    assert {one.score is None for one in results if one.outcome == "ok"} == {False}
    assert first["pairs"][0]["n"] == 12

    assert third["run"]["suite_hash"] == first["run"]["suite_hash"]
    assert third["run"]["labels"] != first["run"]["labels"]
    assert "its verdicts decide nothing" in third["judge"][0]
    assert {one.score for one in doubted} == {None}
    assert all(one.compared is not None and UNCALIBRATED in one.details for one in doubted)
    assert third["pairs"][0]["n"] == 0


async def test_a_run_that_is_gone_on_with_does_not_pay_its_judge_twice(tmp_path: Path) -> None:
    """What was found of it is kept with the run, and the labels as they were when it began."""
    async with at_home(tmp_path) as (home, sim):
        cases = replace(suite(6), cases=tuple(replace(one, graders=(Graded(Pairwise()),)) for one in suite(6).cases))
        _write_judged(home, people_agree=True)
        labels = labels_of(load_labels(home.config.parent / "labels.jsonl"), cases.cases)
        wish = Wish((OLD, NEW), pico_from_usd("5"), "cli:ada", judge=JUDGE, labels=labels)
        run, _ = begun(wish, cases, home.slots, SystemClock().now(), SystemClock().seed())
        Frozen(home.data_dir / SUITES).keep(cases, labels)
        assert home.ledger.bench.begin(run)
        (home.config.parent / "labels.jsonl").unlink()
        ended = await home.go_on(run)
        asked = _asked_of(sim, JUDGE)
        home.ledger.bench.discard(run.id, [(cases.cases[0].id, 0)])
        home.ledger.bench.note(replace(ended, state="waiting"))
        again = await home.go_on(run)
        more = _asked_of(sim, JUDGE) - asked
        ingest_once(home.data_dir / Places.journal, home.ledger)
        copies = home.ledger.search(500, Filters(copies=True)).lines

    assert ended.judge_decides
    assert (again.state, again.done, again.calibration) == ("done", 12, ended.calibration)
    assert more <= 2
    assert sum(line.cost or 0 for line in copies) == again.spent <= again.budget


def _forget_lease(home: Home, run: Run) -> None:
    """As its end does, a minute later."""
    holder = home.ledger.lease(lease_of(run.id), "", SystemClock(), 60).holder()
    assert holder is not None
    home.ledger.lease(lease_of(run.id), holder, SystemClock(), 60).release()
