"""Content sealed, opened, and what cannot be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.content.open import Opened, close, open_content
from turnout.content.seal import CannotOpen, ContentKey, key_bytes, keyring, new_key
from turnout.types.content import Content

OPENED = Opened("openai-chat", b'{"a": 1}', b"hello", stream=False, model="m")
OLD, NEW = new_key(), new_key()


def sealed(key: str = OLD, id_: str = "r-1") -> Content:
    return close(id_, 12.0, "full", OPENED, ContentKey(key_bytes(key)))


@given(st.binary(max_size=2_000), st.text(max_size=20))
def test_round(content: bytes, id_: str) -> None:
    """What goes in comes out, and cannot be seen in between."""
    key = ContentKey(bytes(range(32)))
    blob = key.seal(id_, content)

    assert key.open(id_, blob) == content
    assert len(content) < 8 or content not in blob
    assert key.seal(id_, content) != blob


def test_keys_are_replaced() -> None:
    """The first key seals, all of them open."""
    before = keyring([OLD])
    after = keyring([NEW, OLD])

    assert open_content(sealed(OLD), after) == open_content(sealed(OLD), before) == OPENED
    assert after.sealing is not None
    assert after.sealing.id == after.keys[0].id != before.keys[0].id


def test_wrong_key() -> None:
    """Says which key is needed, and which are there; never what they are."""
    with pytest.raises(
        CannotOpen, match=r"it was sealed with key [0-9a-f]{8}, and store.content_key names [0-9a-f]{8}: add"
    ) as wrong:
        open_content(sealed(OLD), keyring([NEW]))
    assert NEW not in str(wrong.value)
    with pytest.raises(CannotOpen, match="names none"):
        open_content(sealed(OLD), keyring([]))


@pytest.mark.parametrize("spoil", [
    lambda blob: b"", lambda blob: blob[:20], lambda blob: b"\x02" + blob[1:],
])  # fmt: skip
def test_torn(spoil) -> None:
    """A blob that is no whole one."""
    content = sealed()
    torn = Content(content.request_id, content.at, content.keeping, content.key, spoil(content.sealed))
    with pytest.raises(CannotOpen, match="content of request r-1 is torn, or of a later version"):
        open_content(torn, keyring([OLD]))


@pytest.mark.parametrize("at", [1, 15, -1])
def test_damaged(at: int) -> None:
    """One bit is enough; so is another request's name."""
    content = sealed()
    blob = bytearray(content.sealed)
    blob[at] ^= 1
    for spoilt in (
        Content("r-1", 12.0, "full", content.key, bytes(blob)),
        Content("r-2", 12.0, "full", content.key, content.sealed),
        Content("r-1", 12.0, "full", content.key, content.sealed[:-3]),
    ):
        with pytest.raises(CannotOpen, match="was damaged, or is another request's"):
            open_content(spoilt, keyring([OLD]))


def test_another_version() -> None:
    """What opens and is no content of ours."""
    key = ContentKey(key_bytes(OLD))
    with pytest.raises(CannotOpen, match="another version"):
        open_content(Content("r", 1.0, "full", key.id, key.seal("r", b"\x93\x01\x02\x03")), keyring([OLD]))


def test_keys_as_text() -> None:
    """32 bytes, as base64 of either alphabet or in hexadecimal digits."""
    secret = bytes(range(200, 232))
    texts = (
        secret.hex(),
        secret.hex().upper(),
        "yMnKy8zNzs_Q0dLT1NXW19jZ2tvc3d7f4OHi4-Tl5uc",
        "yMnKy8zNzs/Q0dLT1NXW19jZ2tvc3d7f4OHi4+Tl5uc=\n",
    )

    assert [key_bytes(text) for text in texts] == [secret] * 4
    assert len(key_bytes(new_key())) == 32


@pytest.mark.parametrize("text", ["", "short", "correct horse battery staple", "zz" * 32, "A" * 43 + "!", "ab" * 31])
def test_no_keys(text: str) -> None:
    """What is no key is said to be none, and not repeated."""
    with pytest.raises(ValueError, match="not a key: ") as wrong:
        key_bytes(text)
    assert not text or text not in str(wrong.value)


def test_a_key_does_not_show_itself() -> None:
    """In no log."""
    key = ContentKey(key_bytes(OLD))
    assert repr(key) == f"ContentKey({key.id})"
    assert OLD not in repr(keyring([OLD]))


def test_texts() -> None:
    """As people read it: what was left out is said, what is no UTF-8 is shown all the same."""
    opened = Opened("openai-chat", b"\xffabc", b"", stream=False, request_cut=1234)
    assert opened.request_text == "\ufffdabc\n[1,234 bytes were left out]"
    assert opened.answer_text == ""
