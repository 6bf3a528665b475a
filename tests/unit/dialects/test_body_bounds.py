"""What a client's body may hold, whatever it makes up: bounded work, and names fit for a record."""

import json
from typing import Any

import pytest

from tests.unit.dialects.asking import ANTHROPIC, OPENAI, chat, message, to_anthropic
from turnout.dialects.body import LONGEST_NAME, MOST_NAMES, MOST_VALUES
from turnout.dialects.features import lossy
from turnout.errors import Code, TurnoutError

DIALECTS = pytest.mark.parametrize("dialect", [OPENAI, ANTHROPIC], ids=lambda dialect: str(dialect.name))
MANY = MOST_VALUES + 1
HELLO = b'"model":"m","max_tokens":5,"messages":[{"role":"user","content":"hi"}]'
SPRAWLING = {
    "fields": b"{" + HELLO + b"," + b",".join(b'"%d":1' % number for number in range(MANY)) + b"}",
    "messages": b'{"model":"m","messages":[' + b",".join([b"{}"] * MANY) + b"]}",
    "parts": b'{"model":"m","messages":[{"role":"user","content":[' + b",".join([b'""'] * MANY) + b"]}]}",
    "tools": b"{" + HELLO + b',"tools":[' + b",".join([b"{}"] * MANY) + b"]}",
    "brackets": b"{" + HELLO + b',"x":[' + b",".join([b"[]"] * MANY) + b"]}",
    "texts": b"{" + HELLO + b',"x":{' + b",".join([b'"\\"":""'] * MANY) + b"}}",
}


@pytest.mark.parametrize("body", SPRAWLING.values(), ids=SPRAWLING)
@DIALECTS
def test_a_body_of_too_many_values_is_refused_unread(dialect: Any, body: bytes) -> None:
    """The loop is not kept for seconds by one request."""
    with pytest.raises(TurnoutError, match="more than 100000 values") as caught:
        dialect.ask(body)

    assert caught.value.code == Code.INVALID_REQUEST


@pytest.mark.parametrize("text", [",[{" * MOST_VALUES, '",[\\"{' * MOST_VALUES, "\\" * MOST_VALUES + '"' + "," * MOST_VALUES])
@DIALECTS
def test_a_long_text_is_one_value(dialect: Any, text: str) -> None:
    """Whatever it says: code and JSON are full of commas, brackets and quotes."""
    body = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": text}]}

    assert dialect.ask(json.dumps(body).encode()).sketch.last_user == text


def test_as_many_values_as_allowed_are_read() -> None:
    """The limit itself is no refusal: braces, brackets and commas count."""
    body = b"{" + HELLO + b',"x":[' + b",".join([b"1"] * (MOST_VALUES - 7)) + b"]}"

    assert OPENAI.ask(body).sketch.last_user == "hi"
    with pytest.raises(TurnoutError):
        OPENAI.ask(body.replace(b"[1,", b"[1,1,"))


@pytest.mark.parametrize("text", ["word " * 1000, '"' * MOST_VALUES, '"' * 5 * MOST_VALUES, "\u4e2d" * 1000, "a" * 200])
def test_of_unknown_fields_every_byte_of_text_counts(text: str) -> None:
    """At the top or deep inside, and however many quotes it holds, which are not worth a list of so many pieces."""
    size = len(json.dumps(text, ensure_ascii=False).encode())

    assert chat(odd=text).sketch.unread_bytes == size
    assert chat({"role": "user", "content": "hi", "odd": [{"deep": text}]}).sketch.unread_bytes == size + len('[{"deep":}]')


@pytest.mark.parametrize("media", ["QUJD" * 1000, "data:image/png;base64," + "QUJD" * 1000, "QU+/\\nJD==" * 100, "QU\\/JD" * 100])
def test_of_unknown_fields_base64_does_not_count(media: str) -> None:
    """Also with the line ends of mail in it, or with slashes escaped."""
    body = b'{"model":"m","messages":[],"odd":{"kind":"sound","data":"' + media.encode() + b'"}}'

    assert OPENAI.ask(body).sketch.unread_bytes < 100


ODD = {f"x{number:03}": 1 for number in range(200)}


@pytest.mark.parametrize(
    "ask",
    [
        chat(**ODD),
        chat({"role": "user", "content": "hi", **ODD}),
        chat(*({"role": name, "content": "hi"} for name in ODD)),
        chat({"role": "user", "content": [{"type": name} for name in ODD]}),
        chat(tools=[{"type": name} for name in ODD]),
        message({"role": "user", "content": [{"type": name} for name in ODD]}),
    ],
    ids=["fields", "fields inside", "roles", "parts", "tools", "blocks"],
)
def test_of_many_unknown_names_a_few_are_kept(ask: Any) -> None:
    """A record stays small, and that there was more is kept: no other dialect may get the request."""
    carries = ask.sketch.carries

    assert len(carries) == MOST_NAMES + 1
    assert "field:..." in lossy(carries, "one", "other")


@pytest.mark.parametrize("name", ["a secret of the client", "x" * LONGEST_NAME, "field:", "é", "a\nb", "p@ss"])
def test_a_name_that_is_no_name_is_not_kept(name: str) -> None:
    """Traits hold no content: a field's name is the client's own text."""
    assert chat(**{name: 1}).sketch.carries == {"field:?"}
    assert chat({"role": name, "content": "hi"}).sketch.carries == {"role:?"}


def test_a_tool_calls_arguments_are_not_taken_apart() -> None:
    """They reach the other dialect as they were written, however much they hold."""
    written = '{"b": 1.50, "a": [1,2]}'
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": written}}
    ask = chat({"role": "assistant", "tool_calls": [call]})

    assert written.encode() in ANTHROPIC.from_hub(OPENAI.to_hub(ask), "m", max_output=None, quirks=frozenset())
    assert to_anthropic(ask)["messages"][0]["content"][0]["input"] == {"b": 1.5, "a": [1, 2]}


def test_a_tools_result_of_a_shape_nobody_knows_is_not_dropped_in_silence() -> None:
    """It is counted, and no other dialect may get the request."""
    for content, name in (
        ([{"type": "text", "text": "42", "novel": True}], "field:messages.content.content.novel"),
        ([{"type": "text", "text": ["42"]}], "block:tool_result"),
        ({"answer": "42"}, "block:tool_result"),
    ):
        sketch = message({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": content}]}).sketch

        assert name in lossy(sketch.carries, "anthropic-messages", "openai-chat")
        assert any("42" in text for text in sketch.texts)
