"""What deploy/ holds is made from the table of names, loads, and does what it says."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from tools import build_telemetry

from tests.support.records import attempt, record
from turnout.metrics import COUNTERS, GAUGES, JOURNAL, Metrics
from turnout.telemetry.control import exposition
from turnout.telemetry.names import CONTROL, control_plane, data_plane

DEPLOY = build_telemetry.ROOT / "deploy"
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)")


def promtool(*words: Any, said: bytes = b"") -> str:
    done = subprocess.run(
        [PROMTOOL, *map(str, words)], check=False, input=said, capture_output=True, cwd=DEPLOY / "prometheus", timeout=30
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return (done.stdout + done.stderr).decode()


def panels() -> list[dict[str, Any]]:
    return [panel for panel in json.loads(build_telemetry.DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


@pytest.mark.parametrize("path", build_telemetry.files(), ids=lambda path: path.name)
def test_a_file_is_current(path: Path) -> None:
    """``python tools/build_telemetry.py`` after a change of a metric, a rule or a panel."""
    assert path.read_text("utf-8") == build_telemetry.files()[path]


def test_a_name_that_there_is_not_stops_the_program() -> None:
    """A panel would stay empty, and an alert never fire."""
    with pytest.raises(SystemExit, match="turnout_request_total: no such metric"):
        build_telemetry._known("sum(rate(turnout_request_total[5m]))")
    with pytest.raises(SystemExit, match="turnout:nothing"):
        build_telemetry._known("turnout:nothing > 1")


def test_every_metric_is_on_the_dashboard() -> None:
    """Whoever looks for a figure finds it."""
    shown = " ".join(target["expr"] for panel in panels() for target in panel["targets"])
    missing = [
        one.name for one in (*data_plane(), *control_plane()) if not any(re.search(rf"\b{name}\b", shown) for name in one.series)
    ]
    assert missing == []


def test_the_dashboard_can_be_imported() -> None:
    """Its ids differ, its panels do not overlap, all of them ask the source that the reader chooses."""
    board = json.loads(build_telemetry.DASHBOARD.read_text())
    places = [panel["gridPos"] for panel in board["panels"]]
    cells = [
        (x, y) for at in places for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    ]  # fmt: skip

    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
    assert {panel["datasource"]["uid"] for panel in panels()} == {"${datasource}"}
    assert [variable["name"] for variable in board["templating"]["list"]] == ["datasource", "route", "model"]


def test_a_collectors_pipelines_name_what_there_is() -> None:
    """The example's own parts, and nothing else."""
    said = YAML(typ="safe").load((DEPLOY / "otel" / "collector.yaml").read_text())
    for pipeline in said["service"]["pipelines"].values():
        for kind, parts in pipeline.items():
            assert set(parts) <= said[kind].keys()


@needs_promtool
def test_prometheus_takes_the_rules() -> None:
    """As it takes the example's configuration."""
    assert "SUCCESS" in promtool("check", "rules", "rules.yml")
    assert "SUCCESS" in promtool("check", "config", "--syntax-only", "prometheus.yml")


@needs_promtool
def test_the_alerts_fire_when_they_should() -> None:
    """And not before: rules_test.yml has the cases."""
    assert "SUCCESS" in promtool("test", "rules", "rules_test.yml")


@needs_promtool
def test_prometheus_can_read_every_panel(tmp_path: Path) -> None:
    """Each query as a rule, with Grafana's variables filled in."""
    filled = [
        target["expr"].replace("$__rate_interval", "5m").replace("$__range", "6h").replace("$route", ".*").replace("$model", ".*")
        for panel in panels()
        for target in panel["targets"]
    ]
    rules = [{"record": f"panel:{n}", "expr": expr} for n, expr in enumerate(filled)]
    file = tmp_path / "panels.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))

    assert f"{len(filled)} rules found" in promtool("check", "rules", file)


@needs_promtool
def test_prometheus_finds_nothing_amiss_in_what_is_exposed() -> None:
    """Every metric there is, in both processes' own words."""
    metrics = Metrics()
    metrics.observe(record(0, skipped=(("a/m", "quota"),), reason="fallback", attempts=(attempt(), attempt(cost=None))))
    for name, (_, labels) in COUNTERS.items():
        metrics.add(name, ("x",) * len(labels))
    for name, (_, labels) in GAUGES.items():
        metrics.gauge(name, {("x",) * len(labels): 1})
    metrics.note_journal(failing=False, buffered=0, written_at_once=0, dropped=0)
    control, _ = exposition({name: {("x",) * len(labels): 1.0} for name, (_, _, labels) in CONTROL.items()})
    gateway, _ = metrics.exposition()

    for text in (gateway, control):
        assert promtool("check", "metrics", said=text) == ""
    said = gateway.decode() + control.decode()
    assert all(f"\n{name}" in f"\n{said}" for one in (*data_plane(), *control_plane()) for name in one.series)
    assert set(JOURNAL) <= set(re.findall(r"turnout_journal_\w+?(?=_total|\{| )", said))
