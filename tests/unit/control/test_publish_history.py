"""Each policy version is recorded with what it changed, and an earlier one can be brought back."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy.exc import OperationalError

from tests.support.views import FLEET, TASKS
from tests.unit.control.test_publish import ONE, PROVIDERS, TWO, Loaded
from turnout.audit.chain import read, verify
from turnout.clock import ManualClock
from turnout.control.history import History, NoSuchVersion
from turnout.control.publish import Publisher
from turnout.store.ledger import Ledger
from turnout.types.models import Source
from turnout.types.policy import Key, Policy, Route
from turnout.view import ViewStore

THREE = Loaded(Policy((Route("default", "quality", owner="desk"),), PROVIDERS, (Key("web", "sha256:aa"),)))


class Bench:
    """A publisher that is started again on the same directory as often as a test likes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, ManualClock()
        self.start()

    def start(self) -> None:
        self.ledger, self.views = Ledger(self.folder / "ledger.db"), ViewStore(self.folder / "views")
        self.publish = Publisher(self.views, self.ledger, self.clock, TASKS)
        self.history = History(self.ledger, self.views)

    def restart(self) -> None:
        self.ledger.close()
        self.start()

    def adopt(self, *policies: Loaded) -> list[int]:
        return [self.publish.adopt(loaded, "/etc/turnout.yaml") for loaded in policies]

    def said(self, kind: str) -> list[dict[str, Any]]:
        return [read(entry) for entry in self.ledger.audit.entries(kind=kind)]

    @property
    def objective(self) -> str:
        assert self.publish.base is not None
        return self.publish.base.policy.routes[0].objective


@pytest.fixture
def bench(tmp_path: Path):
    made = Bench(tmp_path)
    yield made
    made.ledger.close()


def test_each_version_is_in_the_history_and_in_the_chain(bench: Bench) -> None:
    """By whom, on which file, against which one before it; the same policy again is no version."""
    assert bench.adopt(ONE, ONE, TWO) == [1, 1, 2]
    assert [(each.version, each.actor, each.note, each.restores) for each in bench.history.list()] == [
        (2, "file:turnout.yaml", "", None), (1, "file:turnout.yaml", "", None),
    ]  # fmt: skip
    first, second = bench.said("policy")
    assert (first["version"], first["previous"], first["changes"]) == (1, None, [])
    assert (second["version"], second["previous"], second["previous_base"]) == (2, 1, first["base"])
    assert second["changes"] == [
        {"how": "changed", "thing": "route", "name": "default", "owner": None,
         "fields": [{"name": "objective", "before": "balanced", "after": "cost"}]},
    ]  # fmt: skip
    assert list(verify(bench.ledger.audit.entries())) == []


def test_a_view_that_traffic_moved_is_no_version(bench: Bench) -> None:
    """A new day is a new view of the same policy."""
    bench.adopt(ONE)
    bench.clock.advance(86_400)
    assert bench.publish.refresh()
    assert len(bench.history.list()) == len(bench.said("policy")) == 1


def test_keys_are_told_apart_and_by_name(bench: Bench) -> None:
    """Their hashes are in no entry."""
    bench.adopt(ONE, THREE)
    assert bench.said("keys") == [{"added": ["web"], "removed": [], "changed": [], "version": 2}]
    assert not any("sha256:" in entry.payload for entry in bench.ledger.audit.entries())


def test_other_facts_under_the_same_policy_are_the_catalogs_change(bench: Bench) -> None:
    """A version all the same, as decisions stand on it."""
    fresh = (msgspec.structs.replace(FLEET[0], context=7), *FLEET[1:])
    assert bench.adopt(ONE, Loaded(ONE.policy, fresh)) == [1, 2]
    (entry,) = bench.said("catalog")
    assert (entry["version"], [change["name"] for change in entry["changes"]]) == (2, [FLEET[0].id])
    assert entry["facts"] != entry["previous"]
    assert len(bench.said("policy")) == 1


def test_the_day_on_which_a_file_is_read_makes_no_version(bench: Bench) -> None:
    """What a person states of models bears it."""

    def on(day: str) -> Loaded:
        return Loaded(
            ONE.policy, (msgspec.structs.replace(FLEET[0], sources={"context": Source("turnout.yaml", day)}), *FLEET[1:])
        )

    assert bench.adopt(on("2026-11-01"), on("2026-11-02")) == [1, 1]


def test_an_earlier_version_comes_back_as_a_new_one(bench: Bench) -> None:
    """With its reason, in history, chain and view."""
    bench.adopt(ONE, TWO)
    assert bench.publish.restore(1, "cli", "too dear") == 3
    assert bench.objective == "balanced"
    assert bench.views.base(bench.views.overlay(bench.views.current() or "").base).policy == ONE.policy
    latest = bench.history.show(3)
    assert (latest.version.restores, latest.version.note, latest.version.actor, latest.previous) == (1, "too dear", "cli", 2)
    assert "It brings back version 1." in latest.note
    assert "Why: too dear" in latest.note
    assert latest.entry is not None
    assert read(bench.ledger.audit.get(latest.entry))["restores"] == 1  # type: ignore[arg-type]  # it is there


