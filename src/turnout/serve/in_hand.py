"""The room for content that a worker has in hand until it is sealed."""

import asyncio
from collections.abc import Coroutine

MOST_IN_HAND = 64_000_000
"""Bytes of requests and answers that wait for their sealing; beyond that they are not kept."""


class InHand:
    """One per worker. ``tasks`` must come to their end before the journal is closed."""

    def __init__(self, most: int = MOST_IN_HAND) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self._left = most

    def take(self, size: int, work: Coroutine[None, None, None]) -> bool:
        """Let it go on without anybody waiting. False: there is no room for so many bytes, and not one step of it was taken."""
        if size > self._left:
            work.close()
            return False
        self._left -= size
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(lambda done: self._done(done, size))
        return True

    async def settle(self, within: float) -> None:
        """Wait for what is in hand, so many seconds at most."""
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=within)

    def _done(self, task: "asyncio.Task[None]", size: int) -> None:
        self._left += size
        self.tasks.discard(task)
