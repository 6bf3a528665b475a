"""A fingerprint of a request as it was recorded: whoever changes one of its rows later changes this, or makes it differ from this."""

from collections.abc import Iterable, Sequence
from hashlib import sha256

import msgspec

from turnout.store.rows import RECORDED, DbRow, Values
from turnout.store.schema import attempts, requests

_encode = msgspec.msgpack.Encoder().encode
_REQUEST = tuple(column.name for column in requests.columns)[:RECORDED]
_ATTEMPT = tuple(column.name for column in attempts.columns)


def digest(request: Values, tried: Iterable[Values]) -> bytes:
    """Of the values of a request's row and its attempts' rows, in the tables' order. 16 bytes.

    Nulls at a row's end are left out: later versions add columns there, which then change no fingerprint of earlier rows.
    """
    said = [_said(request[:RECORDED]), *map(_said, tried)]
    return sha256(_encode(said)).digest()[:16]


def digest_of(request: DbRow, tried: Sequence[DbRow]) -> bytes:
    """The same of rows as the database has them; ``tried`` in order."""
    return digest(
        tuple(getattr(request, name) for name in _REQUEST), [tuple(getattr(row, name) for name in _ATTEMPT) for row in tried]
    )


def _said(values: Values) -> Values:
    end = len(values)
    while end and values[end - 1] is None:
        end -= 1
    return values[:end]
