"""Traffic like a real team's: a seeded mix of requests, driven through the official SDKs, every answer looked at."""

import asyncio
import base64
import itertools
import random
import struct
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from turnout.sim import cases, texts

Sdk = Literal["openai", "anthropic"]
Shape = Literal["plain", "tools", "image", "schema"]

SHARES: dict[str, float] = {
    "customer_support": 26, "code_generation": 17, "extraction": 10, "qa": 10, "summarization": 8, "math": 7, "translation": 6,
    "analysis": 6, "creative_writing": 4, "agentic": 6,
}  # fmt: skip
BAND_SHARES = (62, 26, 12)
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}},
    "required": ["city"],
    "additionalProperties": False,
}
INVOICE = {
    "type": "object",
    "properties": {"invoice": {"type": "string"}, "total": {"type": "string"}, "due": {"type": "string"}},
    "required": ["invoice", "total", "due"],
    "additionalProperties": False,
}
MAX_TOKENS = 2000
REQUEST_ID = "x-turnout-request-id"


class Errand(msgspec.Struct, frozen=True):
    """One request to be made. ``tags`` go with it as ``x-turnout-tags``, ``session`` as ``x-turnout-session``."""

    prompt: str
    sdk: Sdk
    stream: bool
    shape: Shape = "plain"
    case: cases.Case | None = None
    tags: str = ""
    session: str | None = None
    system: str = ""

    def headers(self) -> dict[str, str]:
        found = {"x-turnout-tags": self.tags} if self.tags else {}
        return found | ({"x-turnout-session": self.session} if self.session else {})


class Answer(msgspec.Struct):
    """What came back, as the SDK saw it."""

    text: str = ""
    tool_calls: list[str] = []
    finish: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    request_id: str | None = None


class Tally(msgspec.Struct):
    """Outcomes so far. ``errors`` by the SDK's exception class, ``malformed`` by what was wrong."""

    sent: int = 0
    ok: int = 0
    right: int = 0
    graded: int = 0
    errors: Counter[str] = msgspec.field(default_factory=Counter)
    malformed: Counter[str] = msgspec.field(default_factory=Counter)
    skipped: int = 0
    seconds: list[float] = []


def errands(seed: int) -> Iterator[Errand]:
    """An endless, seeded mix."""
    rng = random.Random(seed)  # noqa: S311  not for secrets
    numbers = itertools.count(seed * 1_000_003 % 1_000_000)
    while True:
        task = rng.choices(list(SHARES), list(SHARES.values()))[0]
        sdk: Sdk = "openai" if rng.random() < 0.6 else "anthropic"
        stream = rng.random() < 0.5
        if task == "agentic":
            yield _agentic(rng, sdk, stream=stream)
            continue
        band = rng.choices(range(3), BAND_SHARES)[0]
        case = cases.case(task, next(numbers) * 3 + band)
        yield _asking(case, rng, sdk, stream=stream)


def _asking(case: cases.Case, rng: random.Random, sdk: Sdk, *, stream: bool) -> Errand:
    shape: Shape = "plain"
    tags, session, system, prompt = "", None, "", case.prompt
    luck = rng.random()
    if case.task == "customer_support":
        system = "You are the support agent of Brightwater Ltd. Be kind and brief."
        session = f"customer-{rng.randint(1, 400)}"
    elif case.task == "extraction" and luck < 0.5 and sdk == "openai":
        shape = "schema"
    elif case.task == "analysis" and luck < 0.6:
        tags = "requires_audit=true,team=finance"
    elif case.task == "summarization" and luck < 0.15:  # a long document: too long for the smallest models
        prompt = f"{' '.join(texts.NOISE * 110)}\n\n{case.prompt}"
    elif case.task == "qa" and luck < 0.15:
        return Errand("What does this picture show? Describe its size.", sdk, stream, "image")
    return Errand(prompt, sdk, stream, shape, case, tags, session, system)


