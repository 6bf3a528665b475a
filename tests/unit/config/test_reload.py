import os

from turnout.clock import ManualClock
from turnout.config.reload import FRESH_SECONDS, FileWatch

LONG_AGO = 1_000_000_000


def aged(path, at=LONG_AGO):
    """Give the file a modification time, as if it had been written then."""
    os.utime(path, ns=(at * 10**9, at * 10**9))


def test_a_change_is_noticed_once(tmp_path):
    """Content decides; asking again says no."""
    path = tmp_path / "turnout.yaml"
    path.write_text("a: 1")
    watch = FileWatch(path, ManualClock())

    assert not watch.changed()
    path.write_text("a: 22")
    assert watch.changed()
    assert not watch.changed()


def test_touching_is_no_change(tmp_path):
    """The same content with another time, or saved anew by an editor."""
    path = tmp_path / "turnout.yaml"
    path.write_text("a: 1")
    watch = FileWatch(path, ManualClock())

    aged(path)
    assert not watch.changed()
    (tmp_path / "new").write_text("a: 1")
    (tmp_path / "new").replace(path)
    assert not watch.changed()


def test_a_file_moved_in_is_noticed(tmp_path):
    """How editors and deployments write: even with the size and time of the old one."""
    path = tmp_path / "turnout.yaml"
    path.write_text("a: 1")
    aged(path)
    watch = FileWatch(path, ManualClock())
    (tmp_path / "new").write_text("a: 2")
    aged(tmp_path / "new")
    (tmp_path / "new").replace(path)

    assert watch.changed()


def test_a_fresh_file_is_read_although_its_stat_is_the_same(tmp_path, monkeypatch):
    """Two saves within one tick of the file system's clock."""
    path = tmp_path / "turnout.yaml"
    path.write_text("a: 1")
    clock = ManualClock(now=path.stat().st_mtime + FRESH_SECONDS / 2)
    watch = FileWatch(path, clock)
    frozen = watch._stat
    monkeypatch.setattr(FileWatch, "_look", lambda _: frozen)
    path.write_text("a: 2")

    assert watch.changed()
    path.write_text("a: 3")
    clock.advance(FRESH_SECONDS * 2)
    assert not watch.changed(), "an old file costs one stat"


def test_a_missing_file_is_no_change(tmp_path):
    """It is away for a moment while it is saved; back with another content it has changed."""
    path = tmp_path / "turnout.yaml"
    path.write_text("a: 1")
    watch = FileWatch(path, ManualClock())
    path.unlink()

    assert not watch.changed()
    path.write_text("a: 2")
    assert watch.changed()


def test_a_file_that_comes_later(tmp_path):
    """Not there at the start."""
    watch = FileWatch(tmp_path / "turnout.yaml", ManualClock())

    assert not watch.changed()
    (tmp_path / "turnout.yaml").write_text("a: 1")
    assert watch.changed()
