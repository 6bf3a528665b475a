"""A kept answer, in the form its next client wants: as good as the provider's own."""

import asyncio
import json
from typing import Any

import httpx2 as httpx
import msgspec
import pytest
from anthropic import Anthropic
from openai import OpenAI

from tests.support.fake_sink import FakeSink
from tests.unit.cache.making import CHAT, MESSAGES, chat, entry, key, messages
from turnout.cache.entry import Entry, Hit
from turnout.cache.replay import SLICE, replay, serving, worth_keeping
from turnout.cache.tee import TeeSink
from turnout.dialects.collect import events_of
from turnout.dialects.dialect import Ask, Dialect
from turnout.errors import ClientGone
from turnout.ports import Serving
from turnout.types.reply import Choice, Finish, Reply, Usage
from turnout.types.request import Reasoning, Refusal, Text, ToolCall

USAGE = Usage(input=10, output=5)
PARTS: dict[str, tuple[Any, ...]] = {
    "text": (Text("Paris is the capital \u2014 of France."),),
    "calls": (
        Text("Let me see."),
        ToolCall("call_1", "weather", '{"city":"Paris"}'),
        ToolCall("call_2", "weather", '{"city":"Rome"}'),
    ),
}
WITH_USAGE = {"stream": True, "stream_options": {"include_usage": True}}


def reply(parts: tuple[Any, ...], finish: Finish = "stop") -> Reply:
    finish = "tool_calls" if any(isinstance(part, ToolCall) for part in parts) else finish
    return Reply("id-1", "sim-small", (Choice(parts, finish),), USAGE)


def told(front: Dialect, ask: Ask, answer: Reply) -> bytes:
    """As a client of this dialect gets it."""
    if not ask.sketch.stream:
        return front.write_reply(answer)
    writer = front.writer(ask)
    return b"".join(writer.write(event) for event in events_of(answer, piece=4))


def kept(front: Dialect, ask: Ask, parts: tuple[Any, ...]) -> Entry:
    return msgspec.structs.replace(entry(key(ask), told(front, ask, reply(parts))), usage=USAGE)


def openai(body: bytes, *, stream: bool) -> OpenAI:
    """The SDK, its server answering with this."""
    kind = "text/event-stream" if stream else "application/json"
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body, headers={"content-type": kind}))
    return OpenAI(api_key="k", base_url="http://t.example/v1", http_client=httpx.Client(transport=transport))


def anthropic(body: bytes, *, stream: bool) -> Anthropic:
    kind = "text/event-stream" if stream else "application/json"
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body, headers={"content-type": kind}))
    return Anthropic(api_key="k", base_url="http://t.example", http_client=httpx.Client(transport=transport))


@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize("fields", [{}, {"stream": True}, WITH_USAGE], ids=["whole", "stream", "counted"])
async def test_the_same_form_is_the_very_same_bytes(fields: dict[str, Any], parts: str) -> None:
    """Not one byte is touched."""
    asked = chat(**fields)
    found = kept(CHAT, asked, PARTS[parts])

    assert await replay(found, key(asked), asked, CHAT) is found.body


