"""What is too old to be kept goes, a little at a time: each batch is a transaction of its own, so that ingest waits for none long."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Engine, Table, delete, select

from turnout.store.schema import attempts, contents, feedback, requests, rollups
from turnout.types.seconds import DAY, HOUR, MINUTE

BATCH = 1000
"""Rows of the table at hand in one transaction."""
MINUTES_KEPT, HOURS_KEPT = 3 * DAY, 100 * DAY
"""Seconds that sums over minutes and hours are kept; those over days stay."""
MARGIN = 2
"""Hours, or days, before slices are deleted their sum is made from the rows, should a clock go back."""


class Deleted(msgspec.Struct, frozen=True):
    """How many rows of each table went."""

    requests: int = 0
    attempts: int = 0
    feedback: int = 0
    contents: int = 0
    rollups: int = 0

    def __add__(self, other: "Deleted") -> "Deleted":
        names = self.__struct_fields__
        return Deleted(**{name: getattr(self, name) + getattr(other, name) for name in names})


def clean(engine: Engine, now: float, keep: float, content_keep: float | None = None, *, batch: int = BATCH) -> Iterator[Deleted]:
    """Delete what arrived more than ``keep`` seconds before ``now``, content after ``content_keep`` if that is sooner; batch by batch.

    Each step of the iteration is one transaction, and says what it deleted; between two of them others have their turn, and whoever
    iterates may stop. Sums stay: no minute is marked as changed.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: what went before is gone, the rest is not.
    """
    before = cut(now, keep)
    unread = max(before, now - content_keep) if content_keep is not None else before
    steps: tuple[Callable[[Connection], Deleted], ...] = (
        lambda connection: Deleted(contents=delete_some(connection, contents.c.request_id, contents.c.at < unread, limit=batch)),
        lambda connection: _requests(connection, before, batch),
        lambda connection: Deleted(feedback=delete_some(connection, feedback.c.id, feedback.c.at < before, limit=batch)),
        lambda connection: Deleted(rollups=_slices(connection, MINUTE, now - MINUTES_KEPT, batch)),
        lambda connection: Deleted(rollups=_slices(connection, HOUR, now - HOURS_KEPT, batch)),
    )
    for step in steps:
        while True:
            with engine.begin() as connection:
                deleted = step(connection)
            if deleted == Deleted():
                break
            yield deleted


def cut(now: float, keep: float) -> float:
    """The arrival before which requests go (unix seconds): at a whole hour, so that an hour is there or gone, never half of it.

    At a whole day where sums over hours are gone by then: what is said late of a day's request sums the day again from its rows.
    """
    span = HOUR if keep <= HOURS_KEPT - MARGIN * DAY else DAY
    return (now - keep) // span * span


def delete_some(connection: Connection, key: Column[Any], *where: ColumnElement[bool], limit: int) -> int:
    """Delete up to ``limit`` of the rows that are so, and say how many; ``key`` tells them apart."""
    table = key.table
    assert isinstance(table, Table)
    return connection.execute(delete(table).where(*where, key.in_(select(key).where(*where).limit(limit)))).rowcount


def _slices(connection: Connection, period: int, before: float, limit: int) -> int:
    return delete_some(connection, rollups.c.start, rollups.c.period == period, rollups.c.start < before, limit=limit)


def _requests(connection: Connection, before: float, batch: int) -> Deleted:
    """The oldest requests with all that hangs on them. Their ids come back, as nothing else tells which rows they were."""
    oldest = select(requests.c.id).where(requests.c.at < before).order_by(requests.c.at).limit(batch)
    gone = connection.execute(delete(requests).where(requests.c.id.in_(oldest)).returning(requests.c.id)).scalars().all()
    if not gone:
        return Deleted()
    return Deleted(
        requests=len(gone),
        attempts=connection.execute(delete(attempts).where(attempts.c.request_id.in_(gone))).rowcount,
        contents=connection.execute(delete(contents).where(contents.c.request_id.in_(gone))).rowcount,
    )
