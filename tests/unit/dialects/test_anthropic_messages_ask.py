"""A Messages request as read for routing and relayed."""

from typing import Any

import msgspec
import pytest

from tests.unit.dialects.asking import ANTHROPIC, message
from turnout.errors import Code, TurnoutError
from turnout.types.models import Feature, Modality, names

TOOL = {"name": "look", "input_schema": {"type": "object"}}
PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}

PDF = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAAAAAAAAAA"}}


def test_the_sketch_outlines_what_routing_needs() -> None:
    """Texts in order, tool results among them; a turn of results alone leaves the user's last words standing."""
    sketch = message(
        {"role": "user", "content": [{"type": "text", "text": "what is"}, PNG, PDF]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "sky"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "blue"}]}]},
        system=[{"type": "text", "text": "be kind"}], tools=[TOOL, TOOL], stream=True, top_k=3,
    ).sketch  # fmt: skip

    assert msgspec.structs.asdict(sketch) == {
        "model": "m",
        "stream": True,
        "system": "be kind",
        "last_user": "what is",
        "texts": ("be kind", "what is", "look", '{"at":"sky"}', "blue"),
        "turns": 3,
        "tools": 2,
        "tool_bytes": len(msgspec.json.encode([TOOL, TOOL])),
        "images": 1,
        "audio_bytes": 0,
        "document_bytes": 9,
        "features": Feature.TOOLS | Feature.STREAMING,
        "input": Modality.TEXT | Modality.IMAGE | Modality.DOCUMENT,
        "output": Modality.TEXT,
        "max_output": 100,
        "n": 1,
        "carries": frozenset({"top_k"}),
        "has_tool_results": True,
        "unread_bytes": 0,
        "unsized_documents": 0,
    }


@pytest.mark.parametrize(
    ("fields", "features"),
    [
        ({}, ()),
        ({"stream": True, "stop_sequences": ["x"]}, ("streaming", "stop")),
        ({"tools": [TOOL], "tool_choice": {"type": "auto"}}, ("tools",)),
        ({"tools": [TOOL], "tool_choice": {"type": "any"}}, ("tools", "tool_choice")),
        ({"output_config": {"format": {"type": "json_schema", "schema": {}}}}, ("json_schema",)),
        ({"output_format": {"type": "json_schema", "schema": {}}}, ("json_schema",)),
        ({"output_config": {"effort": "low"}}, ("reasoning",)),
        ({"thinking": {"type": "adaptive"}}, ("reasoning",)),
        ({"thinking": {"type": "disabled"}}, ()),
    ],
)
def test_features_are_what_the_request_cannot_do_without(fields: dict[str, Any], features: tuple[str, ...]) -> None:
    """Both names of the wanted JSON shape count."""
    assert names(Feature(message(**fields).sketch.features)) == features


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"top_k": 5}, "top_k"),
        ({"stop_sequences": list("abcde")}, "many_stops"),
        ({"stop_sequences": ["x"]}, "stop_sequence"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, "reasoning_budget"),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, "reasoning_display"),
        ({"thinking": {"type": "disabled"}}, "reasoning_off"),
        ({"cache_control": {"type": "ephemeral"}}, "cache_control"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tool_type:web_search_20250305"),
        ({"tools": [{**TOOL, "defer_loading": True}]}, "field:tools.defer_loading"),
        ({"mcp_servers": [{}]}, "field:mcp_servers"),
        ({"container": "c"}, "field:container"),
        ({"output_config": {"task_budget": {"type": "tokens"}}}, "field:output_config.task_budget"),
    ],
)
def test_what_not_every_dialect_can_carry_is_named(fields: dict[str, Any], name: str) -> None:
    """Settings beyond the common ones, and every field this program does not know."""
    assert name in message(**fields).sketch.carries


@pytest.mark.parametrize(
    ("block", "name"),
    [
        ({"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}, "cache_control"),
        ({"type": "text", "text": "x", "citations": [{"type": "char_location"}]}, "citations"),
        ({"type": "thinking", "thinking": "hm", "signature": "s"}, "reasoning_signature"),
        ({"type": "redacted_thinking", "data": "x"}, "reasoning_signature"),
        ({"type": "document", "source": {"type": "url", "url": "https://x"}}, "document_url"),
        ({"type": "document", "source": {"type": "text", "data": "x"}}, "document_source:text"),
        ({"type": "document", "source": {"type": "base64", "data": "AA"}, "context": "x"}, "document_context"),
        ({"type": "image", "source": {"type": "file", "file_id": "f"}}, "image_source:file"),
        ({"type": "tool_result", "tool_use_id": "t", "is_error": True}, "tool_error"),
        ({"type": "tool_result", "tool_use_id": "t", "content": [PNG]}, "tool_result_media"),
        ({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}, "block:server_tool_use"),
        ({"type": "web_search_tool_result", "tool_use_id": "s", "content": {"type": "error"}}, "block:web_search_tool_result"),
    ],
)
def test_what_a_conversation_holds_is_named(block: dict[str, Any], name: str) -> None:
    """Blocks with no place elsewhere, whatever shape their content has."""
    assert name in message({"role": "user", "content": [block]}).sketch.carries


def test_a_turn_put_into_the_models_mouth_is_named() -> None:
    """Elsewhere the model would not continue it but answer it."""
    assert "prefill" in message({"role": "user", "content": "x"}, {"role": "assistant", "content": "{"}).sketch.carries


def test_relaying_changes_only_what_we_own() -> None:
    """The model and our key; unknown fields, their order and the spelling of numbers stay."""
    body = b'{"max_tokens":5,"model":"auto","x":{"y": 1e2},"turnout":{"tags":{}},"stream":true,"messages":[]}'

    relayed = ANTHROPIC.relay(ANTHROPIC.ask(body), "claude-sonnet-5")

    assert relayed == b'{"max_tokens":5,"model":"claude-sonnet-5","x":{"y": 1e2},"stream":true,"messages":[]}'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"model":"m","messages":[{"content":{}}]}',
        b'{"model":"m","messages":[],"tools":{}}',
        b'{"model":"m","messages":[],"max_tokens":4294967296}',
        b'{"messages":[],"model":"' + b"m" * 257 + b'"}',
    ],
)
def test_a_bad_body_is_the_callers_error(body: bytes) -> None:
    """Wrong types are refused before anyone is called."""
    with pytest.raises(TurnoutError) as caught:
        ANTHROPIC.ask(body)

    assert caught.value.code is Code.INVALID_REQUEST
