"""Recorded answers survive their other form: whole to stream and back, stream to whole and back."""

import re

import msgspec
import pytest

from tests.contract.corpus import rows
from tests.contract.test_dialect_translation import answers, asking
from turnout.dialects.collect import collect, events_of, read_answer
from turnout.dialects.registry import DIALECTS
from turnout.types.reply import Choice, Reply
from turnout.types.request import Reasoning, Refusal, Text, ToolCall


def settled(reply: Reply) -> list[tuple[str, str, str, list[tuple[str, str, str]], str]]:
    """What every form of either dialect can say: words, thoughts, declining, calls and the reason, of each choice."""
    return [_settled(choice) for choice in reply.choices]


def _settled(choice: Choice) -> tuple[str, str, str, list[tuple[str, str, str]], str]:
    text, thought, refused = (
        "".join(part.text for part in choice.parts if isinstance(part, kind)) for kind in (Text, Reasoning, Refusal)
    )
    calls = [(part.id, part.name, part.arguments or "{}") for part in choice.parts if isinstance(part, ToolCall)]
    return text, thought, refused, calls, "stop" if choice.finish == "other" else choice.finish  # no dialect has a word for other


@pytest.mark.parametrize("streamed", [False, True])
def test_a_recorded_answer_keeps_what_it_says_in_the_other_form(*, streamed: bool) -> None:
    """Read, told as a stream in small pieces and read again, told whole and read again: the same each time."""
    told = 0
    for row in answers(streamed=streamed):
        dialect = DIALECTS[row.dialect]
        reply = read_answer(dialect, row.answer, stream=streamed)
        writer = dialect.writer(asking(dialect, stream=True))

        stream = read_answer(dialect, b"".join(map(writer.write, events_of(reply, 7))), stream=True)
        whole = read_answer(dialect, dialect.write_reply(reply), stream=False)

        assert settled(stream) == settled(whole) == settled(reply), row.id
        if reply.usage is not None and reply.usage.complete:
            assert stream.usage is not None, row.id
            assert stream.usage.total_output == reply.usage.total_output, row.id
        told += 1
    assert told >= 150


def test_collecting_is_settled_once_it_was_done() -> None:
    """Told as events again and collected again, a collected reply does not change, signatures included."""
    for row in answers(streamed=True):
        reply = read_answer(DIALECTS[row.dialect], row.answer, stream=True)

        assert collect(events_of(reply, 5)) == reply, row.id


def test_recordings_of_one_question_in_both_forms_have_one_shape() -> None:
    """Where the same request was recorded whole and as a stream, both are read into the same kinds of parts."""
    forms: dict[tuple[str, str, bytes], dict[bool, str]] = {}
    for row in rows():
        if row.request is None or row.status != 200 or b'"error":{' in row.answer or row.answer.startswith(b"["):
            continue
        body = {name: value for name, value in row.request.items() if name not in {"stream", "stream_options"}}
        reply = read_answer(DIALECTS[row.dialect], row.answer, stream=row.streamed)
        kinds = re.sub(
            r"(\w+ )\1+", r"\1", "".join(f"{type(part).__name__} " for choice in reply.choices for part in choice.parts)
        )
        forms.setdefault((row.dialect, row.model, msgspec.json.encode(body)), {})[row.streamed] = kinds
    pairs = [both for both in forms.values() if len(both) == 2 and all(both.values())]  # one recording says nothing at all

    assert len(pairs) >= 20
    for both in pairs:
        assert both[False] == both[True]
