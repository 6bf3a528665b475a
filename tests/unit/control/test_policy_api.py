"""Policies and the audit trail over HTTP."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from tests.support.asgi import Answer, call
from tests.support.records import record
from tests.unit.control.test_publish import ONE, TWO
from tests.unit.control.test_publish_history import Bench
from turnout.audit.checkpoint import from_text
from turnout.control.app import control_app
from turnout.control.audit_api import audit_routes
from turnout.control.audit_keeper import AuditKeeper
from turnout.control.policy_api import policy_routes
from turnout.control.wire import LARGEST_CALL

ADMIN = "Bearer secret"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    made.adopt(ONE, TWO)
    yield made
    made.ledger.close()


@pytest.fixture
def keeper(bench: Bench) -> AuditKeeper:
    return AuditKeeper(bench.ledger.audit, bench.folder, bench.clock)


@pytest.fixture
def app(bench: Bench, keeper: AuditKeeper) -> Starlette:
    more = [*policy_routes(bench.publish, bench.history), *audit_routes(bench.ledger, keeper, bench.clock)]
    return control_app(bench.ledger, "secret", [], more=more)


async def get(app: Starlette, path: str) -> Answer:
    return await call(app, path, authorization=ADMIN)


async def post(app: Starlette, path: str, body: Any) -> Answer:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await call(app, path, method="POST", body=sent, authorization=ADMIN, content_type="application/json")


async def test_versions_are_listed_shown_and_compared(app: Starlette) -> None:
    """Latest first, with the one in force."""
    listed = (await get(app, "/api/policies")).json
    assert (listed["in_force"], [each["version"] for each in listed["policies"]]) == (2, [2, 1])
    shown = (await get(app, "/api/policies/2")).json
    assert shown["sentences"] == ["route default changed: objective from balanced to cost"]
    assert shown["note"].startswith("Policy 2 is in force since")
    compared = (await get(app, "/api/policies/2/diff/1")).json
    assert compared["sentences"] == ["route default changed: objective from cost to balanced"]


@pytest.mark.parametrize("path", ["/api/policies/9", "/api/policies/1/diff/9"])
async def test_a_version_that_never_was_is_not_found(app: Starlette, path: str) -> None:
    """And named."""
    answer = await get(app, path)
    assert answer.status == 404
    assert "no version 9" in answer.body.decode()


async def test_a_version_is_brought_back(app: Starlette, bench: Bench) -> None:
    """With a reason, and by whoever says so."""
    answer = await post(app, "/api/policies/1/restore", {"note": "too dear"})
    assert (answer.status, answer.json) == (200, {"version": 3, "restores": 1})
    assert bench.objective == "balanced"
    assert bench.history.list()[0].actor == "api:admin"


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 400), ({"note": "  "}, 400), ({"note": "x", "force": 1}, 400), (b"x" * (LARGEST_CALL + 1), 413), (b"no", 400)],
)
async def test_a_call_without_a_reason_brings_nothing_back(app: Starlette, bench: Bench, body: Any, status: int) -> None:
    """Nor one that is none."""
    assert (await post(app, "/api/policies/1/restore", body)).status == status
    assert len(bench.history.list()) == 2
    assert (await post(app, "/api/policies/8/restore", {"note": "why"})).status == 404


async def test_the_trail_is_read_in_pages(app: Starlette, keeper: AuditKeeper) -> None:
    """Payloads as what they are, not as text."""
    keeper.trail.add("note", "test", {"n": 1})
    shown = (await get(app, "/api/audit?limit=2")).json
    assert [entry["kind"] for entry in shown["entries"]] == ["note", "policy"]
    assert shown["entries"][0]["payload"] == {"n": 1}
    assert shown["head"]["seq"] == 4
    assert shown["public_key"].startswith("ed25519:")
    older = (await get(app, "/api/audit?before=3&kind=policy")).json["entries"]
    assert [entry["seq"] for entry in older] == [2]


async def test_a_checkpoint_is_made_and_fetched(app: Starlette, keeper: AuditKeeper) -> None:
    """As a file."""
    assert (await get(app, "/api/audit/checkpoint")).status == 404
    made = await post(app, "/api/audit/checkpoint", {})
    assert made.status == 200
    fetched = await get(app, "/api/audit/checkpoint")
    assert fetched.body == made.body
    assert from_text(fetched.body) == keeper.latest_checkpoint()


async def test_the_last_verification_is_told(app: Starlette, keeper: AuditKeeper) -> None:
    """Null before the first."""
    assert (await get(app, "/api/audit/verify")).json == {"last": None}
    keeper.daily()
    last = (await get(app, "/api/audit/verify")).json["last"]
    assert (last["ok"], last["findings"], last["head"]) == (True, [], 4)


async def test_the_inventory_says_which_model_served_what_and_who_put_that_in_force(app: Starlette, bench: Bench) -> None:
    """From the sums; as JSON and as CSV."""
    bench.ledger.ingest([record(n, at=1_700_000_000.0 + n, policy=2, cost=10**12) for n in range(3)], "s", 1)
    bench.ledger.roll_up(1_700_000_100.0)
    (line,) = (await get(app, "/api/inventory?month=2023-11")).json["served"]
    entry = bench.history.show(2).entry
    assert (line["route"], line["model"], line["requests"], line["cost_usd"]) == ("code", "anthropic/claude-haiku-4-5", 3, 3.0)
    assert (line["policy"], line["actor"], line["entry"]) == (2, "file:turnout.yaml", entry)
    csv = await get(app, "/api/inventory?month=2023-11&format=csv")
    assert csv.body.decode().splitlines()[1].startswith("code,anthropic/claude-haiku-4-5,2,")
    assert (await get(app, "/api/inventory?month=2023-12")).json["served"] == []
    assert (await get(app, "/api/inventory?month=2023-13")).status == 400
