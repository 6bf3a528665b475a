"""A Chat Completions request as read for routing and relayed."""

from typing import Any

import msgspec
import pytest

from tests.unit.dialects.asking import OPENAI, chat
from turnout.errors import Code, TurnoutError
from turnout.types.models import Feature, Modality, names

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
SOUND = {"type": "input_audio", "input_audio": {"data": "AAAAAAAA", "format": "wav"}}
PAPER = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAAAAAAAAAA"}}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at":"sky"}'}}


def test_the_sketch_outlines_what_routing_needs() -> None:
    """Texts in order, the system prompt and the last user message apart, sizes and counts; each in its place."""
    sketch = chat(
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": [{"type": "text", "text": "what is"}, IMAGE, SOUND, PAPER]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "blue"},
        {"role": "user", "content": "and now?"},
        tools=[TOOL, TOOL], max_completion_tokens=50, stream=True, n=3, modalities=["text", "audio"], logit_bias={"1": 1},
    ).sketch  # fmt: skip

    assert msgspec.structs.asdict(sketch) == {
        "model": "m",
        "stream": True,
        "system": "be kind",
        "last_user": "and now?",
        "texts": ("be kind", "what is", "look", '{"at":"sky"}', "blue", "and now?"),
        "turns": 4,
        "tools": 2,
        "tool_bytes": len(msgspec.json.encode([TOOL, TOOL])),
        "images": 1,
        "audio_bytes": 6,
        "document_bytes": 30,
        "features": Feature.TOOLS | Feature.STREAMING | Feature.N,
        "input": Modality.TEXT | Modality.IMAGE | Modality.AUDIO | Modality.DOCUMENT,
        "output": Modality.TEXT | Modality.AUDIO,
        "max_output": 50,
        "n": 3,
        "carries": frozenset({"audio", "field:logit_bias", "media_output", "n"}),
        "has_tool_results": True,
        "unread_bytes": len(b'{"1":1}') + len(PAPER["file"]["filename"]),
        "unsized_documents": 0,
    }


@pytest.mark.parametrize(
    ("fields", "features"),
    [
        ({}, ()),
        ({"stream": True}, ("streaming",)),
        ({"tools": [TOOL], "tool_choice": "auto"}, ("tools",)),
        ({"tools": [TOOL], "tool_choice": "required", "parallel_tool_calls": True}, ("tools", "parallel_tools", "tool_choice")),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}, "strict": True}}},
            ("json_schema",),
        ),
        ({"response_format": {"type": "json_object"}}, ("json_mode",)),
        ({"functions": [{"name": "f"}]}, ("tools",)),
        ({"functions": [{"name": "f"}], "function_call": "auto"}, ("tools",)),
        ({"functions": [{"name": "f"}], "function_call": {"name": "f"}}, ("tools", "tool_choice")),
        ({"functions": []}, ()),
        ({"reasoning_effort": "high"}, ("reasoning",)),
        ({"reasoning_effort": "none"}, ()),
        ({"logprobs": True, "seed": 0, "stop": "x", "n": 2}, ("logprobs", "seed", "stop", "n")),
        ({"logprobs": False, "n": 1, "stop": None}, ()),
    ],
)
def test_features_are_what_the_request_cannot_do_without(fields: dict[str, Any], features: tuple[str, ...]) -> None:
    """Defaults spelled out ask for nothing."""
    assert names(Feature(chat(**fields).sketch.features)) == features


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"logprobs": True}, "logprobs"),
        ({"n": 2}, "n"),
        ({"seed": 1}, "seed"),
        ({"frequency_penalty": 0.5}, "penalties"),
        ({"temperature": 1.5}, "temperature_over_1"),
        ({"modalities": ["text", "audio"], "audio": {"voice": "x"}}, "media_output"),
        ({"metadata": {"team": "web"}}, "metadata"),
        ({"stop": ["\n"]}, "whitespace_stop"),
        ({"response_format": {"type": "json_object"}}, "json_mode"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}}, "loose_json_schema"),
        ({"reasoning_effort": "low", "temperature": 0.2}, "reasoning_temperature"),
        ({"reasoning_effort": "low", "max_tokens": 100}, "reasoning_small_output"),
        ({"reasoning_effort": "low", "tools": [TOOL], "tool_choice": "required"}, "reasoning_tool_choice"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tool_type:custom"),
        ({"tools": [{**TOOL, "cache_control": {"type": "ephemeral"}}]}, "cache_control"),
        ({"tools": [TOOL], "tool_choice": {"type": "allowed_tools", "allowed_tools": {}}}, "tool_choice:allowed_tools"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"logit_bias": {"1": 2}}, "field:logit_bias"),
        ({"provider": {"order": ["a"]}}, "field:provider"),
    ],
)
def test_what_not_every_dialect_can_carry_is_named(fields: dict[str, Any], name: str) -> None:
    """Settings beyond the common ones, and every field this program does not know."""
    assert name in chat(**fields).sketch.carries