def _agentic(rng: random.Random, sdk: Sdk, *, stream: bool) -> Errand:
    first, second = rng.sample([row[1] for row in texts.CAPITALS], 2)
    prompt = f"Use get_weather to look up the weather in {first}."
    if rng.random() < 0.4:
        prompt = f"Use get_weather for both cities in parallel: the weather in {first} and in {second}."
    return Errand(prompt, sdk, stream, "tools", tags="task=agentic")


def picture(size: int = 16) -> str:
    """A small grey PNG, base64."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * size) * size)
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")).decode()


# The two SDKs.

Ask = Callable[[Errand], Awaitable[Answer]]


class Clients(NamedTuple):
    """``openai`` is an AsyncOpenAI, for what else is to be said to the gateway."""

    ask: dict[Sdk, Ask]
    openai: Any


@asynccontextmanager
async def clients(api_url: str, *, api_key: str = "unused", model: str = "auto") -> AsyncIterator[Clients]:
    """The official SDKs, pointed at ``api_url`` (``http://127.0.0.1:8080``). Raises ImportError without the ``demo`` extra."""
    from anthropic import AsyncAnthropic  # noqa: PLC0415  heavy, and only in the extra
    from openai import AsyncOpenAI  # noqa: PLC0415  same

    async with (
        AsyncOpenAI(base_url=f"{api_url}/v1", api_key=api_key, timeout=60) as openai,
        AsyncAnthropic(base_url=api_url, api_key=api_key, timeout=60) as anthropic,
    ):
        ask: dict[Sdk, Ask] = {
            "openai": lambda errand: ask_openai(openai, errand, model),
            "anthropic": lambda errand: ask_anthropic(anthropic, errand, model),
        }
        yield Clients(ask, openai)


def openai_body(errand: Errand, model: str) -> dict[str, Any]:
    """The errand as a Chat Completions request, not streamed."""
    content: Any = errand.prompt
    if errand.shape == "image":
        url = f"data:image/png;base64,{picture()}"
        content = [{"type": "text", "text": errand.prompt}, {"type": "image_url", "image_url": {"url": url}}]
    messages = [{"role": "system", "content": errand.system}] if errand.system else []
    body: dict[str, Any] = {"model": model, "messages": [*messages, {"role": "user", "content": content}]}
    if errand.shape == "tools":
        body["tools"] = [
            {"type": "function", "function": {"name": "get_weather", "description": "Weather now", "parameters": WEATHER}}
        ]
    if errand.shape == "schema":
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "invoice", "schema": INVOICE, "strict": True}}
    return body


async def ask_openai(client: Any, errand: Errand, model: str) -> Answer:
    """One errand through AsyncOpenAI."""
    body = openai_body(errand, model)
    if not errand.stream:
        raw = await client.chat.completions.with_raw_response.create(**body, extra_headers=errand.headers())
        reply = raw.parse()
        choice = reply.choices[0]
        calls = [call.function.arguments for call in choice.message.tool_calls or ()]
        usage = reply.usage
        read, written = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
        return Answer(choice.message.content or "", calls, choice.finish_reason, read, written, raw.headers.get(REQUEST_ID))
    body |= {"stream": True, "stream_options": {"include_usage": True}}
    answer = Answer()
    async with await client.chat.completions.create(**body, extra_headers=errand.headers()) as stream:
        answer.request_id = stream.response.headers.get(REQUEST_ID)
        async for chunk in stream:
            if chunk.usage:
                answer.input_tokens, answer.output_tokens = chunk.usage.prompt_tokens, chunk.usage.completion_tokens
            for choice in chunk.choices:
                answer.text += choice.delta.content or ""
                answer.finish = choice.finish_reason or answer.finish
                for call in choice.delta.tool_calls or ():
                    answer.tool_calls += [""] * (call.index + 1 - len(answer.tool_calls))
                    answer.tool_calls[call.index] += call.function.arguments or ""
    return answer


