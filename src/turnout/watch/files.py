"""The watch's directory: the accepted catalog by its hash, what waits for a word, the last good copy of each source."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from turnout.catalog.accepted import POINTER, Accepted, End, Pointer, encoded, name_of, read_accepted, read_pointer
from turnout.types.models import ModelFacts
from turnout.types.release import CatalogEvent

WAITING = "waiting"
KEPT = 20
"""Accepted catalogs that stay, for whoever looks back; the audit trail names them."""
_Kind = TypeVar("_Kind")


class Waiting(msgspec.Struct, frozen=True):
    """A difference that was not taken, with what taking it needs. ``told`` False: an event nobody was told of, kept apart with the others.

    ``dismissed``: somebody said no to it, for as long as the sources say it.
    """

    event: CatalogEvent
    state: Literal["noted", "quarantined", "dismissed"]
    facts: ModelFacts | None = None
    ended: End | None = None
    alias: str | None = None
    told: bool = True


class Copy(msgspec.Struct, frozen=True):
    """Of a source's content: its hash, what to ask with for a newer one, when it was got (unix seconds), whose it was."""

    hash: str
    tag: str | None
    fetched_at: float
    publisher: str


class Files:
    """One process at a time writes, within :meth:`held`; files are moved into place, so that nobody reads half of one."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Wait for the turn. The directory is made if need be, its owner's alone."""
        (self.directory / "copies").mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def accepted(self) -> tuple[Accepted | None, Pointer | None]:
        """None before the first refresh; a damaged catalog is as if there had been none."""
        found, name = read_accepted(self.directory)
        return (found if name is not None else None), read_pointer(self.directory)

    def keep(self, accepted: Accepted) -> str:
        """Store it under its hash, which is returned; it is in force once :meth:`point` says so."""
        content = encoded(accepted)
        name = name_of(content)
        self._write(self.directory / f"{name}.json", content)
        return name

    def point(self, pointer: Pointer) -> None:
        """Put it in force, and let the oldest go."""
        self._write(self.directory / POINTER, msgspec.json.encode(pointer))
        stored = sorted(self.directory.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in stored[KEPT:]:
            if path.stem != pointer.hash:
                path.unlink(missing_ok=True)

    def waiting(self) -> tuple[Waiting, ...]:
        return self._read(self.directory / WAITING, tuple[Waiting, ...]) or ()

    def wait(self, waiting: tuple[Waiting, ...]) -> None:
        self._write(self.directory / WAITING, msgspec.json.encode(waiting))

    def copy(self, spec: str) -> tuple[Copy, bytes] | None:
        """The last good content of a source; None where there is none, or it is damaged."""
        said = self._read(self._place(spec, "json"), Copy)
        try:
            content = self._place(spec, "body").read_bytes()
        except OSError:
            return None
        return (said, content) if said is not None and said.hash == sha256(content).hexdigest() else None

    def put_copy(self, spec: str, copy: Copy, content: bytes) -> None:
        self._write(self._place(spec, "body"), content)
        self._write(self._place(spec, "json"), msgspec.json.encode(copy))

    def _place(self, spec: str, kind: str) -> Path:
        return self.directory / "copies" / f"{sha256(spec.encode()).hexdigest()[:16]}.{kind}"

    def _read(self, path: Path, kind: type[_Kind]) -> _Kind | None:
        try:
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except (OSError, msgspec.MsgspecError, UnicodeError):
            return None

    def _write(self, path: Path, content: bytes) -> None:
        beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        with open(beside, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
