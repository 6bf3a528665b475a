import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from tests.support.postgres import Postgres
from tests.support.records import record
from tests.support.tickets import ticket
from turnout.errors import Unusable
from turnout.store import adopt
from turnout.store.engine import make_engine
from turnout.store.ledger import Ledger
from turnout.store.migrations.versions import v0005
from turnout.store.schema import metadata
from turnout.store.upgrade import REVISION, Standing, migrate, prepare, standing

OLD = (Path(__file__).parent / "ledger_2.sql").read_text()
MIGRATIONS = Path(adopt.__file__).parent / "migrations"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger as version 2 left it."""
    made = tmp_path / "ledger.db"
    with closing(sqlite3.connect(made)) as old:
        old.executescript(OLD)
    return made


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a store that nobody has used."""
    return f"sqlite:///{tmp_path / 'ledger.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres").empty()


def found(where: Path | str) -> Standing:
    engine = make_engine(where)
    with engine.connect() as connection:
        stands = standing(connection)
    engine.dispose()
    return stands


def upgraded(where: Path | str) -> Standing:
    engine = make_engine(where)
    try:
        return migrate(engine)
    finally:
        engine.dispose()


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as raw:
        return list(raw.iterdump())


def set_revision(url: str, revision: str) -> None:
    engine = make_engine(url)
    with engine.begin() as raw:
        raw.exec_driver_sql(f"update alembic_version set version_num = '{revision}'")
    engine.dispose()


def differences(url: str | Path) -> list[object]:
    engine = make_engine(url)
    with engine.connect() as connection:
        compared = compare_metadata(MigrationContext.configure(connection, opts={"compare_server_default": True}), metadata)
    engine.dispose()
    return compared


def test_the_steps_lead_to_the_tables_of_the_schema(empty: str):
    """Whoever changes a table writes the step that makes it so: on each database the one is the other."""
    Ledger(empty).close()

    assert differences(empty) == []
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [REVISION]


def test_an_older_ledger_ends_where_a_new_one_begins(path: Path):
    """Its tables and indexes are the same."""
    upgraded(path)

    assert differences(path) == []


def test_an_older_ledger_is_refused_with_what_to_do(path: Path):
    """By whatever would serve on it; the file stays as it was."""
    before = dump(path)

    with pytest.raises(Unusable, match=r"ledger\.db is of an earlier version .*run: turnout doctor --migrate --config FILE"):
        Ledger(path)

    assert dump(path) == before


def test_an_older_ledger_is_brought_up_to_date(path: Path):
    """Its requests, views and offsets are there as before, and it takes in what a new one takes."""
    assert upgraded(path) == Standing("earlier", "2")

    ledger = Ledger(path)
    old = ledger.request("req-1")
    assert old is not None
    assert [(one.fault, one.cost) for one in old.attempts] == [("timeout", 1_450_000_000), (None, 1_450_000_000)]
    assert (ledger.offset("s-1"), ledger.latest_policy()) == (700, 3)
    ledger.ingest([record(2)], "s-2", 1)
    ledger.tickets.take_in([ticket()])
    assert [line.id for line in ledger.recent(10)] == ["req-2", "req-1", "req-0"]
    ledger.close()
    assert upgraded(path) == Standing("current", REVISION)


def test_a_program_from_before_revisions_leaves_an_adopted_ledger_be(path: Path):
    """It looks at the file's own number alone."""
    upgraded(path)

    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("pragma user_version").fetchone() == (5,)


def test_an_upgrade_is_all_or_nothing(path: Path, monkeypatch):
    """Whoever dies in its middle leaves the old ledger, which the next one brings up to date."""
    before, add, calls = dump(path), adopt._add_to, list[str]()

    def die_at_the_last(connection, table) -> None:
        calls.append(table.name)
        add(connection, table)
        if table.name == "views":
            raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(adopt, "_add_to", die_at_the_last)
        with pytest.raises(KeyboardInterrupt):
            upgraded(path)

    assert "requests" in calls
    assert (dump(path), found(path)) == (before, Standing("earlier", "2"))
    upgraded(path)
    assert found(path) == Standing("current", REVISION)


