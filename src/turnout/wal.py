"""SQLite's write-ahead log, switched on where several processes may open one new file at the same moment."""

import sqlite3
import time

PAUSE = 0.01


def switch_on(connection: sqlite3.Connection, within: float) -> None:
    """Readers beside the writer from now on.

    While another one switches, SQLite refuses at once, whatever its busy timeout is: so it is asked again, for ``within`` seconds.

    Raises:
        sqlite3.OperationalError: it is still locked then.
    """
    until = time.monotonic() + within
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= until:
                raise
            time.sleep(PAUSE)
        else:
            return
