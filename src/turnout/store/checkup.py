"""What a person asks of a store that may not be well: looked at without being opened as a ledger, and without a change."""

from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Select, func, select
from sqlalchemy.exc import SQLAlchemyError

from turnout.store.schema import contents, refused, requests, rollups_due
from turnout.store.upgrade import Standing, standing

_COMPLAINTS = 5
_ACCEPTED_LOSS = {"fsync": {"off"}, "synchronous_commit": {"off"}, "full_page_writes": {"off"}}
"""Settings of a PostgreSQL server under which a crash takes what it had confirmed: by then the journal has let go of it."""


class Held(msgspec.Struct, frozen=True):
    """What the tables hold. ``due`` minutes wait to be summed, the earliest from ``due_since`` (unix seconds); ``sealed`` contents by key."""

    latest: float | None
    refused: int
    refused_last: str | None
    due: int
    due_since: float | None
    sealed: dict[str, int]


class Checkup(msgspec.Struct, frozen=True):
    """``database`` with its version, and the ``bytes`` it takes.

    ``broken`` is what an SQLite file says of its own pages, ``careless`` the settings of a PostgreSQL server that a crash would be
    paid for with. ``held`` is None where the tables are not this version's.
    """

    database: str
    bytes: int
    standing: Standing
    broken: tuple[str, ...]
    careless: tuple[str, ...]
    held: Held | None


def checkup(engine: Engine) -> Checkup:
    """Reads a whole SQLite file once: seconds for each gigabyte. Raises sqlalchemy.exc.SQLAlchemyError: it cannot even be asked."""
    with engine.connect() as connection:
        name, version = connection.dialect.name, ".".join(map(str, connection.dialect.server_version_info or ()))
        is_file = name == "sqlite"
        found = standing(connection)
        size = _file_size(connection) if is_file else _server_size(connection)
        broken = _complaints(connection) if is_file else ()
        careless = () if is_file else _careless(connection)
        held = _held(connection) if found.state == "current" and not broken else None
    return Checkup(f"{name} {version}", size, found, broken, careless, held)


def _complaints(connection: Connection) -> tuple[str, ...]:
    try:
        said = connection.exec_driver_sql(f"PRAGMA quick_check({_COMPLAINTS})").scalars().all()
    except SQLAlchemyError as error:  # a page that cannot be read at all ends the check
        return (str(getattr(error, "orig", error)),)
    return () if said == ["ok"] else tuple(line for each in said for line in str(each).splitlines())[:_COMPLAINTS]


def _careless(connection: Connection) -> tuple[str, ...]:
    shown = {name: str(connection.exec_driver_sql(f"SHOW {name}").scalar()) for name in _ACCEPTED_LOSS}
    return tuple(f"{name} = {value}" for name, value in shown.items() if value in _ACCEPTED_LOSS[name])


def _file_size(connection: Connection) -> int:
    pages, size = (connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("page_count", "page_size"))
    return int(pages) * int(size)


def _server_size(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())


def _held(connection: Connection) -> Held:
    def one(wanted: Select[Any]) -> Any:
        return connection.execute(wanted).scalar()

    return Held(
        latest=one(select(func.max(requests.c.at))),
        refused=one(select(func.count()).select_from(refused)) or 0,
        refused_last=one(select(refused.c.error).order_by(refused.c.n.desc()).limit(1)),
        due=one(select(func.count()).select_from(rollups_due)) or 0,
        due_since=one(select(func.min(rollups_due.c.start))),
        sealed={row[0]: row[1] for row in connection.execute(select(contents.c.key, func.count()).group_by(contents.c.key))},
    )
