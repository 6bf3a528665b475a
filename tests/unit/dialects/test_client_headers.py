"""Headers that belong to a client's wire protocol."""

import pytest

from tests.unit.dialects.asking import ANTHROPIC, OPENAI
from turnout.dialects.features import changes, lossy
from turnout.dialects.headers import LONGEST
from turnout.errors import Code, TurnoutError

HELLO = b'{"model":"auto","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}'
ALL = {
    b"anthropic-beta": b"a-1,b-2",
    b"anthropic-version": b"2023-06-01",
    b"openai-beta": b"x=v1",
    b"openai-organization": b"org",
    b"cookie": b"c",
}


def test_each_dialect_names_its_own() -> None:
    """Nothing else of a client's headers travels: not its organization, which is not the credential's."""
    assert dict(ANTHROPIC.ask(HELLO, ALL).headers) == {b"anthropic-beta": b"a-1,b-2", b"anthropic-version": b"2023-06-01"}
    assert dict(OPENAI.ask(HELLO, ALL).headers) == {b"openai-beta": b"x=v1"}
    assert ANTHROPIC.ask(HELLO, {b"anthropic-beta": b""}).headers == OPENAI.ask(HELLO).headers == ()


def test_a_beta_is_left_out_of_another_dialect_with_a_word() -> None:
    """It is no reason to refuse: what changes the answer shows in the body. The version is nothing to mention."""
    carries = ANTHROPIC.ask(HELLO, ALL).sketch.carries

    assert lossy(carries, "anthropic-messages", "openai-chat") == frozenset()
    assert changes(carries, "anthropic-messages", "openai-chat") == ("anthropic-beta",)
    assert changes(OPENAI.ask(HELLO, ALL).sketch.carries, "openai-chat", "anthropic-messages") == ("openai-beta",)


@pytest.mark.parametrize("value", [b"x" * (LONGEST + 1), b"a\tb", b"a\r\nx-api-key: mine", b"\xe9", b"a\x00"])
def test_a_header_that_is_passed_on_is_short_and_plain(value: bytes) -> None:
    """It becomes a header of ours."""
    with pytest.raises(TurnoutError) as caught:
        ANTHROPIC.ask(HELLO, {b"anthropic-beta": value})

    assert (caught.value.code, caught.value.param) == (Code.INVALID_REQUEST, "anthropic-beta")
