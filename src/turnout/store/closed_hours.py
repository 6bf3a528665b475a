"""The decision log in the audit chain: each hour that is over is hashed, from its rows' fingerprints, into an entry of kind ``decisions``.

An hour is a row's arrival's. It is closed ten minutes after its end, when nothing of it waits to be summed (``rollups_due``), and once more,
with the reason ``late``, whenever its rows changed afterwards; the latest entry of an hour counts. Feedback changes no fingerprint.
"""

from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, collate, select

from turnout.audit.chain import Entry, read
from turnout.audit.kinds import DECISIONS, RETENTION
from turnout.store.audit import AuditStore
from turnout.store.schema import requests, rollups, rollups_due
from turnout.types.seconds import HOUR

AFTER = 600.0
"""Seconds from an hour's end to its closing: what workers journalled in it has come by then."""
AT_ONCE = 48
"""Hours that one look closes at most: the rest waits for the next."""
MARGIN = 300.0
"""Seconds that summing may take: sums bear the time at which it began."""
_ROWS = 2000
_RING = 2**128
_ACTOR = "turnout"


class Hour(msgspec.Struct, frozen=True):
    """What was written of an hour (unix seconds): ``sha256`` over its rows' fingerprints in the order of their ids.

    ``total`` is the fingerprints' sum modulo 2^128, in hex: where one row is too many, what it is too much by is its own.
    ``unproven`` of the ``requests`` have no fingerprint: an earlier version recorded them.
    """

    since: int
    until: int
    requests: int
    sha256: str
    total: str
    unproven: int = 0
    reason: str = "closed"


class Summing:
    """Fingerprints, as they go by, to what an hour's entry says of them."""

    def __init__(self) -> None:
        self._hash = sha256()
        self._total = 0
        self.requests = 0
        self.unproven = 0

    def add(self, fingerprint: bytes | None) -> None:
        self.requests += 1
        if fingerprint is None:
            self.unproven += 1
            return
        self._hash.update(fingerprint)
        self._total = (self._total + int.from_bytes(fingerprint, "big")) % _RING

    def hour(self, since: int, reason: str = "closed") -> Hour:
        return Hour(since, since + HOUR, self.requests, self._hash.hexdigest(), f"{self._total:032x}", self.unproven, reason)


