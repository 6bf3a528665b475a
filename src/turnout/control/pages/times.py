"""Slices put together into the viewer's hours, days, weeks and months."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from turnout.store.rollups.cells import Slice
from turnout.types.seconds import DAY, HOUR, MINUTE

Per = Literal["minute", "hour", "day", "week", "month"]
SECONDS: dict[Per, int] = {"minute": MINUTE, "hour": HOUR, "day": DAY, "week": 7 * DAY, "month": 28 * DAY}
"""How wide a bar is."""
_NAMES: dict[int, Per] = {MINUTE: "minute", HOUR: "hour", DAY: "day"}


def finest(period: int) -> Per:
    """The bucket that is one slice of this period."""
    return _NAMES[period]


def each(per: Per) -> str:
    """``an hour``, ``a day``: for titles."""
    return f"{'an' if per == 'hour' else 'a'} {per}"


def bucketed(slices: Iterable[Slice], per: Per, zone: ZoneInfo) -> dict[datetime, list[Slice]]:
    """By the beginning of each bucket, in order. A day's slice is a day of UTC and stays one, wherever the viewer is."""
    found: dict[datetime, list[Slice]] = {}
    for one in sorted(slices, key=lambda each: each.start):
        moment = datetime.fromtimestamp(one.start, UTC if one.period == DAY else zone)
        found.setdefault(begin(moment, per), []).append(one)
    return found


def begin(moment: datetime, per: Per) -> datetime:
    """When the bucket began that a moment is in; without a zone, as its clock shows it."""
    hour = moment.replace(minute=0, second=0, microsecond=0, tzinfo=None)
    match per:
        case "minute":
            return moment.replace(second=0, microsecond=0, tzinfo=None)
        case "hour":
            return hour
        case "day":
            return hour.replace(hour=0)
        case "week":
            return hour.replace(hour=0) - timedelta(days=moment.weekday())
        case "month":
            return hour.replace(hour=0, day=1)


def clock_of(moments: Sequence[datetime]) -> list[str]:
    """As Plotly reads them."""
    return [moment.isoformat(timespec="minutes") for moment in moments]
