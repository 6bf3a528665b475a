"""Content that routes keep, by the real front and spine; the provider and the journal are the test's."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.fake_transport import Answer
from tests.support.gateway import House, ask, house
from tests.support.provider import Provider, settled
from turnout.clock import ManualClock
from turnout.content.open import Opened, open_content
from turnout.content.seal import keyring, new_key
from turnout.dialects.collect import read_answer
from turnout.dialects.registry import DIALECTS
from turnout.drill.inject import InjectedTransport, targets
from turnout.drill.worker import Purse
from turnout.serve.worker import Rehearsal
from turnout.types.content import Content
from turnout.types.drill import Drill
from turnout.types.money import PicoDollars
from turnout.types.record import Record

ROUTES = """\
routes:
  plain: {static: sim-openai/small}
  silent: {static: sim-openai/small, content: none}
  full: {static: sim-openai/small, content: full}
  redacted: {static: sim-openai/small, content: redacted}
  cached: {static: sim-openai/small, content: full, cache: {ttl: 10s}}
  default: {static: sim-openai/small}
"""
CHAT = "/v1/chat/completions"
KEY = new_key()
MAIL = "ann@example.org"
streams = pytest.mark.parametrize("stream", [False, True])


@pytest.fixture
def provider() -> Provider:
    return Provider(f"Write to {MAIL}.")


def rooms(tmp_path: Path, provider: Any, store: str = "", *, key: bool = True) -> House:
    (tmp_path / "content.key").write_text(KEY)
    named = f", content_key: 'file:{tmp_path / 'content.key'}'" if key else ""
    more = f"\nstore: {{content: {store or 'none'}{named}}}\n"
    return house(tmp_path, provider, routes=ROUTES, more=more, clock=ManualClock())


def asked(route: str, text: str = f"I am {MAIL}, where is my parcel?", **more: Any) -> dict[str, Any]:
    return {"model": route, "messages": [{"role": "user", "content": text}], **more}


async def contents(house_: House) -> list[Content]:
    await settled()
    await house_.gateway.in_hand.settle(5)
    return [entry for entry in house_.journal.records if isinstance(entry, Content)]


async def opened(house_: House) -> Opened:
    (content,) = await contents(house_)
    return open_content(content, keyring([KEY]))


def counted(house_: House) -> dict[tuple[str, ...], float]:
    return dict(house_.gateway.metrics._counters["turnout_content"])


@streams
async def test_full(tmp_path: Path, provider: Provider, *, stream: bool) -> None:
    """What was asked and what its client got, byte for byte, under the request's id; sealed before it leaves the worker."""
    there = rooms(tmp_path, provider)
    body = json.dumps(asked("full", stream=stream)).encode()
    answered = await ask(there.app, CHAT, body)
    (content,) = await contents(there)
    found = open_content(content, keyring([KEY]))

    assert (found.request, found.answer, found.stream) == (body, answered.body, stream)
    assert (found.front, found.model, found.error) == ("openai-chat", "sim-openai/small", None)
    assert content.request_id == answered.headers["x-turnout-request-id"]
    assert content.keeping == "full"
    assert MAIL.encode() not in content.sealed
    assert counted(there) == {("full", "full"): 1}


@streams
async def test_redacted(tmp_path: Path, provider: Provider, *, stream: bool) -> None:
    """Without addresses and their like, on both sides; a stream is put together first, as an address may lie across its pieces."""
    there = rooms(tmp_path, provider)
    await ask(there.app, CHAT, asked("redacted", stream=stream))
    found = await opened(there)
    reply = read_answer(DIALECTS[found.front], found.answer, stream=found.stream)

    assert json.loads(found.request)["messages"][0]["content"] == "I am [email], where is my parcel?"
    assert reply.choices[0].parts[0].text == "Write to [email]."
    assert not found.stream


