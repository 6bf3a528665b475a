"""The one place that makes the store's engine: SQLite by path or URL, PostgreSQL by URL. A password is in no text that leaves it."""

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from turnout import wal
from turnout.errors import Unusable

CONNECT_WITHIN = 5
"""Seconds for PostgreSQL to accept a connection."""
ANSWER_WITHIN = 120
"""Seconds for PostgreSQL to do one statement: what takes longer waits for something that will not come."""
SILENT_FOR = 30
"""Seconds after which a PostgreSQL server that acknowledges nothing is given up, and asked anew over another connection."""

_POSTGRES = {"postgresql", "postgres", "postgresql+psycopg"}
_WRITE = "write sqlite, sqlite:///PATH or postgresql://USER@HOST/DATABASE"


def make_engine(where: Path | str) -> Engine:
    """For a path, or for a URL ``sqlite:///PATH`` or ``postgresql://...``. Nothing is opened yet.

    Raises:
        Unusable: it is the URL of no store, or its driver is not installed.
    """
    url = _url(where)
    if url.get_backend_name() == "sqlite":
        # Positional parameters whatever the driver, so that rows are tuples; and no row's values in an error's text.
        engine = create_engine(url, paramstyle="qmark", hide_parameters=True)
        event.listen(engine, "connect", _tune_sqlite)
        return engine
    try:
        return create_engine(
            url,
            paramstyle="format",
            hide_parameters=True,
            pool_pre_ping=True,  # a connection from before the server went away is found out before it is used
            connect_args={name: value for name, value in _TUNED.items() if name not in url.query},
        )
    except ImportError as error:
        raise Unusable(f"the store {said(url)} needs PostgreSQL's client: pip install 'turnout[postgres]'") from error


def said(url: URL) -> str:
    """The store by name, as it may be told to anybody: a password may also stand in a URL's query."""
    return str(url.database) if url.get_backend_name() == "sqlite" else url.set(query={}).render_as_string(hide_password=True)


_TUNED: dict[str, Any] = {
    "connect_timeout": CONNECT_WITHIN,
    "application_name": "turnout",
    "options": f"-c statement_timeout={ANSWER_WITHIN}s",
    "keepalives_idle": SILENT_FOR,
    "tcp_user_timeout": SILENT_FOR * 1000,
}
"""What libpq is told where the URL does not say otherwise."""


def _url(where: Path | str) -> URL:
    if isinstance(where, Path) or "://" not in where:
        return URL.create("sqlite", database=str(where))
    try:
        url = make_url(where)
    except (ArgumentError, ValueError):  # neither's text is repeated: it may quote a password
        url = None
    if url is None or url.drivername not in {"sqlite", *_POSTGRES}:
        raise Unusable(f"the store's URL is not one that Turnout knows: {_WRITE}")
    return url if url.drivername == "sqlite" else url.set(drivername="postgresql+psycopg")


def _tune_sqlite(connection: Any, _: object) -> None:
    """Readers beside the writer; and a commit that survives a power cut, since the journal is deleted on the strength of it."""
    connection.execute("PRAGMA busy_timeout=5000")
    wal.switch_on(connection, 5.0)
    connection.execute("PRAGMA synchronous=FULL")
