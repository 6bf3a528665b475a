"""Reading segments from disk while their writers may still be appending to them."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from turnout.journal.segment import Scan, scan

OPEN, SEALED, DAMAGED = ".open", ".seg", ".damaged"
_PART = ".part"

_READ = 8 * 1024 * 1024


class SegmentFile:
    """A segment on disk. ``finished`` says that nobody will append to it any more: it was sealed, or its writer died."""

    def __init__(self, path: Path, fd: int, *, finished: bool) -> None:
        self.name = path.stem
        self.finished = finished
        self._path = path
        self._fd = fd

    def read(self, offset: int, limit: int) -> Scan:
        """Up to ``limit`` entries from ``offset`` on.

        Raises:
            NotASegment: it is no segment, or one of a version that is not ours.
        """
        size = os.fstat(self._fd).st_size
        wanted = min(size - offset, _READ)
        found = scan(os.pread(self._fd, wanted, offset), offset, limit)
        if not found.entries and found.pending == wanted < size - offset:
            # A frame, or a damaged stretch, longer than one read: take it whole.
            return scan(os.pread(self._fd, size - offset, offset), offset, limit)
        if offset + wanted < size:
            return Scan(found.entries, found.end, found.damaged, found.unreadable, more=True)
        return found

    def remove(self) -> bool:
        """Done with: every entry of it is safe elsewhere. False when its writer sealed it meanwhile: it is found again by that name."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        return True

    def keep_evidence(self) -> None:
        """Keep what it holds under a name of its own for a person to look at; removing the segment leaves that."""
        kept = self._path.with_suffix(DAMAGED)
        try:
            os.link(self._path, kept)
        except FileExistsError:
            return
        except OSError:  # a file system without hard links, or one that forbids this one: a copy, whole or not there
            shutil.copyfile(self._path, part := kept.with_suffix(_PART))
            part.rename(kept)


def segments(directory: Path) -> list[Path]:
    """The segments of a journal, each worker's in the order they were written. What is no plain file is nobody's segment."""
    named = (path for path in directory.glob("*") if path.suffix in {OPEN, SEALED})
    return sorted(path for path in named if path.is_file() and not path.is_symlink())


@contextmanager
def opened(path: Path) -> Iterator[SegmentFile | None]:
    """Open a segment for reading; None when it was sealed under another name, or removed, since it was listed.

    The lock of a segment whose writer died is held until the block ends, so that it can be removed without a race.
    """
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield None
        return
    try:
        yield SegmentFile(path, fd, finished=path.suffix == SEALED or not _has_writer(fd))
    finally:
        os.close(fd)


def _has_writer(fd: int) -> bool:
    """A living writer holds the lock of its open segment; the kernel frees it when the process dies."""
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
