import asyncio
import fcntl
import json
import signal
import subprocess
import sys
import threading
from itertools import count
from pathlib import Path

import pytest

from tests.support.records import record
from tests.unit.journal.writing import journal, numbered, read, with_class
from turnout.clock import SystemClock
from turnout.journal import output
from turnout.journal.output import OutputSegment, create
from turnout.journal.reader import OPEN, SEALED, opened, segments
from turnout.journal.writer import Limits


async def test_a_durable_append_returns_when_the_record_is_on_disk(tmp_path: Path):
    """After append_durably the record, and all before it, can be read while the writer lives."""
    one = journal(tmp_path)
    one.append(record(0))
    await one.append_durably(record(1))

    assert read(tmp_path) == [record(0), record(1)]
    one.close()


def test_an_append_reaches_the_file_by_itself(tmp_path: Path):
    """Nobody has to ask: the writer's thread writes within its interval."""
    is_written = threading.Event()

    class Watched(OutputSegment):
        def sync(self) -> None:
            super().sync()
            is_written.set()

    one = journal(tmp_path, Limits(flush_s=0.01))
    one._segment = with_class(create(tmp_path, numbered("w")), Watched)
    one.append(record(0))

    assert is_written.wait(10)
    assert read(tmp_path) == [record(0)]
    one.close()


async def test_those_who_wait_at_a_time_share_one_sync(tmp_path: Path):
    """Twenty durable appends that meet a busy writer cost one sync, not twenty."""
    syncs = count()

    class Counted(OutputSegment):
        def sync(self) -> None:
            next(syncs)
            super().sync()

    one = journal(tmp_path)
    one._segment = with_class(create(tmp_path, numbered("w")), Counted)
    with one._io:
        waiting = [asyncio.create_task(one.append_durably(record(n))) for n in range(20)]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)

    assert next(syncs) == 1
    one.close()


async def test_a_waiter_that_left_disturbs_nobody(tmp_path: Path):
    """A cancelled durable append leaves its record in the journal and the others' answers untouched."""
    one = journal(tmp_path)
    with one._io:
        leaving = asyncio.create_task(one.append_durably(record(0)))
        await asyncio.sleep(0)
        leaving.cancel()
    await one.append_durably(record(1))

    assert leaving.cancelled()
    assert read(tmp_path) == [record(0), record(1)]
    one.close()


async def test_segments_rotate_by_size_and_are_sealed(tmp_path: Path):
    """A full segment is sealed and another begun; closing seals the last; none of their names comes twice."""
    one = journal(tmp_path, Limits(flush_s=3600, segment=1))
    for n in range(3):
        await one.append_durably(record(n))
    one.close()

    assert [path.suffix for path in segments(tmp_path)] == [SEALED] * 3
    assert read(tmp_path) == [record(n) for n in range(3)]


def test_a_worker_that_recorded_nothing_leaves_no_file(tmp_path: Path):
    """Opening and closing a journal writes nothing."""
    journal(tmp_path).close()

    assert list(tmp_path.iterdir()) == []


async def test_a_full_buffer_is_written_at_once(tmp_path: Path):
    """When the writer does not keep up, the append itself writes rather than lose or hoard records, and this is counted."""
    one = journal(tmp_path, Limits(flush_s=3600, buffer=2000))
    for n in range(10):
        one.append(record(n))

    assert one.state.written_at_once > 0
    assert one.state.buffered <= 4000
    one.close()
    assert read(tmp_path) == [record(n) for n in range(10)]


async def test_a_failed_sync_is_told_to_those_who_wait(tmp_path: Path):
    """When the disk cannot promise, append_durably raises and the state says why; the next success clears it."""
    refusals = iter([OSError(5, "Input/output error")])

    class Refusing(OutputSegment):
        def sync(self) -> None:
            if (error := next(refusals, None)) is not None:
                raise error
            super().sync()

    one = journal(tmp_path)
    one._segment = with_class(create(tmp_path, numbered("w")), Refusing)
    with pytest.raises(OSError, match="Input/output"):
        await one.append_durably(record(0))
    assert "Input/output" in (one.state.failing or "")
    await one.append_durably(record(1))

    assert one.state.failing is None
    one.close()


