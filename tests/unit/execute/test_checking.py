"""A held answer, as checks read it."""

import json

import pytest

from turnout.dialects.dialect import Ask
from turnout.dialects.registry import DIALECTS
from turnout.errors import ProviderFault, TurnoutError
from turnout.execute.checking import held_answer

CHAT = DIALECTS["openai-chat"]
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}


def ask(**more: object) -> Ask:
    return CHAT.ask(json.dumps({"model": "auto", "messages": [{"role": "user", "content": "hi"}], **more}).encode())


def whole(text: str) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return json.dumps({"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}).encode()


def stream(*texts: str) -> bytes:
    chunks = [{"index": 0, "delta": {"content": text}, "finish_reason": None} for text in texts]
    chunks.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    head = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return b"".join(b"data: %s\n\n" % json.dumps({**head, "choices": [chunk]}).encode() for chunk in chunks) + b"data: [DONE]\n\n"


def test_a_whole_answer_and_a_stream_say_the_same() -> None:
    """Text and finish, whichever way it came."""
    read = held_answer(ask(), CHAT, whole('{"a": 1}'))

    assert (read.text, read.finish, read.schema) == ('{"a": 1}', "stop", None)
    assert held_answer(ask(stream=True), CHAT, stream('{"a"', ": 1}")) == read


def test_the_schema_that_the_request_asks_for_goes_along() -> None:
    """For ``json_schema: true``."""
    schema = held_answer(ask(response_format=FORMAT), CHAT, whole("{}")).schema

    assert schema is not None
    assert json.loads(schema) == SCHEMA


def test_a_request_that_could_not_be_translated_is_checked_all_the_same() -> None:
    """It is relayed as it came; what nobody can read of it asks for no schema."""
    legacy = ask(messages=[{"role": "user", "content": "hi"}, {"role": "function", "name": "f", "content": "1"}])
    with pytest.raises(TurnoutError):
        CHAT.to_hub(legacy)

    assert held_answer(legacy, CHAT, whole("hi")).text == "hi"


@pytest.mark.parametrize("delivered", [b"", b"{", b'{"choices": 7}'])
def test_what_is_no_answer_is_a_fault(delivered: bytes) -> None:
    """Told as one, not as a crash."""
    with pytest.raises(ProviderFault):
        held_answer(ask(), CHAT, delivered)
