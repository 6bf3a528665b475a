"""The file a worker appends to: named, locked, synced, sealed. No buffering and no threads here."""

import errno
import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from turnout.journal.reader import OPEN, SEALED
from turnout.journal.segment import HEADER


class OutputSegment:
    """An open segment under this process's lock. Every method raises OSError when the disk refuses."""

    def __init__(self, path: Path, fd: int) -> None:
        self.size = 0
        self._path = path
        self._fd = fd
        self._is_named_durably = False

    def write(self, data: memoryview | bytes) -> int:
        """How many of the bytes were taken: all, or fewer when the disk is nearly full."""
        taken = os.write(self._fd, data)
        self.size += taken
        return taken

    def sync(self) -> None:
        """Return when what was written survives a power cut, the file's name included."""
        os.fdatasync(self._fd)
        if not os.fstat(self._fd).st_nlink:
            raise FileNotFoundError(errno.ENOENT, "somebody removed the open segment", str(self._path))
        if not self._is_named_durably:
            _sync_directory(self._path.parent)
            self._is_named_durably = True

    def seal(self) -> None:
        """Rename so that readers know it is whole, close. Safe to repeat after an error."""
        with suppress(FileNotFoundError):  # somebody took the file away: nothing is left to name
            self._path.rename(self._path.with_suffix(SEALED))
        os.close(self._fd)


def create(directory: Path, names: Callable[[], str]) -> OutputSegment:
    """Begin a segment under the next free name.

    A reader may come between creation and lock, take the file for a dead writer's and remove it; then it has no link left and
    the next name is tried.
    """
    while True:
        path = directory / (names() + OPEN)
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except FileExistsError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            if os.fstat(fd).st_nlink:
                segment = OutputSegment(path, fd)
                if segment.write(HEADER) == len(HEADER):
                    return segment
                raise OSError(f"no room for a segment's header in {directory}")
        except OSError:
            path.unlink(missing_ok=True)
            os.close(fd)
            raise
        os.close(fd)


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
