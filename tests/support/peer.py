"""A client of the real connection, over a wire in the test's hands; in virtual time."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from tests.support import fake_exchange
from tests.support.virtual_time import run
from turnout.dialects.headers import ClientHeaders
from turnout.errors import TurnoutError
from turnout.front.exchange import App, Exchange
from turnout.front.fronts import dialect_for
from turnout.front.protocol import BoundedProtocol
from turnout.front.sink import HttpSink


class Wire(fake_exchange.Wire):
    """As a client sees it."""

    protocol: BoundedProtocol | None = None  # until it was told that the connection is lost

    @property
    def sent(self) -> bytes:
        return b"".join(self.writes)

    @property
    def status(self) -> int:
        return int(self.sent.split(b" ", 2)[1]) if self.sent else 0

    @property
    def statuses(self) -> list[int]:
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", self.sent)]

    @property
    def error(self) -> Any:
        """Of the last answer."""
        return json.loads(self.sent.rpartition(b"\r\n\r\n")[2])["error"]

    def close(self) -> None:
        super().close()
        if not self.untaken:
            self._lose()

    def abort(self) -> None:
        super().abort()
        self._lose()

    def _lose(self) -> None:
        if self.protocol is not None:
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)
            self.protocol = None


class Peer:
    """A connection to an app."""

    def __init__(self, app: App) -> None:
        self.wire = Wire()
        config = uvicorn.Config(
            app,  # type: ignore[arg-type]  # it is the protocol that calls it
            interface="asgi3",
            proxy_headers=False,
            http=BoundedProtocol,
            lifespan="off",
            log_config=None,
            timeout_keep_alive=75,
        )
        self.protocol = self.wire.protocol = BoundedProtocol(config, ServerState(), {}, asyncio.get_running_loop())
        self.protocol.connection_made(self.wire)

    async def send(self, *pieces: bytes) -> None:
        """As far as the server reads; ends when the app has had its turn."""
        for piece in pieces:
            if not self.wire.is_closed:
                self.protocol.data_received(piece)
        for _ in range(5):
            await asyncio.sleep(0)

    async def answered(self) -> None:
        """Return when nothing that was asked waits for its answer."""
        while self.protocol.tasks:
            await asyncio.wait(self.protocol.tasks)

    async def leave(self) -> None:
        """As a client does, if the server reads it."""
        assert self.wire.is_read
        self.protocol.eof_received()
        for _ in range(5):
            await asyncio.sleep(0)

    def stop_taking(self, left: int = 100_000) -> None:
        """So much was written and waits."""
        self.wire.untaken = left
        self.protocol.pause_writing()


class Counter(Peer):
    """On an app that reads whole bodies and answers with their length; or does not read them and answers with 0.

    One that ``watches`` hears its client leave while it takes its time.
    """

    def __init__(self, answer_after: float = 0.0, *, reads: bool = True, watches: bool = False) -> None:
        self.asked: list[str] = []
        self.headers: list[ClientHeaders] = []
        self.left = 0
        self._answer_after = answer_after
        self._reads = reads
        self._watches = watches
        super().__init__(self._app)

    async def _app(self, asked: Exchange) -> None:
        try:
            if asked.fault is not None:
                raise asked.fault
            await self._answer(asked)
        except TurnoutError as fault:
            await HttpSink(asked, "id", 1).refuse(dialect_for(asked.path, asked.headers), fault)

    async def _answer(self, asked: Exchange) -> None:
        self.asked.append(asked.path)
        self.headers.append(asked.headers)
        size = len(await asked.read()) if self._reads else 0
        while self._reads and asked.more and not asked.gone:
            size += len(await asked.read())
        if self._watches:
            watching = asyncio.ensure_future(asked.wait_gone())
            await asyncio.wait({watching}, timeout=self._answer_after)
            watching.cancel()
        elif not asked.gone:
            await asyncio.sleep(self._answer_after)
        if asked.gone:
            self.left += 1
            return
        asked.answer(200, b"", b"%d" % size)


def in_virtual_time(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    def ran() -> None:
        run(test())  # type: ignore[arg-type]  # tests are coroutine functions

    ran.__doc__, ran.__name__ = test.__doc__, test.__name__
    return ran
