import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.records import record
from tests.support.tickets import ticket
from turnout.errors import Unusable
from turnout.store import upgrade
from turnout.store.ledger import Ledger
from turnout.store.schema import VERSION

OLD = (Path(__file__).parent / "ledger_2.sql").read_text()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger as version 2 left it."""
    made = tmp_path / "ledger.db"
    with closing(sqlite3.connect(made)) as old:
        old.executescript(OLD)
    return made


def tables(path: Path) -> dict[str, set[str]]:
    with closing(sqlite3.connect(path)) as raw:
        names = [row[0] for row in raw.execute("select name from sqlite_master where type = 'table'")]
        return {name: {row[1] for row in raw.execute(f"pragma table_info({name})")} for name in names}


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as raw:
        return raw.execute("pragma user_version").fetchone()[0]


def test_an_older_ledger_is_brought_up_to_date(path: Path, tmp_path: Path):
    """Its requests, views and offsets are there as before; it has what a new one has, and takes in what a new one takes."""
    Ledger(tmp_path / "new.db").close()

    ledger = Ledger(path)

    old = ledger.request("req-1")
    assert old is not None
    assert [(one.fault, one.cost) for one in old.attempts] == [("timeout", 1_450_000_000), (None, 1_450_000_000)]
    assert (ledger.offset("s-1"), ledger.latest_policy()) == (700, 3)
    ledger.ingest([record(2)], "s-2", 1)
    ledger.tickets.take_in([ticket()])
    assert [line.id for line in ledger.recent(10)] == ["req-2", "req-1", "req-0"]
    ledger.close()
    assert version(path) == VERSION
    assert tables(path) == tables(tmp_path / "new.db")


def test_a_ledger_brought_up_to_date_is_opened_as_it_is(path: Path):
    """Once is enough."""
    for _ in range(3):
        Ledger(path).close()

    assert version(path) == VERSION


def test_an_upgrade_is_all_or_nothing(path: Path, monkeypatch):
    """Whoever dies in its middle leaves the old ledger, which the next one brings up to date."""
    before, add, calls = tables(path), upgrade._add_columns, list[str]()

    def die_at_the_last(connection, table) -> None:
        calls.append(table.name)
        add(connection, table)
        if table.name == "views":
            raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(upgrade, "_add_columns", die_at_the_last)
        with pytest.raises(KeyboardInterrupt):
            Ledger(path)

    assert "requests" in calls
    assert (tables(path), version(path)) == (before, 2)
    Ledger(path).close()
    assert version(path) == VERSION


def _opened_at_once(path: Path) -> list[BaseException]:
    """What four who open it at the same time run into."""
    together, failed = threading.Barrier(4), list[BaseException]()

    def open_it() -> None:
        together.wait()
        try:
            Ledger(path).close()
        except BaseException as error:  # noqa: BLE001 - told to the test
            failed.append(error)

    opening = [threading.Thread(target=open_it) for _ in range(4)]
    for one in opening:
        one.start()
    for one in opening:
        one.join()
    return failed


def test_two_may_open_an_old_ledger_at_once(path: Path):
    """One brings it up to date, the other finds it so."""
    assert _opened_at_once(path) == []
    assert version(path) == VERSION


def test_two_may_begin_a_ledger_at_once(tmp_path: Path):
    """Whoever finds its version finds its tables too."""
    assert _opened_at_once(tmp_path / "new.db") == []


@pytest.mark.parametrize("other", [1, VERSION + 1])
def test_what_adding_does_not_mend_is_refused(path: Path, other: int):
    """An older kind of ledger, or one of a newer program, is left as it is."""
    with closing(sqlite3.connect(path)) as raw:
        raw.execute(f"pragma user_version = {other}")
    before = tables(path)

    with pytest.raises(Unusable, match=f"version {other}, this program's {VERSION}"):
        Ledger(path)

    assert (tables(path), version(path)) == (before, other)
