"""What is promised of a record, when, and what is not when the disk refuses."""

import asyncio
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.records import record
from tests.unit.journal.writing import journal, numbered, read, with_class
from turnout.journal import writer
from turnout.journal.output import OutputSegment, create
from turnout.journal.reader import OPEN, SEALED, segments
from turnout.journal.segment import frame
from turnout.journal.writer import Limits, SegmentJournal

ONE_EACH = Limits(flush_s=3600, segment=1)
"""A segment is full with its first record."""


def begin(one: SegmentJournal, directory: Path, kind: type[OutputSegment]) -> None:
    """Have the journal's first segment be of this kind."""
    one._segment = with_class(create(directory, numbered("first")), kind)


async def wait(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, 10)


async def test_a_record_is_written_and_synced_before_its_segment_is_named_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Bytes, then the bytes' sync, then the sync of the name they are found by, and only then the name that calls them whole."""
    steps: list[str] = []

    def noting(step: str, real: Callable[..., object]) -> Callable[..., object]:
        def noted(*given: object) -> object:
            of_directory = step == "fsync" and stat.S_ISDIR(os.fstat(given[0]).st_mode)
            steps.append(f"{step} directory" if of_directory else step)
            return real(*given)

        return noted

    monkeypatch.setattr(os, "write", noting("write", os.write))
    monkeypatch.setattr(os, "fdatasync", noting("fdatasync", os.fdatasync))
    monkeypatch.setattr(os, "fsync", noting("fsync", os.fsync))
    monkeypatch.setattr(Path, "rename", noting("rename", Path.rename))

    one = journal(tmp_path)
    await one.append_durably(record(0))
    told = list(steps)
    one.append(record(1))
    one.close()

    header = ["write"]
    assert told == [*header, "write", "fdatasync", "fsync directory"]
    assert steps.count("write") == 3
    assert steps[-2:] == ["fdatasync", "rename"]


@pytest.mark.parametrize("state", ["buffered", "written"])
async def test_what_comes_during_a_sync_waits_for_the_next(tmp_path: Path, state: str):
    """A sync vouches for what was written when it began: a record appended, or even written, since then is not acknowledged by it."""
    late = asyncio.get_running_loop().create_future()
    is_released = threading.Event()

    class Slow(OutputSegment):
        def sync(self) -> None:
            super().sync()
            if one._appended == len(frame(record(0))):
                one._append(frame(record(1)), late)
                if state == "written":
                    one._write()
            else:
                assert is_released.wait(10)

    one = journal(tmp_path)
    begin(one, tmp_path, Slow)
    await one.append_durably(record(0))

    assert not late.done()
    is_released.set()
    one._wake_writer.set()
    await asyncio.wait_for(late, 10)
    one.close()


async def test_a_write_error_is_told_to_those_it_concerns(tmp_path: Path):
    """Whose record is with the kernel already waits for the sync, whatever happens to later ones."""
    is_syncing, is_released, is_full = threading.Event(), threading.Event(), threading.Event()

    class Filling(OutputSegment):
        def write(self, data: memoryview | bytes) -> int:
            if is_full.is_set():
                raise OSError(28, "No space left on device")
            return super().write(data)

        def sync(self) -> None:
            is_syncing.set()
            assert is_released.wait(10)
            super().sync()

    one = journal(tmp_path)
    begin(one, tmp_path, Filling)
    first = asyncio.create_task(one.append_durably(record(0)))
    await wait(is_syncing)
    is_full.set()
    with pytest.raises(OSError, match="No space"):
        await one.append_durably(record(1))

    assert not first.done()
    is_released.set()
    await first
    is_full.clear()
    one.close()
    assert read(tmp_path) == [record(0), record(1)]


async def test_a_segment_ends_with_a_whole_frame(tmp_path: Path):
    """A segment that is full while a frame is half written takes the rest of it before another is begun."""

    class Sipping(OutputSegment):
        def write(self, data: memoryview | bytes) -> int:
            return super().write(data[:100])

    one = journal(tmp_path, ONE_EACH)
    begin(one, tmp_path, Sipping)
    for n in range(2):
        await one.append_durably(record(n))
    one.close()

    assert len(segments(tmp_path)) == 2
    assert sorted(found.id for found in read(tmp_path)) == ["req-0", "req-1"]


