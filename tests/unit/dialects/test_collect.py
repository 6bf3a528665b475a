"""Whole answers and streams are two forms of one reply."""

import msgspec
import pytest

from tests.unit.dialects.asking import ANTHROPIC, OPENAI, chat, message
from turnout.dialects.collect import collect, events_of, read_answer
from turnout.dialects.dialect import Ask, Dialect
from turnout.errors import Broken, ProviderFault, RateLimited
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

SAID = Reply(
    "id-1",
    "some-model",
    (Choice((Reasoning("Let me see."), Text("It is 42."), ToolCall("c1", "look", '{"a":1}'), ToolCall("c2", "look", "{}")), "tool_calls"),),
    Usage(input=7, output=5),
)  # fmt: skip
STREAMS = [(OPENAI, chat(stream=True, stream_options={"include_usage": True})), (ANTHROPIC, message(stream=True))]


def test_deltas_are_put_together() -> None:
    """Neighbours of one kind are one part, a part of another kind between them makes two."""
    events: list[Event] = [
        Started("a", "m"), ReasoningDelta("Hm"), ReasoningDelta("m."), TextDelta("It "), TextDelta("is"), ToolCallStarted(0, "c", "f"),
        ToolCallDelta(0, '{"a"'), ToolCallDelta(0, ":1}"), TextDelta(" so."), Finished("stop", stop_sequence="END"), Ended(),
    ]  # fmt: skip

    assert collect(events) == Reply(
        "a", "m", (Choice((Reasoning("Hmm."), Text("It is"), ToolCall("c", "f", '{"a":1}'), Text(" so.")), "stop", "END"),)
    )


def test_parallel_calls_and_choices_may_come_interleaved() -> None:
    """The slot says which call a piece belongs to, the index which alternative, in whatever order they come."""
    events: list[Event] = [
        TextDelta("two", 1), TextDelta("one", 0), ToolCallStarted(0, "a", "f"), ToolCallStarted(1, "b", "g"),
        ToolCallDelta(1, "B"), ToolCallDelta(0, "A"), ToolCallDelta(1, "b"), Finished("stop", 1), Finished("tool_calls", 0),
    ]  # fmt: skip

    assert collect(events).choices == (
        Choice((Text("one"), ToolCall("a", "f", "A"), ToolCall("b", "g", "Bb")), "tool_calls"),
        Choice((Text("two"),), "stop"),
    )


def test_a_signature_ends_a_thought() -> None:
    """Two signed thoughts in a row stay two, a sealed one stays by itself."""
    thoughts = (Reasoning("one", "s1"), Reasoning("two", "s2"), Reasoning("", None, "sealed"), Reasoning("three"))
    reply = Reply("a", "m", (Choice(thoughts, "stop"),))

    assert collect(events_of(reply, 2)) == reply


def test_the_last_usage_counts() -> None:
    """Providers report the tokens of the input first and all of them at the end."""
    events: list[Event] = [UsageReported(Usage(input=3)), UsageReported(Usage(input=3, output=4))]

    assert collect(events).usage == Usage(input=3, output=4)


def test_what_never_finished_says_so() -> None:
    """A choice without its end is not one that ended well; a call nobody announced is kept."""
    assert collect([TextDelta("a"), ToolCallDelta(0, "{}")]).choices == (Choice((Text("a"), ToolCall("", "", "{}")), "other"),)


def test_a_failure_among_the_events_is_the_fault_it_reports() -> None:
    """Half an answer is no answer."""
    with pytest.raises(RateLimited):
        collect([TextDelta("a"), Failed("429", "slow down")])


def test_pieces_are_of_the_size_asked_for() -> None:
    """A replayed answer looks like a stream: in several deltas."""
    reply = Reply("a", "m", (Choice((Text("abcdefg"),), "stop"),))

    assert [event.text for event in events_of(reply, 3) if isinstance(event, TextDelta)] == ["abc", "def", "g"]
    assert [event.text for event in events_of(reply) if isinstance(event, TextDelta)] == ["abcdefg"]


@pytest.mark.parametrize(("dialect", "ask"), STREAMS)
@pytest.mark.parametrize("piece", [None, 3])
def test_what_a_client_was_given_is_read_back(dialect: Dialect, ask: Ask, piece: int | None) -> None:
    """Streamed or whole, in either dialect: the reply that was written."""
    writer = dialect.writer(ask)
    streamed = b"".join(writer.write(event) for event in events_of(SAID, piece))

    assert unsigned(read_answer(dialect, streamed, stream=True)) == SAID
    assert unsigned(read_answer(dialect, dialect.write_reply(SAID), stream=False)) == SAID


def unsigned(reply: Reply) -> Reply:
    """Anthropic's whole answers have a signature in any case; an empty input of a call is no delta, so no text, in its streams."""
    parts = [
        Reasoning(part.text) if isinstance(part, Reasoning)
        else msgspec.structs.replace(part, arguments=part.arguments or "{}") if isinstance(part, ToolCall)
        else part
        for part in reply.choices[0].parts
    ]  # fmt: skip
    return msgspec.structs.replace(reply, choices=(msgspec.structs.replace(reply.choices[0], parts=tuple(parts)),))


@pytest.mark.parametrize(("dialect", "ask"), STREAMS)
def test_a_cut_answer_is_not_read_back(dialect: Dialect, ask: Ask) -> None:
    """What broke off, or is an error, raises."""
    writer = dialect.writer(ask)
    half = b"".join(writer.write(event) for event in events_of(SAID)[:3])

    with pytest.raises(Broken):
        read_answer(dialect, half, stream=True)
    with pytest.raises(Broken):
        read_answer(dialect, dialect.write_reply(SAID)[:-5], stream=False)
    with pytest.raises(ProviderFault):
        read_answer(dialect, b'{"type":"error","error":{"type":"overloaded_error","message":"busy"}}', stream=False)
