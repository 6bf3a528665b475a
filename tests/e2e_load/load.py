"""A client that asks at a steady rate and remembers every answer."""

import asyncio
import time
from typing import Any

import aiohttp
import msgspec

from tests.e2e_load.running import ask

CHAT = "/v1/chat/completions"


class Seen(msgspec.Struct, frozen=True):
    """One request: ``status`` 0 means that the connection broke. Times are unix seconds."""

    began: float
    ended: float
    status: int
    id: str = ""
    policy: int = 0
    model: str = ""
    error: str = ""


class Steady:
    """Requests at ``rate`` a second until told to stop; ``seen`` grows as answers are complete."""

    def __init__(self, url: str, rate: float, body: dict[str, Any] | None = None) -> None:
        self.seen: list[Seen] = []
        self._url = url + CHAT
        self._rate = rate
        self._body = body or ask()
        self._enough = asyncio.Event()

    def stop(self) -> None:
        self._enough.set()

    async def run(self) -> None:
        """Until stopped, and every answer has come."""
        timeout, connector = aiohttp.ClientTimeout(total=20), aiohttp.TCPConnector(limit=64)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session, asyncio.TaskGroup() as asking:
            begin, n = time.perf_counter(), 0
            while not self._enough.is_set():
                await asyncio.sleep(max(0.0, begin + n / self._rate - time.perf_counter()))
                asking.create_task(self._one(session))
                n += 1

    async def _one(self, session: aiohttp.ClientSession) -> None:
        began = time.time()
        try:
            async with session.post(self._url, json=self._body) as answer:
                await answer.read()
        except (aiohttp.ClientError, TimeoutError) as broken:
            self.seen.append(Seen(began, time.time(), 0, error=repr(broken)))
            return
        says = answer.headers
        self.seen.append(
            Seen(
                began,
                time.time(),
                answer.status,
                says["x-turnout-request-id"],
                int(says["x-turnout-policy"]),
                says["x-turnout-model"],
            )
        )


async def once(url: str) -> Seen:
    """A single request."""
    steady = Steady(url, 1000.0)
    running = asyncio.create_task(steady.run())
    await asyncio.sleep(0)
    steady.stop()
    await running
    return steady.seen[0]
