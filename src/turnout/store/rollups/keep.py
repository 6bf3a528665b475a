"""Keeps the sums right: what was marked is summed anew from the rows, and what stands on it after it.

A pass reads first, and then writes all that belongs to one day in one transaction, marks and all. So it may end anywhere and
be repeated, and whoever looks sees a minute in its hour and its day or in none of them. A mark that rose meanwhile stays, and
the minute is summed again. One process at a time does this (the one that does the control work).
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Select, and_, bindparam, delete, func, or_, select

from turnout.store.retention import HOURS_KEPT, MARGIN, MINUTES_KEPT
from turnout.store.rollups.cells import Period, Slice
from turnout.store.rollups.collect import Asked, Tried, collect, merge
from turnout.store.rollups.marks import mark_all
from turnout.store.rollups.shelf import Shelf
from turnout.store.schema import attempts, feedback, requests, rollups, rollups_due
from turnout.types.seconds import DAY, HOUR, MINUTE

_FETCH = 5_000
_SHARE = 0.1
_FOREVER = 1 << 40
Stretch = tuple[Period, int]
"""What a slice is of: its period, and its first second."""


class RollUp(msgspec.Struct, frozen=True):
    """What a pass summed, and how many minutes it left for the next."""

    minutes: int = 0
    slices: int = 0
    left: int = 0


class Rollups:
    """Raises sqlalchemy.exc.SQLAlchemyError from every method."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._shelf = Shelf()

    def slices(self, since: int, until: int, period: Period) -> tuple[Slice, ...]:
        """Those that begin from ``since`` to before ``until``, in order; none where nothing happened."""
        with self._engine.connect() as connection:
            return self._shelf.read(connection, since, until, period)

    def roll_up(self, now: float, most: int = 24) -> RollUp:
        """Sum what is due, oldest first, of at most so many hours. The minute that is under way is summed as it is."""
        oldest = select(rollups_due.c.start).order_by(rollups_due.c.start).limit(most * HOUR // MINUTE)
        with self._engine.begin() as connection:
            if not connection.execute(_ANY).first():
                mark_all(connection)
            due = connection.execute(oldest).scalars().all()
        hours = sorted({_floor(start, HOUR) for start in due})[:most]
        summed = written = 0
        for day, of_day in groupby(hours, lambda hour: _floor(hour, DAY)):
            minutes, slices = self._day(day, list(of_day), now)
            summed, written = summed + minutes, written + slices
        with self._engine.connect() as connection:
            left = connection.execute(select(func.count()).select_from(rollups_due)).scalar_one()
        return RollUp(summed, written, left)

    def standing(self, since: float, now: float, exact: int = 2_000, most: int = 60) -> tuple[int, tuple[Slice, ...]] | None:
        """All requests from about ``since`` on, each in one slice, and the second they begin at: a whole minute of the last days, an hour, a day.

        What is due is summed here and now, if it is at most ``exact`` requests; else only what nobody has summed yet, and the rest is
        as it was at the last pass. None if too many minutes are due: the sums are still being made.
        """
        start = _cut(since, now)
        with _snapshot(self._engine) as connection:
            if not connection.execute(_ANY).first():
                return None
            due = connection.execute(_due(start).limit(most + 1)).scalars().all()
            if len(due) > most or _requests_in(connection, due) > exact:
                due = connection.execute(_unsummed(start, now).limit(most + 1)).scalars().all()
            if len(due) > most:
                return None
            anew = {_finest(minute, now) for minute in due}
            kept = [
                one
                for period, first, end in _cover(start, anew)
                for one in self._shelf.read(connection, first, end, period)
                if not any(_has(one, stretch) for stretch in anew)
            ]
            return start, (*kept, *(_collected(connection, *stretch) for stretch in sorted(anew)))

    def _day(self, day: int, hours: Sequence[int], now: float) -> tuple[int, int]:
        """One day's due hours; how many minutes were due, and how many slices were written."""
        made: list[Slice] = []
        with self._engine.connect() as connection:
            here = and_(rollups_due.c.start >= hours[0], rollups_due.c.start < hours[-1] + HOUR)
            marks = connection.execute(select(rollups_due.c.start, rollups_due.c.mark).where(here)).all()
            for hour in hours:
                made += self._hour(connection, hour, [start for start, _ in marks if hour <= start < hour + HOUR], now)
            if day >= _kept_from(now, HOUR):
                made.append(merge(DAY, day, self._others(connection, day, DAY, HOUR, made)))
            else:
                made.append(_collected(connection, DAY, day))
        with self._engine.begin() as connection:
            self._shelf.write(connection, made, now)
            gone = delete(rollups_due).where(rollups_due.c.start == bindparam("s"), rollups_due.c.mark == bindparam("m"))
            connection.execute(gone, [{"s": start, "m": seen} for start, seen in marks])
        return len(marks), len(made)

    def _hour(self, connection: Connection, hour: int, due: Iterable[int], now: float) -> list[Slice]:
        """The hour, last, and before it the minutes that it was made from, if they are kept."""
        if hour < _kept_from(now, MINUTE):
            return [_collected(connection, HOUR, hour)]
        minutes = [_collected(connection, MINUTE, minute) for minute in due]
        return [*minutes, merge(HOUR, hour, self._others(connection, hour, HOUR, MINUTE, minutes))]

    def _others(self, connection: Connection, start: int, span: int, period: Period, made: Sequence[Slice]) -> list[Slice]:
        """A span's slices of a finer period: those just made, and for the rest those that are kept."""
        fresh = {one.start: one for one in made if one.period == period}
        kept = self._shelf.read(connection, start, start + span, period)
        return [*fresh.values(), *(one for one in kept if one.start not in fresh)]


def pace(cost_s: float) -> float:
    """Seconds to rest after a pass that took so long: the sums get a tenth of a core at most, and are a second behind if that is enough."""
    return max(1.0, cost_s * (1 - _SHARE) / _SHARE)


def _collected(connection: Connection, period: Period, start: int) -> Slice:
    """From the rows, streamed: memory is for sums, whatever the load."""
    streamed = connection.execution_options(yield_per=_FETCH)
    here = and_(requests.c.at >= start, requests.c.at < start + period)
    with streamed.execute(_ASKED.where(here)) as asked, streamed.execute(_TRIED.where(here)) as tried:
        return collect(period, start, map(Asked._make, asked), map(Tried._make, tried))


def _asked() -> Select[Any]:
    c = requests.c
    worth = (
        select(func.sum(feedback.c.value))
        .where(feedback.c.request_id == c.id, feedback.c.kind == "value", feedback.c.state == "joined")
        .scalar_subquery()
    )
    return select(
        c.at, c.route, c.model, c.task, c.caller, c.policy, c.outcome, c.reason, c.copy_of.is_not(None), c.cost_pico, c.baseline_pico,
        c.saved_pico, c.tokens_in, c.tokens_out, c.verdict, worth, c.duration_ms, c.first_token_ms, c.decision_us, c.traits,
    )  # fmt: skip


def _tried() -> Select[Any]:
    c = attempts.c
    return select(
        requests.c.route, c.model, requests.c.outcome != "begun", c.fault, c.cost_pico, c.started_ms, c.ended_ms, c.first_token_ms,
        c.input + c.input_audio + c.input_image, c.cache_read, c.cache_write + c.cache_write_1h, c.output + c.output_audio + c.output_image,
        c.reasoning,
    ).join(requests, requests.c.id == c.request_id)  # fmt: skip


_ASKED, _TRIED = _asked(), _tried()
_ANY = select(rollups.c.start).limit(1)


def _due(since: int) -> Select[Any]:
    return select(rollups_due.c.start).where(rollups_due.c.start >= since).order_by(rollups_due.c.start)


def _requests_in(connection: Connection, starts: Iterable[int]) -> int:
    """Of these minutes; counted in the index alone."""
    return sum(
        connection.execute(
            select(func.count()).select_from(requests).where(requests.c.at >= start, requests.c.at < start + MINUTE)
        ).scalar_one()
        for start in starts
    )


def _unsummed(since: int, now: float) -> Select[Any]:
    """Minutes that are due and in no slice: neither is there one of their own, nor, where minutes are not kept, one of their hour."""
    start = rollups_due.c.start
    its_own = select(rollups.c.start).where(rollups.c.period == MINUTE, rollups.c.start == start).exists()
    its_hour = select(rollups.c.start).where(rollups.c.period == HOUR, rollups.c.start == start - start % HOUR).exists()
    return select(start).where(start >= since, ~its_own, or_(start >= _kept_from(now, MINUTE), ~its_hour)).order_by(start)


def _kept_from(now: float, period: Period) -> int:
    """From which minute, or hour, on there is a slice wherever there are requests: whole hours of minutes, whole days of hours."""
    return _floor(now - MINUTES_KEPT, HOUR) + MARGIN * HOUR if period == MINUTE else _floor(now - HOURS_KEPT, DAY) + MARGIN * DAY


def _cut(since: float, now: float) -> int:
    """The latest moment up to ``since`` from which on slices can tell all."""
    return _floor(since, MINUTE if since >= _kept_from(now, MINUTE) else HOUR if since >= _kept_from(now, HOUR) else DAY)


def _finest(minute: int, now: float) -> Stretch:
    """The finest slice of those that are kept of that time."""
    period = MINUTE if minute >= _kept_from(now, MINUTE) else HOUR if minute >= _kept_from(now, HOUR) else DAY
    return period, _floor(minute, period)


def _cover(start: int, without: Iterable[Stretch]) -> list[tuple[Period, int, int]]:
    """All time from ``start`` on in the coarsest slices: minutes up to a whole hour, hours up to a whole day, days; finer ones beside what is left out."""
    hour, day = -(-start // HOUR) * HOUR, -(-start // DAY) * DAY
    opened_hours = {_floor(first, HOUR) for period, first in without if period < HOUR and first >= hour}
    opened_days = {_floor(first, DAY) for period, first in without if period < DAY and first >= day}
    return [
        (MINUTE, start, hour),
        *((MINUTE, first, first + HOUR) for first in opened_hours),
        (HOUR, hour, day),
        *((HOUR, first, first + DAY) for first in opened_days),
        (DAY, day, _FOREVER),
    ]


def _has(one: Slice, stretch: Stretch) -> bool:
    period, first = stretch
    return one.start <= first and first + period <= one.start + one.period


def _floor(moment: float, period: Period) -> int:
    return int(moment // period) * period


@contextmanager
def _snapshot(engine: Engine) -> Iterator[Connection]:
    """To read several times as if at one."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")  # the driver begins none by itself for a reader
            yield connection
    else:
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            yield connection
