"""JSON answers: bare or fenced, well-formed, as a schema wants them, whatever is thrown at them."""

import socket

import pytest

from turnout.checks.answer import Answer
from turnout.checks.verify import verify
from turnout.types.checks import JsonSchema, JsonValid

PERSON = '{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},"required":["name"],"additionalProperties":false}'


@pytest.mark.parametrize("text", [
    '{"a": 1}', "[]", "3", '  "x"\n', '```json\n{"a": 1}\n```', 'Here it is:\n```\n{"a": 1}\n```\nDone.', "~~~JSON\n[1]\n~~~",
    '1. First:\n   ```json\n   {"a": 1}\n   ```',
])  # fmt: skip
def test_json_bare_or_in_the_only_block(text: str) -> None:
    """Models fence what they were asked to send bare; what stands around one block is no matter."""
    assert verify((JsonValid(),), Answer(text)) is None


@pytest.mark.parametrize(("text", "words"), [
    ("", "there is no text"),
    ('{"a": 1', "truncated"),
    ("{'a': 1}", "malformed"),
    ('{"a": NaN}', "malformed"),
    ('{"a": 1} and more', "malformed"),
    ("```json\n{}\n```\n```json\n{}\n```", "malformed"),
    ('```json\n{"a": \n```', "truncated"),
    ("[" * 100_000 + "]" * 100_000, "nested too deep"),
    ('"' + "a" * 2**20 + '"', "more than 1048576 characters"),
    ('"\ud800"', "surrogates not allowed"),
])  # fmt: skip
def test_no_json(text: str, words: str) -> None:
    """Said where, without the answer's words."""
    failed = verify((JsonValid(),), Answer(text))

    assert failed is not None
    assert failed.check == "json_valid"
    assert words in failed.detail


@pytest.mark.parametrize(("text", "detail"), [
    ('{"name": "Ada", "age": 36}', None),
    ('```json\n{"name": "Ada"}\n```', None),
    ('{"name": "Ada", "age": "secret"}', "$.age: not as type wants: 'integer'"),
    ('{"age": 36}', "$: 'name' is a required property"),
    ('{"name": "Ada", "pin": 1234}', "$: not as additionalProperties wants: False"),
    ("Ada", "JSON is malformed: invalid character (byte 0)"),
])  # fmt: skip
def test_a_schema(text: str, detail: str | None) -> None:
    """The place and the rule are told, the answer's value is not."""
    failed = verify((JsonSchema(PERSON),), Answer(text))

    assert (failed and failed.detail) == detail


def test_the_requests_own_schema() -> None:
    """Without one in the policy the request's counts; one in the policy wins; a request without one asks for nothing."""
    assert verify((JsonSchema(),), Answer("[]", schema=PERSON)) is not None
    assert verify((JsonSchema('{"type":"array"}'),), Answer("[]", schema=PERSON)) is None
    assert verify((JsonSchema(),), Answer("plain words")) is None


@pytest.mark.parametrize(("schema", "words"), [
    ('{"$ref": "http://127.0.0.1:1/schema.json"}', "never fetched"),
    ('{"$ref": "file:///etc/hostname"}', "never fetched"),
    ('{"$ref": "#/nowhere"}', "never fetched"),
    ('{"$ref": "#"}', "without end"),
    ('{"type": "thing"}', "the schema is not one"),
    ("{", "the schema: "),
    ("[" * 5000, "the schema: "),
    ('{"properties": {"a": ' * 400 + "{}" + "}}" * 400, "the schema"),
])  # fmt: skip
def test_a_hostile_schema_is_a_failure(schema: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client may send any schema: it is never fetched, never followed without end."""
    monkeypatch.setattr(socket, "socket", None)
    failed = verify((JsonSchema(),), Answer("{}", schema=schema))

    assert failed is not None
    assert words in failed.detail


def test_drafts_by_their_name() -> None:
    """An old draft is read as it says; the newest otherwise."""
    old = '{"$schema": "http://json-schema.org/draft-04/schema#", "maximum": 5, "exclusiveMaximum": true}'

    assert verify((JsonSchema(old),), Answer("5")) is not None
    assert verify((JsonSchema(old),), Answer("4")) is None