async def test_a_refused_name_is_nobodys_failed_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What is synced is acknowledged whether its segment can be renamed or not; the name is tried again until it can, unasked."""
    monkeypatch.setattr(writer, "_SYNC_AGAIN_S", 0.01)
    is_refusing, is_tried_again, is_sealed = threading.Event(), threading.Event(), threading.Event()
    tries, sealed, real = [], [], Path.rename

    def rename(path: Path, target: Path) -> Path:
        if is_refusing.is_set():
            tries.append(path)
            if tries.count(path) > 1:
                is_tried_again.set()
            raise PermissionError(13, "Permission denied")
        sealed.append(path)
        renamed = real(path, target)
        if len(sealed) == 3:
            is_sealed.set()
        return renamed

    monkeypatch.setattr(Path, "rename", rename)
    is_refusing.set()
    one = journal(tmp_path, ONE_EACH)
    for n in range(3):
        await one.append_durably(record(n))
    await wait(is_tried_again)

    assert "Permission denied" in (one.state.failing or "")
    assert [path.suffix for path in segments(tmp_path)] == [OPEN] * 3
    is_refusing.clear()
    await wait(is_sealed)
    assert [path.suffix for path in segments(tmp_path)] == [SEALED] * 3
    one.close()
    assert one.state.failing is None


async def test_a_segment_that_somebody_removed_costs_what_was_in_it_and_no_more(tmp_path: Path):
    """Nothing is promised of a file without a name; the next record goes to a new one, and the worker is well again."""
    one = journal(tmp_path)
    await one.append_durably(record(0))
    for path in segments(tmp_path):
        path.unlink()
    with pytest.raises(FileNotFoundError, match="removed the open segment"):
        await one.append_durably(record(1))
    for n in range(2, 5):
        await one.append_durably(record(n))
    one.close()

    assert one.state.failing is None
    assert read(tmp_path) == [record(n) for n in range(2, 5)]


async def test_a_full_segment_that_somebody_removed_needs_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Sealing a file that is gone between its sync and its rename is done, not tried for ever."""
    real = Path.rename

    def late(path: Path, target: Path) -> Path:
        path.unlink(missing_ok=True)
        return real(path, target)

    monkeypatch.setattr(Path, "rename", late)
    one = journal(tmp_path, ONE_EACH)
    for n in range(3):
        await one.append_durably(record(n))
    one.close()

    assert one.state.failing is None
    assert one._unsealed == []


async def test_a_segment_whose_sync_failed_is_left(tmp_path: Path):
    """The kernel reports lost bytes once: all who had written to the file are told, and nobody later trusts its next sync."""
    second = asyncio.get_running_loop().create_future()

    class Losing(OutputSegment):
        def sync(self) -> None:
            if not second.done() and one._appended == len(frame(record(0))):
                one._append(frame(record(1)), second)
                one._write()
                raise OSError(5, "Input/output error")
            super().sync()

    one = journal(tmp_path)
    begin(one, tmp_path, Losing)
    with pytest.raises(OSError, match="Input/output"):
        await one.append_durably(record(0))
    with pytest.raises(OSError, match="Input/output"):
        await second
    await one.append_durably(record(2))
    one.close()

    assert [path.suffix for path in segments(tmp_path)] == [SEALED] * 2
    assert [found.id for found in read(tmp_path)] in (["req-0", "req-1", "req-2"], ["req-2", "req-0", "req-1"])


async def test_a_frame_that_was_begun_before_a_failed_sync_is_completed_where_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """No record is torn in two by leaving its segment."""
    monkeypatch.setattr(writer, "_SYNC_AGAIN_S", 0.01)
    is_full, is_synced_again = threading.Event(), threading.Event()
    syncs = []

    class Torn(OutputSegment):
        def write(self, data: memoryview | bytes) -> int:
            if not is_full.is_set():
                is_full.set()
                return super().write(data[:40])
            if not is_synced_again.is_set():
                raise OSError(28, "No space left on device")
            return super().write(data)

        def sync(self) -> None:
            syncs.append(self)
            if len(syncs) == 1:
                raise OSError(5, "Input/output error")
            is_synced_again.set()
            super().sync()

    one = journal(tmp_path)
    begin(one, tmp_path, Torn)
    with pytest.raises(OSError, match="No space"):
        await one.append_durably(record(0))
    await wait(is_synced_again)
    await one.append_durably(record(1))
    one.close()

    assert read(tmp_path) == [record(0), record(1)]


async def test_a_closed_journal_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """Who comes after the end is told, or counted and said in the log; nobody waits for ever, nothing is lost silently."""
    one = journal(tmp_path)
    one.append(record(0))
    one.close()
    one.append(record(1))
    with pytest.raises(OSError, match="the journal is closed"):
        await asyncio.wait_for(one.append_durably(record(2)), 10)

    assert one.state.dropped == 2
    assert [entry.getMessage() for entry in caplog.records] == ["a record came after the journal was closed and is lost"] * 2
    assert read(tmp_path) == [record(0)]
