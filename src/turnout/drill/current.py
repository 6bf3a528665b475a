"""The drill in force, as a file in the data directory: written by who runs it, looked at by every worker, void by itself in the end.

Whoever runs a drill touches its file all the time: it is a lease, so that a killed command leaves no fault behind. A touch never brings
back a file that someone took away.
"""

import os
from pathlib import Path

import msgspec
from msgspec.structs import replace

from turnout.types.drill import Drill

NAME = "drill.json"
LEASE = 3.0
"""Seconds that a drill outlives who runs it."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Drill).decode


def put(data_dir: Path, drill: Drill, now: float) -> None:
    """Have the workers take it up, within a tenth of a second. Raises OSError."""
    path = data_dir / NAME
    temporary = path.with_name(f"{NAME}.{os.getpid()}.tmp")
    temporary.write_bytes(_encode(drill))
    _touch(temporary, now)
    temporary.replace(path)


def renew(data_dir: Path, drill: str, now: float) -> bool:
    """Prolong its lease. False: it is gone, or another one stands there. Raises OSError."""
    found = read(data_dir)
    if found is None or found.id != drill:
        return False
    try:
        _touch(data_dir / NAME, now)
    except FileNotFoundError:
        return False
    return True


def lift(data_dir: Path, drill: str | None = None) -> None:
    """End it, whatever it says of its end; only this one if it is named. Raises OSError."""
    if drill is None or ((found := read(data_dir)) is not None and found.id == drill):
        (data_dir / NAME).unlink(missing_ok=True)


def read(data_dir: Path) -> Drill | None:
    """What is there, void or not, ``until`` its lease is over; None when there is none or it cannot be read: nothing is in force."""
    path = data_dir / NAME
    try:
        drill, touched = _decode(path.read_bytes()), path.stat().st_mtime
    except (OSError, msgspec.DecodeError):
        return None
    return replace(drill, until=min(drill.until, touched + LEASE))


def _touch(path: Path, now: float) -> None:
    os.utime(path, (now, now))


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
