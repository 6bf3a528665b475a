import os
import shutil
from collections import namedtuple

import msgspec
import pytest

from tests.support.records import NOW
from turnout.control.ingest import IngestReport
from turnout.control.pages.sources import Sources
from turnout.control.pages.state import alerts
from turnout.types.health import WorkerHealth


@pytest.fixture
def alive(made_from: Sources) -> Sources:
    """A worker has just reported."""
    made_from.health.joinpath("gateway-0.json").write_bytes(msgspec.json.encode(WorkerHealth("gateway-0", NOW - 1, 0, ())))
    return made_from


def test_nothing_is_said_while_all_is_well(alive: Sources):
    """No banner without a reason."""
    assert alerts(alive) == ()


def test_no_worker_is_said(made_from: Sources):
    """Neither that none runs nor that the disk refuses their word stays hidden."""
    assert "No gateway worker" in alerts(made_from)[0].text


def test_records_that_wait_too_long_are_said(alive: Sources):
    """What a worker wrote eleven seconds ago and the ledger has not read is behind; what it wrote just now is not."""
    segment = alive.journal / "gateway-0-1.open"
    segment.write_bytes(b"x" * 100)
    os.utime(segment, (NOW - 1, NOW - 1))
    assert alerts(alive) == ()

    os.utime(segment, (NOW - 11, NOW - 11))
    (note,) = alerts(alive)
    assert "The ledger is behind" in note.text
    assert note.tone == "warn"

    alive.ledger.ingest([], segment.stem, 100)
    assert alerts(alive) == ()


def test_losses_are_said_for_good(alive: Sources):
    """Damage that ingest met since the start is somebody's to look at."""
    (note,) = alerts(msgspec.structs.replace(alive, ingested=lambda: IngestReport(damaged=7, refused=2)))

    assert "7 damaged bytes" in note.text
    assert "2 records that the ledger refused" in note.text


def test_a_disk_that_is_nearly_full_is_said_first(made_from: Sources, monkeypatch: pytest.MonkeyPatch):
    """Before it is full, as afterwards nothing can be written any more."""
    usage = namedtuple("usage", "total used free")  # noqa: PYI024  (as shutil's)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12, 50 * 2**20))

    assert alerts(made_from)[0].text.startswith("The disk of the data directory has 50 MiB left")


def test_a_directory_that_cannot_be_read_is_an_alert_not_an_error(made_from: Sources):
    """The page still comes."""
    gone = msgspec.structs.replace(made_from, data_dir=made_from.data_dir / "gone")

    assert "cannot be read" in alerts(gone)[0].text