@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize("made", [{}, {"stream": True}, WITH_USAGE], ids=["whole", "stream", "counted"])
@pytest.mark.parametrize("wanted", [{}, {"stream": True}, WITH_USAGE], ids=["to_whole", "to_stream", "to_counted"])
async def test_openais_sdk_sees_a_normal_answer(made: dict[str, Any], wanted: dict[str, Any], parts: str) -> None:
    """Whatever form it was made in: text, calls, finish, and the usage where it asked for it and only there."""
    asked = chat(**wanted)
    body = await replay(kept(CHAT, chat(**made), PARTS[parts]), key(asked), asked, CHAT)
    sdk = openai(body, stream=asked.sketch.stream)
    finish = "tool_calls" if parts == "calls" else "stop"
    if not asked.sketch.stream:
        answer = sdk.chat.completions.create(model="auto", messages=[])
        said = answer.choices[0].message
        calls = [
            (call.id, call.function.name, call.function.arguments) for call in said.tool_calls or [] if call.type == "function"
        ]
        assert (said.content, answer.choices[0].finish_reason) == (PARTS[parts][0].text, finish)
        assert answer.usage is not None
        assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (10, 5)
    else:
        with sdk.chat.completions.stream(model="auto", messages=[], stream_options=wanted.get("stream_options") or {}) as stream:
            last = stream.get_final_completion()
        choice = last.choices[0]
        calls = [(call.id, call.function.name, call.function.arguments) for call in choice.message.tool_calls or []]
        assert (choice.message.content, choice.finish_reason) == (PARTS[parts][0].text, finish)
        assert (last.usage.total_tokens if last.usage else None) == (15 if "stream_options" in wanted else None)
        assert body.endswith(b"data: [DONE]\n\n")
    assert calls == [(part.id, part.name, part.arguments) for part in PARTS[parts] if isinstance(part, ToolCall)]


