"""kill -9 and upgrades while a release is on its way: it ends as it would have; lock file, ledger, view and traffic agree."""

import random
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.e2e_load.running import until
from tests.support.postgres import Postgres
from tests.support.releasing import NEW, House, Traffic, house, paid, proposed, share_of
from turnout.evidence.trial import FORMAT
from turnout.release.folds import Folds
from turnout.suites.run import AT_ONCE
from turnout.types.lock import Lock

PROMISED = 0.25
"""Seconds after which an answered request's record survives a kill (PRODUCT B1)."""
CASES = 40
MIRROR = {"sample": 0.5, "budget_usd_per_day": 5, "time": "900ms"}
LIFE = [
    ("detected", 0), ("screened", 0), ("benchmarked", 0), ("proposed", 0), ("mirror", 0), ("trial", 20), ("trial", 50), ("bake", 90),
    ("adopted", 0),
]  # fmt: skip
"""What a good release goes through, with the candidate's share in percent, when nobody disturbs it."""


def story(home: House, id_: str) -> list[tuple[str, float]]:
    """As its history tells it, each once in a row."""
    told = [(step["phase"], step["share"]) for step in home.steps(id_)]
    return [told[0], *(after for before, after in pairwise(told) if after != before)]


def is_at(home: House, id_: str, phase: str, share: float) -> Any:
    """Whether it is there now; a benchmark under way, not one that waits to begin."""
    status = home.release(id_)["status"]
    if (status["phase"], status["share"]) != (phase, share):
        return False
    if phase != "screened":
        return True
    found = home.get("/api/benchmarks")["benchmarks"]
    return any(0 < run["done"] < run["total"] for run in found)


def reaches(home: House, id_: str, phase: str, share: float) -> None:
    try:
        until(lambda: is_at(home, id_, phase, share), f"{id_} in {phase} at {share} %", 90)
    except AssertionError as late:
        raise AssertionError(f"{late}: {home.release(id_)}\n{home.turnout.said()[-3000:]}") from None


def recorded_once(home: House, traffic: Traffic, killed: tuple[float, ...] = ()) -> None:
    """Each answer is in the ledger, with the one attempt it took; of those just before everything was killed it was not promised."""
    assert traffic.refused == []
    promised = {name for name, at in traffic.at.items() if not any(kill - PROMISED <= at <= kill + 1 for kill in killed)}
    assert len(promised) > 50

    def attempts() -> dict[str, int]:
        found = home.rows("select id, (select count(*) from attempts where request_id = id) from requests")
        return dict(found)  # type: ignore[arg-type]

    until(lambda: promised <= attempts().keys(), "all that was promised in the ledger")
    seen = attempts()
    assert {seen[name] for name in promised} == {1}


def adopted(home: House, id_: str) -> Lock:
    """What holds at the end of a good release, in every place that says it."""
    home.until_phase(id_, "adopted", within=90)
    lock = home.agrees()
    entry = lock.routes["chat"]
    assert (entry.trial, entry.mirror, [one.release for one in entry.adopted]) == (None, None, [id_])
    assert share_of(home, NEW) == 1.0
    return lock


def test_killed_in_its_trial_it_goes_on(tmp_path: Path) -> None:
    """The control process is killed at half of the traffic: the share stays while nobody leads, and the release is adopted."""
    with house(tmp_path, stages=[50, 100], stage_time="1200ms") as home, Traffic(home.turnout.port, 80) as traffic:
        home.has(proposed())
        reaches(home, "r-1", "trial", 50)
        home.kill()
        assert 0.3 < share_of(home, NEW, 150) < 0.7
        adopted(home, "r-1")
        assert story(home, "r-1") == [("proposed", 0), *LIFE[6:]]
        traffic.stop()
        recorded_once(home, traffic)


@pytest.mark.slow
def test_killed_in_each_phase_it_ends_as_it_would_have(tmp_path: Path) -> None:
    """One life, in which the control process is killed once in every phase and stage: the same steps, and no case asked twice."""
    with house(tmp_path, time_scale=0.05, cases=CASES, autonomy="propose", mirror=MIRROR) as home:
        with Traffic(home.turnout.port, 60) as traffic:
            id_ = home.open()
            for phase, share in LIFE[:-1]:
                if phase == "benchmarked":  # it lasts for a tick: the next one
                    continue
                reaches(home, id_, phase, share)
                home.kill()
                if phase == "proposed":
                    assert paid(home.sim)[NEW] <= CASES + AT_ONCE
                    until(lambda: home.say("ann", f"/api/releases/{id_}/approve")[0] == 200, "approved")
            adopted(home, id_)
        assert story(home, id_) == LIFE
        assert home.rows("select count(*) from bench_results") == [(2 * CASES,)]
        recorded_once(home, traffic)


@pytest.mark.slow
@pytest.mark.parametrize(("phase", "share"), [("screened", 0), ("trial", 50), ("bake", 90)])
def test_everything_is_killed(tmp_path: Path, phase: str, share: float) -> None:
    """Supervisor, workers, control process and benchmark at once: after the next start it goes on from there."""
    with house(tmp_path, time_scale=0.05, cases=CASES) as home:
        with Traffic(home.turnout.port, 60) as traffic:
            id_ = home.open()
            reaches(home, id_, phase, share)
            killed = home.kill_all()
            adopted(home, id_)
        assert story(home, id_) == [step for step in LIFE if step[0] != "mirror"]
        assert home.rows("select count(*) from bench_results") == [(2 * CASES,)]
        recorded_once(home, traffic, (killed,))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_killed_again_and_again(tmp_path: Path, seed: int) -> None:
    """At moments of chance, whatever it does then: of three lives each ends adopted, by the same steps."""
    chance = random.Random(seed)
    with house(tmp_path, bake="2s") as home:
        with Traffic(home.turnout.port, 80) as traffic:
            home.has(proposed())
            for _ in range(6):
                time.sleep(chance.uniform(0.05, 1.2))
                home.kill()
            adopted(home, "r-1")
        assert story(home, "r-1") == [("proposed", 0), *LIFE[5:]]
        recorded_once(home, traffic)


