import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from zlib import crc32

import msgspec
import pytest
from sqlalchemy.exc import OperationalError

from tests.support.records import NOW, TRAITS, record
from turnout.clock import ManualClock, SystemClock
from turnout.control import ingest as control_ingest
from turnout.control.ingest import IngestReport, ingest_once, keep_ingesting
from turnout.journal import reader
from turnout.journal.output import create
from turnout.journal.reader import DAMAGED, OPEN, SEALED, SegmentFile
from turnout.journal.segment import HEADER, MARKER, Scan, frame
from turnout.journal.writer import Limits, SegmentJournal
from turnout.store.ledger import Ledger
from turnout.types.record import Record


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.db")
    yield opened
    opened.close()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "journal"
    made.mkdir()
    return made


def put(directory: Path, name: str, *frames: bytes) -> None:
    """A segment nobody holds: sealed, or left behind by a dead writer."""
    (directory / name).write_bytes(HEADER + b"".join(frames))


def ids(ledger: Ledger) -> list[str]:
    return sorted(line.id for line in ledger.recent(100_000))


def test_sealed_segments_are_ingested_and_removed(directory: Path, ledger: Ledger):
    """What is safe in the ledger leaves the journal, offset included."""
    put(directory, "0-1-a-000001" + SEALED, frame(record(0)), frame(record(1)))
    put(directory, "1-2-b-000001" + SEALED, frame(record(2)))

    report = ingest_once(directory, ledger)

    assert report == IngestReport(records=3, removed=2)
    assert ids(ledger) == ["req-0", "req-1", "req-2"]
    assert list(directory.iterdir()) == []
    assert ledger.offset("0-1-a-000001") == 0


def test_an_open_segment_is_read_as_it_grows_and_stays(directory: Path, ledger: Ledger):
    """Each step takes what has come since the last; a living writer's segment is never removed."""
    names = iter(["live"])
    segment = create(directory, lambda: next(names))
    segment.write(frame(record(0)) + frame(record(1))[:40])
    first = ingest_once(directory, ledger)
    segment.write(frame(record(1))[40:])
    second = ingest_once(directory, ledger)
    third = ingest_once(directory, ledger)
    segment.seal()
    last = ingest_once(directory, ledger)

    assert (first, second, third) == (IngestReport(records=1), IngestReport(records=1), IngestReport())
    assert last == IngestReport(removed=1)
    assert ids(ledger) == ["req-0", "req-1"]


def test_a_dead_writers_torn_tail_is_counted(directory: Path, ledger: Ledger):
    """A segment whose writer died mid-frame yields its whole frames, and the loss is reported in bytes."""
    put(directory, "0-1-a-000001" + OPEN, frame(record(0)), frame(record(1))[:-7])

    report = ingest_once(directory, ledger)

    assert report == IngestReport(records=1, removed=1, torn=len(frame(record(1))) - 7)
    assert report.is_clean
    assert list(directory.iterdir()) == []


def test_damage_is_reported_and_its_segment_kept_aside(directory: Path, ledger: Ledger):
    """Records around the damage are ingested; the evidence stays under a name that is not read again."""
    put(directory, "0-1-a-000001" + SEALED, frame(record(0)), b"\x00" * 50, frame(record(1)))

    report = ingest_once(directory, ledger)

    assert report == IngestReport(records=2, removed=1, damaged=50)
    assert not report.is_clean
    assert [path.name for path in directory.iterdir()] == ["0-1-a-000001" + DAMAGED]
    assert ingest_once(directory, ledger) == IngestReport()


def test_a_foreign_file_is_kept_aside(directory: Path, ledger: Ledger):
    """A file that is no segment of this version stops no other and is not destroyed."""
    (directory / ("foreign" + SEALED)).write_bytes(b"something else")
    put(directory, "zz" + SEALED, frame(record(0)))

    report = ingest_once(directory, ledger)

    assert report == IngestReport(records=1, removed=2, unreadable=1)
    assert (directory / ("foreign" + DAMAGED)).read_bytes() == b"something else"


