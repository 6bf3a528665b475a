"""When a scheduled drill is due."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.drill.schedule import (
    Every,
    Scheduled,
    due,
    last_started,
    latest_slot,
    next_slot,
    note_started,
    reschedule,
    scheduled,
)
from turnout.types.drill import Drill

ENTRY = Scheduled("m", "monthly", 3, 9, Drill("", "outage", 0, 0, 0, provider="x"), 60.0, 20.0, None, 0.0)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("every", "day", "now", "last", "coming"),
    [
        ("monthly", 3, "2026-11-23T12:00", "2026-11-03T09:00", "2026-12-03T09:00"),
        ("monthly", 3, "2026-11-03T08:59", "2026-10-03T09:00", "2026-11-03T09:00"),
        ("monthly", 28, "2026-01-01T00:00", "2025-12-28T09:00", "2026-01-28T09:00"),
        ("weekly", 1, "2026-11-23T09:00", "2026-11-23T09:00", "2026-11-30T09:00"),
        ("weekly", 7, "2026-11-23T12:00", "2026-11-22T09:00", "2026-11-29T09:00"),
        ("daily", 1, "2026-11-23T08:00", "2026-11-22T09:00", "2026-11-23T09:00"),
    ],
)
def test_slots(every: Every, day: int, now: str, last: str, coming: str) -> None:
    """The slot before a moment, its own included, and the one after it."""
    entry = msgspec.structs.replace(ENTRY, every=every, day=day)

    assert latest_slot(entry, at(now)) == at(last)
    assert next_slot(entry, at(now)) == at(coming)


@given(st.sampled_from(["monthly", "weekly", "daily"]), st.integers(1, 7), st.integers(0, 23), st.floats(1e9, 3e9))
def test_slot_laws(every: Every, day: int, hour: int, now: float) -> None:
    """The last slot is never ahead, the next never behind, and there is none between them."""
    entry = msgspec.structs.replace(ENTRY, every=every, day=day, hour=hour)
    last, coming = latest_slot(entry, now), next_slot(entry, now)

    assert last <= now < coming
    assert latest_slot(entry, coming - 1) == last


def test_due_once() -> None:
    """Due from its slot on until it was started."""
    now = at("2026-11-03T09:05")

    assert due([ENTRY], {}, now) == (ENTRY,)
    assert due([ENTRY], {"m": at("2026-11-03T09:01")}, now) == ()
    assert due([ENTRY], {"m": at("2026-10-03T09:00")}, now) == (ENTRY,)


def test_not_made_up_for() -> None:
    """Neither what was due before it was scheduled, nor what was missed for more than a day."""
    assert due([msgspec.structs.replace(ENTRY, since=at("2026-11-03T09:03"))], {}, at("2026-11-03T09:05")) == ()
    assert due([ENTRY], {}, at("2026-11-04T09:05")) == ()


def test_whose_directory_it_is(tmp_path: Path) -> None:
    """A data directory that is made for a schedule is its owner's alone, as `serve` wants it."""
    reschedule(tmp_path / "data", ())

    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_kept(tmp_path: Path) -> None:
    """What was scheduled and when it was started outlives the process; without files there is nothing."""
    assert scheduled(tmp_path) == ()
    assert last_started(tmp_path) == {}

    reschedule(tmp_path, [ENTRY])
    note_started(tmp_path, "m", 5.0)
    note_started(tmp_path, "n", 6.0)
    assert scheduled(tmp_path) == (ENTRY,)
    assert last_started(tmp_path) == {"m": 5.0, "n": 6.0}
