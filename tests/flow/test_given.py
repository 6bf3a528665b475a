"""Answers given again: by the real front, spine and cache; the provider and the time are the test's."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.fake_exchange import FakeExchange
from tests.support.fake_transport import Answer
from tests.support.gateway import House, ask, house, start
from tests.support.provider import Provider, settled
from turnout.cli.keys import key_hash
from turnout.clock import ManualClock
from turnout.decide.decide import decide
from turnout.decide.order import digest
from turnout.drill.inject import InjectedTransport
from turnout.drill.worker import Purse
from turnout.serve import copies
from turnout.serve.worker import Rehearsal
from turnout.types.drill import Drill
from turnout.types.money import PicoDollars

ROUTES = """\
routes:
  kept: {static: sim-openai/large, cache: {ttl: 10s, stale: 1h}}
  alike: {static: sim-openai/large, cache: {match: similar}}
  audited: {static: sim-openai/large, cache: {}, journal: required}
  shared: {split: {sim-openai/large: 50, sim-openai/small: 50}, cache: {ttl: 10s, stale: 1h}}
  people: {static: sim-openai/large, fallback: [{queue: human}]}
  default: {static: sim-openai/large}
"""
KEYS = {"web": "tk-web", "app": "tk-app"}
COST = (9 * 10 + 4 * 40) * 10**6
CHAT = "/v1/chat/completions"
streams = pytest.mark.parametrize("stream", [False, True])


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def rooms(tmp_path: Path, provider: Provider, clock: ManualClock) -> House:
    return house(tmp_path, provider, routes=ROUTES, clock=clock)


def asked(route: str = "kept", text: str = "What is the capital of France?", **more: Any) -> dict[str, Any]:
    return {"model": route, "messages": [{"role": "user", "content": text}], **more}


@streams
async def test_the_same_question_is_answered_without_a_call(stream: Any, rooms: House, provider: Provider) -> None:
    """The very same bytes; headers and record say that it cost nothing, and what it saved."""
    first = await ask(rooms.app, CHAT, asked(stream=stream))
    second = await ask(rooms.app, CHAT, asked(stream=stream))
    made, kept = rooms.journal.records

    assert provider.calls == 1
    assert second.body == first.body
    assert second.ended
    assert (second.headers["x-turnout-reason"], second.headers["x-turnout-model"]) == ("cache", "sim-openai/large")
    assert (second.headers["x-turnout-attempts"], float(second.headers["x-turnout-cost-usd"])) == ("0", 0)
    assert (made.reason, made.cost, made.saved) == ("static", COST, None)
    assert (kept.outcome, kept.reason, kept.model) == ("ok", "cache", "sim-openai/large")
    assert (kept.cost, kept.saved, kept.attempts, kept.baseline) == (0, COST, (), COST)


async def test_a_whole_answer_is_given_as_a_stream_and_back(rooms: House, provider: Provider) -> None:
    """How it is to be sent is no part of the question."""
    await ask(rooms.app, CHAT, asked())
    stream = await ask(rooms.app, CHAT, asked(stream=True, stream_options={"include_usage": True}))
    await ask(rooms.app, CHAT, asked("alike", stream=True))
    whole = await ask(rooms.app, CHAT, asked("alike"))

    assert provider.calls == 2
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert b"Paris." in stream.body
    assert b'"prompt_tokens":9' in stream.body
    assert stream.body.endswith(b"data: [DONE]\n\n")
    assert whole.json["choices"][0]["message"]["content"] == "Paris."
    assert whole.json["usage"]["total_tokens"] == 13


async def test_another_tenant_is_another_question(tmp_path: Path, provider: Provider) -> None:
    """No key gets what another's request made, in flight or kept."""
    keys = [{"name": name, "hash": key_hash(secret)} for name, secret in KEYS.items()]
    rooms = house(tmp_path, provider, routes=ROUTES, more=f"auth: {json.dumps({'keys': keys})}\n")
    provider.open.clear()
    tasks = [start(rooms.app, CHAT, asked(), authorization=f"Bearer {secret}")[0] for secret in KEYS.values()]
    await settled()
    assert provider.calls == 2

    provider.open.set()
    await asyncio.gather(*tasks)
    for secret in KEYS.values():
        await ask(rooms.app, CHAT, asked(), authorization=f"Bearer {secret}")
    assert provider.calls == 2


