"""SQLite ledgers of versions 2 to 5 from before Alembic: what they lack is added, and from then on they are like any other."""

from sqlalchemy import Connection, Table, inspect
from sqlalchemy.schema import CreateColumn

from turnout.store.migrations.versions import v0005


def adopt(connection: Connection) -> str:
    """Give the ledger the tables of :mod:`v0005`, in the connection's transaction; returns that revision.

    Between those versions every change was a new table, a new index or a new column that may be null: no row needs to be touched.
    """
    existing = set(inspect(connection).get_table_names())
    v0005.tables.create_all(connection)
    for table in v0005.tables.sorted_tables:
        if table.name in existing:
            _add_to(connection, table)
    # Programs from before Alembic look at this alone, and are to leave it be.
    connection.exec_driver_sql(f"PRAGMA user_version = {int(v0005.revision)}")
    return v0005.revision


def _add_to(connection: Connection, table: Table) -> None:
    found = inspect(connection)
    columns = {column["name"] for column in found.get_columns(table.name)}
    indexes = {index["name"] for index in found.get_indexes(table.name)}
    for column in table.columns:
        if column.name not in columns:
            described = CreateColumn(column).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {described}")
    for index in table.indexes:
        if index.name not in indexes:
            index.create(connection)