def test_a_missing_directory_is_a_state_not_a_crash(tmp_path: Path):
    """Appending goes on when the journal's directory is gone; the loss at closing is said in the log."""
    directory = tmp_path / "journal"
    one = journal(directory)
    directory.rmdir()
    one.append(record(0))
    one.close()

    assert "No such file" in (one.state.failing or "")
    assert one.state.buffered > 0


def test_a_segment_taken_for_a_dead_writers_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A reader that removes the file between its creation and its lock costs a name, never records."""
    real = fcntl.flock
    removed = []

    def removing(fd: int, operation: int) -> None:
        if not removed:
            removed.append((tmp_path / ("w-1" + OPEN)).unlink())
        real(fd, operation)

    monkeypatch.setattr(output.fcntl, "flock", removing)
    created = create(tmp_path, numbered("w"))
    created.write(b"x")
    created.seal()

    assert [path.name for path in tmp_path.iterdir()] == ["w-2" + SEALED]


async def test_a_living_writers_segment_is_not_finished(tmp_path: Path):
    """A reader knows by the lock whether an open segment may still grow."""
    one = journal(tmp_path)
    await one.append_durably(record(0))
    (path,) = segments(tmp_path)

    with opened(path) as segment:
        assert segment is not None
        assert not segment.finished
    one._segment, abandoned = None, one._segment
    assert abandoned is not None
    output.os.close(abandoned._fd)  # as the kernel does when the process dies
    with opened(path) as segment:
        assert segment is not None
        assert segment.finished
    one.close()


FULL_DISK = """
import asyncio, json, resource, sys
from pathlib import Path
from tests.support.records import record
from tests.unit.journal.writing import journal, numbered, read, with_class
from turnout.clock import ManualClock
from turnout.journal.writer import Limits, SegmentJournal

async def main():
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2500, hard))
    journal = SegmentJournal(Path(sys.argv[1]), "0", ManualClock(), Limits(flush_s=3600, buffer=3000))
    told = 0
    for n in range(10):
        try:
            await journal.append_durably(record(n))
        except OSError:
            told += 1
    full = journal.state
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    journal._write()
    await journal.append_durably(record(10))
    well = journal.state
    journal.close()
    print(json.dumps([told, full.failing, full.buffered, full.dropped, well.failing, well.buffered]))

asyncio.run(main())
"""


def test_a_full_disk_is_told_bounded_and_survived(tmp_path: Path):
    """With no room left durable appends raise, memory stays bounded and drops are counted; with room again the torn frame is completed."""
    done = subprocess.run([sys.executable, "-c", FULL_DISK, tmp_path], capture_output=True, text=True, check=True, timeout=60)  # fmt: skip

    told, failing, buffered, dropped, failing_after, buffered_after = json.loads(done.stdout)
    found = [one.id for one in read(tmp_path)]
    assert "File too large" in failing
    assert 3000 <= buffered <= 4500
    assert dropped > 0
    assert told > dropped
    assert (failing_after, buffered_after) == (None, 0)
    assert found == [f"req-{n}" for n in range(10 - dropped)] + ["req-10"]


APPENDING = """
import sys, threading, time
from pathlib import Path
from tests.support.records import record
from tests.unit.journal.writing import journal, numbered, read, with_class
from turnout.clock import SystemClock
from turnout.journal.writer import Limits, SegmentJournal

journal = SegmentJournal(Path(sys.argv[1]), "0", SystemClock(), Limits(segment=100_000))
pace = threading.Event()
for n in range(10**6):
    journal.append(record(n))
    print(n, time.monotonic(), flush=True)
    pace.wait(0.001)
"""


def test_kill_9_loses_at_most_the_last_250_ms(tmp_path: Path):
    """Every record appended more than 250 ms before the process is killed is on disk, once."""
    with subprocess.Popen([sys.executable, "-c", APPENDING, tmp_path], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(500)]
        killed_at = SystemClock().steady()  # the child reads the same clock
        child.send_signal(signal.SIGKILL)
    appended = [(f"req-{n}", float(at)) for n, at in (line.split() for line in lines)]

    found = [one.id for one in read(tmp_path)]

    assert len(found) == len(set(found))
    assert {name for name, at in appended if at < killed_at - 0.25} <= set(found)
