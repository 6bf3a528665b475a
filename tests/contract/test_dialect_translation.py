"""Recorded answers, translated to the other dialect, say the same: words, thoughts, calls, the reason to stop, the tokens."""

import re

import anthropic.types as an
import msgspec
import openai.types.chat as oai
import pytest
from pydantic import TypeAdapter

from tests.contract import said
from tests.contract.corpus import Row, data_of, request_of, rows, splits
from turnout.dialects.delivery import deliver
from turnout.dialects.dialect import Ask, Delivery, Dialect
from turnout.dialects.features import lossy
from turnout.dialects.registry import DIALECTS

OTHER = {"openai-chat": "anthropic-messages", "anthropic-messages": "openai-chat"}
EVENTS = TypeAdapter(an.RawMessageStreamEvent)


def answers(*, streamed: bool) -> list[Row]:
    """Recorded answers that are answers: no errors inside, no list of several."""
    return [
        row
        for row in rows()
        if row.status == 200 and row.streamed == streamed and b'"error":{' not in row.answer and not row.answer.startswith(b"[")
    ]


def asking(dialect: Dialect, *, stream: bool) -> Ask:
    body = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}], "stream": stream}
    return dialect.ask(
        msgspec.json.encode({**body, "stream_options": {"include_usage": True}} if dialect.name == "openai-chat" else body)
    )


def run(delivery: Delivery, chunks: list[bytes]) -> bytes:
    return b"".join(delivery.feed(chunk) for chunk in chunks) + delivery.end()


def words(ask: Ask) -> list[str]:
    """All words of a conversation; OpenAI has no place for text after a call, so their order within a turn may differ."""
    return sorted(re.findall(r"\w+", " ".join(ask.sketch.texts)))


def check_finish(before: said.Said, after: said.Said, where: str) -> None:
    """The same reason, but that a call, and a refusal in words, are reasons of their own in Anthropic's."""
    expected = before.reason
    if before.reason == "stop":
        expected = "tool_calls" if before.calls else "refused" if before.refused else "stop"
    assert after.reason in {expected, before.reason}, where


def test_whole_answers_say_the_same_in_the_other_dialect() -> None:
    """Text, thoughts, calls with their ids and arguments, and the reason to stop survive, and the SDK reads them."""
    for row in answers(streamed=False):
        front, back = DIALECTS[OTHER[row.dialect]], DIALECTS[row.dialect]
        recorded = msgspec.json.decode(row.answer)

        out = run(deliver(front, back, asking(front, stream=False)), [row.answer])

        before, after = said.whole(row.dialect, recorded), said.whole(front.name, msgspec.json.decode(out))
        assert (after.text, after.thought, after.calls) == (before.text, before.thought, before.calls), row.id
        check_finish(before, after, row.id)
        (oai.ChatCompletion if front.name == "openai-chat" else an.Message).model_validate_json(out, strict=False)


def test_streams_say_the_same_in_the_other_dialect() -> None:
    """However the bytes are cut, the translated stream says what the recorded one said, in events that the SDK reads."""
    for row in answers(streamed=True):
        front, back = DIALECTS[OTHER[row.dialect]], DIALECTS[row.dialect]
        before = said.streamed(row.dialect, data_of(row.answer))
        for name, chunks in list(splits(row.answer, row.id))[-2:]:
            delivery = deliver(front, back, asking(front, stream=True))

            out = run(delivery, chunks)

            where = f"{row.id}, cut {name}"
            events = data_of(out)
            after = said.streamed(front.name, events)
            assert (after.text, after.thought, after.calls) == (before.text, before.thought, before.calls), where
            check_finish(before, after, where)
            assert delivery.seen.ended, where
            for event in events:
                if front.name == "openai-chat":
                    assert event == "[DONE]" or oai.ChatCompletionChunk.model_validate(event), where
                elif event["type"] != "ping":
                    EVENTS.validate_python(event)


@pytest.mark.parametrize("streamed", [False, True])
def test_tokens_are_the_same_in_the_other_dialect(*, streamed: bool) -> None:
    """The bill does not change with the dialect the answer is told in: what is reported again is what was reported."""
    for row in answers(streamed=streamed):
        front, back = DIALECTS[OTHER[row.dialect]], DIALECTS[row.dialect]
        translated = deliver(front, back, asking(front, stream=streamed))
        out = run(translated, [row.answer])
        relayed = deliver(back, back, asking(back, stream=streamed))
        run(relayed, [row.answer])
        again = deliver(front, front, asking(front, stream=streamed))
        run(again, [out])

        assert translated.seen.usage == relayed.seen.usage, row.id
        usage = translated.seen.usage
        if usage is None or not usage.complete:
            continue
        told = again.seen.usage
        assert told is not None, row.id
        assert (told.total_input, told.total_output) == (usage.total_input, usage.total_output), row.id
        assert (told.cache_read, told.reasoning) == (usage.cache_read, usage.reasoning), row.id


def test_recorded_requests_that_can_be_carried_arrive_the_same() -> None:
    """What the table lets through is the same request when read back from the other dialect's wire."""
    carried = 0
    for row in rows():
        if row.request is None:
            continue
        front, back = DIALECTS[row.dialect], DIALECTS[OTHER[row.dialect]]
        ask = front.ask(msgspec.json.encode(request_of(row)))
        if lossy(ask.sketch.carries, front.name, back.name):
            continue
        there = back.ask(back.from_hub(front.to_hub(ask), "m", max_output=8000, quirks=frozenset()))

        assert words(there) == words(ask), row.id
        assert there.sketch.tools == ask.sketch.tools, row.id
        assert there.sketch.images == ask.sketch.images, row.id
        assert there.sketch.stream == ask.sketch.stream, row.id
        assert there.sketch.input == ask.sketch.input, row.id
        assert there.sketch.max_output == (ask.sketch.max_output or (8000 if back.name == "anthropic-messages" else None)), row.id
        carried += 1
    assert carried >= 330
