"""What is wrong with the router, or with what the pages know of it: said on top of every page."""

import shutil
from collections.abc import Iterator

from turnout.control.behind import behind
from turnout.control.health import read_workers
from turnout.control.ingest import IngestReport
from turnout.control.pages.blocks import Note
from turnout.control.pages.sources import Sources

BEHIND_BYTES = 4 * 1024 * 1024
BEHIND_S = 10.0
"""Seconds after which what a worker wrote should long be in the ledger."""
DISK_LOW = 256 * 1024 * 1024
_LOSSES = {
    "damaged": "damaged bytes in the journal (kept aside as .damaged)",
    "unreadable": "unreadable journal frames (kept aside as .damaged)",
    "refused": "records that the ledger refused (kept in its table refused)",
}


def alerts(sources: Sources) -> tuple[Note, ...]:
    """Worst first. A file that cannot be looked at is one of them."""
    try:
        return (*_disk(sources), *_journal(sources), *_workers(sources), *_losses(sources.ingested()))
    except OSError as error:
        return (
            Note(f"The data directory cannot be read: {error.strerror or error}. The control process' log says more.", "bad"),
        )


def _disk(sources: Sources) -> Iterator[Note]:
    free = shutil.disk_usage(sources.data_dir).free
    if free < DISK_LOW:
        yield Note(
            f"The disk of the data directory has {free / 2**20:.0f} MiB left. Once it is full, requests go on and their records are "
            "held in memory, then dropped: make room now.",
            "bad",
        )


def _journal(sources: Sources) -> Iterator[Note]:
    """Segments belong to the ledger within a second; what waits longer is not in any figure yet."""
    found = behind(sources.journal, sources.ledger, sources.clock.now())
    if found.waiting > BEHIND_BYTES or found.seconds > BEHIND_S:
        yield Note(
            f"The ledger is behind: {found.waiting / 2**20:.1f} MiB of records wait in the journal. Requests go on and nothing is lost, but "
            "these figures lack the latest; the control process' log says what holds it up.",
            "warn",
        )


def _workers(sources: Sources) -> Iterator[Note]:
    if not read_workers(sources.health, sources.clock.now()):
        yield Note(
            "No gateway worker has reported for 15 s: none is running, or the disk refuses what they write. "
            "The output of turnout serve says which.",
            "bad",
        )


def _losses(report: IngestReport) -> Iterator[Note]:
    lost = [f"{count:,} {words}" for name, words in _LOSSES.items() if (count := getattr(report, name))]
    if lost:
        yield Note(f"Since the start: {', '.join(lost)}. Look at them before they are needed.", "bad")
