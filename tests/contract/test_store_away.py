"""A database that is away, and a disk that is full: the journal keeps what the ledger cannot take, and then all is there exactly once."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from tests.support.postgres import Postgres
from tests.support.records import record
from turnout.control.ingest import IngestReport, ingest_once
from turnout.journal.reader import SEALED
from turnout.journal.segment import HEADER, frame
from turnout.store.ledger import Ledger


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    made = tmp_path / "journal"
    made.mkdir()
    return made


def put(journal: Path, name: str, numbers: range) -> None:
    """A sealed segment."""
    (journal / (name + SEALED)).write_bytes(HEADER + b"".join(frame(record(n)) for n in numbers))


@pytest.fixture
def remote(postgres: Postgres) -> Iterator[Ledger]:
    opened = Ledger(postgres.fresh())
    yield opened
    opened.close()


def test_a_server_that_crashed_is_asked_again(postgres: Postgres, remote: Ledger, journal: Path):
    """While it is away each step says so and changes nothing; connections from before are found out, and nothing committed is lost."""
    put(journal, "0-1-a-000001", range(3))
    ingest_once(journal, remote)
    put(journal, "0-1-a-000002", range(2, 7))
    postgres.stop()
    try:
        for _ in range(2):
            with pytest.raises(OperationalError) as away:
                ingest_once(journal, remote)
            assert "password" not in str(away.value)
            with pytest.raises(OperationalError):
                remote.ping()
    finally:
        postgres.start()

    assert [path.name for path in journal.iterdir()] == ["0-1-a-000002" + SEALED]
    assert ingest_once(journal, remote) == IngestReport(records=5, removed=1)
    assert sorted(line.id for line in remote.recent(20)) == [f"req-{n}" for n in range(7)]
    assert all(remote.request(f"req-{n}") == record(n) for n in range(7))
    remote.ping()


FILLING = """
import json, resource, subprocess, sys
from pathlib import Path
from sqlalchemy.exc import OperationalError
from turnout.control.ingest import ingest_once
from turnout.store.ledger import Ledger

journal, disk, how = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
ledger = Ledger(disk / "ledger.db")
if how == "limit":
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
said = []
for _ in range(2):
    try:
        ingest_once(journal, ledger)
    except OperationalError as error:
        said.append(str(error.orig))
kept = len(list(journal.iterdir()))
if how == "limit":
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
else:
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
report = ingest_once(journal, ledger)
left = len(list(journal.iterdir()))
ids = sorted(line.id for line in ledger.recent(100_000))
print(json.dumps({"said": said, "kept": kept, "left": left, "ids": ids, "refused": report.refused}))
"""


@pytest.fixture(params=["limit", "tmpfs"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A place with little room: by a limit on the size of files, or a file system that is small."""
    made = tmp_path / "disk"
    made.mkdir()
    if request.param == "limit":
        yield made, "limit"
        return
    command = ["mount", "-t", "tmpfs", "-o", "size=1200k", "tmpfs", str(made)]
    if os.geteuid() or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    yield made, "tmpfs"
    subprocess.run(["umount", str(made)], check=True)


def test_a_full_disk_loses_nothing(journal: Path, disk: tuple[Path, str]):
    """What the ledger has no room for stays in the journal; with room again it is taken in, each request once."""
    for part in range(4):
        put(journal, f"0-1-a-{part:06d}", range(part * 500, part * 500 + 520))  # some are in two segments

    done = subprocess.run(
        [sys.executable, "-c", FILLING, str(journal), *map(str, disk)], check=False, capture_output=True, timeout=60
    )

    assert done.returncode == 0, done.stderr.decode()
    told = json.loads(done.stdout)
    assert len(told["said"]) == 2
    assert told["kept"] > 0
    assert (told["left"], told["refused"]) == (0, 0)
    assert told["ids"] == sorted(f"req-{n}" for n in range(2020))
