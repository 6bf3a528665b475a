"""The commands ``turnout audit import`` and ``turnout report weekly``: what they refuse, and a week from a real ledger."""

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from tests.support import logs
from tests.support.records import RECORD
from turnout.cli.audit import app as audit
from turnout.cli.report import app as report
from turnout.reports.weekly import week_before
from turnout.store.ledger import Ledger


@pytest.mark.parametrize(("words", "code", "said"), [
    (("nowhere.jsonl",), 1, "nowhere.jsonl cannot be read: no such file"),
    (("log.jsonl", "--format", "xml"), 2, "xml is none of"),
    (("log.jsonl", "--map", "modle=x"), 2, "write WHAT=COLUMN"),
    (("log.jsonl", "--policy", "none.yaml"), 2, "no file none.yaml"),
    (("-", "-"), 2, "standard input can be read once"),
    ((), 2, "FILE"),
    (("bad.jsonl",), 1, "no row could be used: 2 read, 2 unusable"),
    (("empty.jsonl",), 1, "no row could be used"),
    (("strange.csv",), 1, "is no log of a known shape"),
    (("log.jsonl", "--out", "missing/r.html"), 1, "cannot be written"),
    (("log.jsonl", "--dirty", "missing/d.jsonl"), 1, "cannot be written"),
    (("log.jsonl", "--policy", "wrong.yaml"), 1, "unknown key"),
])  # fmt: skip
def test_what_cannot_be_done_is_said(tmp_path: Path, monkeypatch, words, code, said) -> None:
    """Exit 1 where nothing is usable, 2 on wrong usage; a sentence, no traceback."""
    logs.write("litellm", tmp_path / "log.jsonl", 20)
    (tmp_path / "bad.jsonl").write_text('{"model": \n{"x"\n')
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "strange.csv").write_text("alpha,beta\n1,2\n")
    (tmp_path / "wrong.yaml").write_text("providers: {openai: {}}\nroutse: {}\n")
    monkeypatch.chdir(tmp_path)

    done = CliRunner().invoke(audit, ["import", *words], input="")

    assert done.exit_code == code, done.output
    assert said in " ".join(done.output.replace("\N{BOX DRAWINGS LIGHT VERTICAL}", " ").split())
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_a_policy_with_a_balanced_route_goes_by_ranks_among_the_log_s_own_requests(tmp_path: Path) -> None:
    """Its mix holds on this traffic, half of which has text."""
    logs.write("openai", tmp_path / "log.jsonl", 1_000)
    models = "[openai/gpt-4o-mini, openai/gpt-5.4, openai/gpt-5.5]"
    (tmp_path / "p.yaml").write_text(
        f"providers: {{openai: {{}}}}\nroutes: {{default: {{objective: balanced, models: {models}}}}}\n"
    )

    done = CliRunner().invoke(audit, ["import", str(tmp_path / "log.jsonl"), "--policy", str(tmp_path / "p.yaml"), "--json", "-"])

    found = json.loads(done.stdout)["whatif"]
    shares: dict[str, float] = {}
    for move in found["moves"]:
        shares[move["chosen"]] = shares.get(move["chosen"], 0) + move["calls"] / found["calls"]
    assert shares == pytest.approx({"openai/gpt-4o-mini": 0.7, "openai/gpt-5.4": 0.2, "openai/gpt-5.5": 0.1}, abs=0.04)


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """A data directory whose ledger has requests of the last whole week."""
    monday = week_before(datetime.now(UTC).timestamp()).since
    ledger = Ledger(tmp_path / "ledger.db")
    ledger.ingest([msgspec.structs.replace(RECORD, id=f"r{n}", at=monday + n * 3_600.0) for n in range(120)], "segment", 1)
    while ledger.roll_up(monday + 8 * 86_400.0).left:
        pass
    ledger.close()
    return tmp_path


def test_a_week_from_the_ledger(served: Path) -> None:
    """The figures are the ledger's, the page holds them, and JSON has the advice."""
    plain = CliRunner().invoke(report, ["weekly", "--data-dir", str(served), "--out", str(served / "w.html")])
    told = CliRunner().invoke(report, ["weekly", "--data-dir", str(served), "--json"])

    assert (plain.exit_code, told.exit_code) == (0, 0), plain.output
    found = json.loads(told.stdout)
    assert found["review"]["total"]["requests"] == 120
    assert found["review"]["total"]["cost"] == 120 * (RECORD.cost or 0)
    assert "Nobody says how good the answers are" in [each["title"] for each in found["advice"]]
    assert "120 requests" in (served / "w.html").read_text()
    assert "120 requests" in plain.output


def test_a_week_without_requests_and_one_that_is_none(served: Path) -> None:
    """An empty week teaches; what is no week is wrong usage; no ledger is said."""
    empty = CliRunner().invoke(report, ["weekly", "--data-dir", str(served), "--week", "2020-W05"])
    wrong = CliRunner().invoke(report, ["weekly", "--data-dir", str(served), "--week", "2026-W60"])
    nowhere = CliRunner().invoke(report, ["weekly", "--data-dir", str(served / "nowhere")])

    assert (empty.exit_code, wrong.exit_code, nowhere.exit_code) == (0, 2, 1)
    assert "turnout demo" in empty.output
    assert "there is no ledger" in nowhere.output
