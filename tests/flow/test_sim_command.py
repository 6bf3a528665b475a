"""``turnout sim`` as a program."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from turnout.catalog.load import load_catalog
from turnout.cli.main import _app
from turnout.config.load import load


def test_the_printed_config_passes_the_check(tmp_path: Path) -> None:
    """What ``--print-config`` prints may be served as it is, without a warning."""
    printed = CliRunner().invoke(_app(("sim", "check")), ["sim", "--print-config", "--port", "9555"])
    (tmp_path / "turnout.yaml").write_text(printed.output)

    loaded = load(tmp_path / "turnout.yaml", {}, load_catalog(), date(2026, 11, 23))

    assert loaded.warnings == ()
    assert [route.name for route in loaded.policy.routes] == ["finance", "support", "code", "default"]
    assert {provider.base_url.split("/")[2] for provider in loaded.policy.providers} == {"127.0.0.1:9555"}


def test_faults_that_are_nonsense_are_wrong_usage(tmp_path: Path) -> None:
    """A broken fault file stops the start with exit code 2 and the field at fault."""
    (tmp_path / "faults.json").write_text('[{"fault": {"kind": "nope"}}]')

    result = CliRunner().invoke(_app(("sim", "check")), ["sim", "--faults", str(tmp_path / "faults.json")])

    assert result.exit_code == 2
    assert "kind" in result.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    """The program says where it listens, has its faults in force, and ends with exit code 0."""
    (tmp_path / "faults.json").write_text('[{"fault": {"kind": "overloaded"}}]')
    command = [
        sys.executable,
        "-m",
        "turnout",
        "sim",
        "--port",
        "0",
        "--time-scale",
        "0",
        "--faults",
        str(tmp_path / "faults.json"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        url = re.search(r"GET (\S+)", lines[3])
        assert url is not None
        with urllib.request.urlopen(url[1], timeout=5) as answer:
            stats = json.load(answer)
        process.send_signal(number)
        code = process.wait(timeout=5)

    assert code == 0
    assert stats["requests"] == 0
    assert lines[0].startswith("sim-openai")
