"""Content compressed and encrypted, so that only who has the key can read it, or change it unnoticed.

A sealed blob is a byte that says how it was made, a nonce, and what AES-256-GCM makes of the compressed content. The request's id is
sealed in with it: one request's content cannot be passed off as another's.
"""

import os
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable
from hashlib import sha256

import msgspec

SIZE = 32
"""Bytes of a key."""
HOW_TO = "make one with `turnout keys content`"

_MADE = b"\x01"
_NONCE = 12
"""Random ones are safe for 2**32 blobs under one key (NIST SP 800-38D, 8.3)."""
_LEVEL = 1  # half the time of the usual 6, a tenth larger


class CannotOpen(Exception):
    """A sealed blob stays shut. The message says which, why, and what to do; never what a key is."""


class ContentKey:
    """``id`` is the beginning of the key's own hash: it tells keys apart and tells nothing of them."""

    __slots__ = ("_cipher", "id")

    def __init__(self, secret: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - 40 ms that only who keeps content needs

        self.id = sha256(secret).hexdigest()[:8]
        self._cipher = AESGCM(secret)

    def __repr__(self) -> str:
        return f"ContentKey({self.id})"

    def seal(self, request_id: str, content: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return _MADE + nonce + self._cipher.encrypt(nonce, zlib.compress(content, _LEVEL), _bound_to(request_id))

    def open(self, request_id: str, sealed: bytes) -> bytes:
        """Raises CannotOpen."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as above

        start = len(_MADE) + _NONCE
        if not sealed.startswith(_MADE) or len(sealed) < start + 16:
            raise CannotOpen(f"the content of request {request_id} is torn, or of a later version: {len(sealed)} bytes")
        try:
            return zlib.decompress(self._cipher.decrypt(sealed[len(_MADE) : start], sealed[start:], _bound_to(request_id)))
        except InvalidTag:
            raise CannotOpen(f"the content of request {request_id} was damaged, or is another request's") from None


class Keyring(msgspec.Struct, frozen=True):
    """The keys a policy names. The first seals; the others open what they sealed when they were the first."""

    keys: tuple[ContentKey, ...]

    @property
    def sealing(self) -> ContentKey | None:
        return self.keys[0] if self.keys else None

    def named(self, id_: str) -> ContentKey:
        """Raises CannotOpen: nobody here has it."""
        for key in self.keys:
            if key.id == id_:
                return key
        have = ", ".join(key.id for key in self.keys) or "none"
        raise CannotOpen(f"it was sealed with key {id_}, and store.content_key names {have}: add that key after the first")


def new_key() -> str:
    """A fresh key as text."""
    return b64encode(os.urandom(SIZE)).decode()


def key_bytes(text: str) -> bytes:
    """What a key's text says: 32 bytes, as 64 hexadecimal digits or as base64.

    No passphrase: one that people remember can be guessed by whoever has the data, whatever it is stretched by.

    Raises:
        ValueError: it is none; the message never quotes it.
    """
    text = text.strip()
    try:
        secret = bytes.fromhex(text) if len(text) == 2 * SIZE else b64decode(_standard(text), validate=True)
    except ValueError:
        raise ValueError(f"not a key: {SIZE} bytes, as base64 or hexadecimal digits") from None
    if len(secret) != SIZE:
        raise ValueError(f"not a key: it has {len(secret)} bytes, not {SIZE}")
    return secret


def keyring(texts: Iterable[str]) -> Keyring:
    """Of keys as text. Raises ValueError as :func:`key_bytes`."""
    return Keyring(tuple(ContentKey(key_bytes(text)) for text in texts))


def _standard(text: str) -> str:
    """Base64 of either alphabet, its end filled up."""
    plain = text.replace("-", "+").replace("_", "/").rstrip("=")
    return plain + "=" * (-len(plain) % 4)


def _bound_to(request_id: str) -> bytes:
    return b"turnout content\0" + request_id.encode()
