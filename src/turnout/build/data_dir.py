"""The data directory: its owner's alone, and held by one ``turnout serve`` at a time."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from turnout.build.process import say
from turnout.build.spec import Places
from turnout.errors import Unusable


@contextlib.contextmanager
def held(data_dir: Path) -> Iterator[None]:
    """The directory is made if need be and nobody else's until the block ends; files made meanwhile, by children too, are private.

    Two instances on one directory would put their policies in force in turns.

    Raises:
        Unusable: it cannot be made or written, or another instance holds it.
    """
    before = os.umask(0o077)
    try:
        lock = _lock(data_dir)
        try:
            yield
        finally:
            os.close(lock)  # the kernel lets go of it however this process ends; the file stays, or two could hold two of them
    finally:
        os.umask(before)


def _lock(data_dir: Path) -> int:
    path = data_dir / Places.lock
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if (mode := data_dir.stat().st_mode & 0o777) & 0o077:
            say("serve", f"{data_dir} is open to other users of this machine (mode {mode:o}); chmod 700 {data_dir}")
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Unusable(f"the data directory {data_dir} cannot be used: {error.strerror}; name another with --data-dir") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        if not isinstance(error, BlockingIOError):
            raise Unusable(f"{path} cannot be locked: {error.strerror}; name another directory with --data-dir") from error
        raise Unusable(
            f"{data_dir} is in use by another turnout (process {_holder(path)}): stop that one, or name another directory "
            "with --data-dir"
        ) from None
    os.truncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
    return lock


def holder(data_dir: Path) -> str | None:
    """The process that serves from the directory, as it named itself; None: none does. Raises OSError."""
    path = data_dir / Places.lock
    try:
        lock = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(path)
    finally:
        os.close(lock)
    return None


def _holder(path: Path) -> str:
    try:
        return path.read_text().strip() or "unknown"
    except OSError:
        return "unknown"
