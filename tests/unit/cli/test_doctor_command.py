"""`turnout doctor` names what is wrong and what to do, whatever state it finds things in, and changes nothing unless told to."""

import fcntl
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import typer
from sqlalchemy import insert
from typer.testing import CliRunner

from tests.support.postgres import Postgres
from tests.support.records import record
from turnout.cli.doctor import doctor
from turnout.content.seal import ContentKey
from turnout.store.ledger import Ledger
from turnout.store.schema import rollups_due
from turnout.types.content import Content

OLD = (Path(__file__).parent.parent / "store" / "ledger_2.sql").read_text()
KEY = "ab" * 32


@pytest.fixture
def data(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    made.mkdir(mode=0o700)
    return made


@pytest.fixture
def run(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch):
    """Run it on a policy file; what was found, as JSON, and the exit code."""
    app = typer.Typer()
    app.command()(doctor)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")

    def running(*options: str, more: str = "", code: int | None = None) -> list[tuple[str, str, str, str | None]]:
        path = tmp_path / "turnout.yaml"
        path.write_text(
            f"data_dir: {data}\nserver: {{port: 0}}\ncontrol: {{port: 0}}\nproviders: {{openai: {{api_key: env:OPENAI_API_KEY}}}}\n"
            f"routes: {{default: {{models: [openai/gpt-5]}}}}\n{more}"
        )
        result = CliRunner().invoke(app, ["--config", str(path), "--json", *options])
        assert code is None or result.exit_code == code, result.output
        return [tuple(each.values()) for each in json.loads(result.output)["findings"]]

    return running


def wrong(found) -> list[tuple[str, str, str | None]]:
    return [(about, said, do) for about, state, said, do in found if state == "wrong"]


def test_nothing_is_there_yet(run, data: Path):
    """That is no illness, and it stays so."""
    data.rmdir()

    found = run(code=0)

    assert wrong(found) == []
    assert ("data directory", "note", f"{data} is not there yet: turnout serve makes it", None) in found
    assert not data.exists()


def test_a_file_that_is_not_there(tmp_path: Path):
    """Wrong usage is code 2."""
    app = typer.Typer()
    app.command()(doctor)

    assert CliRunner().invoke(app, ["--config", str(tmp_path / "nix.yaml")]).exit_code == 2


def test_neither_a_file_nor_a_key(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Nothing could be served, and all else is looked at."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.endswith("_API_KEY")]:
        monkeypatch.delenv(name)
    app = typer.Typer()
    app.command()(doctor)

    result = CliRunner().invoke(app, ["--data-dir", str(data), "--json"])

    found = [(each["about"], each["state"]) for each in json.loads(result.output)["findings"]]
    assert (result.exit_code, found[0]) == (1, ("policy", "wrong"))
    assert ("data directory", "well") in found


def test_all_is_well(run, data: Path):
    """Each thing that was looked at is said to be so; people get it in lines."""
    Ledger(data / "ledger.db").close()

    found = run(code=0)

    assert {about for about, state, _, _ in found if state == "well"} == {
        "policy", "data directory", "store", "rollups", "journal", "metrics", "extras",
    }  # fmt: skip
    assert any(said.endswith("tables of revision 0006") for _, _, said, _ in found)


def test_a_policy_that_may_not_be_served(run):
    """Its problems are named, and all else is looked at still."""
    found = run(more="store: {retention: 400d}\nroutez: {}\n", code=1)

    assert "routez: unknown key" in wrong(found)[0][1]
    assert any(about == "extras" for about, *_ in found)


def test_a_data_directory_open_to_others(run, data: Path):
    """With the command that closes it."""
    data.chmod(0o755)

    assert wrong(run(code=1)) == [
        ("data directory", f"{data} is open to other users of this machine (mode 755)", f"chmod 700 {data}")
    ]


def test_a_data_directory_that_is_none(run, data: Path):
    """A file in its place: each look that needs it says so, none breaks."""
    data.rmdir()
    data.write_text("")

    assert ("data directory", f"{data} is no directory", "move it away, or name another one as data_dir") in wrong(run(code=1))


def test_who_holds_it_is_said(run, data: Path):
    """And a lock that nobody holds is nobody's."""
    (data / "lock").write_text("4711\n")
    assert any("no turnout serve holds it" in said for _, _, said, _ in run())
    with (data / "lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        found = run()

    assert any("turnout serve holds it (process 4711)" in said for _, _, said, _ in found)


@pytest.mark.parametrize(
    ("text", "said"),
    [("a letter to a friend " * 99, "cannot be read: file is not a database"), (None, "cannot be read: unable to open")],
)
def test_a_ledger_that_is_none(run, data: Path, text: str | None, said: str):
    """Said in a line."""
    (data / "ledger.db").write_text(text) if text else (data / "ledger.db").mkdir()

    ((about, words, _),) = wrong(run(code=1))

    assert (about, said in words) == ("store", True)


def test_a_damaged_ledger(run, data: Path):
    """SQLite names the pages."""
    path = data / "ledger.db"
    ledger = Ledger(path)
    ledger.ingest([record(n) for n in range(200)], "s", 1)
    ledger.close()
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2 :: 3] = b"\x55" * len(whole[len(whole) // 2 :: 3])
    path.write_bytes(whole)

    found = wrong(run(code=1))

    assert [about for about, _, _ in found] == ["store"]
    assert "is damaged" in found[0][1] or "cannot be read" in found[0][1]


def test_an_earlier_ledger_is_named_and_with_migrate_brought_up_to_date(run, data: Path):
    """Told apart: to look changes nothing."""
    with closing(sqlite3.connect(data / "ledger.db")) as old:
        old.executescript(OLD)

    ((_, said, do),) = wrong(run(code=1))
    assert (said.endswith("has tables of version 2, this program 0006"), do) == (
        True,
        "stop turnout serve, then run turnout doctor --migrate",
    )
    assert wrong(run("--migrate", code=0)) == []
    assert wrong(run("--migrate", code=0)) == []


def test_a_migration_is_not_made_under_a_running_turnout(run, data: Path, tmp_path: Path):
    """It would pull the tables from under it."""
    run()
    with closing(sqlite3.connect(data / "ledger.db")) as old:
        old.executescript(OLD)
    app = typer.Typer()
    app.command()(doctor)
    (data / "lock").write_text("4711\n")
    with (data / "lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        result = CliRunner().invoke(app, ["--config", str(tmp_path / "turnout.yaml"), "--migrate"])

    assert result.exit_code == 1
    assert "is in use by another turnout (process 4711): stop that one" in result.output


def test_what_was_refused_damaged_or_left_to_be_summed(run, data: Path):
    """Losses are wrong; work that waits is a note."""
    (data / "journal").mkdir()
    (data / "journal" / "g-1.damaged").write_bytes(b"x")
    (data / "journal" / "g-2.seg").write_bytes(b"x" * 2000)
    ledger = Ledger(data / "ledger.db")
    ledger.ingest([record(1, seed=2**63)], "s", 1)
    with ledger._engine.begin() as raw:
        raw.execute(insert(rollups_due).values(start=60, mark=1))
    ledger.close()

    found = run(code=1)

    assert [about for about, *_ in wrong(found)] == ["store", "journal"]
    assert "1 entry of the journal could not be taken in, the last for OverflowError" in wrong(found)[0][1]
    assert "g-1.damaged" in wrong(found)[1][1]
    assert any(said.startswith("1 segment (2 KB)") for _, _, said, _ in found)
    assert any(about == "rollups" and state == "note" and said.startswith("1 minute") for about, state, said, _ in found)


def test_content_whose_key_is_gone(run, data: Path, monkeypatch: pytest.MonkeyPatch):
    """Nobody can read it: named with the key's id. With its key it is well."""
    monkeypatch.setenv("CONTENT_KEY", KEY)
    more = "store: {content: full, content_key: env:CONTENT_KEY}\n"
    ledger = Ledger(data / "ledger.db")
    ledger.ingest([Content("req-0", 1.0, "full", ContentKey(bytes.fromhex(KEY)).id, b"x")], "s", 1)
    assert wrong(run(more=more)) == []
    ledger.ingest([Content("req-1", 1.0, "full", "0badkey0", b"x")], "s", 1)
    ledger.close()

    ((about, said, _),) = wrong(run(more=more, code=1))

    assert (about, said) == (
        "content",
        "the content of 1 request was sealed with key 0badkey0, which store.content_key does not name",
    )


def test_a_postgres_that_is_well_but_careless(run, postgres: Postgres, monkeypatch: pytest.MonkeyPatch):
    """The tests' own server gives up what a crash of the machine would need, which is told."""
    monkeypatch.setenv("STORE", postgres.fresh())

    found = run(more="store: {url: env:STORE}\n", code=1)

    assert [said.partition(":")[0] for _, said, _ in wrong(found)] == [
        "the server has fsync = off",
        "the server has full_page_writes = off",
    ]
    assert any("postgresql 15" in said or "tables of revision 0006" in said for _, _, said, _ in found)


def test_a_postgres_that_is_away(run, monkeypatch: pytest.MonkeyPatch):
    """Without its password."""
    monkeypatch.setenv("STORE", "postgresql://turnout:hunter2@127.0.0.1:1/ledger")

    found = run(more="store: {url: env:STORE}\n", code=1)

    ((about, said, _),) = wrong(found)
    assert (about, "connection failed" in said, "hunter2" in repr(found)) == ("store", True, False)


def test_a_url_whose_variable_is_not_set(run):
    """By the policy's check and by the store's."""
    assert {about for about, _, _ in wrong(run(more="store: {url: env:NOT_SET_HERE}\n", code=1))} == {"policy", "store"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read(run, data: Path):
    """Is a finding each, not a traceback, and not taken for empty."""
    for name in ("journal", "metrics"):
        (data / name).mkdir(mode=0o000)
    (data / "lock").touch(mode=0o000)

    assert [about for about, _, do in wrong(run(code=1)) if "run this as the user of turnout serve" in (do or "")] == [
        "data directory", "journal", "metrics",
    ]  # fmt: skip
