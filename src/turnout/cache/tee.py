"""A sink around an answer that is to be kept."""

import asyncio
from collections.abc import Callable

from turnout.ports import Serving, Sink

SLOW = 1.0
"""Seconds that a client may take for a piece before others stop waiting for the answer with it."""


class TeeSink:
    """Passes an answer on to its client and keeps what the client took, as long as that is at most ``most`` bytes.

    ``hopeless`` is called when waiting for this answer has become a bad idea: it is too long to be kept, or its client is slow (``slow``
    seconds) to take it. It may be called more than once.
    """

    def __init__(self, client: Sink, most: int, hopeless: Callable[[], None] | None = None, slow: float = SLOW) -> None:
        self._client = client
        self._most = most
        self._hopeless = hopeless
        self._slow = slow
        self._size = 0
        self._pieces: list[bytes] = []
        self.serving: Serving | None = None

    @property
    def body(self) -> bytes | None:
        """All that was sent; None when it was too much, or nothing."""
        return b"".join(self._pieces) or None

    def begin(self, serving: Serving) -> None:
        self._client.begin(serving)
        self.serving = serving

    async def send(self, data: bytes) -> None:
        if self._hopeless is None:
            await self._client.send(data)
        else:
            timer = asyncio.get_running_loop().call_later(self._slow, self._hopeless)
            try:
                await self._client.send(data)
            finally:
                timer.cancel()
        self._size += len(data)
        if self._size <= self._most:
            self._pieces.append(data)
        else:
            self._pieces.clear()
            if self._hopeless is not None:
                self._hopeless()

    async def wait_gone(self) -> None:
        await self._client.wait_gone()