async def test_a_hundred_at_once_are_one_call(rooms: House, provider: Provider) -> None:
    """Streams and whole answers alike, each recorded, and the saving of all but one."""
    provider.open.clear()
    under_way = [start(rooms.app, CHAT, asked(stream=bool(n % 2))) for n in range(100)]
    await settled()
    provider.open.set()
    await asyncio.gather(*(task for task, _ in under_way))

    assert provider.calls == 1
    assert all(b"Paris." in answered.body and answered.ended for _, answered in under_way)
    assert sorted(str(record.saved) for record in rooms.journal.records) == [str(COST)] * 99 + ["None"]
    assert sum(record.cost or 0 for record in rooms.journal.records) == COST


@streams
async def test_a_client_that_leaves_leaves_nothing_wrong(stream: Any, rooms: House, provider: Provider) -> None:
    """If its request was the one that asked, another asks; if it waited, nobody else notices."""
    provider.open.clear()
    exchanges = [FakeExchange(CHAT, json.dumps(asked(stream=stream)).encode(), HEADERS) for _ in range(4)]
    tasks = [asyncio.ensure_future(rooms.app(exchange)) for exchange in exchanges]
    await settled()
    exchanges[0].leave()
    exchanges[2].leave()
    await settled()
    provider.open.set()
    await asyncio.gather(*tasks)

    outcomes = sorted(record.outcome for record in rooms.journal.records)
    assert outcomes == ["cancelled", "cancelled", "ok", "ok"]
    assert all(b"Paris." in exchanges[n].answered.body for n in (1, 3))
    assert (await ask(rooms.app, CHAT, asked(stream=stream))).headers["x-turnout-reason"] == "cache"


HEADERS = {b"host": b"127.0.0.1", b"content-type": b"application/json"}


async def test_a_stale_answer_is_given_and_made_anew_once(rooms: House, provider: Provider, clock: ManualClock) -> None:
    """At once, marked, however many ask; one call behind them, with a record of its own that replays."""
    await ask(rooms.app, CHAT, asked())
    clock.advance(20)
    provider.text = "Still Paris."
    provider.open.clear()
    stale = [await ask(rooms.app, CHAT, asked()) for _ in range(5)]
    await settled()

    assert provider.calls == 2
    assert all(answered.json["choices"][0]["message"]["content"] == "Paris." for answered in stale)
    assert {answered.headers["x-turnout-warnings"] for answered in stale} == {"cache:stale"}

    provider.open.set()
    await settled()
    fresh = await ask(rooms.app, CHAT, asked())
    assert provider.calls == 2
    assert fresh.json["choices"][0]["message"]["content"] == "Still Paris."
    assert "x-turnout-warnings" not in fresh.headers
    [renewal] = [record for record in rooms.journal.records[1:] if record.reason == "static"]
    assert (renewal.outcome, renewal.cost, renewal.saved) == ("ok", COST, None)
    assert len({record.id for record in rooms.journal.records}) == len(rooms.journal.records)


async def test_what_is_made_anew_replays(rooms: House, provider: Provider, clock: ManualClock) -> None:
    """Its record names the seed that its plan came from: where models are drawn, another would give another plan."""
    view = rooms.gateway.snapshot.view
    for n in range(8):
        await ask(rooms.app, CHAT, asked("shared", f"Question {n}"))
    clock.advance(20)
    for n in range(8):
        await ask(rooms.app, CHAT, asked("shared", f"Question {n}"))
        await settled()

    assert provider.calls == 16
    for record in rooms.journal.records:
        assert record.traits is not None
        assert record.plan == digest("shared", decide(view, record.traits, record.seed).plan)


