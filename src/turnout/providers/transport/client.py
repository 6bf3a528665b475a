"""The Transport of ports.py: HTTP/1.1 over TCP and TLS, as lean as the hot path needs it."""

import asyncio
from functools import lru_cache
from typing import Final

from turnout.clock import Clock
from turnout.ports import Outgoing
from turnout.providers.transport.dial import Dialer
from turnout.providers.transport.pool import Pool
from turnout.providers.transport.response import Response
from turnout.providers.transport.target import Origin, parse_target, request_head

# URLs come from the policy and its models; a few thousand is a large policy.
KNOWN_URLS: Final = 4096


class HttpTransport:
    """One per worker and event loop. A request is written once: a POST that may have arrived may have been billed."""

    def __init__(self, *, clock: Clock, max_connections_per_host: int = 2048, keepalive_s: float = 30.0) -> None:
        self._clock = clock
        self._limit = max_connections_per_host
        self._keepalive_s = keepalive_s
        self._dialer = Dialer()
        self._pools: dict[Origin, Pool] = {}
        self._way = lru_cache(maxsize=KNOWN_URLS)(self._find_way)
        self._sweeping: asyncio.TimerHandle | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"HttpTransport({list(self._pools.values())})"

    async def send(self, request: Outgoing, *, connect_timeout: float) -> Response:
        """See ports.Transport. Raises Misconfigured too, for a URL, proxy, CA file or header that cannot be used."""
        pool, line = self._way(request.url, request.proxy, request.ca_file)
        head = request_head(request.method, line, request.headers, len(request.body))
        connection = pool.take()
        if connection is None:
            self._sweep_later()
            connection = await pool.acquire(connect_timeout)
        # no await between a connection that is alive and its first byte: one found closed was never written to
        return await connection.request(head, request.body, bodiless=request.method == "HEAD").head()

    async def close(self) -> None:
        """Close every connection and wait for the sockets to be gone."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        for pool in self._pools.values():
            pool.close()
        for _ in range(2):  # the loop closes an aborted socket in its next turn, a TLS one in the turn after
            await asyncio.sleep(0)

    def _find_way(self, url: str, proxy: str | None, ca_file: str | None) -> tuple[Pool, bytes]:
        target = parse_target(url, proxy, ca_file)
        pool = self._pools.get(target.origin)
        if pool is None:
            pool = Pool(target.origin, self._dialer, self._clock, limit=self._limit, keepalive_s=self._keepalive_s)
            self._pools[target.origin] = pool
            if self._closed:
                pool.close()
        return pool, target.line

    def _sweep_later(self) -> None:
        if self._sweeping is None and not self._closed:
            self._sweeping = asyncio.get_running_loop().call_later(self._keepalive_s, self._sweep)

    def _sweep(self) -> None:
        self._sweeping = None
        for pool in self._pools.values():
            pool.expire()
        if any(pool.in_use for pool in self._pools.values()):
            self._sweep_later()
