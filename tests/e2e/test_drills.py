"""``turnout drill`` as a user runs it: a whole Turnout of its own, a failure inside it, a report; and that it ends when told to."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from turnout.drill.current import read
from turnout.sim.policy import Ports, policy_yaml
from turnout.sim.profile import default_fleet

PATIENCE = 60.0
ALONE = """\
routes:
  alone: {static: sim-openai/small}
  weak: {static: sim-openai/small, fallback: [sim-local/tiny]}
  default: {static: sim-openai/small, fallback: [sim-anthropic/swift]}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "turnout.yaml"
    path.write_text(policy_yaml(default_fleet(), Ports()))
    return path


def drill(config: Path, *words: str) -> "subprocess.Popen[bytes]":
    command = (
        sys.executable,
        "-m",
        "turnout",
        "drill",
        *words,
        "--config",
        str(config),
        "--data-dir",
        str(config.parent / "data"),
    )
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def run(config: Path, code: int, *words: str) -> dict[str, Any]:
    """The report of a drill that ends with this exit code."""
    process = drill(config, "run", *words, "--json")
    out, err = process.communicate(timeout=PATIENCE)

    assert process.returncode == code, err.decode()
    report: dict[str, Any] = json.loads(out)
    return report


def test_outage(config: Path) -> None:
    """The demo's policy survives the outage of its main provider, and the report says how."""
    report = run(config, 0, "outage", "--provider", "sim-openai", "--for", "4s", "--rate", "30")

    figures = report["figures"]
    assert report["verdict"] == "passed"
    assert figures["during"]["lost"] == 0
    assert figures["saved"] > 20
    assert figures["before"]["to_target"] > 0.3
    assert not any(model.startswith("sim-openai/") for model in figures["served_by"])
    page = (config.parent / "data" / "drills" / report["id"] / "report.html").read_text()
    assert report["sentence"] in page.replace("&nbsp;", " ")


@pytest.mark.slow
def test_lost(config: Path) -> None:
    """A route without another provider loses its requests, one with a weaker model some; each is told what it lacks."""
    config.write_text(policy_yaml(default_fleet(), Ports(), routes=ALONE))

    report = run(config, 1, "bad_credentials", "--provider", "sim-openai", "--for", "6s", "--rate", "10")
    by_route = {route["name"]: route["during"] for route in report["figures"]["routes"]}
    assert by_route["alone"]["lost"] == by_route["alone"]["requests"]
    assert by_route["default"]["lost"] == 0
    assert 0 < by_route["weak"]["lost"] < by_route["weak"]["requests"]
    advice = {(each["route"], each["title"]) for each in report["advice"] if each["weight"] == "must"}
    assert advice == {("alone", "No fallback on another provider"), ("weak", "Some requests have no stand-in")}


def test_stopped(config: Path) -> None:
    """``drill stop`` ends it at once, with nothing left in force and no report."""
    data = config.parent / "data"
    running = drill(config, "run", "outage", "--provider", "sim-openai", "--for", "10m", "--rate", "5")
    try:
        wait_until(lambda: read(data) is not None)
        stopping = drill(config, "stop")
        stopping.communicate(timeout=PATIENCE)
        assert stopping.returncode == 0
        _, err = running.communicate(timeout=PATIENCE)
    finally:
        running.kill()

    assert running.returncode == 1
    assert "nothing is injected any more" in err.decode()
    assert read(data) is None
    assert not list((data / "drills").glob("*/report.json"))


def wait_until(true: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
