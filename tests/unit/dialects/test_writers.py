"""Answers as the dialects write them: what simulated providers send, and what the official SDKs read."""

import anthropic
import anthropic.types as an
import httpx2 as httpx
import msgspec
import openai
import openai.types.chat as oai
import pytest

from tests.unit.dialects.asking import ANTHROPIC, OPENAI, chat, message
from turnout.clock import ManualClock
from turnout.dialects.openai_chat import OpenAIChat
from turnout.errors import Code, TurnoutError
from turnout.types.reply import (
    Choice,
    Ended,
    Event,
    Failed,
    Finished,
    ReasoningDelta,
    Reply,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
    UsageReported,
)
from turnout.types.request import Reasoning, Text, ToolCall

USAGE = Usage(input=10, cache_read=4, output=5, reasoning=2)
EVENTS: list[Event] = [
    Started("id-1", "model-1"),
    UsageReported(Usage(input=10, cache_read=4)),
    ReasoningDelta("hm"),
    ReasoningDelta(signature="sig"),
    TextDelta("Hel"),
    TextDelta("lo"),
    ToolCallStarted(0, "call_1", "look"),
    ToolCallDelta(0, '{"at":'),
    ToolCallDelta(0, '"sky"}'),
    ToolCallStarted(1, "call_2", "now"),
    Finished("tool_calls"),
    UsageReported(USAGE),
    Ended(),
]
REPLY = Reply(
    "id-1",
    "model-1",
    (Choice((Reasoning("hm", "sig"), Text("Hello"), ToolCall("call_1", "look", '{"at":"sky"}')), "tool_calls"),),
    USAGE,
)


def answered(body: bytes, kind: str) -> httpx.MockTransport:
    return httpx.MockTransport(lambda _: httpx.Response(200, headers={"content-type": kind}, content=body))


def written(writer: object, events: list[Event]) -> bytes:
    return b"".join(writer.write(event) for event in events)  # type: ignore[attr-defined]  # an EventWriter


def test_openai_whole_answer_is_what_its_sdk_reads() -> None:
    """Through the real client, not only its types."""
    client = openai.OpenAI(
        api_key="x", http_client=httpx.Client(transport=answered(OPENAI.write_reply(REPLY), "application/json"))
    )

    got = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])

    assert (got.id, got.model, got.object) == ("id-1", "model-1", "chat.completion")
    assert got.choices[0].message.content == "Hello"
    assert got.choices[0].message.tool_calls[0].function.arguments == '{"at":"sky"}'
    assert got.choices[0].finish_reason == "tool_calls"
    assert (got.usage.prompt_tokens, got.usage.completion_tokens, got.usage.prompt_tokens_details.cached_tokens) == (14, 7, 4)
    assert oai.ChatCompletion.model_validate(got.model_dump())


def test_openai_stream_is_what_its_sdk_reads() -> None:
    """Role first, usage last when it was asked for, [DONE] at the end."""
    body = written(OpenAIChat(ManualClock(5.0)).writer(chat(stream=True, stream_options={"include_usage": True})), EVENTS)
    client = openai.OpenAI(api_key="x", http_client=httpx.Client(transport=answered(body, "text/event-stream")))

    chunks = list(client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}], stream=True))

    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Hello"
    calls = [call for c in chunks if c.choices for call in c.choices[0].delta.tool_calls or ()]
    assert "".join(call.function.arguments or "" for call in calls if call.index == 0) == '{"at":"sky"}'
    assert [call.id for call in calls if call.id] == ["call_1", "call_2"]
    assert chunks[-1].usage.completion_tokens == 7
    assert {c.created for c in chunks} == {5}
    assert body.endswith(b"data: [DONE]\n\n")


def test_openai_stream_keeps_usage_to_itself_unless_asked() -> None:
    """As OpenAI does."""
    assert b'"usage"' not in written(OPENAI.writer(chat(stream=True)), EVENTS)


def test_anthropic_whole_answer_is_what_its_sdk_reads() -> None:
    """Through the real client, not only its types."""
    client = anthropic.Anthropic(
        api_key="x", http_client=httpx.Client(transport=answered(ANTHROPIC.write_reply(REPLY), "application/json"))
    )

    got = client.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}])

    assert [block.type for block in got.content] == ["thinking", "text", "tool_use"]
    assert (got.content[0].signature, got.content[1].text, got.content[2].input) == ("sig", "Hello", {"at": "sky"})
    assert (got.stop_reason, got.usage.input_tokens, got.usage.output_tokens) == ("tool_use", 10, 7)
    assert an.Message.model_validate(got.model_dump())


