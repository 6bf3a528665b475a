"""Laws of checks and of a reply's two forms: no answer raises, and what is told as events is collected as it was."""

import json
from itertools import pairwise
from typing import get_args

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from turnout.checks.answer import Answer, answer_of
from turnout.checks.fences import blocks
from turnout.checks.verify import DETAIL, verify
from turnout.dialects.collect import collect, events_of
from turnout.types.checks import Check, JsonSchema, JsonValid, Length, NotRefusal, PythonCompiles, Regex, name_of
from turnout.types.reply import (
    Choice,
    Ended,
    Finish,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    Reply,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
    UsageReported,
)
from turnout.types.request import Reasoning, Refusal, Text, ToolCall

anything = st.text(max_size=40)
maybe = st.none() | anything
snippets = st.lists(
    st.sampled_from(["```", "~~~", "python", "json", "\n", " ", "def f(", "):", "x = ", "{", "}", "[", '"', "'", "1", ":", ",", "\0", "\\", "I can't ", "help"])
    | st.text(max_size=3),
    max_size=30,
).map("".join)  # fmt: skip
CHECKS: tuple[Check, ...] = (
    JsonValid(), JsonSchema(), JsonSchema('{"type":"object"}'), PythonCompiles(), Regex("a"), Regex("a", found=False), Length(2, 9), NotRefusal(),
)  # fmt: skip


@given(st.sampled_from(CHECKS), st.builds(Answer, snippets, maybe, st.just(()) | st.just((("f", "{"),)), st.none() | snippets))
def test_every_answer_has_a_verdict(check: Check, answer: Answer) -> None:
    """Pass or fail, never an exception; the same again when asked again; a failure names its check and is brief."""
    failed = verify((check,), answer)

    assert verify((check,), answer) == failed
    if failed is not None:
        assert failed.check == name_of(check)
        assert 0 < len(failed.detail) <= DETAIL


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(codec="utf-8"), max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(json_values, st.booleans(), st.sampled_from(["", "Here you are:\n"]))
@settings(deadline=None)
def test_json_passes_bare_and_fenced(value: object, indent: bool, before: str) -> None:  # noqa: FBT001  hypothesis passes by position
    """Whatever the value."""
    text = json.dumps(value, indent=2 if indent else None)

    assert verify((JsonValid(),), Answer(text)) is None
    assert verify((JsonValid(),), Answer(f"{before}```json\n{text}\n```\n")) is None


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="`~"), max_size=30), max_size=4))
def test_fenced_blocks_come_back(codes: list[str]) -> None:
    """What is put between fences is found between them."""
    text = "\n".join(f"words\n```py\n{code}\n```" for code in codes)

    assert [block.code for block in blocks(text)] == [f"{code}\n" for code in codes]


parts = st.one_of(
    st.builds(Text, anything),
    st.builds(Refusal, anything),
    st.builds(Reasoning, anything, maybe, maybe),
    st.builds(ToolCall, anything, anything, anything),
)


def settled(found: list[Text | Refusal | Reasoning | ToolCall]) -> bool:
    """No two neighbours that deltas cannot tell apart."""
    return all(
        type(a) is not type(b)
        or isinstance(a, ToolCall)
        or (isinstance(a, Reasoning) and (a.signature, a.redacted) != (None, None))
        for a, b in pairwise(found)
    )


choices = st.builds(Choice, st.lists(parts, max_size=6).filter(settled).map(tuple), st.sampled_from(get_args(Finish)), maybe)
usages = st.builds(Usage, input=st.integers(0, 99), output=st.integers(0, 99), complete=st.booleans())
replies = st.builds(Reply, anything, anything, st.lists(choices, max_size=3).map(tuple), st.none() | usages)
sizes = st.none() | st.integers(1, 9)


@given(replies, sizes)
def test_a_reply_told_as_events_is_collected_as_it_was(reply: Reply, piece: int | None) -> None:
    """In deltas of any size, as far as events can say it: neighbouring parts of one kind are one."""
    assert collect(events_of(reply, piece)) == reply


index = st.integers(0, 2)
events = st.one_of(
    st.builds(Started, anything, anything),
    st.builds(TextDelta, anything, index),
    st.builds(RefusalDelta, anything, index),
    st.builds(ReasoningDelta, anything, maybe, maybe, index),
    st.builds(ToolCallStarted, index, anything, anything, index),
    st.builds(ToolCallDelta, index, anything, index),
    st.builds(Finished, st.sampled_from(get_args(Finish)), index, maybe),
    st.builds(UsageReported, usages),
    st.just(Ended()),
)


@given(st.lists(events, max_size=20), sizes)
def test_what_was_collected_once_does_not_change(stream: list[object], piece: int | None) -> None:
    """Any events at all give a reply, which is the same when it is told and collected again; no word of them is lost."""
    reply = collect(stream)  # type: ignore[arg-type]  # hypothesis knows no union here

    assert collect(events_of(reply, piece)) == reply
    said = sorted("".join(event.text for event in stream if isinstance(event, TextDelta | RefusalDelta)))
    found = [part.text for choice in reply.choices for part in choice.parts if isinstance(part, Text | Refusal)]
    assert sorted("".join(found)) == said


@given(replies)
def test_an_answer_is_made_of_any_reply(reply: Reply) -> None:
    """And can be sent to the process that checks it."""
    answer = answer_of(reply)

    assert len(answer.tool_calls) == sum(isinstance(part, ToolCall) for choice in reply.choices[:1] for part in choice.parts)
    assert msgspec.convert(msgspec.to_builtins(answer), Answer) == answer
