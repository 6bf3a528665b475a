"""The cache as the flow sees it: look up, or take the lead and keep what came of it. Nothing here fails a request."""

from pathlib import Path
from typing import Literal

import msgspec

from turnout.cache.entry import Entry, Hit, Key
from turnout.cache.flights import Flights, Lead
from turnout.cache.guarded import GuardedStore
from turnout.cache.memory import MemoryStore
from turnout.cache.redis import RedisStore
from turnout.cache.replay import worth_keeping
from turnout.cache.sqlite import SqliteStore
from turnout.cache.store import Stats, Store, Trouble
from turnout.cache.tee import TeeSink
from turnout.clock import Clock
from turnout.dialects.dialect import Dialect
from turnout.ports import Sink
from turnout.types.caching import CacheStore, Caching
from turnout.types.money import PicoDollars
from turnout.types.reply import Usage

FILE = "cache.db"
"""In the data directory."""
LOCAL = 8 * 1024 * 1024
"""Bytes of a worker's memory beside a shared store, for while that fails."""


class Counts(msgspec.Struct):
    """Since the worker began. ``saved`` is what the calls were charged whose answers were given again; ``errors`` is of stores."""

    fresh: int = 0
    stale: int = 0
    similar: int = 0
    joined: int = 0
    ends: int = 0
    misses: int = 0
    kept: int = 0
    saved: int = 0
    errors: int = 0


class Cache:
    """One worker's. ``now`` is unix seconds; how old an answer may be is the policy's to say, at the time it is asked for."""

    def __init__(self, store: Store, max_entry: int) -> None:
        self._store = store
        self._is_shared = not isinstance(store, MemoryStore)
        self._counts = Counts()
        self.max_entry = max_entry
        self.flights = Flights()

    async def lookup(self, key: Key, caching: Caching, now: float) -> Hit | None:
        """The answer to this question, or with ``match: similar`` to one like it; fresh, or stale and to be made anew.

        With the memory store it returns without giving the loop away.
        """
        hit = await self._exact(key, caching, now)
        if caching.match == "similar" and (hit is None or hit.age == "kept"):
            hit = await self._near(key, caching, now)
        if hit is None or hit.age == "kept":
            self._counts.misses += 1
            return None
        self._count(hit)
        return hit

    async def take(self, key: Key, caching: Caching, client: Sink, *, within: float, now: float) -> Hit | Lead:
        """After a miss: the answer that another client got meanwhile, or the lead, which must be landed.

        Raises:
            TimeoutError: no answer ``within`` so many seconds.
            ClientGone: the client left meanwhile.
        """
        turn = await self.flights.take(key.exact, client, within)
        if isinstance(turn, Entry):
            self._counts.joined += 1
            self._counts.saved += turn.cost or 0
            return Hit(turn, "fresh")
        if not self._is_shared:
            return turn
        try:  # while it was looked up, the one before may have landed
            hit = await self._exact(key, caching, now)
        except BaseException:
            turn.land(None)
            raise
        if hit is None or hit.age != "fresh":
            return turn
        turn.land(hit.entry)
        self._count(hit)
        return hit

    async def last(self, key: Key, caching: Caching, end: Literal["stale", "similar"], now: float) -> Hit | None:
        """For the end of a chain: an answer of any age that is still kept, with ``similar`` also to a question like it."""
        hit = await self._exact(key, caching, now)
        if hit is None and end == "similar":
            hit = await self._near(key, caching, now)
        if hit is not None:
            self._counts.ends += 1
            self._counts.saved += hit.entry.cost or 0
        return hit

    async def entry(
        self,
        key: Key,
        caching: Caching,
        tee: TeeSink,
        front: Dialect,
        *,
        usage: Usage | None,
        cost: PicoDollars | None,
        now: float,
    ) -> Entry | None:
        """What to keep of an answer whose outcome is ``ok``; None when it is too long, or not worth keeping."""
        serving, body = tee.serving, tee.body
        if serving is None or body is None or not await worth_keeping(front, body, stream=bool(key.shape)):
            return None
        return Entry(
            key.exact, key.shape, body, serving.model, serving.reason, usage, cost, now, now + caching.lifetime,
            serving.warnings, key.near, key.wording,
        )  # fmt: skip

    async def keep(self, entry: Entry, now: float) -> None:
        """Before its lead lands, so that whoever comes next finds it."""
        try:
            await self._store.put(entry, now)
        except Trouble:
            self._counts.errors += 1
        else:
            self._counts.kept += 1

    @property
    def counts(self) -> Counts:
        """A copy, with what the store counted."""
        troubles = self._store.troubles if isinstance(self._store, GuardedStore) else 0
        return msgspec.structs.replace(self._counts, errors=self._counts.errors + troubles)

    def stats(self) -> Stats:
        return self._store.stats()

    async def close(self) -> None:
        await self._store.close()

    async def _exact(self, key: Key, caching: Caching, now: float) -> Hit | None:
        try:
            entry = await self._store.get(key, now)
        except Trouble:
            self._counts.errors += 1
            return None
        return _hit(entry, 1.0, caching, now)

    async def _near(self, key: Key, caching: Caching, now: float) -> Hit | None:
        try:
            found = await self._store.near(key, caching.threshold, now)
        except Trouble:
            self._counts.errors += 1
            return None
        return _hit(*found, caching, now) if found is not None else None

    def _count(self, hit: Hit) -> None:
        if hit.likeness < 1.0:
            self._counts.similar += 1
        elif hit.age == "fresh":
            self._counts.fresh += 1
        else:
            self._counts.stale += 1
        self._counts.saved += hit.entry.cost or 0


def open_cache(settings: CacheStore, data_dir: Path, clock: Clock) -> Cache:
    """The cache that the settings name. Opens no file and no connection yet.

    Raises:
        Unusable: Redis is named and its client is not installed, or the address is none.
    """
    if settings.url == "memory":
        return Cache(MemoryStore(settings.max_bytes), settings.max_entry)
    shared: Store
    if settings.url == "sqlite":
        shared = SqliteStore(data_dir / FILE, settings.max_bytes, settings.timeout)
    else:
        shared = RedisStore(settings.url, settings.timeout)
    return Cache(GuardedStore(shared, MemoryStore(min(LOCAL, settings.max_bytes)), clock.steady), settings.max_entry)


def _hit(entry: Entry | None, likeness: float, caching: Caching, now: float) -> Hit | None:
    age = caching.age(now - entry.made) if entry is not None else None
    return Hit(entry, age, likeness) if entry is not None and age is not None else None