def test_anthropic_stream_is_what_its_sdk_reads() -> None:
    """Blocks open and close in order, the input's tokens come with the start, a ping after the first block opened."""
    body = written(ANTHROPIC.writer(message(stream=True)), EVENTS)
    client = anthropic.Anthropic(api_key="x", http_client=httpx.Client(transport=answered(body, "text/event-stream")))

    with client.messages.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}]) as stream:
        got = stream.get_final_message()

    assert [block.type for block in got.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert (got.content[0].thinking, got.content[0].signature, got.content[1].text) == ("hm", "sig", "Hello")
    assert (got.content[2].input, got.content[3].input) == ({"at": "sky"}, {})
    assert (got.id, got.stop_reason, got.usage.input_tokens, got.usage.output_tokens) == ("id-1", "tool_use", 10, 7)
    kinds = [line[7:] for line in body.decode().splitlines() if line.startswith("event: ")]
    assert kinds[:3] == ["message_start", "content_block_start", "ping"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 4
    assert b'"input_tokens":10' in body.split(b"\n\n")[0]


def test_an_answer_of_nothing_is_still_a_stream() -> None:
    """Start and end, nothing between."""
    events: list[Event] = [Started("id-1", "model-1"), Finished("stop"), Ended()]

    assert written(ANTHROPIC.writer(message(stream=True)), events).count(b"event: ") == 3
    assert written(OPENAI.writer(chat(stream=True)), events).count(b"data: ") == 3


STATUSES = [
    (Code.INVALID_REQUEST, "BadRequestError"),
    (Code.UNAUTHENTICATED, "AuthenticationError"),
    (Code.FORBIDDEN, "PermissionDeniedError"),
    (Code.MODEL_NOT_FOUND, "NotFoundError"),
    (Code.NO_CANDIDATE, "UnprocessableEntityError"),
    (Code.RATE_LIMITED, "RateLimitError"),
    (Code.BUDGET_EXHAUSTED, "RateLimitError"),
    (Code.UPSTREAM_FAILED, "InternalServerError"),
]


@pytest.mark.parametrize(("code", "name"), STATUSES)
def test_sdks_raise_the_class_they_promise(code: Code, name: str) -> None:
    """With our words in it."""
    error = TurnoutError(code, "the words", param="model")

    def answer(body: bytes) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(error.status, content=body)))

    chat_client = openai.OpenAI(api_key="x", max_retries=0, http_client=answer(OPENAI.write_error(error)))
    with pytest.raises(getattr(openai, name), match="the words") as caught:
        chat_client.chat.completions.create(model="m", messages=[])
    assert (caught.value.code, caught.value.param) == (str(code), "model")
    messages_client = anthropic.Anthropic(api_key="x", max_retries=0, http_client=answer(ANTHROPIC.write_error(error)))
    with pytest.raises(getattr(anthropic, name), match="the words"):
        messages_client.messages.create(model="m", max_tokens=9, messages=[])


def test_an_error_event_ends_a_stream_in_the_sdks_own_error() -> None:
    """The content before it was read; then the SDK raises."""
    error = TurnoutError(Code.UPSTREAM_FAILED, "the words")
    begun: list[Event] = [Started("i", "m"), TextDelta("hi")]
    body = written(OPENAI.writer(chat(stream=True)), begun) + OPENAI.error_event(error)
    client = openai.OpenAI(api_key="x", http_client=httpx.Client(transport=answered(body, "text/event-stream")))
    with pytest.raises(openai.APIError, match="the words"):
        list(client.chat.completions.create(model="m", messages=[], stream=True))

    body = written(ANTHROPIC.writer(message(stream=True)), begun) + ANTHROPIC.error_event(error)
    other = anthropic.Anthropic(api_key="x", http_client=httpx.Client(transport=answered(body, "text/event-stream")))
    with pytest.raises(anthropic.APIError, match="the words"):
        list(other.messages.create(model="m", max_tokens=9, messages=[], stream=True))


def test_a_failure_inside_a_simulated_reply_is_an_error_event() -> None:
    """What a real provider would send in the middle of a 200."""
    failed = Failed("overloaded_error", "too much")

    assert msgspec.json.decode(OPENAI.writer(chat(stream=True)).write(failed)[6:])["error"]["message"] == "too much"
    assert ANTHROPIC.writer(message(stream=True)).write(failed).startswith(b"event: error\n")
