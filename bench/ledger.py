"""What the control process spends on a request: reading the journal, storing, summing; and its share of one core at 2,000 requests a second.

Beside it the same tuples by bare ``sqlite3``, in the same run: what is above that is ours.
Run: .venv/bin/python -m bench.ledger [REQUESTS] [--json]
"""

import json
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from sqlalchemy import Table

from bench.million import requests
from turnout.clock import SystemClock
from turnout.control.ingest import BATCH, ingest_once
from turnout.journal.reader import opened, segments
from turnout.journal.writer import SegmentJournal
from turnout.store.digests import digest
from turnout.store.ledger import Ledger
from turnout.store.rollups.keep import pace
from turnout.store.rows import attempt_row, request_row
from turnout.store.schema import attempts
from turnout.store.schema import requests as requests_table
from turnout.types.record import Record

REQUESTS = 40_000
PER_SECOND = 2_000
STEP = 400
"""Records that a step of the ingest finds at that load, 0.2 s after the last."""
Figures = dict[str, dict[str, float | str]]


def main() -> None:
    numbers = [argument for argument in sys.argv[1:] if argument.isdigit()]
    figures = measure(int(numbers[0]) if numbers else REQUESTS)
    if "--json" in sys.argv:
        print(json.dumps(figures))
        return
    for name, values in figures.items():
        print(f"{name:52}", "  ".join(f"{system} {value:8.2f}" for system, value in values.items()))


def measure(wanted: int = REQUESTS) -> Figures:
    records = _second_by_second(wanted)
    with TemporaryDirectory() as place:
        decode_us, ingest_us, roll_us, pause_s, behind = _control(Path(place), records)
        bare_us = _bare(Path(place) / "bare.db", records)
    ours, core = ingest_us * PER_SECOND / 1e6, roll_us * len(records) / 1e6
    return {
        "ledger: read a record from the journal, us CPU": {"turnout": decode_us},
        "ledger: ingest a record, us CPU": {"turnout": ingest_us, "sqlite3": bare_us},
        "ledger: sum a request anew, us CPU": {"turnout": roll_us},
        f"ledger: seconds between sums at {PER_SECOND} requests/s": {"turnout": pause_s},
        f"ledger: % of a core at {PER_SECOND} requests/s": {
            "turnout": 100 * (ours + core / (core + pause_s)), "sqlite3": bare_us * PER_SECOND / 1e4,
        },
        "ledger: records left over": {"turnout": float(behind)},
    }  # fmt: skip


def _second_by_second(wanted: int) -> list[Record]:
    """Realistic requests, at the load's pace and within one minute if they fit into it."""
    start = int(time.time()) // 60 * 60
    return [
        msgspec.structs.replace(record, at=start + n / PER_SECOND)
        for n, record in enumerate(islice(requests(wanted, float(start)), wanted))
    ]


def _control(place: Path, records: list[Record]) -> tuple[float, float, float, float, int]:
    """CPU microseconds a record of decoding alone, of all the ingest, of a sum; the rest after such a sum; and what was not stored."""
    ledger = Ledger(place / "ledger.db")
    journal = SegmentJournal(place / "journal", "0", SystemClock())
    for first in range(0, len(records), 5_000):
        for record in records[first : first + 5_000]:
            journal.append(record)
        while journal.state.buffered:
            time.sleep(0.005)
    decode = _cpu(lambda: _read_all(place / "journal"))
    journal.close()
    stored, ingest = 0, 0.0
    for first in range(0, len(records), STEP):  # as it is fed in life: a step's worth at a time
        part = place / f"part-{first}"
        feed = SegmentJournal(part, "0", SystemClock())
        for record in records[first : first + STEP]:
            feed.append(record)
        feed.close()
        began = time.thread_time()
        stored += ingest_once(part, ledger).records
        ingest += time.thread_time() - began
    now = records[-1].at
    roll = _cpu(lambda: ledger.roll_up(now))
    ledger.close()
    n = len(records)
    return decode / n * 1e6, ingest / n * 1e6, roll / n * 1e6, pace(roll), n - stored


def _read_all(directory: Path) -> None:
    for path in segments(directory):
        with opened(path) as segment:
            offset, more = 0, segment is not None
            while segment is not None and more:
                found = segment.read(offset, BATCH)
                offset, more = found.end, found.more


def _bare(path: Path, records: list[Record]) -> float:
    """CPU microseconds a record of putting finished tuples into the same tables, a step's worth a transaction."""
    Ledger(path).close()  # the tables and their indexes
    rows = []
    for record in records:
        calls = [attempt_row(record, n, attempt) for n, attempt in enumerate(record.attempts)]
        row = request_row(record)
        rows.append(((*row, digest(row, calls)), calls))
    asked = f"insert into requests ({_names(requests_table, len(rows[0][0]))}) values ({_marks(len(rows[0][0]))})"
    width = len(attempts.columns)
    tried = f"insert into attempts ({_names(attempts, width)}) values ({_marks(width)})"
    with closing(sqlite3.connect(path)) as bare:
        bare.execute("pragma synchronous=full")

        def store() -> None:
            for first in range(0, len(rows), STEP):
                with bare:
                    bare.executemany(asked, [row for row, _ in rows[first : first + STEP]])
                    bare.executemany(tried, [call for _, calls in rows[first : first + STEP] for call in calls])

        return _cpu(store) / len(rows) * 1e6


def _names(table: Table, n: int) -> str:
    return ", ".join(f'"{column.name}"' for column in list(table.columns)[:n])


def _marks(n: int) -> str:
    return ", ".join("?" * n)


def _cpu(work: Callable[[], object]) -> float:
    """Seconds of this thread's."""
    began = time.thread_time()
    work()
    return time.thread_time() - began


if __name__ == "__main__":
    main()
