import json

import pytest
import typer
from typer.testing import CliRunner

from turnout.cli.check import check

SOUND = "providers: {openai: {api_key: env:NO_SUCH_KEY}}\n"


@pytest.fixture
def run(tmp_path):
    """Run `turnout check` on a text."""
    app = typer.Typer()
    app.command()(check)

    def running(text: str | None, *options: str):
        path = tmp_path / "turnout.yaml"
        if text is not None:
            path.write_text(text)
        return CliRunner().invoke(app, ["--config", str(path), *options])

    return running


def test_a_sound_file(run):
    """Exit code 0; a secret that is not on this machine is a warning."""
    result = run(SOUND)

    assert result.exit_code == 0
    assert "environment variable NO_SUCH_KEY is not set" in result.output
    assert "turnout.yaml: 0 problems, 1 warning" in result.output


def test_problems(run):
    """Exit code 1; one line each with file, line, path, suggestion."""
    result = run(f"{SOUND}routes:\n  code:\n    aproved: [openai/gpt-5]\n    journal: perhaps\n")

    assert result.exit_code == 1
    assert 'turnout.yaml:4  routes.code.aproved: unknown key; did you mean "approved"?\n' in result.output
    assert "turnout.yaml:5  routes.code.journal" in result.output
    assert "2 problems, 1 warning" in result.output


def test_json(run):
    """For programs."""
    result = run(f"{SOUND}halth: 1\n", "--json")
    found = json.loads(result.output)

    assert result.exit_code == 1
    assert found["problems"] == [
        {"path": "halth", "line": 2, "message": "unknown key", "suggestion": 'did you mean "health" or "auth"?'}
    ]
    assert [warning["path"] for warning in found["warnings"]] == ["providers.openai.api_key"]


def test_no_file(run):
    """Wrong usage: exit code 2, and what to do."""
    result = run(None)

    assert result.exit_code == 2
    assert "turnout demo" in result.output


def test_an_unreadable_file(run):
    """Exit code 1, with the line."""
    result = run("a: [1\nb: 2\n")

    assert result.exit_code == 1
    assert "turnout.yaml:2  not readable as YAML or JSON" in result.output


def test_schema(run):
    """JSON Schema for editors, whether there is a file or not."""
    schema = json.loads(run(None, "--schema").output)

    assert schema["$schema"].startswith("https://json-schema.org/")
    assert {"server", "providers", "routes"} <= schema["properties"].keys()
    assert schema["additionalProperties"] is False


def test_files_of_suites(run, tmp_path):
    """Each bad line of a suite's cases and of its labels is told, as a warning: without benchmarks all is served all the same."""
    (tmp_path / "cases.jsonl").write_text('{"input": "q", "expected": "a"}\n{"expected": "a"}\n')
    (tmp_path / "labels.jsonl").write_text('{"input": "q", "a": "x", "b": "y"}\n[]\n')
    (tmp_path / "few.jsonl").write_text('{"input": "q", "a": "x", "b": "y", "better": "a"}\n')
    suite = "{file: cases.jsonl, routes: [default], judge: openai/gpt-5, calibration: %s.jsonl}"
    result = run(f"{SOUND}suites:\n  s: {suite % 'labels'}\n  t: {suite % 'few'}\n  u: {suite % 'none'}\n")

    assert result.exit_code == 0
    assert "suites.s.file: cases.jsonl:2  input: the case asks nothing" in result.output
    assert "suites.s.calibration: labels.jsonl:1  a label needs the answers a and b, and better" in result.output
    assert "suites.s.calibration: labels.jsonl:2  not an object; write one label a line" in result.output
    assert "suites.t.calibration: 1 labels, and what a judge says counts from 50 on" in result.output
    assert "suites.u.calibration: no file none.jsonl" in result.output