@pytest.mark.parametrize(
    ("turn", "name"),
    [
        ({"role": "user", "name": "ann", "content": "x"}, "message_name"),
        ({"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}]}, "audio"),
        ({"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}, "file_reference"),
        ({"role": "user", "content": [{"type": "video_url", "video_url": {"url": "https://x"}}]}, "video"),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x", "detail": "low"}}]},
            "image_detail",
        ),
        ({"role": "user", "content": [{"type": "odd", "text": "x"}]}, "part:odd"),
        ({"role": "assistant", "content": "x", "reasoning_content": "hm"}, "reasoning_text"),
        ({"role": "assistant", "content": "x", "refusal": "no"}, "refusal"),
        ({"role": "assistant", "content": "x"}, "trailing_assistant"),
        (
            {"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "look", "arguments": "{"}}]},
            "broken_tool_arguments",
        ),
        ({"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}, "functions"),
        ({"role": "assistant", "content": "x", "prefix": True}, "field:messages.prefix"),
        ({"role": "function", "name": "f", "content": "x"}, "role:function"),
        ({"role": "tool", "content": "x"}, "unnamed_tool_call"),
        ({"role": "system", "content": "x"}, "late_system"),
    ],
)
def test_what_a_conversation_holds_is_named(turn: dict[str, Any], name: str) -> None:
    """Also fields deep inside messages: nothing is dropped silently on the way to another dialect."""
    assert name in chat({"role": "user", "content": "hi"}, turn).sketch.carries


def test_null_fields_ask_for_nothing() -> None:
    """SDKs that write every field as null do not narrow the choice of models."""
    sketch = chat({"role": "user", "content": "x", "name": None, "odd": None}, logit_bias=None, logprobs=None, tools=None).sketch

    assert sketch.carries == frozenset()
    assert sketch.features == 0


def test_relaying_changes_only_what_we_own() -> None:
    """The model and our key; unknown fields, their order and the spelling of numbers stay."""
    body = b'{"temperature":1.00,"model":"auto","x":{"y": 1e2},"turnout":{"tags":{}},"messages":[{"role":"user","content":"\\u00e9"}]}'

    relayed = OPENAI.relay(OPENAI.ask(body), "gpt-5")

    assert relayed == b'{"temperature":1.00,"model":"gpt-5","x":{"y": 1e2},"messages":[{"role":"user","content":"\\u00e9"}]}'


def test_a_field_named_twice_cannot_show_two_values() -> None:
    """What was read is what is sent on: nothing can be smuggled past the routing."""
    body = b'{"model":"auto","messages":[],"model":"other","turnout":{},"turnout":{"tags":{}}}'

    assert OPENAI.ask(body).sketch.model == "other"
    assert OPENAI.relay(OPENAI.ask(body), "other") == b'{"model":"other","messages":[]}'


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, None),
        ({"stream": False}, None),
        ({"stream": True}, {"include_usage": True}),
        ({"stream": True, "stream_options": None}, {"include_usage": True}),
        ({"stream": True, "stream_options": {"include_usage": False, "other": 1}}, {"include_usage": True, "other": 1}),
        ({"stream": True, "stream_options": {"include_usage": True, "other": 1}}, {"include_usage": True, "other": 1}),
    ],
)
def test_the_usage_switch_is_set_for_streams(fields: dict[str, Any], expected: Any) -> None:
    """A stream's cost is only known with it."""
    assert msgspec.json.decode(OPENAI.relay(chat(**fields), "m")).get("stream_options") == expected


def test_a_provider_that_refuses_the_usage_switch_does_not_get_it() -> None:
    """The quirk of vendors that report usage unasked."""
    assert b"stream_options" not in OPENAI.relay(chat(stream=True), "m", frozenset({"no_stream_usage"}))


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"not json", None),
        (b"[]", None),
        (b"{}", "model"),
        (b'{"model":"m"}', "messages"),
        (b'{"model":5,"messages":[]}', "model"),
        (b'{"model":"m","messages":{}}', "messages"),
        (b'{"model":"m","messages":[{"role":7}]}', "messages[0].role"),
        (b'{"model":"m","messages":[],"max_tokens":"many"}', "max_tokens"),
        (b'{"model":"m","messages":[],"turnout":5}', "turnout"),
        (b'{"model":"m","messages":[],"turnout":{"a":1e999}}', "turnout"),
        (b'{"model":"m","messages":[],"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", None),
        (b'{"model":"m","messages":[],"seed":' + b"9" * 5000 + b"}", "seed"),
        (b'{"model":"m","messages":[],"x":"\xff\xfe"}', None),
        (b'{"model":"m\xff","messages":[]}', None),
        (b'{"model":"m","messages":[],"x":NaN}', None),
        (b"\x00\x01\x02", None),
        (b'{"model":"m","messages":[],"max_tokens":4294967296}', "max_tokens"),
        (b'{"model":"m","messages":[],"n":100000000000000000000000}', "n"),
        (b'{"messages":[],"model":"' + b"m" * 257 + b'"}', "model"),
        (b'{"model":"m","messages":[{"role":"user","odd":1,"content":5}]}', "messages[0].content"),
    ],
)
def test_a_bad_body_is_the_callers_error_and_names_the_field(body: bytes, param: str | None) -> None:
    """Garbage of every kind gets invalid_request, never an exception of our own."""
    with pytest.raises(TurnoutError) as caught:
        OPENAI.ask(body)

    assert caught.value.code is Code.INVALID_REQUEST
    assert caught.value.status == 400
    assert caught.value.param == param


def test_our_key_and_the_metadata_are_read() -> None:
    """Both carry hints; only strings count as tags."""
    ask = chat(turnout={"tags": {"task": "qa"}}, metadata={"team": "web", "n": 1})

    assert ask.turnout == {"tags": {"task": "qa"}}
    assert ask.metadata == {"team": "web"}
