"""A shared store that may fail, with a worker's own memory to fall back on: a slow one must not slow requests down."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from turnout.cache.entry import Entry, Key
from turnout.cache.memory import MemoryStore
from turnout.cache.store import Stats, Store, Trouble

T = TypeVar("T")

FAILURES = 3
"""In a row, after which the store is left alone."""
PAUSE = 5.0
"""Seconds it is left alone for; then one call tries it."""


class GuardedStore:
    """Asks ``shared``; where that fails, ``local``, which gets every entry too. ``troubles`` counts the calls that failed.

    Raises no Trouble. ``steady`` tells seconds.
    """

    def __init__(self, shared: Store, local: MemoryStore, steady: Callable[[], float]) -> None:
        self._shared = shared
        self._local = local
        self._steady = steady
        self._failed = 0
        self._rests_until = 0.0
        self.troubles = 0

    @property
    def resting(self) -> bool:
        """Whether the shared store is left alone just now."""
        return self._failed >= FAILURES and self._steady() < self._rests_until

    async def get(self, key: Key, now: float) -> Entry | None:
        try:
            return await self._ask(lambda: self._shared.get(key, now))
        except Trouble:
            return await self._local.get(key, now)

    async def near(self, key: Key, threshold: float, now: float) -> tuple[Entry, float] | None:
        try:
            return await self._ask(lambda: self._shared.near(key, threshold, now))
        except Trouble:
            return await self._local.near(key, threshold, now)

    async def put(self, entry: Entry, now: float) -> None:
        await self._local.put(entry, now)
        try:
            await self._ask(lambda: self._shared.put(entry, now))
        except Trouble:
            return  # counted

    def stats(self) -> Stats:
        """The local part, while the shared one is left alone or cannot tell."""
        shared = self._shared.stats()
        return shared if shared.entries and not self.resting else self._local.stats()

    async def close(self) -> None:
        try:
            await self._shared.close()
        except Trouble:
            self.troubles += 1

    async def _ask(self, call: Callable[[], Awaitable[T]]) -> T:
        if self.resting:
            raise Trouble("left alone for a while")
        if self._failed >= FAILURES:
            self._rests_until = self._steady() + PAUSE  # this call tries it, others not yet
        try:
            answer = await call()
        except Trouble:
            self.troubles += 1
            self._failed += 1
            self._rests_until = self._steady() + PAUSE
            raise
        self._failed = 0
        return answer
