"""The tables as this version has them: made where there are none, added to where an earlier version made them."""

from sqlalchemy import Connection, Engine, Table, inspect
from sqlalchemy.schema import CreateColumn

from turnout.errors import Unusable
from turnout.store.schema import VERSION, metadata

ADDED_TO_SINCE = 2
"""From this version on every change was a new table, or a new column that may be null: no row needs to be touched."""


def prepare(engine: Engine) -> None:
    """Make the tables, or add what those of an earlier version lack.

    SQLite: with their version, and all of it or nothing, whoever dies in its middle or comes at the same time.

    Raises:
        Unusable: the tables are of a version that cannot be used.
    """
    if engine.dialect.name != "sqlite":
        metadata.create_all(engine)
        return
    with engine.connect() as connection:
        if _version(connection) == VERSION:
            return
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # the driver begins none by itself before a change of tables
        found = _version(connection)  # somebody else may have been here first
        existing = set(inspect(connection).get_table_names())
        if not ADDED_TO_SINCE <= found <= VERSION and (found or existing):
            raise Unusable(
                f"the ledger {engine.url.database} was written by another version of Turnout "
                f"(its tables have version {found}, this program's {VERSION}): move the file away, and a new one is begun, "
                "or use the version that wrote it"
            )
        metadata.create_all(connection)
        for table in metadata.sorted_tables:
            if table.name in existing:
                _add_columns(connection, table)
        connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
        connection.commit()


def _version(connection: Connection) -> int:
    version: int = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    return version


def _add_columns(connection: Connection, table: Table) -> None:
    there = {column["name"] for column in inspect(connection).get_columns(table.name)}
    for column in table.columns:
        if column.name not in there:
            described = CreateColumn(column).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {described}")