def test_an_intact_frame_that_is_no_record_is_evidence(directory: Path, ledger: Ledger):
    """Nothing is damaged, and yet a person should look: its segment is kept too."""
    body = b"\x93\x01\x02\x03"
    put(
        directory,
        "s" + SEALED,
        MARKER + len(body).to_bytes(4, "little") + crc32(body).to_bytes(4, "little") + body,
        frame(record(0)),
    )

    assert ingest_once(directory, ledger) == IngestReport(records=1, removed=1, unreadable=1)
    assert [path.name for path in directory.iterdir()] == ["s" + DAMAGED]


def test_a_living_workers_segment_of_another_version_stays(directory: Path, ledger: Ledger):
    """In the middle of an upgrade two versions write side by side: the other's journal is left for its own ingest."""
    names = iter(["other"])
    segment = create(directory, lambda: next(names))
    os.pwrite(segment._fd, b"TURNOUT\x02", 0)
    (directory / ("other" + OPEN)).write_bytes(b"TURNOUT\x02 and frames that we cannot read")

    assert ingest_once(directory, ledger) == IngestReport()
    assert [path.name for path in directory.iterdir()] == ["other" + OPEN]
    segment.seal()
    assert ingest_once(directory, ledger) == IngestReport(removed=1, unreadable=1)


def test_a_death_beside_damage_leaves_it_to_be_found(directory: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    """The evidence is kept before the ledger goes past the damage: after any death it is kept, or found and counted again."""
    put(directory, "s" + SEALED, frame(record(0)), b"\x00" * 50, frame(record(1)))
    with monkeypatch.context() as patch:
        patch.setattr(SegmentFile, "keep_evidence", _die)
        with pytest.raises(_Death):
            ingest_once(directory, ledger)
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "ingest", _die)
        with pytest.raises(_Death):
            ingest_once(directory, ledger)

    assert (directory / ("s" + DAMAGED)).exists()
    assert ingest_once(directory, ledger) == IngestReport(records=2, removed=1, damaged=50)


