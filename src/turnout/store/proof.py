"""Whether the recorded requests are what was recorded: each row against its fingerprint, each closed hour against the audit chain."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import Boolean, ColumnElement, Connection, Table, func, select, type_coerce
from sqlalchemy.types import NullType

from turnout.audit.chain import Entry, Finding
from turnout.audit.kinds import DECISIONS
from turnout.store.audit import AuditStore
from turnout.store.closed_hours import Hour, Summing, hour_of, in_order, latest_by_hour, retained_from
from turnout.store.digests import digest
from turnout.store.rows import Values
from turnout.store.schema import attempts, requests, rollups_due
from turnout.types.seconds import HOUR

_AT_ONCE = 500
"""Requests whose attempts are read together: databases bound a statement's parameters."""
NAMED = 1000
"""Changed rows that are named one by one; the rest is counted."""

Progress = Callable[[int], None]
"""Told how many requests were looked at since it was told last."""


def _raw(table: Table) -> tuple[list[ColumnElement[Any]], list[int]]:
    """A table's columns without their types' readers, which stumble over what is none of theirs; and which are yes or no."""
    truths = [place for place, column in enumerate(table.columns) if isinstance(column.type, Boolean)]
    return [type_coerce(column, NullType()).label(column.name) for column in table.columns], truths


(_REQUEST, _TRUTHS), (_ATTEMPT, _ATTEMPT_TRUTHS) = _raw(requests), _raw(attempts)
_PLACE = {name: place for place, name in enumerate(column.name for column in requests.columns)}
_ID, _AT, _DIGEST = _PLACE["id"], _PLACE["at"], _PLACE["digest"]


class Proof:
    """One look at all rows. What it found is in ``findings``; ``requests`` were seen, ``unproven`` of them have no fingerprint.

    ``hours`` were compared with the chain, ``late`` of these are closed anew since, ``open`` requests belong to no closed hour yet.
    """

    def __init__(self, store: AuditStore) -> None:
        self._store = store
        self.requests = 0
        self.unproven = 0
        self.hours = 0
        self.late = 0
        self.open = 0
        self.changed = 0

    def total(self) -> int:
        """How many requests there are to look at."""
        with self._store.connect() as connection:
            return connection.execute(select(func.count()).select_from(requests)).scalar_one()

    def findings(self, progress: Progress = lambda _: None) -> Iterator[Finding]:
        """What is not as it was recorded, in order of time. Reads every row, an hour's fingerprints at a time."""
        entries = list(self._store.entries(kind=DECISIONS))
        closed = latest_by_hour(iter(entries))
        begins = max(retained_from(self._store), _begins(self._store))
        yield from _shrunk(entries, begins)
        for since, until, hour in _stretches({since: hour for since, (hour, _) in closed.items()}, begins):
            seen = Summing()
            unproven: list[str] = []
            yield from self._rows(since, until, seen, unproven, progress)
            if hour is not None and since >= begins:
                self.hours += 1
                self.late += hour.reason == "late"
                yield from self._compared(hour, closed[hour.since][1], seen, unproven)
            elif closed and since < max(closed) and seen.requests > seen.unproven and since >= begins:
                yield Finding(
                    "added", _when(since, until), f"{seen.requests} requests are in hours in which nothing was recorded"
                )
            else:
                self.open += seen.requests
        if self.changed > NAMED:
            yield Finding("row_changed", "more requests", f"{self.changed - NAMED} more were changed after they were recorded")

    def _rows(self, since: float, until: float, seen: Summing, unproven: list[str], progress: Progress) -> Iterator[Finding]:
        with self._store.lenient() as connection, self._store.lenient() as beside:
            wanted = in_order(connection, select(*_REQUEST), since, until)
            for part in connection.execution_options(yield_per=_AT_ONCE).execute(wanted).partitions(_AT_ONCE):
                rows = [_values(row, _TRUTHS) for row in part]
                tried = _attempts(beside, [row[_ID] for row in rows])
                for row in rows:
                    fingerprint = row[_DIGEST]
                    seen.add(fingerprint if fingerprint is None or isinstance(fingerprint, bytes) else b"")
                    if fingerprint is None:
                        self.unproven += 1
                        if len(unproven) < NAMED:
                            unproven.append(row[_ID])
                    elif digest(row, tried.get(row[_ID], ())) != fingerprint:
                        self.changed += 1
                        if self.changed <= NAMED:
                            yield _row_changed(row)
                self.requests += len(rows)
                progress(len(rows))

    def _compared(self, hour: Hour, entry: Entry, seen: Summing, unproven: Sequence[str]) -> Iterator[Finding]:
        fresh = seen.hour(hour.since)
        if (fresh.requests, fresh.unproven, fresh.sha256) == (hour.requests, hour.unproven, hour.sha256):
            return
        if self._waits(hour):
            yield Finding("pending", _named(hour), "its requests have just changed and are about to be closed anew: verify again")
            return
        says = f"entry {entry.seq} says {hour.requests} requests, {fresh.requests} are there"
        yield Finding(_what(hour, fresh), _named(hour), f"{says}: {self._difference(hour, fresh)}")
        if fresh.unproven > hour.unproven:
            for request_id in unproven:
                yield Finding("row_changed", f"request {request_id}", "its fingerprint is gone")

    def _difference(self, hour: Hour, fresh: Hour) -> str:
        """As far as it can be told: the fingerprints' sums differ by that of the one row, where it is one."""
        more = fresh.requests - hour.requests
        by = (int(fresh.total, 16) - int(hour.total, 16)) % 2**128
        if more == 1 and (found := self._with_fingerprint(hour, by)):
            return f"request {found} was added"
        if more == -1 and fresh.unproven == hour.unproven:
            return f"one vanished, whose fingerprint was {-by % 2**128:032x}"
        if more:
            return f"{abs(more)} {'were added' if more > 0 else 'vanished'}, others may have been replaced"
        return "some were replaced, or their fingerprints changed"

    def _with_fingerprint(self, hour: Hour, fingerprint: int) -> str | None:
        c = requests.c
        wanted = select(c.id).where(c.at >= hour.since, c.at < hour.until, c.digest == fingerprint.to_bytes(16, "big"))
        with self._store.connect() as connection:
            found = connection.execute(wanted).scalars().all()
        return found[0] if len(found) == 1 else None

    def _waits(self, hour: Hour) -> bool:
        wanted = select(rollups_due.c.start).where(rollups_due.c.start >= hour.since, rollups_due.c.start < hour.until).limit(1)
        with self._store.connect() as connection:
            return connection.execute(wanted).first() is not None


