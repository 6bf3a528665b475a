"""A worker's own memory: nothing here waits, so a look-up never gives the loop away."""

from collections import OrderedDict

from turnout.cache.entry import Entry, Key
from turnout.cache.similarity import Wording, nearest
from turnout.cache.store import CANDIDATES, Stats


class MemoryStore:
    """At most ``max_bytes`` of entries, the one unused for longest forgotten first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()
        self._buckets: dict[bytes, OrderedDict[bytes, Wording]] = {}

    async def get(self, key: Key, now: float) -> Entry | None:
        return self._get(key.exact, now)

    async def near(self, key: Key, threshold: float, now: float) -> tuple[Entry, float] | None:
        bucket = self._buckets.get(key.near) if key.near is not None else None
        if not bucket or key.wording is None:
            return None
        for old in [exact for exact in bucket if self._entries[exact].until <= now]:
            self._drop(old)
        found = nearest(key.wording, reversed(bucket.items()), threshold)
        if found is None:
            return None
        entry = self._get(found[0], now)
        return None if entry is None else (entry, found[1])

    async def put(self, entry: Entry, now: float) -> None:
        self._drop(entry.key)
        if entry.until <= now or entry.size > self._max_bytes:
            return
        self._entries[entry.key] = entry
        self._bytes += entry.size
        if entry.near is not None and entry.wording is not None:
            bucket = self._buckets.setdefault(entry.near, OrderedDict())
            bucket[entry.key] = entry.wording
            if len(bucket) > CANDIDATES:
                bucket.popitem(last=False)  # still found by the very same question
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))

    def stats(self) -> Stats:
        return Stats(len(self._entries), self._bytes)

    async def close(self) -> None:
        pass

    def _get(self, exact: bytes, now: float) -> Entry | None:
        entry = self._entries.get(exact)
        if entry is None:
            return None
        if entry.until <= now:
            self._drop(exact)
            return None
        self._entries.move_to_end(exact)
        return entry

    def _drop(self, exact: bytes) -> None:
        entry = self._entries.pop(exact, None)
        if entry is None:
            return
        self._bytes -= entry.size
        bucket = self._buckets.get(entry.near) if entry.near is not None else None
        if bucket is not None and entry.near is not None:
            bucket.pop(exact, None)
            if not bucket:
                del self._buckets[entry.near]
