"""CPU microseconds per request of recording: framing and appending in the worker, reading and storing in the control process.

Run: .venv/bin/python bench/ingest.py [REQUESTS] [--json]
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from tests.support.records import RECORD

from turnout.clock import SystemClock
from turnout.control.ingest import ingest_once
from turnout.journal.segment import frame
from turnout.journal.writer import SegmentJournal
from turnout.store.ledger import Ledger
from turnout.types.record import Record

BUDGET_INGEST_US = 40
STEPS = (100, 2000)
"""Records that a step of the ingest finds: 500 requests a second, and catching up."""


def main() -> None:
    numbers = [argument for argument in sys.argv[1:] if argument.isdigit()]
    requests = int(numbers[0]) if numbers else 20_000
    figures = measure(requests)
    if "--json" in sys.argv:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:28} {value:8.2f}")
    print(f"{'budget of ingest':28} {BUDGET_INGEST_US:8.2f}")


def measure(requests: int) -> dict[str, float]:
    one = _request(0)
    appended = {step: _load(requests, step) for step in STEPS}
    return {
        "record_bytes": len(frame(one)),
        "frame_us": _cpu(lambda: [frame(one) for _ in range(requests)]) / requests * 1e6,
        "append_us": appended[STEPS[-1]][0],
        **{f"ingest_us_by_{step}": appended[step][1] for step in STEPS},
    }


def _load(requests: int, step: int) -> tuple[float, float]:
    """CPU of appending and of ingesting one record, when ``step`` records are appended before each ingest."""
    with TemporaryDirectory() as place:
        directory = Path(place)
        ledger = Ledger(directory / "ledger.db")
        journal = SegmentJournal(directory / "journal", "0", SystemClock())
        appending = ingesting = 0.0
        stored = 0
        for start in range(0, requests, step):
            batch = [_request(n) for n in range(start, start + step)]
            appending += _cpu(lambda batch=batch: [journal.append(record) for record in batch])
            while journal.state.buffered:
                time.sleep(0.005)
            began = time.thread_time()  # this thread alone: the journal's are the worker's
            stored += ingest_once(directory / "journal", ledger).records
            ingesting += time.thread_time() - began
        journal.close()
        ledger.close()
    assert stored == requests
    return appending / requests * 1e6, ingesting / requests * 1e6


def _request(n: int) -> Record:
    """The ``n``-th of 500 requests a second, its id in the front's form: time first, so that keys come in order."""
    at = RECORD.at + n / 500
    return msgspec.structs.replace(RECORD, id=f"{int(at * 1000):012x}-{n * 2654435761 % 2**63:016x}", at=at)


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    main()
