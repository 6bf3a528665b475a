"""Requests from one dialect to the other: what the provider of the other dialect is sent."""

from typing import Any

import pytest

from tests.unit.dialects.asking import ANTHROPIC, OPENAI, chat, message, to_anthropic, to_openai
from turnout.errors import TurnoutError

CALLS = [
    {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at":"sky","n":1.50}'}},
    {"id": "functions.look:2", "type": "function", "function": {"name": "look", "arguments": ""}},
]
USES = [
    {"type": "tool_use", "id": "call_1", "name": "look", "input": {"at": "sky", "n": 1.5}},
    {"type": "tool_use", "id": "functions_look_2", "name": "look", "input": {}},
]
SCHEMA = {"type": "object", "properties": {"a": {"type": "number"}}}
TOOL = {"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": SCHEMA, "strict": True}}


def test_system_prompts_move_to_the_top_and_back() -> None:
    """Developer prompts are system prompts there."""
    there = to_anthropic(
        chat({"role": "system", "content": "a"}, {"role": "developer", "content": "b"}, {"role": "user", "content": "hi"})
    )

    assert there["system"] == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert there["messages"] == [{"role": "user", "content": "hi"}]
    assert to_openai(message(system="a"))["messages"] == [{"role": "system", "content": "a"}, {"role": "user", "content": "hi"}]


def test_images_and_documents_keep_their_bytes() -> None:
    """Data URLs on one side, base64 sources on the other; web addresses as they are."""
    parts = [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB"}},
    ]
    blocks = [
        {"type": "text", "text": "see"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "BBBB"}, "title": "a.pdf"},
    ]

    assert to_anthropic(chat({"role": "user", "content": parts}))["messages"][0]["content"] == blocks
    assert to_openai(message({"role": "user", "content": blocks}))["messages"][0]["content"] == parts


def test_a_data_url_without_data_is_the_callers_error() -> None:
    """It would reach the provider as something else."""
    with pytest.raises(TurnoutError):
        to_anthropic(chat({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png,xx"}}]}))


def test_parallel_calls_and_their_results_keep_their_ids() -> None:
    """Results of one turn go together; ids that Anthropic would refuse are spelled alike on both sides of the call."""
    there = to_anthropic(
        chat(
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "", "tool_calls": CALLS},
            {"role": "tool", "tool_call_id": "call_1", "content": "blue"},
            {"role": "tool", "tool_call_id": "functions.look:2", "content": [{"type": "text", "text": "red"}]},
            {"role": "user", "content": "go on"},
        )
    )

    assert there["messages"] == [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": USES},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": "blue"},
                {"type": "tool_result", "tool_use_id": "functions_look_2", "content": "red"},
                {"type": "text", "text": "go on"},
            ],
        },
    ]


def test_calls_and_results_come_back_as_turns_of_their_own() -> None:
    """OpenAI wants each result as a message, before what the user adds; number spelling in arguments is kept."""
    body = (
        b'{"model":"m","max_tokens":9,"messages":[{"role":"assistant","content":[{"type":"text","text":"let me"},'
        b'{"type":"tool_use","id":"t1","name":"look","input":{"n":1.50}}]},{"role":"user","content":['
        b'{"type":"tool_result","tool_use_id":"t1","is_error":true,"content":"gone"},{"type":"text","text":"go on"}]}]}'
    )

    there = to_openai(ANTHROPIC.ask(body))

    call = {"id": "t1", "type": "function", "function": {"name": "look", "arguments": '{"n":1.50}'}}
    assert there["messages"] == [
        {"role": "assistant", "content": "let me", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "t1", "content": "gone"},
        {"role": "user", "content": "go on"},
    ]


def test_tools_are_told_in_the_other_dialects_words() -> None:
    """Name, description, schema and strictness."""
    there = to_anthropic(chat(tools=[TOOL, {"type": "function", "function": {"name": "now"}}]))

    assert there["tools"] == [
        {"name": "look", "description": "Looks.", "input_schema": SCHEMA, "strict": True},
        {"name": "now", "input_schema": {"type": "object", "properties": {}}},
    ]
    assert to_openai(message(tools=there["tools"][:1]))["tools"] == [TOOL]


@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        (None, None, None),
        ("auto", None, {"type": "auto"}),
        ("required", None, {"type": "any"}),
        ("none", False, {"type": "none"}),
        ({"type": "function", "function": {"name": "look"}}, None, {"type": "tool", "name": "look"}),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        ("required", True, {"type": "any", "disable_parallel_tool_use": False}),
    ],
)
def test_the_choice_of_tools_and_one_call_at_a_time(choice: Any, parallel: bool | None, expected: Any) -> None:  # noqa: FBT001  # a table's column
    """Two settings there, one here."""
    fields = {name: value for name, value in (("tool_choice", choice), ("parallel_tool_calls", parallel)) if value is not None}
    there = to_anthropic(chat(tools=[TOOL], **fields))

    assert there.get("tool_choice") == expected
    if expected is not None and choice not in (None, "none"):
        back = to_openai(message(tools=there["tools"], tool_choice=expected))
        assert (back["tool_choice"], back.get("parallel_tool_calls")) == (choice, parallel)


