"""Questions in the words of both SDKs, and what each SDK says was answered, in the same few words."""

import json
from collections.abc import Iterable
from typing import Any, Literal

import msgspec
from anthropic import Anthropic, AsyncAnthropic
from openai import AsyncOpenAI, OpenAI

from turnout.sim import cases
from turnout.sim.texts import NOISE
from turnout.sim.traffic import INVOICE, WEATHER, picture

Sdk = Literal["openai", "anthropic"]
Body = dict[str, Any]

SUPPORT = cases.case("customer_support", 0).prompt
MATH = cases.case("math", 0).prompt
LONG = " ".join(NOISE) * 20
FINISH = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tools",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tools",
}


class Said(msgspec.Struct, frozen=True):
    """An answer. Calls are name and arguments; ``fresh``, ``cached``, ``written`` are tokens, thinking among the written."""

    text: str
    calls: tuple[tuple[str, Any], ...]
    finish: str
    fresh: int
    cached: int
    written: int
    call_ids: tuple[str, ...] = ()
    headers: dict[str, str] = {}

    @property
    def content(self) -> tuple[Any, ...]:
        """What was said, without what it cost."""
        return self.text, self.calls, self.finish

    @property
    def tokens(self) -> tuple[int, int, int]:
        return self.fresh, self.cached, self.written


def user(content: Any) -> Body:
    return {"role": "user", "content": content}


# Each shape in both dialects. Anthropic's demands max_tokens, so both say it: the answers are then the same.

TOOL = {"name": "get_weather", "description": "Weather now"}
ONE_TOOL = "Use get_weather to look up the weather in Rome."
TWO_TOOLS = "Use get_weather for both cities in parallel: the weather in Rome and in Paris."
LOOK = "What does this picture show? Describe its size."
EXTRACT = cases.case("extraction", 0).prompt
TURNS = [user("Hello, I have a question."), {"role": "assistant", "content": "Please ask."}, user(SUPPORT)]


def openai_tools(prompt: str) -> Body:
    return {"messages": [user(prompt)], "tools": [{"type": "function", "function": {**TOOL, "parameters": WEATHER}}]}


def anthropic_tools(prompt: str) -> Body:
    return {"messages": [user(prompt)], "tools": [{**TOOL, "input_schema": WEATHER}]}


SHAPES: dict[str, dict[Sdk, Body]] = {
    "plain": {"openai": {"messages": [user(SUPPORT)]}, "anthropic": {"messages": [user(SUPPORT)]}},
    "system": {
        "openai": {"messages": [{"role": "system", "content": "Be kind."}, *TURNS]},
        "anthropic": {"system": "Be kind.", "messages": TURNS},
    },
    "stop": {
        "openai": {"messages": [user(MATH)], "stop": ["swer"]},
        "anthropic": {"messages": [user(MATH)], "stop_sequences": ["swer"]},
    },
    "length": {
        "openai": {"messages": [user(SUPPORT)], "max_tokens": 7},
        "anthropic": {"messages": [user(SUPPORT)], "max_tokens": 7},
    },
    "tools": {"openai": openai_tools(ONE_TOOL), "anthropic": anthropic_tools(ONE_TOOL)},
    "parallel tools": {"openai": openai_tools(TWO_TOOLS), "anthropic": anthropic_tools(TWO_TOOLS)},
    "forced tool": {
        "openai": {**openai_tools("Hello."), "tool_choice": {"type": "function", "function": {"name": "get_weather"}}},
        "anthropic": {**anthropic_tools("Hello."), "tool_choice": {"type": "tool", "name": "get_weather"}},
    },
    "image": {
        "openai": {"messages": [user([
            {"type": "text", "text": LOOK}, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture()}"}},
        ])]},
        "anthropic": {"messages": [user([
            {"type": "text", "text": LOOK}, {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": picture()}},
        ])]},
    },
    "schema": {
        "openai": {
            "messages": [user(EXTRACT)],
            "response_format": {"type": "json_schema", "json_schema": {"name": "invoice", "schema": INVOICE, "strict": True}},
        },
        "anthropic": {"messages": [user(EXTRACT)], "output_config": {"format": {"type": "json_schema", "schema": INVOICE}}},
    },
}  # fmt: skip


def body(shape: str, sdk: Sdk, model: str) -> Body:
    return {"model": model, "max_tokens": 800, **SHAPES[shape][sdk]}


