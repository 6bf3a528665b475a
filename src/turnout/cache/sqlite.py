"""One file in the data directory, shared by a machine's workers and kept over restarts. One thread of each worker reads and writes it."""

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from turnout import wal
from turnout.cache.entry import Entry, Key
from turnout.cache.similarity import Wording, nearest, reach
from turnout.cache.store import CANDIDATES, Stats, Trouble

T = TypeVar("T")

MOST_WAITING = 64
"""Calls that wait for the thread; more are turned away at once."""
REMEMBERED = 60.0
"""Seconds within which a second use of an entry is not written down: reading is to cost no write each time."""
_LAYOUT = 2
_SPARE = 0.9  # of the room, what is left after making some

_ENTRY = msgspec.msgpack.Decoder(Entry)
_WORDING = msgspec.msgpack.Decoder(Wording)
_SCHEMA = """
CREATE TABLE entries(
  key BLOB PRIMARY KEY, near BLOB, made REAL NOT NULL, until REAL NOT NULL, used REAL NOT NULL,
  size INTEGER NOT NULL, words INTEGER, wording BLOB, entry BLOB NOT NULL
);
CREATE INDEX by_near ON entries(near, made, words) WHERE near IS NOT NULL;
CREATE INDEX by_use ON entries(used, size);
CREATE INDEX by_end ON entries(until);
CREATE TABLE held(entries INTEGER NOT NULL, bytes INTEGER NOT NULL);
INSERT INTO held VALUES(0, 0);
CREATE TRIGGER comes AFTER INSERT ON entries BEGIN UPDATE held SET entries = entries + 1, bytes = bytes + new.size; END;
CREATE TRIGGER goes AFTER DELETE ON entries BEGIN UPDATE held SET entries = entries - 1, bytes = bytes - old.size; END;
"""
_BROKEN = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}


class SqliteStore:
    """At most ``max_bytes`` of entries, the one unused for longest forgotten first; ``timeout`` seconds is what any call may take.

    A file that cannot be read is set aside when it is opened, and a new one begun: what it held can be asked for again.
    """

    def __init__(self, path: Path, max_bytes: int, timeout: float) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._file: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="turnout-cache")
        self._room = threading.Semaphore(MOST_WAITING)
        self._stats = Stats()

    async def get(self, key: Key, now: float) -> Entry | None:
        return await self._run(lambda file: _get(file, key.exact, now))

    async def near(self, key: Key, threshold: float, now: float) -> tuple[Entry, float] | None:
        return await self._run(lambda file: _near(file, key, threshold, now))

    async def put(self, entry: Entry, now: float) -> None:
        self._stats = await self._run(lambda file: _put(file, entry, self._max_bytes, now))

    def stats(self) -> Stats:
        """As this worker last saw it."""
        return self._stats

    async def close(self) -> None:
        """Let go of the file, without waiting for a call that hangs."""
        self._thread.submit(self._close)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if not self._room.acquire(blocking=False):
            raise Trouble("too many calls wait for the cache's file")
        until = time.monotonic() + self._timeout
        try:
            task = self._thread.submit(self._work, work, until)
        except RuntimeError:
            self._room.release()
            raise Trouble("the cache is closed") from None
        task.add_done_callback(lambda _: self._room.release())
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.wrap_future(task)
        except TimeoutError:
            raise Trouble("the cache's file took too long") from None
        except (sqlite3.Error, msgspec.DecodeError, OSError) as error:
            raise Trouble(f"the cache's file: {error}") from None

    def _work(self, work: Callable[[sqlite3.Connection], T], until: float) -> T:
        if time.monotonic() >= until:
            raise TimeoutError  # nobody waits for it any more
        if self._file is None:
            self._file = _open(self._path, self._timeout)
        try:
            return work(self._file)
        except sqlite3.DatabaseError as error:
            if _is_broken(error):
                self._close()  # to be opened anew, and set aside then
            raise

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


