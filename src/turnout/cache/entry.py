"""What the cache keeps: who may have an answer, and the answer as its client got it."""

import msgspec

from turnout.cache.similarity import Wording
from turnout.types.caching import Age
from turnout.types.money import PicoDollars
from turnout.types.reply import Usage

OVERHEAD = 512
"""Bytes an entry costs beside its body, roughly: structs, dictionaries, its index."""
_WORD = 128  # bytes of a word in a set


class Key(msgspec.Struct, frozen=True):
    """Whose question this is, by digests that hold the tenant, the route and the front dialect.

    ``exact`` is that of the whole question. ``near`` is that of everything but how it is worded, None when only the very same
    question will do; ``wording`` then says how. ``shape`` is the wire form that is asked for (empty: a whole answer).
    """

    exact: bytes
    shape: bytes = b""
    near: bytes | None = None
    wording: Wording | None = None


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One answer. ``body`` is what its client got, in ``shape``; ``made`` and ``until`` are unix seconds.

    ``model`` and ``reason`` are those of the call that made it, ``cost`` what that was charged: what giving it again saves.
    """

    key: bytes
    shape: bytes
    body: bytes
    model: str
    reason: str
    usage: Usage | None
    cost: PicoDollars | None
    made: float
    until: float
    warnings: tuple[str, ...] = ()
    near: bytes | None = None
    wording: Wording | None = None

    @property
    def size(self) -> int:
        """Bytes it takes up in memory, roughly."""
        words = self.wording.size * _WORD if self.wording is not None else 0
        return OVERHEAD + len(self.body) + words


class Hit(msgspec.Struct, frozen=True):
    """An answer that was found. ``likeness`` is 1 for the very same question."""

    entry: Entry
    age: Age
    likeness: float = 1.0
