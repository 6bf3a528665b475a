"""The control process's own figures are those of its parts."""

import os
from pathlib import Path

import pytest

from tests.support.records import NOW, record
from tests.unit.build.test_chores import house, ledger  # noqa: F401 - a fixture
from turnout.audit.kinds import START
from turnout.build.control_metrics import scraped
from turnout.clock import ManualClock
from turnout.control.ingest import IngestReport
from turnout.journal.writer import SegmentJournal
from turnout.store.ledger import Ledger
from turnout.types.feedback import Feedback


def figures(here: object) -> dict[str, float]:
    body = bytes(scraped(here, None).body).decode()  # type: ignore[arg-type]  # the request says nothing
    return {
        name: float(value) for name, _, value in (line.rpartition(" ") for line in body.splitlines() if not line.startswith("#"))
    }


def test_each_figure_is_its_parts(ledger: Ledger, tmp_path: Path):  # noqa: F811 - the fixture
    """What was ingested, what waits to be summed, where the chain is, what was said by whom."""
    (tmp_path / "journal").mkdir()
    here = house(ledger, tmp_path, ManualClock(NOW))
    ledger.ingest([record(0), record(1, at=NOW - 3600)], "s", 1)
    here.ingested.add(IngestReport(records=2, refused=1, damaged=7))
    here.ingested.take(
        [Feedback(id=f"f-{n}", at=NOW, kind="thumb", source="user", request_id="req-0", value=1.0) for n in range(3)]
    )
    here.audit.trail.add(START, "turnout", {})

    found = figures(here)

    named = {name.partition("{")[0].removesuffix("_total"): value for name, value in found.items()}
    assert named["turnout_ingest_records"] == 2
    assert (named["turnout_ingest_refused"], named["turnout_ingest_damaged_bytes"]) == (1, 7)
    assert named["turnout_rollups_due"] == ledger.due() == 2
    assert named["turnout_audit_head"] == 2
    assert named["turnout_ledger_bytes"] == ledger.size() > 0
    assert [value for name, value in found.items() if 'kind="thumb"' in name and 'source="user"' in name] == [3]


@pytest.mark.parametrize(("waited", "taken", "lag"), [(90.0, False, 90.0), (90.0, True, 0.0), (-5.0, False, 0.0)])
def test_the_lag_is_the_age_of_what_is_not_in_the_ledger(ledger: Ledger, tmp_path: Path, waited: float, taken: bool, lag: float):  # noqa: F811, FBT001 - the fixture; a case
    """Nothing waits, no lag; a file from the future is none either."""
    journal = SegmentJournal(tmp_path / "journal", "gateway-1", ManualClock(NOW))
    journal.append(record(0))
    journal.close()
    (path,) = (tmp_path / "journal").iterdir()
    os.utime(path, (NOW - waited, NOW - waited))
    if taken:
        ledger.ingest([record(0)], path.stem, path.stat().st_size)

    assert figures(house(ledger, tmp_path, ManualClock(NOW)))["turnout_ingest_lag_seconds"] == lag
