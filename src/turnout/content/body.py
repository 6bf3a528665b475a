"""A request's or an answer's body, redacted without breaking its JSON, and cut to a bound."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from turnout.content.redact import redact
from turnout.content.rules import is_secret

MOST = 1_000_000
"""Bytes that are kept of each side."""

_DATA_URL = re.compile(r"data:(?P<type>[\w.+-]*/?[\w.+-]*)(?:;[\w.+-]+=[\w.+-]*)*;base64,(?P<data>[A-Za-z0-9+/=_-]*)")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{500}")
_BEGINNINGS = {"iVBOR": "image", "/9j/": "image", "R0lGOD": "image", "UklGR": "image", "JVBERi": "document", "SUQz": "audio"}
"""Of the base64 text of what is usually sent: PNG, JPEG, GIF, WebP, PDF, MP3."""
_SHORTEST = 6
"""Nothing that is looked for is shorter."""
_LARGEST_PLAIN = 10**11


def cut(body: bytes, most: int = MOST) -> tuple[bytes, int]:
    """Its beginning, and how many bytes were left out."""
    return body[:most], max(len(body) - most, 0)


def redacted(body: bytes, rest: Callable[[], None] | None = None) -> bytes:
    """The same JSON, all its texts redacted, pictures and their like by their sizes; what is no JSON, as one text.

    ``rest`` is called now and then, so that others have their turn.
    """
    walk = _Walk(rest)
    try:
        return msgspec.json.encode(walk.value(msgspec.json.decode(body)))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return walk.plain(body[:MOST].decode("utf-8", "replace")).encode()


class _Walk:
    """Through one body. What is beyond ``MOST`` characters of text would be cut away, so it is not looked at."""

    def __init__(self, rest: Callable[[], None] | None) -> None:
        self._rest = rest
        self._left = MOST

    def value(self, value: Any) -> Any:
        match value:
            case str():
                return self._text(value)
            case list():
                return [self.value(each) for each in value]
            case dict():
                return {self._text(key): self._field(key, each) for key, each in value.items()}
            case bool():
                return value
            case int() if abs(value) >= _LARGEST_PLAIN:
                text = str(value)
                found = redact(text)
                return value if found == text else found
            case _:
                return value

    def plain(self, text: str) -> str:
        """A text that is no JSON."""
        if self._left <= 0:
            return f"[{len(text)} characters]"
        text = _DATA_URL.sub(_by_size, text) if ";base64," in text else text
        kept, self._left = text[: self._left], self._left - len(text)
        return redact(kept, self._rest) + (f"[{len(text) - len(kept)} characters]" if len(kept) < len(text) else "")

    def _field(self, name: str, value: Any) -> Any:
        return "[secret]" if isinstance(value, str) and is_secret(name, value) else self.value(value)

    def _text(self, text: str) -> str:
        if len(text) < _SHORTEST:
            return text
        if _BASE64.match(text) is not None:
            return f"[{_kind(text)} {_size(text)} bytes]"
        if text[0] in "{[" and text[-1] in "}]":
            try:
                inner = msgspec.json.decode(text)
            except msgspec.MsgspecError:
                return self.plain(text)
            found = self.value(inner)
            return text if found == inner else msgspec.json.encode(found).decode()
        return self.plain(text)


def _by_size(match: re.Match[str]) -> str:
    return f"[{match['type'].partition('/')[0] or 'data'} {_size(match['data'])} bytes]"


def _kind(text: str) -> str:
    return next((kind for beginning, kind in _BEGINNINGS.items() if text.startswith(beginning)), "data")


def _size(base64: str) -> int:
    """Bytes that it says."""
    return len(base64.rstrip("=")) * 3 // 4