def _shrunk(entries: Iterable[Entry], begins: float) -> Iterator[Finding]:
    """Hours that were closed anew with fewer requests: records come late, none goes. Else a deletion would only have to look like a change."""
    most: dict[int, tuple[Hour, Entry]] = {}
    for entry in entries:
        hour = hour_of(entry)
        if hour is None or hour.since < begins:
            continue
        before = most.get(hour.since)
        if before is None or hour.requests >= before[0].requests:
            most[hour.since] = hour, entry
        else:
            was, said = before
            text = f"entry {said.seq} says {was.requests} requests, entry {entry.seq}, later, only {hour.requests}"
            yield Finding("vanished", _named(hour), text)


def _stretches(closed: dict[int, Hour], begins: float) -> Iterator[tuple[float, float, Hour | None]]:
    """All of time: closed hours, and what is between them, before and after; none goes across the moment ``begins``."""
    last = float("-inf")
    for since in sorted(closed):
        if last < begins < since:
            yield last, begins, None
            last = begins
        if last < since:
            yield last, since, None
        last = since + HOUR
        yield since, last, closed[since]
    yield last, float("inf"), None


def _attempts(connection: Connection, ids: Sequence[str]) -> dict[str, list[Values]]:
    found: dict[str, list[Values]] = {}
    wanted = select(*_ATTEMPT).where(attempts.c.request_id.in_(ids)).order_by(attempts.c.request_id, attempts.c.n)
    for row in connection.execute(wanted):
        found.setdefault(row[0], []).append(_values(row, _ATTEMPT_TRUTHS))
    return found


def _values(row: Sequence[Any], truths: Sequence[int]) -> tuple[Any, ...]:
    """As the driver has them, whatever somebody wrote there; only yes and no, which SQLite keeps as numbers, are made so again."""
    values = list(row)
    for place in truths:
        if values[place] in {0, 1}:
            values[place] = bool(values[place])
    return tuple(values)


def _begins(store: AuditStore) -> float:
    """Hours before then may have been closed by entries that are no more: the chain was shortened."""
    first = store.first()
    return first.at if first is not None and first.seq > 1 else float("-inf")


def _row_changed(row: Values) -> Finding:
    return Finding(
        "row_changed",
        f"request {row[_ID]}",
        f"it arrived {_moment(cast('float', row[_AT]))}, and was changed after it was recorded",
    )


def _what(hour: Hour, fresh: Hour) -> str:
    return "vanished" if fresh.requests < hour.requests else "added" if fresh.requests > hour.requests else "hour_changed"


def _named(hour: Hour) -> str:
    return f"hour {_moment(hour.since)}"


def _when(since: float, until: float) -> str:
    if since == float("-inf"):
        return f"before {_moment(until)}"
    return f"{_moment(since)} to {_moment(until)}" if until != float("inf") else f"after {_moment(since)}"


def _moment(at: object) -> str:
    """A time may have been changed into anything."""
    try:
        return f"{datetime.fromtimestamp(cast('float', at), UTC):%Y-%m-%d %H:%M} UTC"
    except (TypeError, ValueError, OverflowError, OSError):
        return f"at {at!r}"
