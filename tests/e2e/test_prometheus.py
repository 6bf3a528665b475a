"""A real Prometheus scrapes a running gateway: the documented names are there, and the rules are in force."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tools import build_telemetry

from tests.e2e.conftest import free_ports
from tests.e2e.world import World
from turnout.telemetry.names import data_plane

PROMETHEUS = shutil.which("prometheus")
WITHIN = 15.0

pytestmark = pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is not installed (Debian: prometheus)")


class Prometheus:
    def __init__(self, world: World, url: str, log: Path) -> None:
        self._world, self._url, self._log = world, url, log

    def get(self, path: str) -> Any:
        answer = self._world.call("GET", f"{self._url}/api/v1/{path}")
        if answer.status == 503:
            raise ConnectionError("it is not ready yet")
        assert answer.status == 200, answer.body
        return answer.json["data"]

    def query(self, expr: str) -> list[Any]:
        return self.get(f"query?query={quote(expr)}")["result"]

    def until(self, look: Callable[[], Any], what: str) -> Any:
        """What it sees, once it sees something."""
        until = time.monotonic() + WITHIN
        while True:
            try:
                if found := look():
                    return found
            except OSError:
                pass
            assert time.monotonic() < until, f"{what} does not come; Prometheus said:\n{self._log.read_text()}"
            time.sleep(0.05)


@pytest.fixture
def prometheus(world: World, tmp_path: Path) -> Iterator[Prometheus]:
    [port] = free_ports(1)
    config, log = tmp_path / "prometheus.yml", tmp_path / "prometheus.log"
    target = world.api.removeprefix("http://")
    config.write_text(
        json.dumps(
            {
                "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms", "evaluation_interval": "200ms"},
                "rule_files": [str(build_telemetry.RULES)],
                "scrape_configs": [{"job_name": "turnout", "static_configs": [{"targets": [target]}]}],
            }
        )
    )
    words = (f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}", f"--web.listen-address=127.0.0.1:{port}")
    with log.open("wb") as output:
        process = subprocess.Popen([str(PROMETHEUS), *words], stdout=output, stderr=output)
    try:
        yield Prometheus(world, f"http://127.0.0.1:{port}", log)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def test_prometheus_sees_the_documented_names(world: World, prometheus: Prometheus) -> None:
    """With the types and meanings of the table, the values of the requests just made, and rules that work on them."""
    body = {"model": "sim-openai/small", "messages": [{"role": "user", "content": "Where is my parcel?"}]}
    asked = [world.post("/v1/chat/completions", body).headers["x-turnout-cost-usd"] for _ in range(3)]
    spent = sum(map(float, asked))

    prometheus.until(lambda: prometheus.query('up{job="turnout"} == 1'), "a scrape that went well")
    known = prometheus.until(lambda: prometheus.get("metadata"), "what the metrics are")
    for one in data_plane():
        [said] = known[one.name if one.kind != "counter" or one.name in known else one.name.removesuffix("_total")]
        assert (said["type"], said["help"]) == (one.kind, one.meaning)

    [requests] = prometheus.query('turnout_requests_total{route="direct", model="sim-openai/small", outcome="ok"}')
    [cost] = prometheus.query('turnout_cost_usd_total{route="direct", model="sim-openai/small"}')
    assert float(requests["value"][1]) >= 3
    assert float(cost["value"][1]) >= spent * 0.999

    groups = prometheus.get("rules")["groups"]
    assert sum(len(group["rules"]) for group in groups) == len(build_telemetry.RECORDING) + len(build_telemetry.ALERTS)

    def answered() -> bool:
        world.post("/v1/chat/completions", body)
        return bool(prometheus.query('turnout:requests:rate5m{route="direct"} > 0'))

    prometheus.until(answered, "a recorded rate")
    assert not [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"] if rule["health"] == "err"]