def test_a_json_schema_is_carried_both_ways() -> None:
    """Anthropic's format has no name and is always strict."""
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}
    there = to_anthropic(chat(response_format=wanted))

    assert there["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    assert to_openai(message(output_config=there["output_config"]))["response_format"] == wanted


@pytest.mark.parametrize(
    ("effort", "model", "thinking", "config"),
    [
        ("high", "claude-sonnet-5", {"type": "adaptive"}, {"effort": "high"}),
        ("minimal", "claude-sonnet-5", {"type": "adaptive"}, {"effort": "low"}),
        ("none", "claude-sonnet-5", {"type": "disabled"}, None),
        ("low", "claude-haiku-4-5-20251001", {"type": "enabled", "budget_tokens": 2048}, None),
        ("high", "claude-3-7-sonnet", {"type": "enabled", "budget_tokens": 10000}, None),
    ],
)
def test_effort_becomes_thinking(effort: str, model: str, thinking: Any, config: Any) -> None:
    """Older models know a budget only, which stays below the answer's limit."""
    there = to_anthropic(chat(reasoning_effort=effort), model, max_output=20_000)

    assert (there.get("thinking"), there.get("output_config")) == (thinking, config)


def test_a_provider_may_know_budgets_only() -> None:
    """The quirk of those that copy an older Anthropic."""
    there = to_anthropic(chat(reasoning_effort="low"), "own-model", quirks=frozenset({"budget_thinking"}))

    assert there["thinking"] == {"type": "enabled", "budget_tokens": 2048}


def test_thinking_is_off_in_a_tool_loop_whose_thoughts_are_gone() -> None:
    """An older model wants its signed thoughts back there; the answer's warnings say that it was left out."""
    turns: list[dict[str, Any]] = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "tool_calls": CALLS[:1]},
        {"role": "tool", "tool_call_id": "call_1", "content": "x"},
    ]
    ask = chat(*turns, reasoning_effort="low")

    assert "thinking" not in to_anthropic(ask, "claude-haiku-4-5")
    assert "late_tool_reasoning" in ask.sketch.carries


@pytest.mark.parametrize(
    ("fields", "effort"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "low"),
        ({"thinking": {"type": "enabled", "budget_tokens": 8000}}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 30_000}}, "high"),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, "max"),
        ({"thinking": {"type": "adaptive"}}, None),
        ({"thinking": {"type": "disabled"}}, None),
    ],
)
def test_thinking_becomes_effort(fields: dict[str, Any], effort: str | None) -> None:
    """A budget is the nearest word; thinking as the model likes is the default's business."""
    assert to_openai(message(**fields)).get("reasoning_effort") == effort


def test_limits_and_settings_are_renamed() -> None:
    """The answer's limit by the name that the provider knows, and a figure where one is demanded."""
    assert to_openai(message(stop_sequences=["a"], temperature=0.5, metadata={"user_id": "ann"})) == {
        "model": "gpt", "messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 100, "stop": ["a"], "temperature": 0.5, "user": "ann",
    }  # fmt: skip
    assert to_openai(message(), "max_tokens_param")["max_tokens"] == 100
    assert to_anthropic(chat())["max_tokens"] == 4096
    assert to_anthropic(chat(), max_output=64_000)["max_tokens"] == 64_000
    assert to_anthropic(chat(max_tokens=7, stop="a", user="ann"), max_output=64_000) == {
        "model": "claude-sonnet-5", "max_tokens": 7, "messages": [{"role": "user", "content": "hi"}], "stop_sequences": ["a"], "metadata": {"user_id": "ann"},
    }  # fmt: skip


def test_a_stream_asks_for_its_usage() -> None:
    """Unless the provider refuses the switch."""
    assert to_openai(message(stream=True))["stream_options"] == {"include_usage": True}
    assert "stream_options" not in to_openai(message(stream=True), "no_stream_usage")
    assert to_anthropic(chat(stream=True))["stream"] is True


def test_cache_breakpoints_reach_anthropic() -> None:
    """Clients of gateways write them into Chat Completions bodies."""
    text = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}

    assert to_anthropic(chat({"role": "user", "content": [text]}))["messages"][0]["content"] == [text]


def test_empty_texts_do_not_reach_anthropic() -> None:
    """It refuses them; beside a call they say nothing."""
    there = to_anthropic(
        chat(
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [{"type": "text", "text": ""}], "tool_calls": CALLS[:1]},
        )
    )

    assert there["messages"][1]["content"] == USES[:1]


@pytest.mark.parametrize("role", ["function", "robot", ""])
def test_turns_without_meaning_elsewhere_are_not_translated(role: str) -> None:
    """The feature table keeps them away; a translation asked for all the same says why not."""
    with pytest.raises(TurnoutError):
        OPENAI.to_hub(chat({"role": role, "content": "x"}))
    with pytest.raises(TurnoutError):
        ANTHROPIC.to_hub(message({"role": role, "content": "x"}))