def _open(path: Path, timeout: float) -> sqlite3.Connection:
    seen = path.stat().st_ino if path.exists() else None
    try:
        return _connect(path, timeout)
    except sqlite3.DatabaseError as error:
        if not _is_broken(error):
            raise
    with suppress(OSError):
        if path.stat().st_ino == seen:  # another worker may have put a good one there already
            path.replace(path.with_suffix(".broken"))
            for more in ("-wal", "-shm"):
                path.with_name(path.name + more).unlink(missing_ok=True)
    return _connect(path, timeout)


def _connect(path: Path, timeout: float) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # what it holds is for its owner alone
    file = sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=False)
    try:
        wal.switch_on(file, timeout)
        file.execute("PRAGMA synchronous = OFF")  # a power cut may cost the cache, never a request
        file.execute("PRAGMA journal_size_limit = 4194304")
        file.execute("BEGIN IMMEDIATE")
        (layout,) = file.execute("PRAGMA user_version").fetchone()
        if layout != _LAYOUT:
            file.execute("DROP TABLE IF EXISTS entries")
            file.execute("DROP TABLE IF EXISTS held")
            for statement in _statements(_SCHEMA):
                file.execute(statement)
            file.execute(f"PRAGMA user_version = {_LAYOUT}")
        file.execute("COMMIT")
    except BaseException:
        file.close()
        raise
    return file


def _statements(script: str) -> list[str]:
    """One by one, since a script run as a whole would commit first."""
    found, statement = [], ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            found.append(statement)
            statement = ""
    return found


def _is_broken(error: sqlite3.DatabaseError) -> bool:
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _BROKEN


def _get(file: sqlite3.Connection, exact: bytes, now: float) -> Entry | None:
    row = file.execute("SELECT entry, used FROM entries WHERE key = ? AND until > ?", (exact, now)).fetchone()
    if row is None:
        return None
    if now - row[1] > REMEMBERED:
        with suppress(sqlite3.OperationalError):  # locked: it is used again some other time
            file.execute("UPDATE entries SET used = ? WHERE key = ?", (now, exact))
    return _ENTRY.decode(row[0])


def _near(file: sqlite3.Connection, key: Key, threshold: float, now: float) -> tuple[Entry, float] | None:
    if key.near is None or key.wording is None:
        return None
    rows = file.execute(
        "SELECT key, wording FROM entries WHERE near = ? AND words BETWEEN ? AND ? AND until > ? ORDER BY made DESC LIMIT ?",
        (key.near, *reach(key.wording, threshold), now, CANDIDATES),
    )
    found = nearest(key.wording, ((exact, _WORDING.decode(wording)) for exact, wording in rows), threshold)
    entry = _get(file, found[0], now) if found is not None else None
    return (entry, found[1]) if entry is not None and found is not None else None


def _put(file: sqlite3.Connection, entry: Entry, max_bytes: int, now: float) -> Stats:
    data, encode = msgspec.msgpack.encode(entry), msgspec.msgpack.encode
    words, wording = None, None
    if entry.near is not None and entry.wording is not None:
        words, wording = len(entry.wording.words), encode(entry.wording)
    size = len(data) + len(wording or b"") + 512  # its rows in the table and its indexes
    file.execute("BEGIN IMMEDIATE")
    try:
        # Not by REPLACE, which would not run the trigger that counts what goes.
        file.execute("DELETE FROM entries WHERE key = ? OR until <= ?", (entry.key, now))
        if size <= max_bytes and entry.until > now:
            near = entry.near if wording is not None else None
            row = (entry.key, near, entry.made, entry.until, now, size, words, wording, data)
            file.execute("INSERT INTO entries VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        count, held = file.execute("SELECT entries, bytes FROM held").fetchone()
        if held > max_bytes:
            _make_room(file, held - int(max_bytes * _SPARE), entry.key)
            count, held = file.execute("SELECT entries, bytes FROM held").fetchone()
        file.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            file.execute("ROLLBACK")
        raise
    return Stats(count, held)


def _make_room(file: sqlite3.Connection, wanted: int, spared: bytes) -> None:
    going: list[tuple[bytes]] = []
    for key, size in file.execute("SELECT key, size FROM entries WHERE key <> ? ORDER BY used", (spared,)):
        if wanted <= 0:
            break
        wanted -= size
        going.append((key,))
    file.executemany("DELETE FROM entries WHERE key = ?", going)
