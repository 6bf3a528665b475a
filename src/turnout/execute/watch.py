"""Limits of time on the one task that serves a request, and a look at whether its client is still there."""

import asyncio
from typing import Literal

from turnout.clock import Clock
from turnout.ports import Sink

NEVER = float("inf")

CLIENT_LOOK = 0.05
"""Seconds before the client is watched. Watching takes a task of its own; an answer that is quicker than this needs none."""

_GRAIN = 0.001
"""Seconds by which a timer may be early: uvloop's are whole milliseconds."""

Limit = Literal["first_token", "total", "idle"]
Cause = Literal["first_token", "total", "idle", "deadline", "client"]


class Watch:
    """Cancels its task when a limit passes or the client leaves, and knows which it was.

    Moving a limit is an assignment: one timer looks at them all and sets itself anew for the nearest. ``touched`` is when
    the wait for the upstream's next bytes began, NEVER while nothing is expected of it (a slow client is not a slow provider).
    """

    def __init__(self, clock: Clock, sink: Sink, deadline: float) -> None:
        task = asyncio.current_task()
        assert task is not None, "an execution runs in a task"
        self._task = task
        self._cancelling = task.cancelling()
        self._loop = asyncio.get_running_loop()
        self._steady = clock.steady
        self._sink = sink
        self._deadline = deadline
        self._limit: Limit = "total"
        self._limit_at = NEVER
        self._idle = NEVER
        self._cause: Cause | None = None
        self._client: asyncio.Task[None] | None = None
        self._stopped = False
        self.touched = NEVER
        now = self._steady()
        self._armed = min(now + CLIENT_LOOK, deadline)
        self._timer = self._loop.call_later(max(self._armed - now, 0.0), self._look)

    def allow(self, limit: Limit, seconds: float) -> None:
        """The attempt that starts now has this long."""
        self._limit, self._limit_at = limit, self._steady() + seconds
        self._idle = self.touched = NEVER
        self._arm()

    def allow_between_reads(self, seconds: float) -> None:
        """The attempt's limit is met; from now on only ``touched`` counts."""
        self._limit_at = NEVER
        self._idle = seconds
        self.touched = self._steady()
        self._arm()

    def lift(self) -> None:
        """Nothing is expected of an upstream for now: only the deadline and the client count."""
        self._limit_at = self.touched = NEVER
        if self._armed == NEVER:
            self._arm()

    def taken(self) -> Cause | None:
        """Why the task was cancelled, once; None when someone else did it."""
        cause, self._cause = self._cause, None
        if cause is None or self._task.uncancel() > self._cancelling:
            return None
        return cause

    def stop(self) -> None:
        """The request is over."""
        self._stopped = True
        self._timer.cancel()
        if self._client is not None:
            self._client.cancel()
        if self._cause is not None:  # it came too late to be noticed: what runs next in this task is not to be cancelled
            self.taken()

    def _arm(self) -> None:
        """Have the timer look no later than the nearest limit; one set too early looks once in vain."""
        now = self._steady()
        if self._due(now) < self._armed:
            self._timer.cancel()
            self._set(now)

    def _due(self, now: float) -> float:
        # While nothing is expected of the upstream the wait may begin at any moment from now on.
        return min(self._deadline, self._limit_at, min(self.touched, now) + self._idle)

    def _set(self, now: float) -> None:
        self._armed = self._due(now)
        self._timer = self._loop.call_later(max(self._armed - now, 0.0), self._look)

    def _look(self) -> None:
        now = self._steady()
        self._armed = NEVER
        if self._client is None:
            self._client = self._loop.create_task(self._sink.wait_gone())
            self._client.add_done_callback(self._client_left)
        due = now + _GRAIN
        if due >= self._deadline:
            self._interrupt("deadline")
        elif due >= self._limit_at:
            self._interrupt(self._limit)
        elif due >= self.touched + self._idle:
            self._interrupt("idle")
        else:
            self._set(now)

    def _client_left(self, waiting: asyncio.Task[None]) -> None:
        if not waiting.cancelled():
            waiting.result()  # a sink that cannot tell is a bug to be seen, not a client that left
            self._interrupt("client")

    def _interrupt(self, cause: Cause) -> None:
        if self._cause is None and not self._stopped:
            self._cause = cause
            self._task.cancel()
