"""What a write leaves behind when something of it is refused, and what it waits for."""

import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from tests.support.records import record
from turnout.store.ledger import Ledger
from turnout.store.schema import attempts

MONSTROUS = record(1, seed=2**63)
"""A database's integers end below it."""


def test_a_refused_record_leaves_no_attempts(ledger: Ledger):
    """What the store does not take of a record, it takes nothing of: attempts without a request would be counted as latencies."""
    ledger.ingest([record(0), MONSTROUS, record(2)], "s", 30)

    with ledger._engine.connect() as raw:
        assert raw.scalars(select(attempts.c.request_id).order_by(attempts.c.request_id)).all() == ["req-0", "req-2"]


def test_a_batch_taken_one_by_one_is_one_transaction_still(ledger: Ledger):
    """When the slow way fails in its middle, none of its rows is there: the offset would not know of them."""
    with ledger._engine.begin() as raw:
        raw.exec_driver_sql("drop table refused")

    with pytest.raises(SQLAlchemyError, match="refused"):
        ledger.ingest([record(0), MONSTROUS], "s", 30)

    assert ledger.request("req-0") is None
    assert ledger.offset("s") == 0


def test_a_write_waits_for_another_writer(sqlite: Ledger, tmp_path: Path):
    """A person who looks into the file, or a backup of it, may hold it for seconds: ingest waits rather than fail."""
    ingesting = Thread(target=sqlite.ingest, args=([record(0)], "s", 1))
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
        other.execute("begin immediate")
        ingesting.start()
        ingesting.join(0.2)
        is_waiting = ingesting.is_alive()
        other.execute("commit")
    ingesting.join(10)

    assert is_waiting
    assert sqlite.request("req-0") == record(0)


def test_readers_do_not_hold_up_the_writer(sqlite: Ledger, tmp_path: Path):
    """A long look at the ledger sees it as it was, while it goes on."""
    sqlite.ingest([record(0)], "s", 1)
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as reader:
        reader.execute("begin")
        before = reader.execute("select count(*) from requests").fetchone()
        sqlite.ingest([record(1)], "s", 2)

        assert reader.execute("select count(*) from requests").fetchone() == before


def test_a_commit_is_synced(sqlite: Ledger):
    """A segment is deleted once its records are committed: SQLite must sync each commit (2 is FULL), not only checkpoints."""
    with sqlite._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
