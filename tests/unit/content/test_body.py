"""Bodies, redacted without breaking them, and cut."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.content.body import MOST, cut, redacted

PNG = base64.b64encode(b"\x89PNG\r\n" + bytes(3000)).decode()


def through(value: Any) -> Any:
    return json.loads(redacted(json.dumps(value).encode()))


@pytest.mark.parametrize(("value", "expected"), [
    ({"messages": [{"role": "user", "content": "I am a@b.co"}]}, {"messages": [{"role": "user", "content": "I am [email]"}]}),
    ({"content": [{"type": "text", "text": "4111 1111 1111 1111"}]}, {"content": [{"type": "text", "text": "[card]"}]}),
    ({"arguments": '{"to": "a@b.co", "n": 3}'}, {"arguments": '{"to":"[email]","n":3}'}),
    ({"arguments": '{"n": 4111111111111111}'}, {"arguments": '{"n":"[card]"}'}),
    ({"arguments": '{"n":  3}'}, {"arguments": '{"n":  3}'}),
    ({"card": 4111111111111111, "seed": 12345678901234, "n": 1.5, "stream": True}, {"card": "[card]", "seed": 12345678901234, "n": 1.5, "stream": True}),
    ({"a@b.co": 1}, {"[email]": 1}),
    ({"password": "correcthorse", "api_key": "abc123def"}, {"password": "[secret]", "api_key": "[secret]"}),
    ({"token": "Paris", "max_tokens": 5}, {"token": "Paris", "max_tokens": 5}),
    ({"text": 'say "a@b.co"\n\\ \u00e9 \U0001f600'}, {"text": 'say "[email]"\n\\ \u00e9 \U0001f600'}),
    ({"text": "{not json a@b.co}"}, {"text": "{not json [email]}"}),
    ({"url": "data:image/png;base64," + PNG}, {"url": "[image 3006 bytes]"}),
    ({"data": PNG}, {"data": "[image 3006 bytes]"}),
    ({"data": "JVBERi" + "A" * 600}, {"data": "[document 454 bytes]"}),
    ({"text": f"![x](data:audio/mp3;base64,{PNG}) and a@b.co"}, {"text": "![x]([audio 3006 bytes]) and [email]"}),
    ([], []), ("a@b.co", "[email]"), (None, None),
])  # fmt: skip
def test_json(value: Any, expected: Any) -> None:
    """Every text of it, those within texts too; pictures and their like by kind and size; the rest as it was."""
    assert through(value) == expected


@pytest.mark.parametrize(("body", "expected"), [
    (b"no json, a@b.co", b"no json, [email]"), (b"", b""), (b'{"cut": "a@b.co', b'{"cut": "[email]'),
    (b"\xff\xfe a@b.co", "\ufffd\ufffd [email]".encode()), (b"[" * 5_000 + b'"a@b.co"', b"[" * 5_000 + b'"[email]"'),
])  # fmt: skip
def test_no_json(body: bytes, expected: bytes) -> None:
    """As one text, whatever it is."""
    assert redacted(body) == expected


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.text(max_size=30)
    | st.sampled_from(["a@b.co", "+49 30 901820 15"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_stays_json_and_idempotent(value: Any) -> None:
    """Whatever it holds, it is JSON of the same shape, and a second time changes nothing."""
    once = redacted(json.dumps(value).encode())
    assert redacted(once) == once
    assert type(json.loads(once)) is type(value)
    assert b"a@b.co" not in once


def test_beyond_the_bound() -> None:
    """What would be cut away is not looked at, and not let through either."""
    found = through(["x " * (MOST // 2 - 5), "some text", "a@b.co, and more of it", "c@d.co"])

    assert found[1:] == ["some text", "a[21 characters]", "[6 characters]"]


def test_cut() -> None:
    """The beginning, and how much there was more."""
    assert cut(b"abcdef", 4) == (b"abcd", 2)
    assert cut(b"abc", 4) == (b"abc", 0)
