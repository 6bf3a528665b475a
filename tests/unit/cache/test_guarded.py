"""A shared store that is slow, away or mad slows nobody down and fails nobody."""

import asyncio
import builtins
import subprocess
import sys
from typing import Any

import msgspec
import pytest

from tests.unit.cache.fake_redis import fake_redis
from tests.unit.cache.making import NOW, chat, entry, key
from turnout.cache.entry import Entry, Key
from turnout.cache.guarded import FAILURES, PAUSE, GuardedStore
from turnout.cache.memory import MemoryStore
from turnout.cache.redis import RedisStore
from turnout.cache.store import Stats, Trouble
from turnout.clock import ManualClock
from turnout.errors import Unusable

SOON = 0.05


class Moody(MemoryStore):
    """A store that is in trouble when told to, and counts what it is asked."""

    def __init__(self) -> None:
        super().__init__(1_000_000)
        self.well = True
        self.asked = 0

    async def get(self, key: Key, now: float) -> Entry | None:
        self._check()
        return await super().get(key, now)

    async def near(self, key: Key, threshold: float, now: float) -> tuple[Entry, float] | None:
        self._check()
        return await super().near(key, threshold, now)

    async def put(self, entry: Entry, now: float) -> None:
        self._check()
        await super().put(entry, now)

    async def close(self) -> None:
        self._check()

    def _check(self) -> None:
        self.asked += 1
        if not self.well:
            raise Trouble("moody")


def guarded(shared: Any) -> tuple[GuardedStore, ManualClock]:
    clock = ManualClock()
    return GuardedStore(shared, MemoryStore(1_000_000), clock.steady), clock


async def test_while_it_is_well_it_alone_is_asked() -> None:
    """What others forgot is not found in a worker's own memory."""
    shared = Moody()
    store, _ = guarded(shared)
    await store.put(entry(), NOW)
    shared._drop(key().exact)

    assert await store.get(key(), NOW) is None
    assert store.troubles == 0


async def test_in_trouble_the_own_memory_answers() -> None:
    """With what this worker has put itself, exact and similar."""
    shared = Moody()
    store, _ = guarded(shared)
    await store.put(entry(), NOW)
    shared.well = False

    assert await store.get(key(), NOW) == entry()
    assert await store.near(key(chat("what's the capital of France")), 0.9, NOW) is not None
    await store.put(entry(key(route="code")), NOW)
    assert await store.get(key(route="code"), NOW) is not None
    assert store.troubles > 0


async def test_it_is_left_alone_and_then_tried_by_one() -> None:
    """After failures in a row no call waits for it; after the pause one tries, and when that goes well all are back."""
    shared = Moody()
    store, clock = guarded(shared)
    shared.well = False
    for _ in range(20):
        await store.get(key(), NOW)
    assert shared.asked == store.troubles == FAILURES
    assert store.resting

    clock.advance(PAUSE)
    await store.get(key(), NOW)
    await store.get(key(), NOW)
    assert shared.asked == FAILURES + 1

    clock.advance(PAUSE)
    shared.well = True
    await store.get(key(), NOW)
    await store.get(key(), NOW)
    assert shared.asked == FAILURES + 3
    assert not store.resting


async def test_closing_is_no_occasion_to_fail() -> None:
    """What others have is theirs; a worker keeps its own."""
    shared = Moody()
    store, _ = guarded(shared)
    await store.put(entry(), NOW)
    shared.well = False

    await store.close()

    assert store.stats() == Stats(1, shared.stats().bytes)


@pytest.mark.parametrize("mood", ["silent", "mad", "sorry"])
async def test_a_redis_that_is_no_help_costs_its_time_and_no_more(mood: str) -> None:
    """Each call ends within the timeout, as trouble; after three nobody waits for it any more."""
    async with fake_redis(mood) as fake:
        store, _ = guarded(RedisStore(f"redis://127.0.0.1:{fake.port}/0", SOON))
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(FAILURES):
            assert await store.get(key(), NOW) is None
        assert loop.time() - began < FAILURES * SOON + 1.0
        asked = len(fake.asked)

        await store.put(entry(), NOW)
        assert await store.get(key(), NOW) == entry()

        assert len(fake.asked) == asked
        assert store.troubles == FAILURES
        await store.close()


async def test_a_redis_that_is_not_there_is_trouble() -> None:
    """Nothing listens on that port any more."""
    async with fake_redis("empty") as fake:
        port = fake.port
    store = RedisStore(f"redis://:secret@127.0.0.1:{port}/0", SOON)

    with pytest.raises(Trouble) as trouble:
        await store.get(key(), NOW)

    assert "secret" not in str(trouble.value)
    await store.close()


async def test_a_well_redis_is_asked_once_a_look() -> None:
    """One round trip, and a miss is no trouble."""
    async with fake_redis("empty") as fake:
        store = RedisStore(f"redis://127.0.0.1:{fake.port}/0", 5.0)
        assert await store.get(key(), NOW) is None
        greeting = len(fake.asked) - 1
        assert await store.get(key(), NOW) is None

        assert [words[0] for words in fake.asked[greeting:]] == [b"GET", b"GET"]
        assert fake.connections == 1
        await store.close()


async def test_an_answer_to_another_question_is_trouble() -> None:
    """Whatever a server or a connection mixes up, no tenant gets another's answer."""

    class Mixed:
        async def get(self, _: bytes) -> bytes:
            return msgspec.msgpack.encode(entry(key(tenant="other")))

    store = RedisStore("redis://127.0.0.1:1/0", SOON)
    store._redis = Mixed()

    with pytest.raises(Trouble):
        await store.get(key(tenant="web"), NOW)


def test_an_address_that_is_none_cannot_be_used() -> None:
    """The person who starts the program is told."""
    with pytest.raises(Unusable):
        RedisStore("http://127.0.0.1", SOON)


def test_without_the_client_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client is optional."""
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("redis"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(Unusable, match=r"turnout\[redis\]"):
        RedisStore("redis://127.0.0.1", SOON)


def test_the_client_is_not_imported_unasked() -> None:
    """It takes longer than all of Turnout."""
    code = "import sys, turnout.cache.cache; sys.exit('redis' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
