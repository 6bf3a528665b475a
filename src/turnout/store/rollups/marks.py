"""Which minutes are to be summed again. Whoever changes a request's row says so in the same transaction."""

from collections.abc import Iterable

from sqlalchemy import BigInteger, Connection, cast, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from turnout.store.schema import requests, rollups_due
from turnout.types.seconds import MINUTE


def minutes(moments: Iterable[float]) -> set[int]:
    """The minutes (their first second) that these arrivals, unix seconds, are in."""
    return {int(moment // MINUTE) * MINUTE for moment in moments}


def mark(connection: Connection, starts: Iterable[int]) -> None:
    """The requests of these minutes, by their first second, have changed. In the order of time: two who mark wait in no circle."""
    rows = [{"start": start, "mark": 1} for start in sorted(set(starts))]
    if rows:
        insert = (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(rollups_due)
        again = insert.on_conflict_do_update(index_elements=["start"], set_={"mark": rollups_due.c.mark + 1})
        connection.execute(again, rows)


def mark_all(connection: Connection) -> None:
    """Every minute that has a request: for a ledger whose rows are older than its sums."""
    is_postgres = connection.dialect.name == "postgresql"
    minute = requests.c.at / MINUTE
    start = cast(func.floor(minute) if is_postgres else minute, BigInteger) * MINUTE  # a cast rounds there, and cuts in SQLite
    found = (
        select(start, literal(1)).where(requests.c.at >= 0).distinct()
    )  # without a condition SQLite takes "on conflict" for a join's
    insert = (postgresql.insert if is_postgres else sqlite.insert)(rollups_due)
    connection.execute(insert.from_select(["start", "mark"], found).on_conflict_do_nothing())
