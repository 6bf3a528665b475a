"""`turnout audit` and `turnout policy` at the prompt."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
import typer
from click.testing import Result
from sqlalchemy import text
from typer.testing import CliRunner

from tests.support.records import record
from tests.unit.control.test_publish import ONE, TWO
from tests.unit.control.test_publish_history import Bench
from turnout.audit.checkpoint import public_text, signing_key
from turnout.cli.actor import actor
from turnout.cli.audit import app as audit
from turnout.cli.doctor import doctor
from turnout.cli.policy import app as policy
from turnout.control.audit_keeper import AuditKeeper

AT = 1_700_000_000.0
Run = Callable[..., Result]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two policy versions, five requests of a closed hour, a checkpoint."""
    bench = Bench(tmp_path)
    bench.adopt(ONE, TWO)
    bench.ledger.ingest([record(n, at=AT + n, policy=1) for n in range(5)], "s", 1)
    bench.clock.advance(7200)
    bench.ledger.roll_up(bench.clock.now())
    keeper = AuditKeeper(bench.ledger.audit, tmp_path, bench.clock)
    keeper.look()
    keeper.checkpoint("test")
    bench.ledger.close()
    return tmp_path


@pytest.fixture
def run(data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Somewhere without a policy file; the result of a command."""
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))

    def run(app: Any, *words: object) -> Result:
        return CliRunner().invoke(app, [*map(str, words), "--data-dir", str(data)])

    return run


def change(data: Path, statement: str) -> None:
    bench = Bench(data)
    with bench.ledger.audit.connect() as connection:
        connection.execute(text(statement))
        connection.commit()
    bench.ledger.close()


def found(result: Result) -> list[str]:
    return [finding["what"] for finding in json.loads(result.stdout)["findings"]]


def test_what_is_whole_verifies(run: Run) -> None:
    """Exit code 0, and how much was looked at."""
    result = run(audit, "verify", "--json")
    said = json.loads(result.stdout)
    assert (result.exit_code, said["ok"], said["findings"]) == (0, True, [])
    assert (said["requests"], said["hours"], said["unproven"], said["checkpoints"]) == (5, 1, 0, 1)
    assert "nothing was changed" in run(audit, "verify").stdout


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("update requests set cost_pico = 1 where id = 'req-3'", "row_changed"),
        ("delete from requests where id = 'req-3'", "vanished"),
        ("update audit set actor = 'me' where seq = 2", "changed"),
        ("delete from audit where seq = 3", "missing"),
        ("delete from audit where seq > 4", "truncated"),
    ],
)
def test_what_is_not_whole_is_named(run: Run, data: Path, statement: str, what: str) -> None:
    """Exit code 1."""
    change(data, statement)
    result = run(audit, "verify", "--json")
    assert result.exit_code == 1
    assert what in found(result)
    shown = run(audit, "verify")
    assert shown.exit_code == 1
    assert "something was changed" in shown.stdout


def test_a_chain_written_anew_is_caught_by_what_was_kept_elsewhere(run: Run, data: Path, tmp_path_factory) -> None:
    """Even if the key was there to sign it again, with its own checkpoints in place of those."""
    kept = tmp_path_factory.mktemp("kept") / "checkpoint.json"
    assert run(audit, "checkpoint", "--out", kept).exit_code == 0
    for path in (data / "checkpoints").iterdir():
        path.unlink()
    change(data, "delete from audit")
    bench = Bench(data)
    keeper = AuditKeeper(bench.ledger.audit, data, bench.clock)
    for n in range(20):
        keeper.trail.add("note", "mallory", {"n": n})
    bench.ledger.close()
    assert run(audit, "verify", "--no-rows").exit_code == 0
    result = run(audit, "verify", "--no-rows", "--checkpoint", kept, "--json")
    assert (result.exit_code, found(result)) == (1, ["other_origin"])


def test_another_key_is_not_believed(run: Run, tmp_path_factory) -> None:
    """Whose key it may be is for the person to say."""
    other = public_text(signing_key(tmp_path_factory.mktemp("other")))
    result = run(audit, "verify", "--public-key", other, "--json")
    assert (result.exit_code, set(found(result))) == (1, {"foreign_key"})


def test_an_export_is_verified_without_its_ledger(run: Run, data: Path, tmp_path_factory) -> None:
    """That it was made is in the chain, too."""
    folder = tmp_path_factory.mktemp("export")
    file, kept = folder / "chain.jsonl", folder / "checkpoint.json"
    run(audit, "checkpoint", "--out", kept)
    assert run(audit, "export", "--out", file).exit_code == 0
    runner = CliRunner()
    words = ["verify", "--export", str(file), "--checkpoint", str(kept), "--public-key", public_text(signing_key(data))]
    result = runner.invoke(audit, words)
    assert result.exit_code == 0, result.output
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:2], lines[2].replace(b"file:turnout.yaml", b"file:another.yaml"), *lines[3:]]))
    assert runner.invoke(audit, words).exit_code == 1
    assert json.loads(run(audit, "show", "--kind", "export", "--json").stdout)[0]["actor"] == actor()


def test_a_part_of_the_chain_is_exported_and_verifies(run: Run, tmp_path_factory) -> None:
    """From a day on, which has nothing in it too."""
    file = tmp_path_factory.mktemp("export") / "part.jsonl"
    for since in ("2023-11-14", "2030-01-01"):
        assert run(audit, "export", "--since", since, "--out", file).exit_code == 0
        assert CliRunner().invoke(audit, ["verify", "--export", str(file)]).exit_code == 0


def test_decisions_are_exported_without_content(run: Run) -> None:
    """A line each, with what was known and what came of it, and what was left out."""
    result = run(audit, "export", "--decisions", "--since", "2023-11-14", "--until", "2023-11-15")
    lines = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    assert [line["decision_id"] for line in lines] == [f"req-{n}" for n in range(5)]
    first = lines[0]
    assert (first["chosen"], first["versions"]["policy"], first["cost_usd"]) == ("anthropic/claude-haiku-4-5", 1, 0.00145)
    assert first["traits"]["task"]["value"] == "code_generation"
    assert "session" not in first["traits"]
    assert "detail" not in first["attempts"][0]
    assert len(first["fingerprint"]) == 32


def test_entries_are_shown(run: Run) -> None:
    """Latest first; one in full; one that is not there is exit code 1; of a kind, which must be one."""
    assert run(audit, "show", "--kind", "policy").stdout.count("file:turnout.yaml") == 2
    assert "no entry of the kind drill" in run(audit, "show", "--kind", "drill").stdout
    assert run(audit, "show", "--kind", "polcy").exit_code == 2
    assert '"objective"' in run(audit, "show", 3).stdout
    assert run(audit, "show", 99).exit_code == 1


def test_the_inventory_is_printed(run: Run) -> None:
    """As a table, as CSV, as JSON."""
    assert "anthropic/claude-haiku-4-5" in run(audit, "inventory", "--month", "2023-11", "--csv").stdout
    (line,) = json.loads(run(audit, "inventory", "--month", "2023-11", "--json").stdout)["served"]
    assert (line["requests"], line["policy"], line["entry"]) == (5, 1, 2)
    assert "nothing was served" in run(audit, "inventory", "--month", "2020-01").stdout
    told = run(audit, "inventory", "--month", "2023-11").stdout
    assert "served in 2023-11" in told
    assert "by file:turnout.yaml, entry 2" in told


@pytest.mark.parametrize(
    "words",
    [
        ("inventory", "--month", "november"),
        ("export", "--since", "yesterday"),
        ("verify", "--public-key", "abc"),
        ("verify", "--checkpoint", "/nowhere"),
        ("verify", "--export", "/nowhere"),
    ],
)
def test_wrong_usage_is_told(run: Run, words: tuple[str, ...]) -> None:
    """Exit code 2, and one sentence."""
    result = run(audit, *words)
    assert result.exit_code == 2
    assert words[-1] in result.output


def test_where_there_is_no_ledger_none_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1, and which option names it."""
    monkeypatch.chdir(tmp_path)
    for app, word in ((audit, "verify"), (audit, "show"), (policy, "list")):
        result = CliRunner().invoke(app, [word, "--data-dir", str(tmp_path / "none")])
        assert result.exit_code == 1
        assert "--data-dir" in result.output
    assert list(tmp_path.iterdir()) == []


def test_versions_are_listed_shown_and_compared(run: Run) -> None:
    """In words; exit code 1 for one that is not there."""
    assert [line.split()[0] for line in run(policy, "list").stdout.splitlines()] == ["2", "1"]
    assert "objective from balanced to cost" in run(policy, "show", 2).stdout
    assert "route default changed" in run(policy, "diff", 2, 1).stdout
    assert "say the same" in run(policy, "diff", 1, 1).stdout
    assert run(policy, "history").stdout == run(policy, "list").stdout
    assert run(policy, "show").stdout == run(policy, "show", 2).stdout
    assert run(policy, "show", 9).exit_code == run(policy, "diff", 1, 9).exit_code == 1


def test_where_nothing_was_recorded_a_simulation_says_so(run: Run, data: Path) -> None:
    """No table of zeroes: exit code 1, and where to look."""
    new = data / "new.yaml"
    new.write_text("providers: {openai: {}}\nroutes: {default: {static: openai/gpt-5-mini}}\n")
    result = run(policy, "simulate", new, "--on", "last-1h")
    assert result.exit_code == 1
    assert "last-1h has no recorded request; name a longer time" in result.output


class Control(BaseHTTPRequestHandler):
    """Answers a restore as it is told to."""

    status, answer = 200, b'{"version": 3, "restores": 1}'
    asked: ClassVar[list[tuple[str, str | None, Any]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        Control.asked.append((self.path, self.headers["authorization"], body))
        self.send_response(Control.status)
        self.end_headers()
        self.wfile.write(Control.answer)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def control(data: Path):
    """A control plane, and a policy file that names it."""
    server = HTTPServer(("127.0.0.1", 0), Control)
    Control.status, Control.answer, Control.asked = 200, b'{"version": 3, "restores": 1}', []
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    (data / "admin-token").write_text("secret\n")
    (data / "t.yaml").write_text(f"control: {{port: {server.server_port}}}\n")
    yield data / "t.yaml"
    server.shutdown()
    server.server_close()


def test_a_rollback_is_asked_of_the_running_control_plane(run: Run, control: Path) -> None:
    """With the admin token, the reason, and by whom."""
    result = run(policy, "rollback", 1, "--note", "too dear", "--config", control)
    assert (result.exit_code, "policy 3 is in force" in result.output) == (0, True)
    assert Control.asked == [("/api/policies/1/restore", "Bearer secret", {"note": "too dear", "by": actor()})]


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [
        (404, b'{"error": {"code": "not_found", "message": "there is no version 1"}}', "there is no version 1"),
        (200, b"<html>", "no control plane"),
    ],
)
def test_a_refused_rollback_says_why(run: Run, control: Path, status: int, answer: bytes, said: str) -> None:
    """Exit code 1."""
    Control.status, Control.answer = status, answer
    result = run(policy, "rollback", 1, "--note", "x", "--config", control)
    assert result.exit_code == 1
    assert said in result.output


def test_a_rollback_without_a_control_plane_says_what_to_do(run: Run, data: Path) -> None:
    """Nobody there, no token, no reason."""
    assert run(policy, "rollback", 1, "--note", " ").exit_code == 2
    assert "admin token cannot be read" in run(policy, "rollback", 1, "--note", "x").output
    (data / "admin-token").write_text("secret\n")
    (data / "t.yaml").write_text("control: {port: 1}\n")
    result = run(policy, "rollback", 1, "--note", "x", "--config", data / "t.yaml")
    assert result.exit_code == 1
    assert "start it" in result.output


def test_a_migration_is_in_the_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, with the version that the tables had."""
    monkeypatch.chdir(tmp_path)
    earlier = (Path(__file__).parent.parent / "store" / "ledger_2.sql").read_text()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.executescript(earlier)
    doctoring = typer.Typer()
    doctoring.command()(doctor)
    (tmp_path / "turnout.yaml").write_text(f"data_dir: {tmp_path}\n")
    for _ in range(2):
        CliRunner().invoke(doctoring, ["--migrate"])
    shown = CliRunner().invoke(audit, ["show", "--kind", "migrated", "--json"])
    (entry,) = json.loads(shown.stdout)
    assert json.loads(entry["payload"])["from"] == "2"
