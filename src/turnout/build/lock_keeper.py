"""turnout.lock.yaml and the lock: it is written after each step, and taken up when somebody else changed it."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from turnout.build.process import say
from turnout.config.lock import lock_text, read_lock, write_lock
from turnout.control.publish import Publisher
from turnout.errors import ConfigProblems
from turnout.release.desk import NotNow
from turnout.types.lock import Lock

Edited = Callable[[Lock, str], object]
"""Somebody wrote this lock: make it hold, on the word of an actor. Raises NotNow when it cannot."""


class LockKeeper:
    """The face of the lock beside the policy file. The ledger is the truth: a file that is gone is written anew.

    What this program wrote last is noted in ``note``, so that after a restart an old file of ours is not taken for somebody's edit.
    A file that somebody changed and that cannot hold is told and left alone until it is changed again, or taken away.
    """

    def __init__(self, path: Path, note: Path, publish: Publisher, lock: Callable[[], Lock], edited: Edited) -> None:
        self._path = path
        self._note = note
        self._publish = publish
        self._lock = lock
        self._edited = edited
        self._ours = _noted(note)
        self._revision = 0  # that of the file, as far as this process has written it
        self._before: str | None = None
        self._refused: str | None = None
        self._said = ""

    def look(self) -> None:
        """Take up what was changed, or write what is in force. Raises OSError, sqlalchemy.exc.SQLAlchemyError: then it is tried again."""
        found = self._content()
        stood_still, self._before = found == self._before, found
        if found is not None and found not in self._ours:
            if stood_still and found != self._refused:  # half of a file may be a lock too
                self._take_up(found)
        elif self._publish.in_force() and (found is None or self._publish.in_force() != self._revision):
            self._write(found)

    def _content(self) -> str | None:
        try:
            return _name(self._path.read_bytes())
        except FileNotFoundError:
            return None

    def _take_up(self, found: str) -> None:
        try:
            wanted = read_lock(self._path)
            if wanted != self._lock():
                self._edited(wanted, f"file:{self._path.name}")
        except (ConfigProblems, NotNow) as refused:
            say(
                "control",
                f"{self._path}: refused, the lock in force stays (take the file away to have it written anew):\n{refused}",
            )
            self._refused = found
            return
        self._ours, self._refused, self._revision = (*self._ours[-1:], found), None, 0

    def _write(self, found: str | None) -> None:
        revision = self._publish.in_force()  # before the lock is read: a step in between has the file written again
        lock, version = self._lock(), self._publish.base.version if self._publish.base is not None else None
        try:
            name = _name(lock_text(lock, version, self._path).encode())
            ours = (name,) if found is None else (found, name)  # what is there is ours as long as it could not be replaced
            self._note.write_text("\n".join(ours))
            self._ours = ours
            write_lock(self._path, lock, version)
            self._ours, self._revision, self._said = (name,), revision, ""  # the one before, put back, is somebody's edit
        except OSError as error:  # a directory that may not be written, as a container's often: the ledger has it all
            why = (
                f"{self._path} cannot be written ({error.strerror}): releases go on without it, `turnout release list` shows them"
            )
            if why != self._said:
                say("control", why)
            self._said = why


def _noted(note: Path) -> tuple[str, ...]:
    """The last two: which of them is there depends on when the process died."""
    try:
        return tuple(note.read_text().split())[-2:]
    except OSError:
        return ()


def _name(content: bytes) -> str:
    return sha256(content).hexdigest()
