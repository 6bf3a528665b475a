"""The connections to one origin: reused last in, first out, bounded, and handed to those who wait in the order they came."""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Final

from turnout.clock import Clock
from turnout.errors import TimedOut, Unavailable
from turnout.providers.transport.connection import Connection
from turnout.providers.transport.dial import Dialer
from turnout.providers.transport.target import Origin

# A waiter is given a connection, or None: room to open one.
Turn = asyncio.Future[Connection | None]
CLOSED: Final = "this transport is closed"


class Pool:
    """At most ``limit`` connections, those being opened included. Idle ones live for ``keepalive_s`` seconds, or as their server says."""

    def __init__(self, origin: Origin, dialer: Dialer, clock: Clock, *, limit: int, keepalive_s: float) -> None:
        self.origin = origin
        self._dialer = dialer
        self._clock = clock
        self._limit = limit
        self._keepalive_s = keepalive_s
        self._open: set[Connection] = set()
        self._dialing = 0
        self._idle: dict[Connection, None] = {}  # in the order they became idle
        self._waiting: deque[Turn] = deque()
        self._closed = False

    def __repr__(self) -> str:
        return f"Pool({self.origin.name}, {len(self._open)} open, {len(self._idle)} idle, {len(self._waiting)} waiting)"

    @property
    def in_use(self) -> bool:
        """It has connections, or will have."""
        return bool(self._open or self._dialing)

    def take(self) -> Connection | None:
        """An idle connection, if there is one."""
        while self._idle:
            connection, _ = self._idle.popitem()
            if self._clock.steady() < connection.idle_until and connection.is_quiet():
                return connection
            connection.abort()
        return None

    async def acquire(self, connect_timeout: float) -> Connection:
        """A connection that is alive now, found, waited for or opened, all within ``connect_timeout`` seconds.

        Raises:
            TimedOut: it took too long.
            Unavailable: it cannot be opened.
        """
        try:
            async with asyncio.timeout(connect_timeout):
                while True:
                    connection = self.take() or await self._open_or_wait()
                    if connection.alive:  # else it was closed on its way to us: nothing was sent, so begin again
                        return connection
        except TimeoutError as error:
            used = f"{len(self._open)} of {self._limit} open"
            raise TimedOut(f"no connection to {self.origin.name} within {connect_timeout:g} s ({used})") from error
        except OSError as error:
            raise Unavailable(f"cannot connect to {self.origin.name}: {error.strerror or error}") from error

    def expire(self) -> None:
        """Close what has been idle for too long."""
        now = self._clock.steady()
        for connection in [connection for connection in self._idle if connection.idle_until <= now]:
            connection.abort()

    def close(self) -> None:
        """Close everything; who waits is told."""
        self._closed = True
        for connection in list(self._open):
            connection.fail(Unavailable(CLOSED))
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(Unavailable(CLOSED))

    # A connection's owner

    def freed(self, connection: Connection) -> None:
        """Its request is done and it may have another."""
        if not self._hand_over(connection):
            connection.idle_until = self._clock.steady() + connection.keepalive_s
            self._idle[connection] = None

    def lost(self, connection: Connection) -> None:
        """It is closed; there is room for another."""
        self._open.discard(connection)
        self._idle.pop(connection, None)
        self._hand_over(None)

    # Inside

    async def _open_or_wait(self) -> Connection:
        if self._closed:
            raise Unavailable(CLOSED)
        if len(self._open) + self._dialing < self._limit:
            self._dialing += 1
            return await self._dial()
        given = await self._wait_turn()
        if given is None:
            return await self._dial()
        if not given.is_quiet():
            given.abort()
        return given

    async def _dial(self) -> Connection:
        """Open one; the room for it was taken before."""
        try:
            connection = await self._dialer.dial(self.origin)
        except BaseException:
            self._give_back(None)
            raise
        self._dialing -= 1
        self._open.add(connection)
        connection.owner = self
        connection.keepalive_s = self._keepalive_s
        if self._closed:
            connection.abort()
        if not connection.alive:
            self.lost(connection)
            raise Unavailable(CLOSED if self._closed else f"{self.origin.name} closed the connection as soon as it was opened")
        return connection

    async def _wait_turn(self) -> Connection | None:
        turn: Turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                with suppress(ValueError):
                    self._waiting.remove(turn)
            elif turn.exception() is None:
                self._give_back(turn.result())
            raise

    def _give_back(self, turn: Connection | None) -> None:
        """It came too late for the one it was for."""
        if turn is None:
            self._dialing -= 1
            self._hand_over(None)
        elif turn.alive:
            self.freed(turn)

    def _hand_over(self, connection: Connection | None) -> bool:
        """To whoever waits longest. Room that is handed over counts as being dialled in."""
        if connection is None and (self._closed or len(self._open) + self._dialing >= self._limit):
            return False
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                self._dialing += connection is None
                turn.set_result(connection)
                return True
        return False
