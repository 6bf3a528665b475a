"""Whether the tables are this version's; made where there are none, and brought up to date when a person asks for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec
from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.exc import OperationalError, ProgrammingError

from turnout.errors import Unusable
from turnout.store.engine import said
from turnout.store.schema import VERSION, metadata

REVISION = f"{VERSION:04}"
"""Alembic's name for the tables of this version (``migrations/versions``)."""
_ADOPTED = range(2, 6)
"""Versions of SQLite ledgers from before Alembic, which ``store.adopt`` takes up."""
_OTHERS_MIGRATE_WITHIN = 600
"""Seconds that one process waits while another migrates."""
_LOCK = 0x7475726E6F7574
"""The name of that wait among PostgreSQL's advisory locks."""
_TABLE = "alembic_version"
_ASK = "SELECT version_num FROM alembic_version"


class Standing(msgspec.Struct, frozen=True):
    """How a store's tables stand to this program.

    ``version`` is the store's own word: a revision, or the number of an SQLite ledger from before there were revisions; None where
    there are no tables.
    """

    state: Literal["current", "empty", "earlier", "other"]
    version: str | None = None

    @property
    def is_before_revisions(self) -> bool:
        return self.version is not None and len(self.version) < len(REVISION)


def prepare(engine: Engine) -> None:
    """Make the tables where there are none: all or nothing, whoever dies in the middle or comes at the same time.

    Raises:
        Unusable: there are tables, of another version; what to do.
    """
    if _is_current(engine):
        return
    with _alone(engine) as connection:
        found = standing(connection)
        if found.state == "empty":
            _run(connection)
        elif found.state != "current":
            raise Unusable(_why_not(engine, found))


def migrate(engine: Engine) -> Standing:
    """Bring the tables up to date, all or nothing, and say how they stood before.

    Raises:
        Unusable: they are none that can be brought up to date.
    """
    if _is_current(engine):
        return Standing("current", REVISION)
    with _alone(engine) as connection:
        found = standing(connection)
        if found.state == "other":
            raise Unusable(_why_not(engine, found))
        if found.state != "current":
            _run(connection, adopting=found.is_before_revisions)
    return found


def standing(connection: Connection) -> Standing:
    """Of the store as it is. Changes nothing."""
    names = set(inspect(connection).get_table_names())
    if _TABLE in names:
        revision = str(connection.exec_driver_sql(_ASK).scalar())
        if revision == REVISION:
            return Standing("current", revision)
        return Standing("earlier" if revision.isdigit() and revision < REVISION else "other", revision)
    if connection.dialect.name == "sqlite":
        number = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
        if number or names:
            return Standing("earlier" if number in _ADOPTED else "other", str(number))
    elif names & metadata.tables.keys():
        return Standing("other", "0")
    return Standing("empty")


def _is_current(engine: Engine) -> bool:
    """By one plain select: a start waits for no more of it."""
    with engine.connect() as connection:
        try:
            found = connection.exec_driver_sql(_ASK).scalar()
        except (OperationalError, ProgrammingError):  # no such table; any other trouble meets whoever looks closer
            return False
    return bool(found == REVISION)


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """A transaction during which nobody else migrates; a second process waits for its end."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {_OTHERS_MIGRATE_WITHIN * 1000}")
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # the driver begins none by itself before a change of tables
        else:
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{_OTHERS_MIGRATE_WITHIN}s'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        try:
            yield connection
            connection.commit()
        finally:
            connection.invalidate()  # its settings are for this alone


def _run(connection: Connection, *, adopting: bool = False) -> None:
    """Alembic's steps up to the last, in the connection's transaction. It is imported here: a start that needs none waits for none."""
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    if adopting:
        from turnout.store.adopt import adopt  # noqa: PLC0415 - its tables are a step of Alembic's

        command.stamp(config, adopt(connection))
    command.upgrade(config, "head")


def _why_not(engine: Engine, found: Standing) -> str:
    its = f"its tables have version {found.version}, this program's {REVISION}"
    if found.state == "earlier":
        return (
            f"the ledger {said(engine.url)} is of an earlier version of Turnout ({its}): stop every turnout serve on it, "
            "then run: turnout doctor --migrate --config FILE"
        )
    return (
        f"the ledger {said(engine.url)} was written by another version of Turnout, or is none ({its}): use the version that wrote it, "
        "or name another store (store.url), or move the file away, and a new one is begun"
    )
