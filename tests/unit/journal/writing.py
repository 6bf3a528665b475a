"""A journal to test, what it left on disk, and segments that behave as a test wants."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from turnout.clock import ManualClock
from turnout.journal.output import OutputSegment
from turnout.journal.reader import opened, segments
from turnout.journal.writer import Limits, SegmentJournal
from turnout.types.record import Record

BY_HAND = Limits(flush_s=3600)
"""Nothing is written unless someone waits for it."""


def journal(directory: Path, limits: Limits = BY_HAND) -> SegmentJournal:
    return SegmentJournal(directory, "0", ManualClock(), limits)


def read(directory: Path) -> list[Record]:
    """Everything that is on disk, segment by segment."""
    found: list[Record] = []
    for path in segments(directory):
        with opened(path) as segment:
            assert segment is not None
            scan = segment.read(0, 10**9)
            assert not scan.damaged
            found += scan.entries
    return found


def with_class(segment: OutputSegment, kind: type[OutputSegment]) -> OutputSegment:
    """The same open file, under another class of behaviour."""
    segment.__class__ = kind
    return segment


def numbered(name: str) -> Callable[[], str]:
    numbers: Iterator[int] = count(1)
    return lambda: f"{name}-{next(numbers)}"
