"""Noticing that a file changed, by asking: no thread, no watcher; one stat a question as a rule."""

from hashlib import sha256
from pathlib import Path

from turnout.clock import Clock, SystemClock

FRESH_SECONDS = 2.0
"""A file changed this recently is read even if its stat looks the same: some file systems keep time no finer."""

Stat = tuple[int, int, int, int]
_SYSTEM = SystemClock()


class FileWatch:
    """One file, as it was when last asked about."""

    def __init__(self, path: Path, clock: Clock = _SYSTEM) -> None:
        self._path = path
        self._clock = clock
        self._stat = self._look()
        self._digest = self._content()

    def changed(self) -> bool:
        """Whether the content is another one than at the last call (or at the start).

        A file that is not there counts as unchanged: editors take it away for a moment when they save.
        """
        stat = self._look()
        if stat is None or (stat == self._stat and not self._is_fresh(stat)):
            return False
        digest = self._content()
        if digest is None:
            return False
        self._stat = stat
        if digest == self._digest:
            return False
        self._digest = digest
        return True

    def _is_fresh(self, stat: Stat) -> bool:
        return abs(self._clock.now() - stat[0] / 1e9) < FRESH_SECONDS

    def _look(self) -> Stat | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino, found.st_ctime_ns

    def _content(self) -> bytes | None:
        try:
            return sha256(self._path.read_bytes()).digest()
        except OSError:
            return None
