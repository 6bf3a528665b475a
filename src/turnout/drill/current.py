"""The drill in force, as a file in the data directory: written by who runs it, looked at by every worker, void by itself in the end.

Whoever runs a drill on real traffic renews the file's lease (``until``) all the time, so that a killed command leaves no fault behind.
"""

import os
from pathlib import Path

import msgspec

from turnout.types.drill import Drill

NAME = "drill.json"
LEASE = 3.0
"""Seconds that a drill on real traffic outlives who runs it."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Drill).decode


def put(data_dir: Path, drill: Drill) -> None:
    """Have the workers take it up, within a tenth of a second. Raises OSError."""
    path = data_dir / NAME
    temporary = path.with_name(f"{NAME}.{os.getpid()}.tmp")
    temporary.write_bytes(_encode(drill))
    temporary.replace(path)


def lift(data_dir: Path) -> None:
    """End it, whatever it says of its end. Raises OSError."""
    (data_dir / NAME).unlink(missing_ok=True)


def read(data_dir: Path) -> Drill | None:
    """What the file says, void or not; None when there is none or it cannot be read: then nothing is in force."""
    try:
        return _decode((data_dir / NAME).read_bytes())
    except (OSError, msgspec.DecodeError):
        return None


class CurrentDrill:
    """What a worker knows of the drill in force. A poll costs one stat as long as nothing changes."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._path = data_dir / NAME
        self._seen: tuple[int, int] | None = None
        self._drill: Drill | None = None

    def poll(self, now: float) -> Drill | None:
        """The drill in force at ``now`` (unix seconds), None when there is none, or it is void, or meant for no worker's traffic."""
        try:
            status = self._path.stat()
        except OSError:
            self._seen = self._drill = None
            return None
        mark = (status.st_mtime_ns, status.st_ino)
        if mark != self._seen:
            self._seen, self._drill = mark, read(self._data_dir)
        drill = self._drill
        return drill if drill is not None and now < drill.until and drill.on != "simulated" else None