def test_where_links_are_refused_the_evidence_is_a_copy(directory: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    """Some file systems have no hard links: nothing waits for them."""

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(reader.os, "link", refuse)
    (directory / ("foreign" + SEALED)).write_bytes(b"something else")
    put(directory, "zz" + SEALED, frame(record(0)))

    assert ingest_once(directory, ledger) == IngestReport(records=1, removed=2, unreadable=1)
    assert [path.name for path in directory.iterdir()] == ["foreign" + DAMAGED]
    assert (directory / ("foreign" + DAMAGED)).read_bytes() == b"something else"


def test_what_is_no_plain_file_is_no_segment(directory: Path, ledger: Ledger):
    """A directory, a pipe or a link by a segment's name is neither opened nor waited for."""
    (directory / ("a" + SEALED)).mkdir()
    os.mkfifo(directory / ("b" + OPEN))
    (directory / ("c" + SEALED)).symlink_to(directory / "nowhere")
    put(directory, "d" + SEALED, frame(record(0)))

    assert ingest_once(directory, ledger) == IngestReport(records=1, removed=1)
    assert len(list(directory.iterdir())) == 3


def test_a_segment_that_cannot_be_read_stops_no_other(directory: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    """Those sorted after it are ingested in the same step, and then the first error is raised."""
    _make_unreadable(monkeypatch, {"a": OSError(5, "Input/output error"), "c": OSError(13, "Permission denied")})
    for n, name in enumerate("abcd"):
        put(directory, name + SEALED, frame(record(n)))

    with pytest.raises(OSError, match="Input/output"):
        ingest_once(directory, ledger)

    assert ids(ledger) == ["req-1", "req-3"]
    assert sorted(path.name for path in directory.iterdir()) == ["a" + SEALED, "c" + SEALED]


async def test_what_was_ingested_beside_an_error_is_told(
    directory: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """The counts of a step stand, and its losses are said, whatever another segment had."""
    _make_unreadable(monkeypatch, {"a": OSError(5, "Input/output error")})
    put(directory, "a" + SEALED, frame(record(0)))
    put(directory, "b" + SEALED, frame(record(1)), b"\x00" * 50, frame(record(2)))
    told: asyncio.Future[IngestReport] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(keep_ingesting(directory, ledger, told.set_result))
    report = await asyncio.wait_for(told, 10)
    running.cancel()

    assert report == IngestReport(records=2, removed=1, damaged=50)
    assert [entry.getMessage()[:30] for entry in caplog.records] == [
        "journal ingested with losses: ", "journal not ingested, trying a",
    ]  # fmt: skip


@pytest.mark.parametrize("size", [1_000, 4_000, 9_000])
def test_a_segment_larger_than_one_read_is_taken_whole(
    directory: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, size: int
):
    """Read by read, also where a single frame is longer than a read; what the last read leaves is the torn tail."""
    monkeypatch.setattr(reader, "_READ", size)
    longest = record(2, traits=msgspec.structs.replace(TRAITS, session="x" * 20_000))
    torn = frame(record(4))[:-7]
    put(directory, "s" + SEALED, *map(frame, (record(0), record(1), longest, record(3))), torn)

    assert ingest_once(directory, ledger) == IngestReport(records=4, removed=1, torn=len(torn))
    assert ledger.request("req-2") == longest
    assert ids(ledger) == [f"req-{n}" for n in range(4)]


def test_many_records_take_many_transactions(directory: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    """A long segment is taken in batches, all in one step."""
    monkeypatch.setattr(control_ingest, "BATCH", 4)
    put(directory, "s" + SEALED, *(frame(record(n)) for n in range(10)))

    assert ingest_once(directory, ledger) == IngestReport(records=10, removed=1)
    assert len(ids(ledger)) == 10


def test_a_death_between_storing_and_removing_doubles_nothing(directory: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    """The next step finds the offset beside the rows and only removes."""
    put(directory, "s" + SEALED, frame(record(0)))
    with monkeypatch.context() as patch:
        patch.setattr(SegmentFile, "remove", _die)
        with pytest.raises(_Death):
            ingest_once(directory, ledger)

    assert ingest_once(directory, ledger) == IngestReport(removed=1)
    assert ids(ledger) == ["req-0"]


def test_a_death_between_removing_and_forgetting_leaves_only_a_stale_offset(
    directory: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
):
    """Segment names never come twice, so that an offset left behind misleads nobody."""
    one = SegmentJournal(directory, "0", ManualClock(seed=1), Limits(flush_s=3600))
    one.append(record(0))
    one.close()
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "forget", _die)
        with pytest.raises(_Death):
            ingest_once(directory, ledger)
    again = SegmentJournal(directory, "0", ManualClock(seed=2), Limits(flush_s=3600))
    again.append(record(1))
    again.close()

    assert ingest_once(directory, ledger) == IngestReport(records=1, removed=1)
    assert ids(ledger) == ["req-0", "req-1"]


def test_a_segment_sealed_while_it_was_read_is_found_again(directory: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    """When the name changes under the reader, nothing is forgotten and nothing doubled."""
    put(directory, "s" + OPEN, frame(record(0)))
    with monkeypatch.context() as patch:
        patch.setattr(SegmentFile, "remove", lambda _: (directory / ("s" + OPEN)).rename(directory / ("s" + SEALED)) and False)
        first = ingest_once(directory, ledger)

    assert first == IngestReport(records=1)
    assert ingest_once(directory, ledger) == IngestReport(removed=1)


async def test_a_ledger_that_is_away_is_waited_for(
    directory: Path, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Nothing is lost while the ledger cannot be used; ingest goes on by itself when it is back."""
    monkeypatch.setattr(control_ingest, "PACE_AFTER_ERROR_S", 0.0)
    put(directory, "s" + SEALED, frame(record(0)))
    away = tmp_path / "away.db"
    broken = Ledger(away)
    failures = []
    real = broken.ingest

    def failing_twice(records: list[Record], segment: str, offset: int) -> int:
        if len(failures) < 2:
            failures.append(segment)
            raise OSError("disk full")
        return real(records, segment, offset)

    monkeypatch.setattr(broken, "ingest", failing_twice)
    done: asyncio.Future[IngestReport] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(keep_ingesting(directory, broken, lambda report: report.records and done.set_result(report)))
    report = await asyncio.wait_for(done, 10)
    running.cancel()

    assert (report.records, len(failures)) == (1, 2)
    broken.close()


async def test_a_ledger_that_stays_away_is_complained_of_once_and_then_now_and_then(
    directory: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """One short line for each new reason, a reminder after many tries, a word when it is over: never a page of SQL, never silence."""
    monkeypatch.setattr(control_ingest, "PACE_AFTER_ERROR_S", 0.0)
    monkeypatch.setattr(control_ingest, "REMIND_AFTER", 10)
    put(directory, "s" + SEALED, frame(record(0)))
    tries = count()
    real = ledger.ingest

    def away(records: list[Record], segment: str, offset: int) -> int:
        if (n := next(tries)) < 12:
            raise OperationalError("insert into requests " + "x" * 1000, {}, Exception("database is locked"))
        if n < 14:
            raise OSError("disk full")
        return real(records, segment, offset)

    monkeypatch.setattr(ledger, "ingest", away)
    done: asyncio.Future[IngestReport] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(keep_ingesting(directory, ledger, lambda report: report.records and done.set_result(report)))
    await asyncio.wait_for(done, 10)
    running.cancel()

    again = "journal not ingested, trying again: "
    assert [entry.getMessage() for entry in caplog.records] == [
        again + "database is locked", again + "database is locked", again + "disk full", "journal is ingested again",
    ]  # fmt: skip


INGESTING = """
import sys
from pathlib import Path
from turnout.control.ingest import ingest_once
from turnout.store.ledger import Ledger

ledger = Ledger(Path(sys.argv[2]))
print("ready", flush=True)
while True:
    if ingest_once(Path(sys.argv[1]), ledger).records:
        print("some", flush=True)
"""


def test_kill_9_of_the_ingesting_process_loses_and_doubles_nothing(directory: Path, tmp_path: Path, ledger: Ledger):
    """Killed under load, again and again: in the end every record is in the ledger once."""
    journal = SegmentJournal(directory, "0", SystemClock(), Limits(flush_s=0.005, segment=30_000))
    command = [sys.executable, "-c", INGESTING, directory, tmp_path / "ledger.db"]
    appended = 0
    for _ in range(3):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            for _ in range(3):
                for _ in range(400):
                    journal.append(record(appended))
                    appended += 1
                assert child.stdout.readline() == "some\n"
            child.send_signal(signal.SIGKILL)
    journal.close()

    ingest_once(directory, ledger)

    assert ids(ledger) == sorted(f"req-{n}" for n in range(appended))
    assert ledger.summary(0, NOW).cost == appended * record().cost
    assert list(directory.iterdir()) == []


def _make_unreadable(monkeypatch: pytest.MonkeyPatch, errors: dict[str, OSError]) -> None:
    """The disk refuses to read these segments."""
    real = SegmentFile.read

    def read(segment: SegmentFile, offset: int, limit: int) -> Scan:
        if (error := errors.get(segment.name)) is not None:
            raise error
        return real(segment, offset, limit)

    monkeypatch.setattr(SegmentFile, "read", read)


class _Death(Exception):
    """Stands for the process' end at this place."""


def _die(*_: object) -> None:
    raise _Death
