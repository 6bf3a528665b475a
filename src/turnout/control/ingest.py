"""From the workers' segments into the ledger. A step may die anywhere and be repeated: nothing is doubled, nothing skipped."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from turnout.journal.reader import SegmentFile, opened, segments
from turnout.journal.segment import NotASegment
from turnout.store.ledger import Ledger, in_words
from turnout.types.entry import Entry

log = logging.getLogger(__name__)

BATCH = 2000
PACE_S = 0.2
PACE_AFTER_ERROR_S = 2.0
REMIND_AFTER = 150
"""Tries after which the same complaint is repeated: five minutes."""


class IngestReport(msgspec.Struct, frozen=True):
    """What a step did, or many steps together.

    ``removed`` segments were done with; ``torn`` bytes are unfinished frames of writers that died. The rest says what a person
    should look at: ``damaged`` bytes in the middle of segments and ``unreadable`` frames (their segments are kept aside as
    ``.damaged``), records the ledger ``refused`` (kept in its table of that name).
    """

    records: int = 0
    removed: int = 0
    torn: int = 0
    damaged: int = 0
    unreadable: int = 0
    refused: int = 0

    def __add__(self, other: "IngestReport") -> "IngestReport":
        return IngestReport(*(mine + theirs for mine, theirs in zip(_counts(self), _counts(other), strict=True)))

    @property
    def is_clean(self) -> bool:
        """Nothing that a person should look at."""
        return not (self.damaged or self.unreadable or self.refused)


def nobody(_: Sequence[Entry]) -> None:
    """Who is told of what was ingested, where nobody wants to know."""


def ingest_once(directory: Path, ledger: Ledger, taken: Callable[[Sequence[Entry]], None] = nobody) -> IngestReport:
    """Bring everything that is in the journal now into the ledger; remove segments that are done with.

    Raises:
        OSError: a file of the journal cannot be used now; all others were.
        sqlalchemy.exc.SQLAlchemyError: the ledger cannot. What was ingested before stays so.
    """
    report, error = _step(directory, ledger, taken)
    if error is not None:
        raise error
    return report


async def keep_ingesting(
    directory: Path,
    ledger: Ledger,
    note: Callable[[IngestReport], None],
    taken: Callable[[Sequence[Entry]], None] = nobody,
) -> None:
    """Ingest until cancelled, telling ``note`` of each step, and ``taken`` what the ledger has now.

    A ledger or disk that is away is waited for, however long.
    """
    said, tries = "", 0
    while True:
        report, error = await asyncio.to_thread(_step, directory, ledger, taken)
        note(report)
        if not report.is_clean:
            log.warning("journal ingested with losses: %s", report)
        if error is not None:
            why = in_words(error)
            if why != said or tries % REMIND_AFTER == 0:
                log.warning("journal not ingested, trying again: %s", why)
            said, tries = why, tries + 1
        elif said:
            log.warning("journal is ingested again")
            said, tries = "", 0
        await asyncio.sleep(PACE_S if error is None else PACE_AFTER_ERROR_S)


def _step(
    directory: Path, ledger: Ledger, taken: Callable[[Sequence[Entry]], None]
) -> tuple[IngestReport, OSError | SQLAlchemyError | None]:
    """What was done, and what hindered. A file that cannot be used stops no other; a ledger that cannot stops the step."""
    report, hindered = IngestReport(), None
    try:
        for path in segments(directory):
            try:
                with opened(path) as segment:
                    if segment is not None:
                        for done in _ingest_segment(segment, ledger, taken):
                            report += done
            except OSError as error:
                hindered = hindered or error
    except (OSError, SQLAlchemyError) as error:
        return report, error
    return report, hindered


def _ingest_segment(segment: SegmentFile, ledger: Ledger, taken: Callable[[Sequence[Entry]], None]) -> Iterator[IngestReport]:
    """Each thing as it is done: an error leaves standing what came before it."""
    offset = ledger.offset(segment.name)
    while True:
        try:
            found = segment.read(offset, BATCH)
        except NotASegment:
            if segment.finished:  # else it belongs to a living worker of another version, mid-upgrade: it stays
                yield _give_up(segment)
            return
        if found.damaged or found.unreadable:
            segment.keep_evidence()  # before the offset passes it: whoever dies in between finds the damage again
        if found.end > offset:
            refused = ledger.ingest(found.entries, segment.name, found.end)
            offset = found.end
            taken(found.entries)
            yield IngestReport(
                records=len(found.entries) - refused, damaged=found.damaged, unreadable=found.unreadable, refused=refused
            )
        if not found.more:
            break
    # Out of the journal first, then out of the ledger's offsets: the other way round it could be read again from its start.
    if segment.finished and segment.remove():
        ledger.forget(segment.name)
        yield IngestReport(removed=1, torn=found.pending)


def _give_up(segment: SegmentFile) -> IngestReport:
    """Not a segment of ours."""
    segment.keep_evidence()
    segment.remove()
    return IngestReport(removed=1, unreadable=1)


def _counts(report: IngestReport) -> tuple[int, ...]:
    counts: tuple[int, ...] = msgspec.structs.astuple(report)
    return counts
