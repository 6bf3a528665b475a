from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from turnout.control.pages.times import begin, bucketed
from turnout.store.rollups.cells import Slice
from turnout.types.seconds import DAY, HOUR


def at(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp())


def piece(period: int, start: int) -> Slice:
    return Slice(period, start, start, [], [], [])


def test_hours_belong_to_the_viewers_days():
    """23:00 UTC is the next day in Berlin."""
    hours = [piece(HOUR, at(2026, 3, 10, hour)) for hour in (21, 22, 23)]

    days = bucketed(hours, "day", ZoneInfo("Europe/Berlin"))

    assert [(day.day, len(found)) for day, found in days.items()] == [(10, 2), (11, 1)]


def test_a_day_has_23_or_25_hours_when_clocks_change():
    """No hour is lost and none is in two days; the hour that comes twice is one on the clock."""
    berlin = ZoneInfo("Europe/Berlin")
    spring = bucketed([piece(HOUR, at(2026, 3, 28, 23) + n * HOUR) for n in range(23)], "day", berlin)
    autumn = [piece(HOUR, at(2026, 10, 24, 22) + n * HOUR) for n in range(25)]

    assert [len(found) for found in spring.values()] == [23]
    assert [len(found) for found in bucketed(autumn, "day", berlin).values()] == [25]
    assert max(len(found) for found in bucketed(autumn, "hour", berlin).values()) == 2


def test_a_days_slice_stays_a_day_of_utc():
    """It cannot be cut: west of Greenwich it would otherwise show up a day early."""
    days = bucketed([piece(DAY, at(2026, 3, 10))], "day", ZoneInfo("America/New_York"))

    assert [day.day for day in days] == [10]


def test_weeks_begin_on_monday_and_months_on_the_first():
    """Of a Thursday."""
    thursday = datetime(2026, 11, 19, 15, 30, tzinfo=UTC)

    assert begin(thursday, "week").isoformat() == "2026-11-16T00:00:00"
    assert begin(thursday, "month").isoformat() == "2026-11-01T00:00:00"
    assert begin(thursday, "minute").isoformat() == "2026-11-19T15:30:00"
