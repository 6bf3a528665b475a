"""Redis or Valkey, shared by many replicas. Its own ``maxmemory`` and eviction policy bound it; every entry expires there too.

``redis`` is an optional dependency (``pip install 'turnout[redis]'``), imported when it is configured and not before.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec

from turnout.cache.entry import Entry, Key
from turnout.cache.similarity import Wording, nearest, reach
from turnout.cache.store import Stats, Trouble
from turnout.errors import Unusable

PREFIX = b"turnout:cache:"
MOST_CONNECTIONS = 16
LISTED = 64
"""Newest entries of a bucket that are looked at. Fewer than other stores', as each takes this client 4 us to read."""

_ENTRY = msgspec.msgpack.Decoder(Entry)
_MEMBER = msgspec.msgpack.Decoder(tuple[int, bytes, msgspec.Raw])
_WORDING = msgspec.msgpack.Decoder(Wording)


class RedisStore:
    """Each call is one round trip (a similar question two) and has ``timeout`` seconds, connecting included.

    Raises:
        Unusable: the client is not installed, or ``url`` is not one.
    """

    def __init__(self, url: str, timeout: float) -> None:
        try:
            import redis.asyncio as client  # noqa: PLC0415 - optional, and slow to import
            from redis.asyncio.retry import Retry  # noqa: PLC0415 - same
            from redis.backoff import NoBackoff  # noqa: PLC0415 - same
            from redis.exceptions import RedisError  # noqa: PLC0415 - same
        except ImportError:
            raise Unusable(
                "the cache is to be kept in Redis, whose client is not installed: pip install 'turnout[redis]'"
            ) from None
        self._timeout = timeout
        self._errors = (RedisError, OSError, msgspec.DecodeError)
        try:
            # No retries: the circuit around this store knows better when to try again. The older protocol has the shorter greeting.
            pool = client.BlockingConnectionPool.from_url(
                url,
                protocol=2,
                max_connections=MOST_CONNECTIONS,
                timeout=timeout,
                socket_timeout=timeout,
                socket_connect_timeout=timeout,
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError as error:
            raise Unusable(f"the cache's address cannot be used: {error}") from None
        self._redis: Any = client.Redis.from_pool(pool)  # Any: its types do not tell bytes from text

    async def get(self, key: Key, now: float) -> Entry | None:
        async with self._bounded():
            return _sound(key.exact, await self._redis.get(_at(key.exact)), now)

    async def near(self, key: Key, threshold: float, now: float) -> tuple[Entry, float] | None:
        if key.near is None or key.wording is None:
            return None
        async with self._bounded():
            listed = await self._redis.zrevrange(_bucket(key.near), 0, LISTED - 1)
            found = nearest(key.wording, _within(listed, *reach(key.wording, threshold)), threshold)
            if found is None:
                return None
            entry = _sound(found[0], await self._redis.get(_at(found[0])), now)
            return None if entry is None else (entry, found[1])

    async def put(self, entry: Entry, now: float) -> None:
        lasts = int((entry.until - now) * 1000)
        if lasts <= 0:
            return
        async with self._bounded(), self._redis.pipeline(transaction=False) as pipe:
            pipe.set(_at(entry.key), msgspec.msgpack.encode(entry), px=lasts)
            if entry.near is not None and entry.wording is not None:
                bucket = _bucket(entry.near)
                pipe.zadd(bucket, {msgspec.msgpack.encode((len(entry.wording.words), entry.key, entry.wording)): entry.made})
                pipe.zremrangebyrank(bucket, 0, -LISTED - 1)
                pipe.pexpire(bucket, lasts)
            await pipe.execute()

    def stats(self) -> Stats:
        return Stats()

    async def close(self) -> None:
        async with self._bounded():
            await self._redis.aclose()

    def _bounded(self) -> "_Bounded":
        return _Bounded(self._timeout, self._errors)


class _Bounded:
    """Within the time, or Trouble; and Trouble for whatever the client says went wrong."""

    def __init__(self, timeout: float, errors: tuple[type[Exception], ...]) -> None:
        self._time = asyncio.timeout(timeout)
        self._errors = errors

    async def __aenter__(self) -> None:
        await self._time.__aenter__()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            await self._time.__aexit__(kind, error, trace)  # type: ignore[arg-type]  # a traceback, as Python passes it
        except TimeoutError:
            raise Trouble("redis took too long") from None
        if isinstance(error, self._errors):
            raise Trouble(f"redis: {type(error).__name__}") from None  # its message may hold the address, and that a password


def _within(listed: list[bytes], least: int, most: int) -> Iterator[tuple[bytes, Wording]]:
    for item in listed:
        words, exact, wording = _MEMBER.decode(item)
        if least <= words <= most:
            yield exact, _WORDING.decode(wording)


def _sound(exact: bytes, data: bytes | None, now: float) -> Entry | None:
    if data is None:
        return None
    entry = _ENTRY.decode(data)
    if entry.key != exact:  # a connection that answers another's question must not answer another tenant's
        raise Trouble("redis: an entry that is not the one asked for")
    return entry if now < entry.until else None


def _at(exact: bytes) -> bytes:
    return PREFIX + exact.hex().encode()


def _bucket(near: bytes) -> bytes:
    return PREFIX + b"near:" + near.hex().encode()