def with_result(shape: str, sdk: Sdk, model: str, said: Said, result: str) -> Body:
    """The conversation goes on: the model's calls, and the same result for each."""
    asked = body(shape, sdk, model)
    calls = list(zip(said.call_ids, said.calls, strict=True))
    if sdk == "openai":
        named = [
            {"id": id_, "type": "function", "function": {"name": name, "arguments": json.dumps(given)}}
            for id_, (name, given) in calls
        ]
        turns = [{"role": "assistant", "content": None, "tool_calls": named}]
        turns += [{"role": "tool", "tool_call_id": id_, "content": result} for id_, _ in calls]
    else:
        used = [{"type": "tool_use", "id": id_, "name": name, "input": given} for id_, (name, given) in calls]
        results = [{"type": "tool_result", "tool_use_id": id_, "content": result} for id_, _ in calls]
        turns = [{"role": "assistant", "content": used}, {"role": "user", "content": results}]
    return {**asked, "messages": [*asked["messages"], *turns]}


# Asking, and reading what came.


def ask(client: OpenAI | Anthropic, asked: Body, *, stream: bool, headers: dict[str, str] | None = None) -> Said:
    if isinstance(client, Anthropic):
        if stream:
            with client.messages.stream(**asked, extra_headers=headers) as events:
                return of_anthropic(events.get_final_message(), events.response.headers)
        answer = client.messages.with_raw_response.create(**asked, extra_headers=headers)
        return of_anthropic(answer.parse(), answer.headers)
    if stream:
        raw = client.chat.completions.with_raw_response.create(**asked, **STREAMED, extra_headers=headers)
        return of_openai_chunks(list(raw.parse()), raw.headers)
    raw = client.chat.completions.with_raw_response.create(**asked, extra_headers=headers)
    return of_openai(raw.parse(), raw.headers)


async def ask_async(client: AsyncOpenAI | AsyncAnthropic, asked: Body, *, stream: bool) -> Said:
    if isinstance(client, AsyncAnthropic):
        if stream:
            async with client.messages.stream(**asked) as events:
                return of_anthropic(await events.get_final_message(), events.response.headers)
        answer = await client.messages.with_raw_response.create(**asked)
        return of_anthropic(await answer.parse(), answer.headers)
    if stream:
        raw = await client.chat.completions.with_raw_response.create(**asked, **STREAMED)
        return of_openai_chunks([chunk async for chunk in raw.parse()], raw.headers)
    raw = await client.chat.completions.with_raw_response.create(**asked)
    return of_openai(raw.parse(), raw.headers)


STREAMED: Body = {"stream": True, "stream_options": {"include_usage": True}}


def of_openai(answer: Any, headers: Any) -> Said:
    choice, calls = answer.choices[0], answer.choices[0].message.tool_calls or ()
    return Said(
        choice.message.content or "",
        tuple((call.function.name, json.loads(call.function.arguments)) for call in calls),
        FINISH[choice.finish_reason], *_openai_tokens(answer.usage), tuple(call.id for call in calls), dict(headers),
    )  # fmt: skip


def of_openai_chunks(chunks: Iterable[Any], headers: Any) -> Said:
    text, finish, usage, calls = "", None, None, list[list[str]]()
    for chunk in chunks:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
            for call in choice.delta.tool_calls or ():
                if call.index == len(calls):
                    calls.append([call.id, call.function.name, ""])
                calls[call.index][2] += call.function.arguments or ""
    return Said(
        text, tuple((name, json.loads(given)) for _, name, given in calls), FINISH[str(finish)], *_openai_tokens(usage),
        tuple(id_ for id_, _, _ in calls), dict(headers),
    )  # fmt: skip


def _openai_tokens(usage: Any) -> tuple[int, int, int]:
    cached = usage.prompt_tokens_details.cached_tokens if usage.prompt_tokens_details else 0
    return usage.prompt_tokens - cached, cached, usage.completion_tokens


def of_anthropic(answer: Any, headers: Any) -> Said:
    text = "".join(block.text for block in answer.content if block.type == "text")
    used = [block for block in answer.content if block.type == "tool_use"]
    return Said(
        text, tuple((block.name, block.input) for block in used), FINISH[answer.stop_reason],
        answer.usage.input_tokens, answer.usage.cache_read_input_tokens or 0, answer.usage.output_tokens,
        tuple(block.id for block in used), dict(headers),
    )  # fmt: skip
