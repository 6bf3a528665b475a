"""When drills are due by themselves: monthly, weekly or daily at an hour (UTC). Pure but for the file they are kept in."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

from turnout.drill.report import FOLDER
from turnout.types.drill import Drill
from turnout.types.seconds import DAY

Every = Literal["monthly", "weekly", "daily"]

SCHEDULE, STARTED = "schedule.json", "started.json"
TOO_LATE = DAY
"""A drill that was missed for longer, since nothing ran, waits for its next day instead."""


class Scheduled(msgspec.Struct, frozen=True):
    """``day`` is 1..28 of a month, or 1 (Monday) .. 7 of a week; ``hour`` 0..23 UTC. ``seconds`` and ``rate`` are the drill's.

    ``drill`` has neither times nor id. ``since`` is when it was scheduled, unix seconds: nothing before that is made up for.
    """

    id: str
    every: Every
    day: int
    hour: int
    drill: Drill
    seconds: float
    rate: float
    config: str | None
    since: float


def latest_slot(entry: Scheduled, now: float) -> float:
    """The last moment, at or before ``now``, at which it was to begin (unix seconds)."""
    today = datetime.fromtimestamp(now, UTC).replace(hour=entry.hour, minute=0, second=0, microsecond=0)
    if entry.every == "daily":
        slot, back = today, today - timedelta(days=1)
    elif entry.every == "weekly":
        slot = today + timedelta(days=entry.day - today.isoweekday())
        back = slot - timedelta(days=7)
    else:
        slot = today.replace(day=entry.day)
        back = (slot.replace(day=1) - timedelta(days=1)).replace(day=entry.day)
    return (slot if slot.timestamp() <= now else back).timestamp()


def next_slot(entry: Scheduled, now: float) -> float:
    """The first moment after ``now`` at which it begins."""
    day = now
    while (slot := latest_slot(entry, day)) <= now:
        day += DAY
    return slot


def due(entries: Sequence[Scheduled], started: dict[str, float], now: float) -> tuple[Scheduled, ...]:
    """Those that should have begun and have not; ``started`` is when each last did."""
    return tuple(
        entry
        for entry in entries
        if (slot := latest_slot(entry, now)) > max(started.get(entry.id, 0.0), entry.since) and now - slot < TOO_LATE
    )


def scheduled(data_dir: Path) -> tuple[Scheduled, ...]:
    """Raises OSError, msgspec.DecodeError: the file is there and cannot be read."""
    try:
        return msgspec.json.decode((data_dir / FOLDER / SCHEDULE).read_bytes(), type=tuple[Scheduled, ...])
    except FileNotFoundError:
        return ()


def reschedule(data_dir: Path, entries: Sequence[Scheduled]) -> None:
    """Keep these from now on. Raises OSError."""
    _put(data_dir, SCHEDULE, msgspec.json.format(msgspec.json.encode(entries)))


def last_started(data_dir: Path) -> dict[str, float]:
    """When each last began, unix seconds; what cannot be read counts as never."""
    try:
        return msgspec.json.decode((data_dir / FOLDER / STARTED).read_bytes(), type=dict[str, float])
    except (OSError, msgspec.DecodeError):
        return {}


def note_started(data_dir: Path, name: str, now: float) -> None:
    """Raises OSError."""
    _put(data_dir, STARTED, msgspec.json.encode({**last_started(data_dir), name: now}))


def _put(data_dir: Path, name: str, content: bytes) -> None:
    folder = data_dir / FOLDER
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.mkdir(exist_ok=True)
    temporary = folder / f"{name}.{os.getpid()}.tmp"
    temporary.write_bytes(content)
    temporary.replace(folder / name)
