"""``turnout drill`` says what is wrong before anything starts, and keeps a schedule."""

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from turnout.cli.main import _app
from turnout.drill.current import put, read
from turnout.types.drill import Drill

RUN = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"})
POLICY = "providers: {local: {dialect: openai-chat, base_url: http://127.0.0.1:9/v1}}\nmodels: {local/m: {context: 9000, price: {input: 1, output: 1}}}\n"


@pytest.fixture
def data(tmp_path: Path) -> list[str]:
    (tmp_path / "turnout.yaml").write_text(POLICY)
    return ["--config", str(tmp_path / "turnout.yaml"), "--data-dir", str(tmp_path / "data")]


def called(arguments: list[str], code: int) -> str:
    result = RUN.invoke(_app(("drill",)), ["drill", *arguments])

    assert result.exit_code == code, result.output
    return result.stdout + result.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nonsense", "--provider", "local"], "nonsense is no kind of drill"),
        (["outage"], "say what fails"),
        (["regional_loss", "--provider", "local"], "regional_loss needs --region"),
        (["outage", "--provider", "local", "--on", "prod"], "--on prod"),
        (["outage", "--provider", "local", "--on", "mirror"], "--budget"),
        (["outage", "--provider", "local", "--on", "live", "--budget", "1"], "--budget is for copies"),
        (["outage", "--provider", "local", "--look", "garbled"], "outage looks like refused, silent"),
        (["outage", "--provider", "local", "--for", "60"], "write 60s"),
        (["outage", "--provider", "local", "--for", "1s"], "nothing can be told"),
        (["outage", "--provider", "nobody"], "no model of this policy is part of nobody; there is local"),
        (["outage", "--provider", "local", "--on", "live"], "no Turnout serves"),
    ],
)
def test_misuse(arguments: list[str], sentence: str, data: list[str]) -> None:
    """Wrong usage is a sentence and exit code 2, before anything starts."""
    assert sentence in called(["run", *arguments, *data], 2)


def test_no_such_file() -> None:
    """A policy file that is not there is wrong usage."""
    assert "no file" in called(["run", "outage", "--provider", "x", "--config", "/no/such.yaml"], 2)


def test_another_is_running(data: list[str], tmp_path: Path) -> None:
    """One at a time."""
    (tmp_path / "data").mkdir()
    put(tmp_path / "data", Drill("first", "outage", 0, 1e12, 1e12, provider="local"), time.time())

    said = called(["run", "outage", "--provider", "local", *data], 2)
    assert said == "the drill first is running; end it with `turnout drill stop`\n"
    assert "first: stopped" in called(["stop", *data], 0)
    assert read(tmp_path / "data") is None
    assert "no drill is running" in called(["stop", *data], 1)


def test_schedule(data: list[str]) -> None:
    """Scheduled, listed, replaced by the same one, and taken back."""
    said = called(["schedule", "outage", "--provider", "local", "--day", "3", *data], 0)
    called(["schedule", "outage", "--provider", "local", "--day", "4", *data], 0)

    assert said.startswith("monthly-outage-local: next on ")
    listed = json.loads(called(["list", "--json", *data], 0))
    assert [entry["id"] for entry in listed["scheduled"]] == ["monthly-outage-local"]
    assert "monthly-outage-local" in called(["list", *data], 0)
    called(["unschedule", "monthly-outage-local", *data], 0)
    assert "no drill" in called(["unschedule", "monthly-outage-local", *data], 1)
    assert "no drill yet" in called(["list", *data], 0)


@pytest.mark.parametrize("more", [["--every", "hourly"], ["--every", "weekly", "--day", "9"]])
def test_bad_schedule(more: list[str], data: list[str]) -> None:
    """What no calendar knows is wrong usage."""
    called(["schedule", "outage", "--provider", "local", *more, *data], 2)


def test_show_none(data: list[str]) -> None:
    """A report that is not there is named."""
    assert "no report 2026-01-01-x" in called(["show", "2026-01-01-x", *data], 1)
