"""``turnout audit import`` as a user runs it: logs in, a report out."""

import gzip
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.shared_data import SHARED
from tests.support import logs

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def run(*words: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "turnout", "audit", "import", *map(str, words)],
        input=stdin,
        capture_output=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("kind", ["openai", "litellm", "langfuse"])
def test_a_report_of_each_kind_of_log(tmp_path: Path, kind: str) -> None:
    """Exit 0; totals exact, the broken rows listed and no other, HTML and JSON agree, and no content is in either."""
    truth = logs.write(kind, tmp_path / "log.jsonl", 1_000, broken=24)

    done = run(
        tmp_path / "log.jsonl", "--out", tmp_path / "r.html", "--json", tmp_path / "r.json", "--dirty", tmp_path / "dirty.jsonl"
    )

    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "r.json").read_text())
    assert figures["total"]["stated"] == truth.spend
    assert figures["total"]["calls"] == truth.calls
    assert (figures["total"]["tokens_in"], figures["total"]["tokens_out"]) == (truth.tokens_in, truth.tokens_out)
    assert {model["name"]: model["sums"]["calls"] for model in figures["models"]} == truth.by_model
    assert sum(sums["spend"] for sums in figures["days"].values()) == figures["total"]["spend"]
    _check_times(figures)
    listed = [json.loads(line)["line"] for line in (tmp_path / "dirty.jsonl").read_text().splitlines()]
    assert listed == truth.dirty
    report = (tmp_path / "r.html").read_text()
    assert f"{truth.calls:,}" in report
    for text in (report, (tmp_path / "r.json").read_text(), (tmp_path / "dirty.jsonl").read_text(), done.stdout.decode()):
        assert logs.SECRET not in text
    assert re.search(r"would save \d+%", done.stdout.decode())


def _check_times(figures: dict[str, Any]) -> None:
    """Times are told in figures, not in the buckets they were counted in; each call with one is of one model."""
    took = figures["total"]["latency_ms"]
    assert set(took) == {"n", "mean", "p50", "p95", "p99"}
    assert 0 < took["n"] <= figures["total"]["calls"]
    assert 0 < took["p50"] <= took["p95"] <= took["p99"]
    assert sum(model["sums"]["latency_ms"]["n"] for model in figures["models"]) == took["n"]
    assert set(figures["total"]["first_token_ms"]) == set(took)


def test_standard_input_a_policy_and_json_out(tmp_path: Path) -> None:
    """A compressed log through a pipe, under a policy of one's own: everything on its one model, at that model's price."""
    truth = logs.write("litellm", tmp_path / "log.gz", 300)
    (tmp_path / "p.yaml").write_text("providers: {openai: {}}\nroutes: {default: {static: openai/gpt-4o-mini}}\n")

    done = run("-", "--policy", tmp_path / "p.yaml", "--json", "-", stdin=(tmp_path / "log.gz").read_bytes())

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["files"] == {"standard input": "litellm"}
    ones = [one for one in logs.ones(300, 7) if not one.failed and one.model != "our-own-llama"]
    assert found["whatif"]["calls"] == len(ones)
    assert found["whatif"]["routed"]["cost"] == sum(one.prompt * 150_000 + one.completion * 600_000 for one in ones)
    assert found["total"]["calls"] == truth.calls


def test_real_questions_are_told_apart(tmp_path: Path) -> None:
    """Recorded questions of many kinds, as an OpenAI log: most get a task, and where text is, it is used."""
    source = SHARED / "data" / "routellm" / "queries.jsonl.gz"
    if not source.exists():
        pytest.skip(f"no recorded data at {source}")
    with gzip.open(source, "rt") as lines, (tmp_path / "log.jsonl").open("w") as log:
        for n, line in zip(range(500), lines, strict=False):
            row = json.loads(line)
            usage = {"prompt_tokens": row["tin"], "completion_tokens": 5, "total_tokens": row["tin"] + 5}
            log.write(
                json.dumps(
                    {
                        "id": f"q{n}",
                        "model": "gpt-4o",
                        "messages": [{"role": "user", "content": row["prompt"]}],
                        "usage": usage,
                        "created": 1_790_000_000 + n,
                    }
                )
                + "\n"
            )

    done = run(tmp_path / "log.jsonl", "--json", "-")

    found = json.loads(done.stdout)
    assert (found["total"]["calls"], found["with_text"], found["dirty"]) == (500, 500, 0)
    assert found["tasks"].get("unknown", 0) < 250
    assert found["total"]["computed"] > 0


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: chromium)")
@pytest.mark.parametrize("width", [1280, 390])
def test_the_report_in_a_browser(tmp_path: Path, width: int) -> None:
    """Nothing is written to the console, nothing is loaded, and no page is wider than its screen."""
    logs.write("litellm", tmp_path / "log.jsonl", 500, broken=10)
    assert run(tmp_path / "log.jsonl", "--out", tmp_path / "r.html").returncode == 0
    probe = "<script>document.title = document.documentElement.scrollWidth + ' ' + innerWidth + ' ' + performance.getEntriesByType('resource').length</script>"
    (tmp_path / "probe.html").write_text((tmp_path / "r.html").read_text().replace("</body>", probe + "</body>"))

    command = [
        str(CHROMIUM),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--enable-logging=stderr",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    done = subprocess.run(
        [*command, f"--window-size={width},900", "--dump-dom", f"file://{tmp_path / 'probe.html'}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    title = re.search(r"<title>(\d+) (\d+) (\d+)</title>", done.stdout)
    assert title is not None
    wide, screen, loaded = map(int, title.groups())
    assert wide <= screen
    assert loaded == 0
    assert "CONSOLE" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["openai", "litellm", "langfuse"])
def test_a_hundred_thousand_rows_within_a_minute(tmp_path: Path, kind: str) -> None:
    """With broken rows among them; the totals are exact."""
    truth = logs.write(kind, tmp_path / "log.jsonl", 100_000, broken=500)
    began = time.monotonic()

    done = run(
        tmp_path / "log.jsonl", "--out", tmp_path / "r.html", "--json", tmp_path / "r.json", "--dirty", tmp_path / "dirty.jsonl"
    )

    assert time.monotonic() - began < 60
    assert done.returncode == 0
    figures = json.loads((tmp_path / "r.json").read_text())
    assert (figures["total"]["stated"], figures["total"]["calls"]) == (truth.spend, truth.calls)
    assert [json.loads(line)["line"] for line in (tmp_path / "dirty.jsonl").read_text().splitlines()] == truth.dirty