async def ask_anthropic(client: Any, errand: Errand, model: str) -> Answer:
    """One errand through AsyncAnthropic."""
    content: Any = errand.prompt
    if errand.shape == "image":
        image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": picture()}}
        content = [image, {"type": "text", "text": errand.prompt}]
    body: dict[str, Any] = {"model": model, "max_tokens": MAX_TOKENS, "messages": [{"role": "user", "content": content}]}
    if errand.system:
        body["system"] = errand.system
    if errand.shape == "tools":
        body["tools"] = [{"name": "get_weather", "description": "Weather now", "input_schema": WEATHER}]
    if errand.stream:
        async with client.messages.stream(**body, extra_headers=errand.headers()) as stream:
            reply, headers = await stream.get_final_message(), stream.response.headers
    else:
        raw = await client.messages.with_raw_response.create(**body, extra_headers=errand.headers())
        reply, headers = await raw.parse(), raw.headers
    text = "".join(block.text for block in reply.content if block.type == "text")
    calls = [msgspec.json.encode(block.input).decode() for block in reply.content if block.type == "tool_use"]
    tokens = (reply.usage.input_tokens, reply.usage.output_tokens)
    return Answer(text, calls, reply.stop_reason, *tokens, headers.get(REQUEST_ID))


def flaw(errand: Errand, answer: Answer) -> str | None:
    """What is wrong with an answer's form, None if nothing."""
    if not answer.finish:
        return "no finish reason"
    if not answer.input_tokens or not answer.output_tokens:
        return "no usage"
    if errand.shape == "tools":
        if not answer.tool_calls:
            return "no tool call"
        cities = [_decoded(call) for call in answer.tool_calls]
        return None if all(isinstance(fields, dict) and fields.get("city") for fields in cities) else "tool arguments"
    if not answer.text:
        return "empty"
    if errand.shape == "schema" and not isinstance(_decoded(answer.text), dict):
        return "not the schema's JSON"
    return None


def _decoded(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None


class Heard(Protocol):
    """Told of each answer to a case, and whether it was right."""

    async def __call__(self, errand: Errand, answer: Answer, *, right: bool) -> None: ...


async def drive(
    ask: dict[Sdk, Ask],
    mix: Iterator[Errand],
    tally: Tally,
    *,
    rate: float,
    until: asyncio.Event,
    at_most: int = 64,
    heard: Heard | None = None,
) -> None:
    """Send ``rate`` requests a second, open loop, until told to stop; those that would exceed ``at_most`` at once are skipped and counted."""
    loop = asyncio.get_running_loop()
    start, number = loop.time(), 0
    async with asyncio.TaskGroup() as group:
        open_ones = 0

        def landed(_: asyncio.Task[None]) -> None:
            nonlocal open_ones
            open_ones -= 1

        while not await _told(until, start + number / rate):
            number += 1
            if open_ones >= at_most:
                tally.skipped += 1
                continue
            open_ones += 1
            group.create_task(run(ask, next(mix), tally, heard)).add_done_callback(landed)


async def _told(until: asyncio.Event, when: float) -> bool:
    """Wait for the moment ``when``; True if told to stop before."""
    try:
        async with asyncio.timeout_at(when):
            return await until.wait()
    except TimeoutError:
        return until.is_set()


async def run(ask: dict[Sdk, Ask], errand: Errand, tally: Tally, heard: Heard | None = None) -> None:
    """One errand, counted whatever happens to it."""
    tally.sent += 1
    clock = asyncio.get_running_loop().time
    begun = clock()
    try:
        answer = await ask[errand.sdk](errand)
        tally.seconds.append(clock() - begun)
        await _looked_at(errand, answer, tally, heard)
    except Exception as error:  # noqa: BLE001  the SDKs' errors are the thing that is counted here
        tally.errors[type(error).__name__] += 1


async def _looked_at(errand: Errand, answer: Answer, tally: Tally, heard: Heard | None) -> None:
    problem = flaw(errand, answer)
    if problem is not None:
        tally.malformed[problem] += 1
        return
    tally.ok += 1
    if errand.case is not None:
        right = cases.is_right(errand.case, answer.text)
        tally.graded += 1
        tally.right += right
        if heard is not None:
            await heard(errand, answer, right=right)
