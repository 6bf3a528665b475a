"""What is written down of a request: each figure in its place."""

import json
from pathlib import Path

import msgspec
import pytest

from tests.support.fake_transport import Answer, FakeTransport
from tests.support.gateway import ASK, ask, house
from turnout.clock import ManualClock
from turnout.types.money import pico_from_usd
from turnout.types.reply import Usage

TICK_MS = 1000 / 1024
"""A power of two of seconds, so that sums are exact."""
LADDER = """
routes:
  default: {objective: cost, models: [sim-openai/small, sim-openai/medium, sim-openai/large]}
"""
ONLY_A_FALLBACK_SEES = """
routes:
  default: {static: sim-local/tiny, fallback: [sim-openai/medium]}
"""
SEEN = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]
COUNTED = json.dumps(
    {
        "id": "1",
        "model": "standard-2026",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Paris"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 500},
    }
).encode()


class TickingClock(ManualClock):
    """Each look at the steady time finds it one tick later."""

    def steady(self) -> float:
        self.advance(TICK_MS / 1000)
        return super().steady()


async def test_a_record_has_each_figure_in_its_place(tmp_path: Path) -> None:
    """It is made by position, so every field is looked at by name."""
    transport = FakeTransport(Answer(b"{}", status=503), Answer(COUNTED))
    rooms = house(tmp_path, transport, routes=LADDER, clock=TickingClock(seed=7))
    answered = await ask(rooms.app, "/v1/chat/completions", ASK)
    (record,) = rooms.journal.records
    first, second = record.attempts
    known = msgspec.structs.asdict(record)
    plan, seed, at = (known.pop(name) for name in ("plan", "seed", "at"))

    assert known == {
        "id": answered.headers["x-turnout-request-id"],
        "worker": "test",
        "policy": 1,
        "view": "view",
        "route": "default",
        "reason": "fallback",
        "model": "sim-openai/medium",
        "outcome": "ok",
        "code": None,
        "status": 200,
        "stream": False,
        "duration_ms": pytest.approx(second.ended_ms, abs=3 * TICK_MS),
        "first_token_ms": None,
        "decision_us": TICK_MS * 1000,
        "cost": pico_from_usd(0.006),
        "traits": record.traits,
        "attempts": (first, second),
        "baseline": pico_from_usd(0.03),
        "skipped": (),
        "edition": 0,
        "saved": None,
        "drill": None,
        "ticket": None,
        "copy_of": None,
        "trace": None,
        "turn": None,
        "trial": None,
        "side": None,
        "propensity": None,
    }
    assert (len(plan), seed, int(at)) == (16, ManualClock(seed=7).seed(), 1_700_000_000)
    assert record.traits is not None
    assert (record.traits.front, record.traits.task.value) == ("openai-chat", "qa")


async def test_an_attempt_has_each_figure_in_its_place(tmp_path: Path) -> None:
    """The one that failed and the one that answered."""
    transport = FakeTransport(Answer(b'{"error": {"message": "busy"}}', status=503), Answer(COUNTED))
    rooms = house(tmp_path, transport, routes=LADDER, clock=TickingClock())
    await ask(rooms.app, "/v1/chat/completions", ASK)
    first, second = (msgspec.structs.asdict(attempt) for attempt in rooms.journal.records[0].attempts)

    assert 0 < first.pop("started_ms") < first.pop("ended_ms") < second.pop("started_ms") < second.pop("ended_ms")
    assert first == {
        "model": "sim-openai/small",
        "reason": "cheapest",
        "first_token_ms": None,
        "status": 503,
        "fault": "unavailable",
        "detail": "busy",
        "usage": None,
        "cost": 0,
        "upstream_model": None,
    }
    assert second == {
        "model": "sim-openai/medium",
        "reason": "fallback",
        "first_token_ms": None,
        "status": 200,
        "fault": None,
        "detail": None,
        "usage": Usage(input=1000, output=500),
        "cost": pico_from_usd(0.006),
        "upstream_model": "standard-2026",
    }


async def test_what_only_a_fallback_can_serve_has_a_baseline_too(tmp_path: Path) -> None:
    """The best that could have served is then among the fallbacks."""
    rooms = house(tmp_path, FakeTransport(Answer(COUNTED)), routes=ONLY_A_FALLBACK_SEES)
    await ask(rooms.app, "/v1/chat/completions", {"model": "auto", "messages": SEEN})
    (record,) = rooms.journal.records

    assert (record.model, record.reason) == ("sim-openai/medium", "fallback")
    assert record.baseline == record.cost == pico_from_usd(0.006)
