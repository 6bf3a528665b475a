"""Who wrote turnout.lock.yaml, and what comes of it."""

from pathlib import Path

import pytest

from turnout.build.lock_keeper import LockKeeper
from turnout.config.lock import read_lock, write_lock
from turnout.release.desk import NotNow
from turnout.types.lock import Adopted, Lock, RouteLock


def lock(revision: int, share: str = "r1") -> Lock:
    return Lock(revision, {"support": RouteLock("a", "b", (Adopted(share, "primary", "openai/small", 1.0, "ann"),))})


class FakePublisher:
    """Has a lock in force."""

    base = None
    lock = Lock()

    def in_force(self) -> int:
        return self.lock.revision


class Bench:
    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "turnout.lock.yaml"
        self.publish = FakePublisher()
        self.edits: list[tuple[Lock, str]] = []
        self.refuse = ""
        self.start()

    def start(self) -> None:
        self.keeper = LockKeeper(self.path, self.folder / "note", self.publish, lambda: self.publish.lock, self.edited)  # type: ignore[arg-type]  # all that it asks

    def edited(self, wanted: Lock, actor: str) -> None:
        if self.refuse:
            raise NotNow(self.refuse)
        self.edits.append((wanted, actor))
        self.publish.lock = Lock(wanted.revision + 1, wanted.routes)

    def look(self, times: int = 2) -> None:
        for _ in range(times):
            self.keeper.look()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_it_is_written_after_each_step(bench: Bench) -> None:
    """And not before there is anything to say."""
    bench.look()
    assert not bench.path.exists()
    for revision in (1, 2):
        bench.publish.lock = lock(revision)
        bench.look()
        assert read_lock(bench.path) == lock(revision)
    assert bench.edits == []


def test_somebodys_change_is_taken_up_once_it_stands_still(bench: Bench) -> None:
    """Then the file is written with the revision that came of it."""
    bench.publish.lock = lock(3)
    bench.look()
    write_lock(bench.path, lock(3, "r9"), None)
    bench.look(1)
    assert bench.edits == []
    bench.look()

    assert bench.edits == [(lock(3, "r9"), "file:turnout.lock.yaml")]
    assert read_lock(bench.path) == lock(4, "r9")
    bench.look()
    assert len(bench.edits) == 1


def test_an_old_file_of_ours_is_no_edit(bench: Bench) -> None:
    """The process died between a step and the file, or before it noted that it had written."""
    bench.publish.lock = lock(1)
    bench.look()
    bench.publish.lock = lock(2)
    bench.start()
    bench.look()

    assert (bench.edits, read_lock(bench.path)) == ([], lock(2))


def test_what_was_changed_while_nobody_looked_is_an_edit(bench: Bench) -> None:
    """Also where this directory never wrote one: it came with the repository."""
    write_lock(bench.path, lock(1), 12)
    bench.look()

    assert [each for each, _ in bench.edits] == [lock(1)]


@pytest.mark.parametrize(("text", "refuse", "why"), [("routes: [", "", "not readable"), ("", "old", "old")])
def test_what_cannot_hold_is_told_once_and_left_alone(bench: Bench, capsys, text: str, refuse: str, why: str) -> None:
    """Steps go on without the file, until it is changed again or taken away."""
    bench.publish.lock, bench.refuse = lock(1), refuse
    bench.look()
    written = text or "revision: 7"
    bench.path.write_text(written)
    bench.publish.lock = lock(2)
    bench.look(5)

    said = capsys.readouterr().err
    assert (said.count("refused"), why in said) == (1, True)
    assert (bench.path.read_text(), bench.edits) == (written, [])
    bench.path.unlink()
    bench.look()
    assert read_lock(bench.path) == lock(2)


def test_a_remark_changes_nothing(bench: Bench) -> None:
    """It is gone with the next step."""
    bench.publish.lock = lock(1)
    bench.look()
    bench.path.write_text(bench.path.read_text() + "# mine\n")
    bench.look(3)

    assert bench.edits == []


def test_a_folder_that_may_not_be_written_is_told_once(bench: Bench, capsys) -> None:
    """The ledger has it all."""
    keeper = LockKeeper(
        bench.folder / "none" / "turnout.lock.yaml", bench.folder / "note", bench.publish, lambda: lock(1), bench.edited
    )  # type: ignore[arg-type]
    for revision in (1, 2):
        bench.publish.lock = lock(revision)
        keeper.look()

    assert capsys.readouterr().err.count("cannot be written") == 1
