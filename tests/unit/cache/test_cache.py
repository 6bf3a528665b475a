"""The cache as the flow uses it: look, take the lead, keep, and be honest about what was found."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_sink import FakeSink
from tests.support.virtual_time import run
from tests.unit.cache.making import CHAT, NOW, chat, entry, key
from turnout.cache.cache import Cache, open_cache
from turnout.cache.entry import Entry, Hit, Key
from turnout.cache.flights import Lead
from turnout.cache.memory import MemoryStore
from turnout.cache.store import Trouble
from turnout.cache.tee import TeeSink
from turnout.clock import ManualClock
from turnout.dialects.dialect import Ask
from turnout.errors import Unusable
from turnout.ports import Serving
from turnout.types.caching import CacheStore, Caching
from turnout.types.money import PicoDollars
from turnout.types.reply import Choice, Reply, Usage
from turnout.types.request import Text

HOUR = 3600.0
POLICY = Caching(ttl=60, stale=30, keep=600)
SIMILAR = Caching(ttl=60, stale=30, keep=600, match="similar")


def memory() -> Cache:
    return Cache(MemoryStore(1_000_000), 100_000)


class Slow(MemoryStore):
    """A shared store: each call takes its time."""

    async def get(self, key: Key, now: float) -> Entry | None:
        found = await super().get(key, now)
        await asyncio.sleep(0.01)
        return found

    async def put(self, entry: Entry, now: float) -> None:
        await asyncio.sleep(0.01)
        await super().put(entry, now)


def slow() -> Cache:
    cache = Cache(Slow(1_000_000), 100_000)
    cache._is_shared = True
    return cache


async def answered(
    cache: Cache, asked: Ask, text: str = "Paris", *, now: float = NOW, policy: Caching = POLICY, **of: Any
) -> Entry | None:
    """An answer that came from a provider, and is kept."""
    question = key(asked, **of)
    tee = TeeSink(FakeSink(), cache.max_entry)
    tee.begin(Serving("sim/small", "cheapest", 1, None))
    await tee.send(CHAT.write_reply(Reply("id", "m", (Choice((Text(text),), "stop"),), Usage(input=1, output=1))))
    made = await cache.entry(question, policy, tee, CHAT, usage=Usage(input=1, output=1), cost=PicoDollars(5), now=now)
    if made is not None:
        await cache.keep(made, now)
    return made


@pytest.mark.parametrize(
    ("seconds", "age"), [(0, "fresh"), (59.9, "fresh"), (60, "stale"), (89.9, "stale"), (90, None), (689, None), (690, None)]
)
async def test_what_an_answer_is_good_for_follows_from_its_age(seconds: float, age: str | None) -> None:
    """Fresh, then stale, then only there for a chain's end, then gone."""
    cache = memory()
    await answered(cache, chat())
    hit = await cache.lookup(key(), POLICY, NOW + seconds)
    end = await cache.last(key(), POLICY, "stale", NOW + seconds)

    assert (hit.age if hit else None) == age
    assert (end is not None) == (seconds < 690)


async def test_a_similar_question_is_answered_where_the_policy_says_so() -> None:
    """With how much it is alike; an exact route and the end ``stale`` do not look for it."""
    cache = memory()
    await answered(cache, chat())
    asked = key(chat("What's the capital of France, please?"))

    assert await cache.lookup(asked, POLICY, NOW) is None
    assert await cache.last(asked, POLICY, "stale", NOW) is None
    hit = await cache.lookup(asked, SIMILAR, NOW)
    assert hit is not None
    assert 0.9 <= hit.likeness < 1
    end = await cache.last(asked, POLICY, "similar", NOW + 500)
    assert end is not None
    assert end.age == "kept"
    assert await cache.lookup(asked, Caching(match="similar", threshold=0.99), NOW) is None


async def test_a_look_in_memory_does_not_give_the_loop_away() -> None:
    """A hit, a miss and a similar one: the coroutine ends without ever waiting."""
    cache = memory()
    await answered(cache, chat())
    for asked in (key(), key(chat("Who?")), key(chat("What's the capital of France, please?"))):
        with pytest.raises(StopIteration):
            cache.lookup(asked, SIMILAR, NOW).send(None)


