"""The seam between the cache and where it keeps its entries. Stores know nothing of freshness, dialects or clients."""

from typing import Protocol

import msgspec

from turnout.cache.entry import Entry, Key

CANDIDATES = 256
"""Newest entries of a bucket that a similar question is looked for among."""


class Trouble(Exception):
    """A store could not do what was asked, or not in time. It counts as an answer that is not there."""


class Stats(msgspec.Struct, frozen=True):
    """What a store holds, as far as it knows: of one that others share, what its own server counts is not known here."""

    entries: int = 0
    bytes: int = 0


class Store(Protocol):
    """Keeps entries, bounded. ``now`` is unix seconds: what has come to its ``until`` is gone.

    Every method but ``stats`` may raise Trouble.
    """

    async def get(self, key: Key, now: float) -> Entry | None:
        """The answer to the very same question."""
        ...

    async def near(self, key: Key, threshold: float, now: float) -> tuple[Entry, float] | None:
        """The answer to the question most like it, and how much; None where the key has no wording."""
        ...

    async def put(self, entry: Entry, now: float) -> None: ...

    def stats(self) -> Stats: ...

    async def close(self) -> None: ...