def test_a_first_step_is_all_or_nothing(empty: str, monkeypatch):
    """A store in which half of the tables were made is as empty as before."""

    def die_after_all_but_one(bind, **_: object) -> None:
        for table in v0005.tables.sorted_tables[:-1]:
            table.create(bind)
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(type(v0005.tables), "create_all", lambda self, bind, **more: die_after_all_but_one(bind, **more))
        with pytest.raises(KeyboardInterrupt):
            Ledger(empty)

    assert found(empty) == Standing("empty")
    Ledger(empty).close()
    assert found(empty).state == "current"


def at_once(work) -> list[BaseException]:
    """What four who do it at the same time run into."""
    together, failed = threading.Barrier(4), list[BaseException]()

    def one() -> None:
        together.wait()
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told to the test
            failed.append(error)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed


def test_several_may_upgrade_an_old_ledger_at_once(path: Path):
    """One brings it up to date, the others wait and find it so."""
    assert at_once(lambda: upgraded(path)) == []
    assert found(path).state == "current"


def test_several_may_begin_a_store_at_once(empty: str):
    """Whoever finds its version finds its tables too."""
    assert at_once(lambda: Ledger(empty).close()) == []
    assert differences(empty) == []


@pytest.mark.parametrize("number", [1, 6, 99])
def test_a_file_that_adding_does_not_mend_is_refused(path: Path, number: int):
    """An older kind of ledger, or one of a newer program, is left as it is, by a start and by a migration."""
    with closing(sqlite3.connect(path)) as raw:
        raw.execute(f"pragma user_version = {number}")
    before = dump(path)

    for opening in (Ledger, upgraded):
        with pytest.raises(
            Unusable, match=rf"another version .* have version {number}, this program's {REVISION}.* move the file away"
        ):
            opening(path)

    assert dump(path) == before


def test_a_store_of_an_earlier_revision_is_refused_with_what_to_do(store_url: str):
    """As the next version of the tables will find this one."""
    Ledger(store_url).close()
    set_revision(store_url, "0004")

    with pytest.raises(Unusable, match=r"0004, this program's .*run: turnout doctor --migrate"):
        Ledger(store_url)


def test_a_store_of_a_newer_program_is_refused(store_url: str):
    """By a start and by a migration."""
    Ledger(store_url).close()
    set_revision(store_url, "9999")

    for opening in (Ledger, upgraded):
        with pytest.raises(Unusable, match="9999"):
            opening(store_url)


def test_tables_that_are_not_ours_are_left_alone(postgres: Postgres):
    """A database of somebody else's that has a table of the same name: named, not touched."""
    engine = make_engine(postgres.empty())
    with engine.begin() as raw:
        raw.exec_driver_sql("create table requests (id text)")

    with pytest.raises(Unusable, match="or is none"):
        prepare(engine)

    assert inspect(engine).get_table_names() == ["requests"]
    engine.dispose()


def test_a_password_is_not_said_where_a_store_is_refused(postgres: Postgres):
    """The refusal names the store."""
    url = postgres.empty().replace("turnout@", "turnout:hunter2@") + "&password=hunter2"
    Ledger(url).close()
    set_revision(url, "0004")

    with pytest.raises(Unusable, match=r"postgresql\+psycopg://turnout:\*\*\*@") as refused:
        Ledger(url)

    assert "hunter2" not in str(refused.value)


def test_a_start_on_a_current_store_imports_no_alembic(tmp_path: Path):
    """The look at the version is one select: a start waits for nothing else."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    Ledger(url).close()
    program = f"import sys; from turnout.store.ledger import Ledger; Ledger({url!r}).close(); sys.exit('alembic' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=30).returncode == 0
