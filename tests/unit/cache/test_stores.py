"""What every store does, whatever it keeps its entries in."""

import asyncio
import shutil
import socket
import sqlite3
import stat
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.unit.cache.making import LIFE, NOW, chat, entry, key
from turnout.cache.memory import MemoryStore
from turnout.cache.redis import RedisStore
from turnout.cache.sqlite import MOST_WAITING, SqliteStore
from turnout.cache.store import CANDIDATES, Stats, Store, Trouble

MUCH = 10_000_000
PATIENT = 5.0
SERVER = shutil.which("redis-server") or shutil.which("valkey-server")


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    if SERVER is None:
        pytest.skip("neither redis-server nor valkey-server is installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [SERVER, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--daemonize", "no"], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    for line in process.stdout:
        if b"ready to accept" in line.lower():
            break
    drain = threading.Thread(target=process.stdout.read, daemon=True)
    drain.start()
    yield f"redis://127.0.0.1:{port}/0"
    process.terminate()
    process.wait(10)
    drain.join(10)
    process.stdout.close()


@pytest.fixture(params=["memory", "sqlite", "redis"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    made: Store
    if request.param == "memory":
        made = MemoryStore(MUCH)
    elif request.param == "sqlite":
        made = SqliteStore(tmp_path / "cache.db", MUCH, PATIENT)
    else:
        made = RedisStore(request.getfixturevalue("redis_url"), PATIENT)
        await made._redis.flushall()
    yield made
    await made.close()


async def test_what_was_put_is_got(store: Store) -> None:
    """All of it, and nothing before it was put."""
    assert await store.get(key(), NOW) is None
    await store.put(entry(), NOW)

    assert await store.get(key(), NOW + 1) == entry()


async def test_the_last_one_counts(store: Store) -> None:
    """An answer made anew takes the place of the old one."""
    await store.put(entry(), NOW)
    await store.put(entry(body=b"Paris!"), NOW)

    found = await store.get(key(), NOW)
    assert found is not None
    assert found.body == b"Paris!"


async def test_what_is_over_is_gone(store: Store) -> None:
    """From its ``until`` on, to the very same and to a similar question."""
    await store.put(entry(), NOW)

    assert await store.get(key(), NOW + LIFE) is None
    await store.put(entry(), NOW)
    assert await store.near(key(), 0.9, NOW + LIFE) is None
    await store.put(entry(key(route="late")), NOW + LIFE + 1)
    assert await store.get(key(route="late"), NOW + LIFE + 1) is None


async def test_a_similar_question_finds_it(store: Store) -> None:
    """At the threshold it has; what is not like it finds nothing."""
    await store.put(entry(), NOW)
    await store.put(entry(key(chat("What is the capital of Spain?")), b"Madrid"), NOW)

    found = await store.near(key(chat("What's the capital of France, please?")), 0.9, NOW)

    assert found is not None
    assert found[0].body == b"Paris"
    assert 0.9 <= found[1] < 1
    assert await store.near(key(chat("What is the capital of Italy?")), 0.9, NOW) is None
    assert await store.near(key(similar=False), 0.1, NOW) is None


async def test_another_tenant_finds_nothing(store: Store) -> None:
    """Neither by the very same question nor by a similar one, however low the threshold."""
    await store.put(entry(key(tenant="web")), NOW)
    for other in ("app", None, "WEB", ""):
        assert await store.get(key(tenant=other), NOW) is None
        assert await store.near(key(tenant=other), 0.01, NOW) is None


async def test_only_the_newest_are_looked_through(store: Store) -> None:
    """A bucket is bounded; an entry that fell out of it is still found by the very same question."""
    first = key(chat("who sells number-a"))
    await store.put(entry(first, made=NOW), NOW)
    for number in range(CANDIDATES):
        other = key(chat("who sells thing-" + "".join(chr(97 + int(digit)) for digit in str(number))))
        assert other.near == first.near
        await store.put(entry(other, made=NOW + 1 + number / 1000), NOW)

    assert await store.get(first, NOW + 2) is not None
    assert await store.near(first, 0.9, NOW + 2) is None


async def test_many_may_ask_at_once(store: Store) -> None:
    """They wait for one another, briefly, and all are answered."""
    await store.put(entry(), NOW)

    assert await asyncio.gather(*(store.get(key(), NOW) for _ in range(60))) == [entry()] * 60


@pytest.fixture(params=["memory", "sqlite"])
async def small(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    made = MemoryStore(20_000) if request.param == "memory" else SqliteStore(tmp_path / "cache.db", 20_000, PATIENT)
    yield made
    await made.close()


async def test_bytes_are_bounded(small: Store) -> None:
    """However much is put, no more is held; what was used last is what stays."""
    first = key(chat("number one"))
    await small.put(entry(first, bytes(1000), until=NOW + 100_000), NOW)
    for number in range(100):
        now = NOW + number * 100
        await small.put(entry(key(chat(f"question {number}")), bytes(1000), made=now, until=NOW + 100_000), now)
        assert await small.get(first, now) is not None, number
        assert small.stats().bytes <= 20_000

    assert 3 <= small.stats().entries <= 19
    assert await small.get(key(chat("question 0")), NOW + 10_000) is None
    assert await small.get(key(chat("question 99")), NOW + 10_000) is not None


async def test_what_is_larger_than_all_is_not_kept(small: Store) -> None:
    """And drives nothing out."""
    await small.put(entry(), NOW)
    await small.put(entry(key(route="large"), bytes(30_000)), NOW)

    assert await small.get(key(), NOW) is not None
    assert await small.get(key(route="large"), NOW) is None


async def test_memory_lets_go_of_everything() -> None:
    """What is dropped leaves no bytes and no bucket behind."""
    store = MemoryStore(MUCH)
    questions = [key(chat(f"question {number}"), route="a" if number % 2 else "b") for number in range(50)]
    for question in questions:
        await store.put(entry(question), NOW)
    for question in questions:
        await store.get(question, NOW + LIFE)

    assert store.stats() == Stats(0, 0)
    assert store._buckets == {}


async def test_workers_share_a_file_and_it_outlives_them(tmp_path: Path) -> None:
    """What one puts the other gets, also after both were closed; the file is its owner's alone."""
    one, other = (SqliteStore(tmp_path / "cache.db", MUCH, PATIENT) for _ in range(2))
    await asyncio.gather(one.put(entry(), NOW), other.put(entry(key(route="code")), NOW))
    assert await other.get(key(), NOW) == entry()
    assert await one.get(key(route="code"), NOW) is not None
    await one.close()
    await other.close()

    again = SqliteStore(tmp_path / "cache.db", MUCH, PATIENT)
    assert await again.get(key(), NOW) == entry()
    assert stat.S_IMODE((tmp_path / "cache.db").stat().st_mode) == 0o600
    await again.close()


@pytest.mark.parametrize("rubbish", [b"no database at all" * 100, b"", b"SQLite format 3\0" + bytes(5000)])
async def test_a_broken_file_is_set_aside(tmp_path: Path, rubbish: bytes) -> None:
    """And a new one begun; no call fails for it."""
    (tmp_path / "cache.db").write_bytes(rubbish)
    store = SqliteStore(tmp_path / "cache.db", MUCH, PATIENT)

    assert await store.get(key(), NOW) is None
    await store.put(entry(), NOW)
    assert await store.get(key(), NOW) is not None
    await store.close()


async def test_a_file_that_breaks_meanwhile_is_trouble_once(tmp_path: Path) -> None:
    """It is set aside with the next call."""
    store = SqliteStore(tmp_path / "cache.db", MUCH, PATIENT)
    for number in range(50):
        await store.put(entry(key(chat(f"question {number}")), bytes(5000)), NOW)
    with sqlite3.connect(tmp_path / "cache.db") as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file.close()
    with (tmp_path / "cache.db").open("r+b") as raw:
        raw.write(b"\xff" * 200_000)

    troubles = 0
    for number in range(4):
        try:
            await store.put(entry(key(chat(f"late {number}"))), NOW)
        except Trouble:
            troubles += 1

    assert 1 <= troubles <= 2
    assert await store.get(key(chat("late 3")), NOW) is not None
    await store.close()


async def test_a_locked_file_is_trouble_in_time(tmp_path: Path) -> None:
    """Nobody waits longer than the time that a call has, and it works again once the lock is gone."""
    store = SqliteStore(tmp_path / "cache.db", MUCH, 0.05)
    await store.put(entry(), NOW)
    other = sqlite3.connect(tmp_path / "cache.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = asyncio.get_running_loop().time()

    with pytest.raises(Trouble):
        await store.put(entry(body=b"other"), NOW)

    assert asyncio.get_running_loop().time() - began < 1.0
    other.execute("ROLLBACK")
    other.close()
    patient = SqliteStore(tmp_path / "cache.db", MUCH, PATIENT)
    await patient.put(entry(body=b"other"), NOW)
    await patient.close()
    await store.close()


async def test_a_directory_that_is_not_there_is_trouble(tmp_path: Path) -> None:
    """And so is a store that was closed."""
    store = SqliteStore(tmp_path / "nowhere" / "cache.db", MUCH, PATIENT)
    with pytest.raises(Trouble):
        await store.get(key(), NOW)
    await store.close()
    with pytest.raises(Trouble):
        await store.get(key(), NOW)


async def test_few_wait_for_the_thread(tmp_path: Path) -> None:
    """When it hangs, those who come late are turned away at once."""
    store = SqliteStore(tmp_path / "cache.db", MUCH, PATIENT)
    hangs = threading.Event()
    store._thread.submit(hangs.wait, 10)
    waiting = [asyncio.ensure_future(store.get(key(), NOW)) for _ in range(MOST_WAITING)]
    await asyncio.sleep(0)

    with pytest.raises(Trouble, match="too many"):
        await store.get(key(), NOW)

    hangs.set()
    assert await asyncio.gather(*waiting) == [None] * MOST_WAITING
    assert await store.get(key(), NOW) is None
    await store.close()