async def test_a_renewal_that_is_left_out_blocks_nobody(
    rooms: House, provider: Provider, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where too much goes on behind already, the next request that finds no answer asks itself."""
    await ask(rooms.app, CHAT, asked())
    clock.advance(20)
    monkeypatch.setattr(copies, "MOST_BEHIND", 0)
    stale = await ask(rooms.app, CHAT, asked())
    clock.advance(2 * 24 * 3600)
    gone = await asyncio.wait_for(ask(rooms.app, CHAT, asked()), 5)

    assert stale.headers["x-turnout-warnings"] == "cache:stale"
    assert gone.headers["x-turnout-reason"] == "static"
    assert provider.calls == 2


async def test_an_audited_hit_is_recorded_before_it_is_given(rooms: House) -> None:
    """The record is durable first, and says all there is to say."""
    await ask(rooms.app, CHAT, asked("audited"))
    rooms.journal.open.clear()
    task, answered = start(rooms.app, CHAT, asked("audited", stream=True))
    await settled()
    assert answered.status == 0

    rooms.journal.open.set()
    await task
    durable, final = rooms.journal.durable[-1], rooms.journal.records[-1]
    assert (answered.status, answered.headers["x-turnout-reason"]) == (200, "cache")
    assert durable.id == final.id == answered.headers["x-turnout-request-id"]
    assert (durable.outcome, durable.saved, durable.edition, final.edition) == ("ok", COST, 0, 1)


async def test_an_audited_hit_without_a_record_is_not_given(rooms: House) -> None:
    """503, and not a byte of the answer."""
    await ask(rooms.app, CHAT, asked("audited"))
    rooms.journal.disk = OSError(28, "No space left on device")
    answered = await ask(rooms.app, CHAT, asked("audited"))

    assert answered.status == 503
    assert b"Paris" not in answered.body
    assert (rooms.journal.records[-1].outcome, rooms.journal.records[-1].code) == ("failed", "overloaded")


async def test_an_audited_request_that_waited_in_vain_is_recorded_before_it_is_told(rooms: House, provider: Provider) -> None:
    """Its error is as much an answer as any: durable first."""
    provider.open.clear()
    first, _ = start(rooms.app, CHAT, asked("audited"))
    await settled()
    waited = await ask(rooms.app, CHAT, asked("audited"), x_turnout_deadline_ms="20")
    [durable] = rooms.journal.durable
    provider.open.set()
    await first

    assert waited.status == 504
    assert (durable.id, durable.outcome) == (waited.headers["x-turnout-request-id"], "failed")


async def test_an_error_is_not_kept(rooms: House, provider: Provider) -> None:
    """The next request asks again."""
    provider.refusal = Answer(b"{}", status=400)
    failed = await ask(rooms.app, CHAT, asked())
    provider.refusal = None
    after = await ask(rooms.app, CHAT, asked())

    assert failed.status == 400
    assert (after.status, after.headers["x-turnout-reason"]) == (200, "static")


async def test_a_route_that_names_no_cache_keeps_nothing(rooms: House) -> None:
    """Neither one without, nor one whose chain ends with people."""
    for route in ("default", "people"):
        await ask(rooms.app, CHAT, asked(route))

    assert rooms.gateway.cache.stats().entries == 0


async def test_what_a_drill_spoils_is_kept_for_nobody(rooms: House, provider: Provider, clock: ManualClock) -> None:
    """Its requests are given what is kept, and leave nothing behind; nor does anyone else wait for their answers."""
    await ask(rooms.app, CHAT, asked(text="Known"))
    drill = Drill("d-1", "bad_content", clock.now(), clock.now() + 60, clock.now() + 60, on="live")
    before = rooms.gateway.snapshot
    way = InjectedTransport(provider, drill, clock, {})
    rooms.gateway.snapshot = msgspec.structs.replace(before, rehearsal=Rehearsal(way, before.world, Purse(PicoDollars(0))))
    provider.text = "Spoilt."
    known, spoilt = [await ask(rooms.app, CHAT, asked(text=text)) for text in ("Known", "Unknown")]
    rooms.gateway.snapshot = before
    provider.text = "Well again."
    after = await ask(rooms.app, CHAT, asked(text="Unknown"))

    assert known.headers["x-turnout-reason"] == "cache"
    assert b"Spoilt." in spoilt.body
    assert b"Well again." in after.body
    assert [record.drill for record in rooms.journal.records] == [None, "d-1", "d-1", None]


async def test_a_question_in_other_words(rooms: House, provider: Provider) -> None:
    """With ``match: similar`` it is the same question, and the headers say that it was another."""
    await ask(rooms.app, CHAT, asked("alike", "How do I reset my password?"))
    answered = await ask(rooms.app, CHAT, asked("alike", "Hi, how can I reset my password please?"))
    other = await ask(rooms.app, CHAT, asked("alike", "How do I reset my router?"))

    assert provider.calls == 2
    assert answered.headers["x-turnout-warnings"] == "cache:similar"
    assert other.headers["x-turnout-reason"] == "static"