class ClosedHours:
    """Keeps the log of what was closed; one process at a time does. Raises sqlalchemy.exc.SQLAlchemyError from every method."""

    def __init__(self, store: AuditStore) -> None:
        self._store = store
        self._looked_at: dict[int, float] = {}  # hour: when its sums were made that it was compared with
        self._first = 0  # nothing that arrived earlier has a fingerprint

    def close(self, now: float) -> int:
        """Close what can be closed at ``now`` (unix seconds), at most ``AT_ONCE`` hours; how many entries were added."""
        last = self._latest()
        changed = self._late(*last) if last else []
        added = len(changed)
        if changed:  # all of them or none: the time of the latest entry says up to when everything was looked at
            self._store.within(lambda connection: [self._append(connection, hour, now) for hour in changed])
        after = last[0].until if last else 0
        for _ in range(AT_ONCE):
            since = self._next(after, now)
            if since is None:
                break
            hour = self._sum(since, "closed")
            self._store.within(partial(self._append, hour=hour, now=now))
            after, added = hour.until, added + 1
        return added

    def _late(self, hour: Hour, at: float) -> list[Hour]:
        """Closed hours that changed since ``at``. Only hours whose sums were made anew since then are looked at."""
        wanted = select(rollups.c.start, rollups.c.made).where(
            rollups.c.period == HOUR,
            rollups.c.start < hour.until,
            rollups.c.start >= max(retained_from(self._store), self._first),
            rollups.c.made > at - MARGIN,
        )
        with self._store.connect() as connection:
            remade = [(row[0], row[1]) for row in connection.execute(wanted.order_by(rollups.c.start))]
        found = []
        for start, made in remade:
            if self._looked_at.get(start) == made or self._waits(start):
                continue
            fresh, known = self._sum(start, "late"), self._of(start)
            if not _same(fresh, known) and (known is not None or fresh.requests > fresh.unproven):
                found.append(fresh)
            self._looked_at[start] = made
        return found

    def _next(self, after: int, now: float) -> int | None:
        """The first hour from ``after`` on that has rows with a fingerprint and may be closed."""
        c = requests.c
        with self._store.connect() as connection:
            at = connection.execute(
                select(c.at).where(c.at >= max(after, self._first), c.digest.is_not(None)).order_by(c.at).limit(1)
            ).scalar()
        if at is None:
            return None
        since = int(at) // HOUR * HOUR
        if not after:
            self._first = since
        return None if since + HOUR + AFTER > now or self._waits(since) else since

    def _waits(self, since: int) -> bool:
        """Whether requests of this hour have changed and were not summed yet."""
        wanted = select(rollups_due.c.start).where(rollups_due.c.start >= since, rollups_due.c.start < since + HOUR).limit(1)
        with self._store.connect() as connection:
            return connection.execute(wanted).first() is not None

    def _sum(self, since: int, reason: str) -> Hour:
        summing = Summing()
        with self._store.connect() as connection:
            for (fingerprint,) in connection.execution_options(yield_per=_ROWS).execute(
                in_order(connection, select(requests.c.digest), since, since + HOUR)
            ):
                summing.add(fingerprint)
        return summing.hour(since, reason)

    def _of(self, since: int) -> Hour | None:
        """What counts of an hour."""
        known = self._store.page(1, kind=DECISIONS, payload=f'%"since":{since},%')
        return hour_of(known[0]) if known else None

    def _latest(self) -> tuple[Hour, float] | None:
        """The last hour that was closed in its turn, and when the latest entry was written."""
        latest = self._store.page(1, kind=DECISIONS)
        closed = self._store.page(1, kind=DECISIONS, payload='%"reason":"closed"%')
        hour = hour_of(closed[0]) if closed else None
        return (hour, latest[0].at) if hour else None

    def _append(self, connection: Connection, hour: Hour, now: float) -> Entry:
        return self._store.append(connection, DECISIONS, _ACTOR, msgspec.structs.asdict(hour), now)


def hour_of(entry: Entry) -> Hour | None:
    """What an entry of kind ``decisions`` says; None where somebody made it unreadable."""
    try:
        return msgspec.convert(read(entry), Hour)
    except msgspec.ValidationError:
        return None


def in_order(connection: Connection, wanted: Select[Any], since: float, until: float) -> Select[Any]:
    """The rows that arrived then, in the order of their ids, which no database's language may change."""
    by: ColumnElement[str] = requests.c.id
    if connection.dialect.name == "postgresql":
        by = collate(by, "C")
    return wanted.where(requests.c.at >= since, requests.c.at < until).order_by(by)


def retained_from(store: AuditStore) -> float:
    """Rows that arrived before then (unix seconds) were deleted, as an entry of kind ``retention`` says."""
    return max((_before(entry) for entry in store.page(10, kind=RETENTION)), default=float("-inf"))


def _before(entry: Entry) -> float:
    before = read(entry).get("before")
    return float(before) if isinstance(before, int | float) else float("-inf")


def _same(one: Hour, other: Hour | None) -> bool:
    return other is not None and (one.requests, one.unproven, one.sha256) == (other.requests, other.unproven, other.sha256)


def latest_by_hour(entries: Iterator[Entry]) -> dict[int, tuple[Hour, Entry]]:
    """Of entries of kind ``decisions``, in order: what counts of each hour."""
    found: dict[int, tuple[Hour, Entry]] = {}
    for entry in entries:
        if (hour := hour_of(entry)) is not None:
            found[hour.since] = hour, entry
    return found
