"""After a run the ledger, the client, the metrics and the provider's invoice say the same, to the pico-dollar; and decisions replay."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.asking import SHAPES, STREAMED, Said, Sdk, ask, body, user
from tests.e2e.world import KEYS, World
from turnout.replay import recompute
from turnout.sim import cases
from turnout.types.money import PICO_PER_USD

KINDS = (
    "auto", "finance", "support", "code", "default", "openai-first", "anthropic-first", "quick", "shared", "audited",
    "sim-openai/medium", "steady",
)  # fmt: skip
"""Every kind of route: static, dynamic, hybrid, balanced, split, audited, direct, by bare name."""
TASKS = ("customer_support", "code_generation", "math", "translation", "summarization")
REQUESTS = 120
FREE_FAULTS = (
    {"fault": {"kind": "server_error"}, "model": "sim-openai/small", "count": 4},
    {"fault": {"kind": "rate_limited"}, "model": "sim-openai/small", "count": 4},
)
"""Refusals cost nothing, so that the invoice stays exact."""


class Run(msgspec.Struct):
    """What was asked and said, the provider's invoice, and the summary of the ledger before and after."""

    said: dict[str, Said]
    bill: int
    before: Any
    after: Any
    streamed: set[str]


def pico(dollars: float | str) -> int:
    return round(float(dollars) * PICO_PER_USD)