async def test_address_across_pieces(tmp_path: Path) -> None:
    """Each token of a stream may be harmless."""
    pieces = [{"choices": [{"index": 0, "delta": {"content": part}}]} for part in ("Write to ann", "@exam", "ple.org.")]
    end = {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    stream = b"".join(b"data: " + json.dumps({"id": "1", "model": "m"} | event).encode() + b"\n\n" for event in (*pieces, end))
    provider = Provider()
    provider.refusal = Answer(stream + b"data: [DONE]\n\n")
    there = rooms(tmp_path, provider)
    answered = await ask(there.app, CHAT, asked("redacted", stream=True))
    found = await opened(there)

    assert b"@exam" in answered.body
    assert b"Write to [email]." in found.answer
    assert b"ann" not in found.answer


@pytest.mark.parametrize(("store", "route", "kept"), [
    ("", "plain", None), ("", "full", "full"), ("redacted", "plain", "redacted"), ("redacted", "full", "full"),
    ("full", "silent", None), ("full", "sim-openai/small", "full"), ("", "sim-openai/small", None),
])  # fmt: skip
async def test_by_policy(tmp_path: Path, provider: Provider, store: str, route: str, kept: str | None) -> None:
    """The route's word holds, else the store's; a model that is named has no route of its own."""
    there = rooms(tmp_path, provider, store)
    await ask(there.app, CHAT, asked(route))

    assert [content.keeping for content in await contents(there)] == ([kept] if kept else [])


async def test_never_before_the_answer(tmp_path: Path, provider: Provider) -> None:
    """The record and the whole answer come first."""
    there = rooms(tmp_path, provider)
    seen: list[int] = []
    await ask(there.app, CHAT, asked("full"), on_write=lambda _: seen.append(len(there.journal.records)))
    await contents(there)

    assert seen == [0]
    assert [type(entry) for entry in there.journal.records] == [Record, Content]


async def test_failed(tmp_path: Path, provider: Provider) -> None:
    """What was asked, and what was told instead of an answer."""
    provider.refusal = Answer(b'{"error": {"message": "no"}}', status=400)
    there = rooms(tmp_path, provider)
    await ask(there.app, CHAT, asked("full"))
    found = await opened(there)

    assert json.loads(found.request)["model"] == "full"
    assert found.answer == b""
    assert found.error is not None
    assert found.error.startswith("invalid_request: ")


@pytest.mark.parametrize(("store", "kept"), [("", 0), ("full", 1)])
async def test_refused_without_a_route(tmp_path: Path, provider: Provider, store: str, kept: int) -> None:
    """Nothing governs such a request but the store's own word."""
    there = rooms(tmp_path, provider, store)
    await ask(there.app, CHAT, asked("nowhere"))

    assert len(await contents(there)) == kept


async def test_refused_by_its_route(tmp_path: Path, provider: Provider) -> None:
    """No candidate is an answer too."""
    there = rooms(tmp_path, provider)
    await ask(there.app, CHAT, asked("full", "far too long " * 60_000))
    found = await opened(there)

    assert provider.calls == 0
    assert found.error is not None
    assert found.error.startswith("no_candidate: ")
    assert b"far too long" in found.request


async def test_given_again(tmp_path: Path, provider: Provider) -> None:
    """An answer out of the cache is an answer: its client got it."""
    there = rooms(tmp_path, provider)
    for _ in range(2):
        await ask(there.app, CHAT, asked("cached"))
    first, second = [open_content(content, keyring([KEY])) for content in await contents(there)]

    assert provider.calls == 1
    assert first.answer == second.answer != b""


@pytest.mark.parametrize("on", ["live", "mirror"])
async def test_drills(tmp_path: Path, provider: Provider, on: Any) -> None:
    """Neither what a drill spoilt nor a copy is anybody's content; who only lent the copy is kept as ever."""
    there = rooms(tmp_path, provider)
    gateway, before = there.gateway, there.gateway.snapshot
    now = gateway.clock.now()
    drill = Drill("d-1", "degradation", now, now + 60, now + 60, provider="sim-openai", on=on, factor=1.0)
    way = InjectedTransport(gateway.transport, drill, gateway.clock, targets(before.view.policy, before.view.facts.values()))
    world = msgspec.structs.replace(before.world, transport=way)
    gateway.snapshot = msgspec.structs.replace(before, rehearsal=Rehearsal(way, world, Purse(PicoDollars(10**12))))
    await ask(there.app, CHAT, asked("full"))

    assert len(await contents(there)) == (0 if on == "live" else 1)


async def test_explain_is_silent(tmp_path: Path, provider: Provider) -> None:
    """Nobody was answered."""
    there = rooms(tmp_path, provider, "full")
    await ask(there.app, "/v1/explain", asked("full"))

    assert await contents(there) == []


async def test_large(tmp_path: Path) -> None:
    """A megabyte of each side; what was left out is said."""
    there = rooms(tmp_path, Provider("a" * 1_500_000))
    answered = await ask(there.app, CHAT, asked("full"))
    found = await opened(there)

    assert (len(found.answer), found.answer_cut) == (1_000_000, len(answered.body) - 1_000_000)
    assert found.answer_text.endswith("bytes were left out]")


async def test_no_room(tmp_path: Path, provider: Provider) -> None:
    """What waits for its sealing is bounded; what is left out is counted, and its client never knows."""
    there = rooms(tmp_path, provider)
    there.gateway.in_hand._left = 10
    answered = await ask(there.app, CHAT, asked("full"))

    assert answered.status == 200
    assert await contents(there) == []
    assert counted(there) == {("full", "no_room"): 1}


async def test_key_that_is_gone(tmp_path: Path, provider: Provider) -> None:
    """A worker that cannot read the key answers all the same, and keeps nothing."""
    there = rooms(tmp_path, provider)
    there.gateway.snapshot = msgspec.structs.replace(there.gateway.snapshot, sealing=None)
    answered = await ask(there.app, CHAT, asked("full"))

    assert answered.status == 200
    assert await contents(there) == []
    assert counted(there) == {("full", "no_key"): 1}


async def test_others_go_on(tmp_path: Path) -> None:
    """A large body is redacted beside the loop: it is never away for long."""
    provider = Provider("ok")
    there = rooms(tmp_path, provider)
    text = " ".join(f"call {number} or mail a{number}@example.org" for number in range(20_000))
    await ask(there.app, CHAT, asked("redacted", text))
    loop = asyncio.get_running_loop()
    longest, last = 0.0, loop.time()
    while there.gateway.in_hand.tasks:
        await asyncio.sleep(0)
        longest, last = max(longest, loop.time() - last), loop.time()

    assert b"@example" not in (await opened(there)).request
    assert longest < 0.25