def test_a_hundred_identical_requests_are_one_call() -> None:
    """With a memory of the worker's own, and with a store whose every call waits."""

    async def served(cache: Cache, calls: list[int], tenant: str) -> Entry:
        question = key(tenant=tenant)
        hit = await cache.lookup(question, POLICY, NOW)
        if hit is not None:
            return hit.entry
        turn = await cache.take(question, POLICY, FakeSink(), within=HOUR, now=NOW)
        if isinstance(turn, Hit):
            return turn.entry
        with turn as lead:
            calls.append(1)
            await asyncio.sleep(1)
            made = await answered(cache, chat(), tenant, tenant=tenant)
            lead.land(made)
            assert made is not None
            return made

    async def late(cache: Cache, calls: list[int], tenant: str, after: float) -> Entry:
        await asyncio.sleep(after)
        return await served(cache, calls, tenant)

    async def main(cache: Cache) -> None:
        calls: list[int] = []
        moments = [0.0] * 100 + [0.985 + number / 1000 for number in range(60)]  # some look while it is being put
        answers = await asyncio.gather(*(late(cache, calls, tenant, after) for after in moments for tenant in ("web", "app")))

        assert len(calls) == 2
        assert all(b"web" in found.body for found in answers[::2])
        assert all(b"app" in found.body for found in answers[1::2])

    run(main(memory()))
    run(main(slow()))


async def test_an_answer_that_landed_meanwhile_is_found() -> None:
    """Between a look that missed and the lead, another one's answer came; whoever waits has it too."""
    cache = slow()
    await answered(cache, chat())
    turn = await cache.take(key(), POLICY, FakeSink(), within=HOUR, now=NOW)

    assert isinstance(turn, Hit)
    assert not cache.flights._flights
    stale = await cache.take(key(), POLICY, FakeSink(), within=HOUR, now=NOW + 70)
    assert isinstance(stale, Lead)


async def test_a_client_that_leaves_during_the_second_look_leaves_no_flight() -> None:
    """The lead is passed on."""
    cache = slow()
    task = asyncio.ensure_future(cache.take(key(), POLICY, FakeSink(), within=HOUR, now=NOW))
    await asyncio.sleep(0)
    assert cache.flights._flights
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not cache.flights._flights


async def test_what_is_too_long_or_cut_is_not_kept() -> None:
    """Nor is what never began."""
    cache = Cache(MemoryStore(1_000_000), 200)
    assert await answered(cache, chat(), "Paris" * 100) is None
    tee = TeeSink(FakeSink(), 10_000)
    assert await cache.entry(key(), POLICY, tee, CHAT, usage=None, cost=None, now=NOW) is None
    tee.begin(Serving("sim/small", "cheapest", 1, None))
    await tee.send(CHAT.write_reply(Reply("id", "m", (Choice((Text("Par"),), "length"),))))
    assert await cache.entry(key(), POLICY, tee, CHAT, usage=None, cost=None, now=NOW) is None
    assert cache.stats().entries == 0


async def test_a_store_in_trouble_is_a_miss() -> None:
    """Counted, and never an error of the request's."""

    class Broken(MemoryStore):
        async def get(self, key: Key, now: float) -> Entry | None:
            raise Trouble("x")

        async def near(self, key: Key, threshold: float, now: float) -> tuple[Entry, float] | None:
            raise Trouble("x")

        async def put(self, entry: Entry, now: float) -> None:
            raise Trouble("x")

    cache = Cache(Broken(1_000_000), 100_000)

    assert await cache.lookup(key(), SIMILAR, NOW) is None
    assert await cache.last(key(), SIMILAR, "similar", NOW) is None
    await cache.keep(entry(), NOW)
    assert (cache.counts.errors, cache.counts.misses, cache.counts.kept) == (5, 1, 0)


async def test_it_counts_what_it_did() -> None:
    """Each hit once, under its own name, and the money it saved."""
    cache = memory()
    await cache.lookup(key(), SIMILAR, NOW)
    await answered(cache, chat())
    await cache.lookup(key(), SIMILAR, NOW)
    await cache.lookup(key(), SIMILAR, NOW + 70)
    await cache.lookup(key(chat("What's the capital of France, please?")), SIMILAR, NOW)
    await cache.last(key(), SIMILAR, "stale", NOW + 200)
    counts = cache.counts

    assert (counts.misses, counts.kept, counts.fresh, counts.stale, counts.similar, counts.ends) == (1, 1, 1, 1, 1, 1)
    assert counts.saved == 4 * 5
    assert cache.stats().bytes > 0


async def test_each_kind_of_store_is_opened_by_its_name(tmp_path: Path) -> None:
    """Nothing is opened before it is used; an address that is none is told to the person who starts."""
    clock = ManualClock()
    for url in ("memory", "sqlite"):
        cache = open_cache(CacheStore(url, timeout=5), tmp_path, clock)
        assert not (tmp_path / "cache.db").exists()
        await answered(cache, chat())
        assert await cache.lookup(key(), POLICY, NOW) is not None
        await cache.close()
    assert (tmp_path / "cache.db").exists()
    cache = open_cache(CacheStore("redis://127.0.0.1:1"), tmp_path, clock)
    await answered(cache, chat())
    assert await cache.lookup(key(), POLICY, NOW) is not None
    assert cache.counts.errors == 2
    await cache.close()
    with pytest.raises(Unusable):
        open_cache(CacheStore("postgresql://x"), tmp_path, clock)