def test_it_stays_until_the_file_changes(bench: Bench) -> None:
    """Over restarts; what the file says by then is in force again."""
    bench.adopt(ONE, TWO)
    bench.publish.restore(1, "cli", "why")
    bench.restart()
    assert bench.adopt(TWO) == [3]
    assert bench.objective == "balanced"
    overruled = bench.publish.overruled()
    assert overruled is not None
    assert (overruled.version, overruled.restores) == (3, 1)
    assert bench.adopt(THREE) == [4]
    assert bench.publish.overruled() is None
    assert bench.adopt(TWO) == [5]


def test_a_second_step_back_is_still_held_against_the_file(bench: Bench) -> None:
    """The file is what it was before the first."""
    bench.adopt(ONE, TWO, THREE)
    bench.publish.restore(2, "cli", "first")
    bench.publish.restore(1, "cli", "second")
    bench.restart()
    assert bench.adopt(THREE) == [5]
    assert bench.objective == "balanced"
    assert bench.publish.restore(3, "cli", "it was not that") == 6
    assert bench.adopt(THREE) == [6]


def test_a_newer_catalog_does_not_undo_it_and_a_persons_price_does(bench: Bench) -> None:
    """Only what the file itself says counts as its change."""
    bench.adopt(ONE, TWO)
    bench.publish.restore(1, "cli", "why")
    newer = (msgspec.structs.replace(FLEET[0], context=7), *FLEET[1:])
    assert bench.adopt(Loaded(TWO.policy, newer)) == [3]
    own = (msgspec.structs.replace(FLEET[0], context=7, sources={"context": Source("turnout.yaml", "2026-11-01")}), *FLEET[1:])
    assert bench.adopt(Loaded(TWO.policy, own)) == [4]


@pytest.mark.parametrize("version", [2, 9])
def test_what_cannot_come_back_is_refused(bench: Bench, version: int) -> None:
    """The one in force, and one that never was."""
    bench.adopt(ONE, TWO)
    with pytest.raises(NoSuchVersion, match=f"version {version}"):
        bench.publish.restore(version, "cli", "why")
    assert len(bench.history.list()) == 2


def test_a_version_whose_file_is_gone_is_refused_and_holds_nothing_up(bench: Bench) -> None:
    """The next policy is adopted, its changes untold."""
    bench.adopt(ONE, TWO)
    for path in bench.views._directory.glob("*.base.json"):
        path.unlink()
    bench.views._bases.clear()
    with pytest.raises(NoSuchVersion, match="cannot be read"):
        bench.publish.restore(1, "cli", "why")
    assert bench.adopt(THREE) == [3]


def test_a_version_that_could_not_be_recorded_is_recorded_at_the_next_try(bench: Bench, monkeypatch) -> None:
    """Row and entry together, once."""
    bench.adopt(ONE)

    def away(*_: object) -> None:
        raise OperationalError("insert", {}, Exception("away"))

    with monkeypatch.context() as patched:
        patched.setattr(bench.ledger.audit, "append", away)
        with pytest.raises(OperationalError):
            bench.adopt(TWO)
    assert len(bench.history.list()) == 1
    bench.restart()
    assert bench.adopt(TWO) == [2]
    assert [each["version"] for each in bench.said("policy")] == [1, 2]


def test_a_ledger_from_before_histories_begins_one(bench: Bench) -> None:
    """The version in force is recorded as it is; what was before is not known."""
    bench.adopt(ONE, TWO)
    with bench.ledger.audit.connect() as connection:
        for table in ("policies", "audit"):
            connection.exec_driver_sql(f"delete from {table}")
        connection.commit()
    bench.restart()
    assert bench.adopt(TWO) == [2]
    assert [(each.version, each.actor) for each in bench.history.list()] == [(2, "file:turnout.yaml")]
    assert bench.history.show(2).changes == ()


def test_two_versions_are_compared(bench: Bench) -> None:
    """In either direction; one that is not known is named."""
    bench.adopt(ONE, TWO, THREE)
    assert [(change.how, change.name) for change in bench.history.diff(1, 3)] == [("changed", "default"), ("added", "web")]
    assert [(change.how, change.name) for change in bench.history.diff(3, 1)] == [("changed", "default"), ("removed", "web")]
    with pytest.raises(NoSuchVersion, match="no version 7"):
        bench.history.diff(1, 7)


def test_what_an_actor_says_is_kept_as_the_reason(bench: Bench) -> None:
    """A release's, one day; a file's name is no reason."""
    bench.publish.adopt(ONE, "release 12", "release")
    assert (bench.history.list()[0].actor, bench.history.list()[0].note) == ("release", "release 12")
