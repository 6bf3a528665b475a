"""A client that takes what it is given, slowly or not, and leaves when told to."""

import asyncio

from turnout.errors import ClientGone
from turnout.ports import Serving


class FakeSink:
    """``pace``: seconds each send takes. ``leaves_at``: seconds after which it is gone. ``deaf``: sends do not notice that."""

    def __init__(self, *, pace: float = 0.0, leaves_at: float | None = None, deaf: bool = False) -> None:
        self.pace = pace
        self.leaves_at = leaves_at
        self.deaf = deaf
        self.serving: Serving | None = None
        self.got: list[bytes] = []
        self.watched = False

    @property
    def text(self) -> bytes:
        return b"".join(self.got)

    def begin(self, serving: Serving) -> None:
        self._check()
        self.serving = serving

    async def send(self, data: bytes) -> None:
        self._check()
        if self.pace:
            await asyncio.sleep(self.pace)
        self.got.append(data)

    async def wait_gone(self) -> None:
        self.watched = True
        if self.leaves_at is None:
            await asyncio.Event().wait()
        else:
            await asyncio.sleep(self.leaves_at - asyncio.get_running_loop().time() + 1000.0)

    def _check(self) -> None:
        if self.leaves_at is not None and not self.deaf and asyncio.get_running_loop().time() >= 1000.0 + self.leaves_at:
            raise ClientGone