@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize("made", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("wanted", [False, True], ids=["to_whole", "to_stream"])
async def test_anthropics_sdk_sees_a_normal_answer(*, made: bool, wanted: bool, parts: str) -> None:
    """Message start, blocks, deltas, stop and usage, as from the provider."""
    asked = messages(stream=wanted)
    body = await replay(kept(MESSAGES, messages(stream=made), PARTS[parts]), key(asked), asked, MESSAGES)
    sdk = anthropic(body, stream=wanted)
    ask: dict[str, Any] = {"model": "auto", "max_tokens": 5, "messages": []}
    if wanted:
        with sdk.messages.stream(**ask) as stream:
            answer = stream.get_final_message()
    else:
        answer = sdk.messages.create(**ask)

    assert answer.content[0].type == "text"
    assert answer.content[0].text == PARTS[parts][0].text
    assert [(block.id, block.name, block.input) for block in answer.content if block.type == "tool_use"] == [
        (part.id, part.name, json.loads(part.arguments)) for part in PARTS[parts] if isinstance(part, ToolCall)
    ]
    assert answer.stop_reason == ("tool_use" if parts == "calls" else "end_turn")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (10, 5)


async def test_thoughts_keep_their_signature() -> None:
    """The provider that made them proves them by it."""
    asked = messages(stream=True)
    parts = (Reasoning("hm", "c2lnbg=="), Text("Paris"))
    sdk = anthropic(await replay(kept(MESSAGES, messages(), parts), key(asked), asked, MESSAGES), stream=True)
    with sdk.messages.stream(model="auto", max_tokens=5, messages=[]) as stream:
        answer = stream.get_final_message()

    assert [block.type for block in answer.content] == ["thinking", "text"]
    assert answer.content[0].type == "thinking"
    assert answer.content[0].signature == "c2lnbg=="


@pytest.mark.parametrize("fields", [{}, {"stream": True}], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("parts", "finish", "good"),
    [
        ((Text("Paris"),), "stop", True),
        (PARTS["calls"], "tool_calls", True),
        ((Text("Par"),), "length", False),
        ((Text("Par"),), "content_filter", False),
        ((Refusal("I cannot"),), "stop", False),
        ((), "stop", False),
    ],
)
async def test_only_a_whole_answer_is_kept(*, parts: tuple[Any, ...], finish: Finish, good: bool, fields: dict[str, Any]) -> None:
    """One that was cut at a limit, filtered, refused or that says nothing may come out well next time."""
    asked = chat(**fields)

    assert await worth_keeping(CHAT, told(CHAT, asked, reply(parts, finish)), stream=asked.sketch.stream) is good


@pytest.mark.parametrize("front", [CHAT, MESSAGES], ids=lambda front: front.name)
async def test_what_cannot_be_read_is_not_kept(front: Dialect) -> None:
    """A stream that lacks its end, an error's event, another dialect's answer, anything at all."""
    asked = chat(stream=True) if front is CHAT else messages(stream=True)
    whole = told(front, asked, reply(PARTS["text"]))
    assert await worth_keeping(front, whole, stream=True)

    for body in (
        whole[: len(whole) // 2],
        b'data: {"error":{"message":"x"}}\n\n',
        b'event: error\ndata: {"type":"error","error":{}}\n\n',
        b"",
        b"x",
    ):
        assert not await worth_keeping(front, body, stream=True)
        assert not await worth_keeping(front, body, stream=False)


async def test_one_of_several_that_is_cut_spoils_all() -> None:
    """With ``n`` asked for, every one must be whole."""
    choices = (Choice((Text("Paris"),), "stop"), Choice((Text("Par"),), "length"), Choice((Text("Paris"),), "stop"))
    body = CHAT.write_reply(Reply("id", "m", choices, USAGE))

    assert not await worth_keeping(CHAT, body, stream=False)
    assert await worth_keeping(CHAT, CHAT.write_reply(Reply("id", "m", choices[::2], USAGE)), stream=False)


async def test_a_long_stream_is_read_in_slices() -> None:
    """Others have their turn meanwhile, and it says the same in the end."""
    asked, long = chat(stream=True), (Text("word " * 4000),)
    found = kept(CHAT, asked, long)
    assert len(found.body) > 10 * SLICE
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.ensure_future(others())
    assert await worth_keeping(CHAT, found.body, stream=True)
    whole = CHAT.read_reply(await replay(found, key(), chat(), CHAT))
    task.cancel()

    assert whole.choices[0].parts == long
    assert turns > 20


def test_headers_say_what_it_is() -> None:
    """From the cache, for nothing, of that model; stale or similar where it is."""
    found = msgspec.structs.replace(entry(), warnings=("dropped:seed",))

    assert serving(Hit(found, "fresh")) == Serving("sim/small", "cache", 0, 0, ("dropped:seed",))
    assert serving(Hit(found, "stale")).warnings == ("dropped:seed", "cache:stale")
    assert serving(Hit(found, "kept", 0.93)).warnings == ("dropped:seed", "cache:stale", "cache:similar")


async def test_what_the_client_took_is_kept() -> None:
    """All of it, up to the limit; more is passed on and not kept."""
    client = FakeSink()
    tee = TeeSink(client, 10)
    assert tee.body is None
    begun = Serving("sim/small", "cheapest", 1, None)
    tee.begin(begun)
    await tee.send(b"12345")
    await tee.send(b"67890")
    assert (tee.serving, client.serving, tee.body, client.text) == (begun, begun, b"1234567890", b"1234567890")

    await tee.send(b"!")
    await tee.send(b"?")
    assert (tee.body, client.text, tee._pieces) == (None, b"1234567890!?", [])


async def test_nobody_is_kept_waiting_for_a_hopeless_answer() -> None:
    """One that is too long to be kept, and one whose client does not take it: whoever waits for it is told at once."""
    told: list[str] = []
    tee = TeeSink(FakeSink(), 3, lambda: told.append("long"))
    await tee.send(b"123")
    assert told == []
    await tee.send(b"4")
    assert told == ["long"]

    deaf = Deaf()
    sending = asyncio.ensure_future(TeeSink(deaf, 99, deaf.taken.set, slow=0.001).send(b"1"))  # it is the news that makes it read
    await sending
    assert deaf.taken.is_set()


class Deaf(FakeSink):
    """Takes nothing until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = asyncio.Event()

    async def send(self, data: bytes) -> None:
        await self.taken.wait()


async def test_what_the_client_did_not_take_is_not_kept() -> None:
    """A piece that was refused is no part of what it got."""
    tee = TeeSink(FakeSink(leaves_at=-1e9), 10)
    with pytest.raises(ClientGone):
        await tee.send(b"1")

    assert tee.body is None