@pytest.mark.slow
def test_harm_is_answered_after_a_kill_too(tmp_path: Path) -> None:
    """The candidate breaks while nobody leads: it is rolled back by whoever leads next, and nobody is sent there any more."""
    with house(tmp_path, stage_time="30s") as home, Traffic(home.turnout.port, 80) as traffic:
        home.has(proposed())
        reaches(home, "r-1", "trial", 20)
        home.break_model(NEW)
        home.kill()
        home.until_phase("r-1", "rolled_back")
        lock = home.agrees()
        assert lock.routes == {} or lock.routes["chat"].trial is None
        assert share_of(home, NEW) == 0.0
        traffic.stop()


@pytest.mark.slow
def test_killed_on_postgresql(tmp_path: Path, postgres: Postgres) -> None:
    """The lead is a lease there: whoever comes after a killed process waits for it, and goes on."""
    url = postgres.fresh()
    with house(tmp_path, store=url, stage_time="1500ms") as home:
        with Traffic(home.turnout.port, 80) as traffic:
            home.has(proposed())
            reaches(home, "r-1", "trial", 50)
            home.kill()
            adopted(home, "r-1")
        assert story(home, "r-1") == [("proposed", 0), *LIFE[5:]]
        recorded_once(home, traffic)
    postgres.drop(url)


@pytest.mark.slow
def test_a_program_that_folds_otherwise_folds_anew(tmp_path: Path) -> None:
    """An upgrade in mid-trial: the state of another format is not read, the rows give the same evidence, and the trial goes on."""
    with house(tmp_path, stage_time="3s") as home:
        with Traffic(home.turnout.port, 80):
            home.has(proposed())
            reaches(home, "r-1", "trial", 50)
            assert home.say("olga", "/api/releases/r-1/pause", note="an upgrade")[0] == 200
            until(lambda: home.rows("select units from trial_states where units > 20"), "a state is kept", 60)
        home.stop()
        now = time.time()
        with home.ledger() as ledger:
            release, kept = ledger.releases.get("r-1"), ledger.trials.state("r-1")
            assert release is not None
            assert kept is not None
            began, ended, fold = msgspec.msgpack.decode(kept.state)
            before = Folds(ledger.trials).evidence(release, now, now, 60.0)
            other = msgspec.msgpack.decode(fold)
            assert other[0] == FORMAT
            other[0] = FORMAT + 1
            spoilt = msgspec.msgpack.encode((began, ended, msgspec.msgpack.encode(other)))
            ledger.trials.keep_state("r-1", msgspec.structs.replace(kept, state=spoilt))
            assert Folds(ledger.trials).evidence(release, now, now, 60.0) == before
            ledger.trials.keep_state("r-1", msgspec.structs.replace(kept, state=spoilt))
        home.turnout.start()
        assert home.say("olga", "/api/releases/r-1/resume")[0] == 200
        with Traffic(home.turnout.port, 80):
            adopted(home, "r-1")
        assert story(home, "r-1") == [("proposed", 0), *LIFE[5:]]


@pytest.mark.slow
def test_a_ledger_of_before_releases_is_taken_up(tmp_path: Path) -> None:
    """Version 5 has no trials: after ``doctor --migrate`` its requests are told again as they were, and a release runs on it."""
    with house(tmp_path) as home:
        with Traffic(home.turnout.port, 80) as before:
            until(lambda: len(before.answered) > 100, "requests")
        recorded_once(home, before)
        home.stop()
        with home.ledger() as ledger, ledger._engine.begin() as connection:
            for statement in DOWN:
                connection.exec_driver_sql(statement)
        refused = run("replay", "--last", "50", "--data-dir", home.turnout.data_dir)
        assert "doctor --migrate" in refused.stdout + refused.stderr
        migrated = run("doctor", "--migrate", "--config", home.turnout.config, "--data-dir", home.turnout.data_dir)
        assert "0005" in migrated.stdout, migrated.stdout + migrated.stderr
        told = run("replay", "--last", "50", "--data-dir", home.turnout.data_dir)
        assert told.returncode == 0, told.stdout + told.stderr
        home.turnout.start()
        with Traffic(home.turnout.port, 80) as traffic:
            home.has(proposed())
            adopted(home, "r-1")
        assert {side for (side,) in home.rows("select distinct side from requests")} >= {None, "candidate", "control"}
        recorded_once(home, traffic)


NEWER = (
    "releases", "release_steps", "trial_points", "trial_states", "lock", "catalog_events", "bench_runs", "bench_results", "cells", "alerts",
)  # fmt: skip
DOWN = (
    "drop index requests_trial", "drop index requests_judged", "drop index requests_unit",
    *(f"alter table requests drop column {name}" for name in ("trial", "side", "propensity", "unit")),
    *(f"drop table {name}" for name in NEWER), "update alembic_version set version_num = '0005'",
)  # fmt: skip
"""From version 6 back to 5, as migrations/versions/v0006.py says what is new."""


def run(*command: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "turnout", *map(str, command)], capture_output=True, text=True, timeout=60, check=False
    )
