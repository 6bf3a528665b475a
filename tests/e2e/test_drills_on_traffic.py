"""``turnout drill`` on the traffic of a gateway that serves: who takes part meets the failure, and nobody else notices."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.own import Own, eventually, own, sim_of
from tests.e2e.world import Raw
from turnout.drill.current import read
from turnout.sim.policy import policy_yaml
from turnout.sim.profile import default_fleet

PATIENCE = 60.0
ROUTES = """\
routes:
  default: {static: sim-openai/small, journal: required, fallback: [sim-anthropic/swift]}
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Own]:
    fleet = default_fleet(time_scale=0)
    with sim_of(fleet) as sim, own(tmp_path, sim, lambda ports: policy_yaml(fleet, ports, routes=ROUTES)) as running:
        yield running


@contextmanager
def traffic(world: Own) -> Iterator[list[Raw]]:
    """One request after the other meanwhile, and what they were answered."""
    answers: list[Raw] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.wait(0.02):
            body = {"model": "auto", "messages": [{"role": "user", "content": f"Say {len(answers)}"}], "max_tokens": 50}
            answers.append(world.post("/v1/chat/completions", body))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield answers
    finally:
        stop.set()
        asking.join()


def drill(world: Own, *words: str) -> "subprocess.Popen[bytes]":
    where = ("--config", str(world.config), "--data-dir", str(world.data_dir))
    return subprocess.Popen(
        (sys.executable, "-m", "turnout", "drill", "run", "outage", "--provider", "sim-openai", *words, *where, "--json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def report(world: Own, *words: str) -> dict[str, Any]:
    out, err = drill(world, *words).communicate(timeout=PATIENCE)
    found: dict[str, Any] = json.loads(out or b"{}")
    assert found, err.decode()
    return found


def nobody_is_out(world: Own) -> bool:
    return {each["standing"] for each in world.control_get("/api/health").json["providers"]} == {"admitting"}


def by(answers: list[Raw], model: str) -> list[Raw]:
    return [answer for answer in answers if answer.headers.get("x-turnout-model") == model]


@pytest.mark.slow
def test_live(world: Own) -> None:
    """Half of the requests lose their provider and none is lost; the others keep it, and so does its name."""
    with traffic(world) as answers:
        found = report(world, "--on", "live", "--share", "0.5", "--for", "4s")
        assert nobody_is_out(world)
    figures = found["figures"]

    assert found["verdict"] == "passed"
    assert {answer.status for answer in answers} == {200}
    assert figures["saved"] == figures["during"]["requests"] > 10
    assert figures["during"]["to_target"] < 0.5
    assert figures["beside"]["requests"] > 10
    assert figures["beside"]["to_target"] == 1
    elsewhere = by(answers, "sim-anthropic/swift")
    assert len(elsewhere) >= figures["saved"]
    assert world.record(elsewhere[0].headers["x-turnout-request-id"])["drill"] == found["id"]
    assert world.record(answers[0].headers["x-turnout-request-id"])["drill"] is None
    assert by(answers[-5:], "sim-openai/small")  # the drill is over


@pytest.mark.slow
def test_mirror(world: Own) -> None:
    """Copies meet the failure and are paid for within their budget; whoever asked notices nothing, and is counted once."""
    with traffic(world) as answers:
        found = report(world, "--on", "mirror", "--share", "1", "--budget", "0.05", "--for", "4s")
        assert nobody_is_out(world)
    figures = found["figures"]

    assert found["verdict"] == "passed"
    assert figures["saved"] > 10
    assert 0 < figures["spent_usd"] <= 0.05
    assert len(by(answers, "sim-openai/small")) == len(answers)
    summary = eventually(
        lambda: (s := world.control_get("/api/summary").json)["requests"] == len(answers) and s, "the last record"
    )
    assert summary["outcomes"] == {"ok": len(answers)}
    assert {model["name"]: model["requests"] for model in summary["models"]} == {
        "sim-openai/small": len(answers),
        "sim-anthropic/swift": 0,
    }


@pytest.mark.slow
def test_killed(world: Own) -> None:
    """A drill whose command is killed ends by itself within seconds, though its file stays."""
    running = drill(world, "--on", "live", "--share", "1", "--for", "10m")
    try:
        eventually(lambda: read(world.data_dir), "the drill")
    finally:
        running.kill()
        running.communicate()
    left = eventually(lambda: read(world.data_dir), "its file, which stays")
    with traffic(world) as answers:
        eventually(lambda: answers and world.record(answers[-1].headers["x-turnout-request-id"])["drill"] is None, "its end")

    assert answers[-1].status == 200
    assert left.id.endswith("outage-sim-openai")