def requests_of() -> Iterator[tuple[Sdk, bool, dict[str, Any], dict[str, str]]]:
    """SDK, stream, body, headers: every kind of route with every shape, some in sessions, some with hints."""
    fronts: tuple[Sdk, ...] = ("openai", "anthropic")
    shapes = [shape for shape in SHAPES if shape != "length"]
    for n in range(REQUESTS):
        front, model = fronts[n % 2], KINDS[n % len(KINDS)]
        if n % 3:
            asked = {"model": model, "max_tokens": 900, "messages": [user(cases.case(TASKS[n % 5], n).prompt)]}
        else:
            asked = body(shapes[n // 3 % len(shapes)], front, model)
        headers = {"x-turnout-session": f"session-{n % 7}"} if n % 5 < 3 else {}
        headers |= {"x-turnout-tags": f"complexity={n % 10 / 10},team=web"} if n % 4 == 0 else {}
        yield front, n % 8 in (1, 2, 4, 7), asked, headers


@pytest.fixture(scope="module")
def run(world: World) -> Run:
    settle(world)
    before = world.control_get("/api/summary?window=0").json
    world.forget()
    world.inject(*FREE_FAULTS)
    said, streamed = {}, set()
    for front, stream, asked, headers in requests_of():
        answer = ask(world.sdk(front), asked, stream=stream, headers=headers)
        id_ = answer.headers["x-turnout-request-id"]
        said[id_] = answer
        streamed |= {id_} if stream else set()
    for id_ in said:
        world.record(id_)
    return Run(said, world.stats()["billed_pico"], before, world.control_get("/api/summary?window=0").json, streamed)


def settle(world: World) -> None:
    """Wait until the ledger has all that the workers counted."""
    eventually(lambda: world.control_get("/api/summary?window=0").json["requests"] == sum(counted(world, "outcome").values()))


def eventually(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < until, "the ledger does not catch up with the metrics"
        time.sleep(0.05)


def counted(world: World, label: str) -> Counter[str]:
    """The metrics' requests by one label."""
    found: Counter[str] = Counter()
    for name, labels, value in samples(world):
        if name == "turnout_requests_total":
            found[labels[label]] += int(value)
    return found


def samples(world: World) -> Iterator[tuple[str, dict[str, str], float]]:
    answer = world.get("/metrics", key=None)
    assert answer.headers["content-type"].startswith("text/plain")
    for family in text_string_to_metric_families(answer.body.decode()):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value


def test_each_record_is_what_the_client_saw(world: World, run: Run) -> None:
    """Model, route, reason, attempts, tokens, and the cost where the client was told."""
    for id_, said in run.said.items():
        record, headers = world.record(id_), said.headers

        assert record["outcome"] == "ok"
        assert (record["route"], record["model"], record["reason"]) == tuple(
            headers[f"x-turnout-{name}"] for name in ("route", "model", "reason")
        )
        assert str(len(record["attempts"])) == headers["x-turnout-attempts"]
        usage = record["attempts"][-1]["usage"]
        assert (usage["input"], usage["cache_read"], usage["output"] + usage["reasoning"]) == said.tokens
        assert (record["status"], record["stream"]) == (200, id_ in run.streamed)
        if id_ not in run.streamed:
            assert pico(record["cost_usd"]) == pico(headers["x-turnout-cost-usd"])


def test_the_ledger_is_the_invoice(world: World, run: Run) -> None:
    """To the pico-dollar: each record, their sum, the summary, and the provider's own count."""
    records = [world.record(id_) for id_ in run.said]

    assert sum(pico(record["cost_usd"]) for record in records) == run.bill > 0
    assert pico(run.after["cost_usd"]) - pico(run.before["cost_usd"]) == run.bill
    assert run.after["requests"] - run.before["requests"] == len(run.said)
    assert run.after["unpriced"] == run.before["unpriced"]
    fallbacks = sum(said.headers["x-turnout-reason"] == "fallback" for said in run.said.values())
    assert run.after["fallbacks"] - run.before["fallbacks"] == fallbacks > 0
    assert sum(len(record["attempts"]) for record in records) == sum(world.asked().values()) == len(records) + 8


def test_the_list_is_the_records(world: World, run: Run) -> None:
    """Newest first, each request once, with its cost and its tokens."""
    listed = {row["id"]: row for row in world.control_get("/api/requests?limit=1000").json["requests"]}

    assert set(run.said) <= set(listed)
    assert sum(pico(listed[id_]["cost_usd"]) for id_ in run.said) == run.bill
    for id_, said in run.said.items():
        assert (listed[id_]["tokens_in"], listed[id_]["tokens_out"]) == (said.fresh + said.cached, said.written)


def test_the_metrics_are_the_ledger(world: World, run: Run) -> None:
    """Read by Prometheus' own parser: requests by outcome, route and model are the ledger's, of all that ever happened here."""
    settle(world)
    summary = world.control_get("/api/summary?window=0").json

    assert counted(world, "outcome") == summary["outcomes"]
    for label, shares in (("model", "models"), ("route", "routes")):
        in_ledger = Counter({row["name"] or "": row["requests"] for row in summary[shares]})
        in_metrics = counted(world, label)
        in_metrics.pop("", None)
        in_ledger.pop("", None)
        assert in_metrics == in_ledger
    calls = sum(value for name, _, value in samples(world) if name == "turnout_attempts_total")
    assert calls >= sum(world.asked().values())
    buckets = sum(
        value for name, labels, value in samples(world) if name.endswith("decision_seconds_bucket") and labels["le"] == "+Inf"
    )
    assert buckets == summary["requests"]


def test_no_content_and_no_key_is_kept(world: World, run: Run) -> None:
    """Neither in the ledger, nor in the journal, nor in the log."""
    secrets = [key.secret.encode() for key in KEYS.values()]
    words = [b"The parcel is traced", b"charged twice", b"Describe its size", b"Write a Python function"]
    for file in [*world.data_dir.rglob("*"), world.data_dir.parent / "serve.log"]:
        if file.is_file():
            content = file.read_bytes()
            assert not [word for word in secrets + words if word in content], file.name


def test_every_decision_replays(world: World, run: Run) -> None:
    """At least fifty, of every kind of route, with sessions held: the same plan from the ledger's row and the stored view alone."""
    replayed = {id_: recompute(id_, world.data_dir / "ledger.db", world.data_dir / "views") for id_ in run.said}

    assert len(replayed) >= 50
    assert all(each.identical for each in replayed.values())
    assert {each.decision.route for each in replayed.values()} >= set(KINDS) - {"auto", "sim-openai/medium", "steady"} | {
        "direct"
    }
    assert sum(each.traits.held is not None for each in replayed.values()) >= 20
    assert "sticky" in {each.decision.reason for each in replayed.values()}


def test_replay_says_so_on_the_command_line(world: World, run: Run) -> None:
    """Exit code 0 and ``identical``; 1 for what was never asked."""

    def replay(id_: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "turnout", "replay", id_, "--data-dir", str(world.data_dir), "--json"]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    known, unknown = replay(next(iter(run.said))), replay("0-0")

    assert known.returncode == 0
    assert json.loads(known.stdout)["identical"] is True
    assert unknown.returncode == 1
    assert "no request" in unknown.stderr


def test_an_audited_record_exists_before_the_answer_ends(world: World) -> None:
    """At the first content of a stream its record is on disk, as ``begun``: in the journal, or already in the ledger."""
    world.inject({"fault": {"kind": "stall", "after": 2}, "model": "sim-openai/medium"})
    raw = world.sdk("openai").chat.completions.with_raw_response.create(**body("plain", "openai", "audited"), **STREAMED)
    stream = raw.parse()
    next(stream)
    id_ = raw.headers["x-turnout-request-id"]
    journalled = any(id_.encode() in file.read_bytes() for file in (world.data_dir / "journal").iterdir())

    assert journalled or world.control_get(f"/api/requests/{id_}").json["outcome"] == "begun"
    stream.close()
    assert world.record(id_)["outcome"] == "cancelled"
