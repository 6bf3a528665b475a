"""Limits of time on the one task that serves a request, and a look at whether its client is still there."""

import asyncio
from functools import cached_property
from typing import Literal

from turnout.clock import Clock
from turnout.ports import Sink

NEVER = float("inf")

CLIENT_LOOK = 0.05
"""Seconds before the client is watched. Watching takes a task of its own; an answer that is quicker than this needs none,
and no timer of its own either."""

_GRAIN = 0.001
"""Seconds by which a timer may be early: uvloop's are whole milliseconds."""

Limit = Literal["first_token", "total", "idle"]
Cause = Literal["first_token", "total", "idle", "deadline", "client"]


class Nursery:
    """Watches in their first CLIENT_LOOK. All are left alone for equally long, so one timer, for the eldest, is enough for all."""

    def __init__(self, clock: Clock) -> None:
        self.steady = clock.steady
        self._young: dict[Watch, float] = {}
        self._is_waiting = False

    @cached_property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The one and only that it is used in; asking for the running one costs a system call each time."""
        return asyncio.get_running_loop()

    def take(self, watch: "Watch", now: float) -> float:
        """Until when it is left alone."""
        until = self._young[watch] = now + CLIENT_LOOK
        if not self._is_waiting:
            self._wait(CLIENT_LOOK)
        return until

    def leave(self, watch: "Watch") -> None:
        """It has come to its end, or needs a timer of its own."""
        self._young.pop(watch, None)

    def _wait(self, seconds: float) -> None:
        self._is_waiting = True
        self.loop.call_later(seconds, self._look)

    def _look(self) -> None:
        self._is_waiting = False
        now = self.steady()
        for watch, until in tuple(self._young.items()):
            if until > now + _GRAIN:
                self._wait(until - now)
                break
            del self._young[watch]
            watch.look()


class Watch:
    """Cancels its task when a limit passes or the client leaves, and knows which it was.

    Moving a limit is an assignment: one timer looks at them all and sets itself anew for the nearest. ``touched`` is when
    the wait for the upstream's next bytes began, NEVER while nothing is expected of it (a slow client is not a slow provider).
    """

    touched = NEVER
    _limit: Limit = "total"
    _limit_at = NEVER
    _idle = NEVER
    _cause: Cause | None = None
    _client: asyncio.Task[None] | None = None
    _timer: asyncio.TimerHandle | None = None
    _stopped = False

    def __init__(self, nursery: Nursery, sink: Sink, deadline: float) -> None:
        task = asyncio.current_task(nursery.loop)
        assert task is not None, "an execution runs in a task"
        self._task = task
        self._cancelling = task.cancelling()
        self._nursery = nursery
        self._sink = sink
        self._deadline = deadline
        now = nursery.steady()
        self._armed = nursery.take(self, now)
        if deadline < self._armed:
            self._arm(now)

    def allow(self, limit: Limit, seconds: float) -> None:
        """The attempt that starts now has this long."""
        now = self._nursery.steady()
        self._limit, self._limit_at = limit, now + seconds
        self._idle = self.touched = NEVER
        if self._limit_at < self._armed:
            self._arm(now)

    def allow_between_reads(self, seconds: float) -> None:
        """The attempt's limit is met; from now on only ``touched`` counts."""
        self._limit_at = NEVER
        self._idle = seconds
        self.touched = now = self._nursery.steady()
        if now + seconds < self._armed:
            self._arm(now)

    @property
    def awaits_bytes(self) -> bool:
        """Between a send to the client and the upstream's next bytes: what came so far has gone out."""
        return self.touched != NEVER

    def lift(self) -> None:
        """Nothing is expected of an upstream for now: only the deadline and the client count."""
        self._limit_at = self.touched = NEVER
        if self._armed == NEVER:
            self._arm(self._nursery.steady())

    def taken(self) -> Cause | None:
        """Why the task was cancelled, once; None when someone else did it."""
        cause, self._cause = self._cause, None
        if cause is None or self._task.uncancel() > self._cancelling:
            return None
        return cause

    def stop(self) -> None:
        """The request is over."""
        self._stopped = True
        self._disarm()
        if self._client is not None:
            self._client.cancel()
        if self._cause is not None:  # it came too late to be noticed: what runs next in this task is not to be cancelled
            self.taken()

    def look(self) -> None:
        """A limit may have passed; and it is time to watch the client."""
        now = self._nursery.steady()
        self._armed = NEVER
        if self._client is None:
            self._client = self._nursery.loop.create_task(self._sink.wait_gone())
            self._client.add_done_callback(self._client_left)
        due = now + _GRAIN
        if due >= self._deadline:
            self._interrupt("deadline")
        elif due >= self._limit_at:
            self._interrupt(self._limit)
        elif due >= self.touched + self._idle:
            self._interrupt("idle")
        else:
            self._arm(now)

    def _arm(self, now: float) -> None:
        """Have a timer of its own look no later than at the nearest limit; one set too early looks once in vain."""
        self._disarm()
        # While nothing is expected of the upstream the wait may begin at any moment from now on.
        self._armed = min(self._deadline, self._limit_at, min(self.touched, now) + self._idle)
        self._timer = self._nursery.loop.call_later(max(self._armed - now, 0.0), self.look)

    def _disarm(self) -> None:
        if self._timer is None:
            self._nursery.leave(self)
        else:
            self._timer.cancel()

    def _client_left(self, waiting: asyncio.Task[None]) -> None:
        if not waiting.cancelled():
            waiting.result()  # a sink that cannot tell is a bug to be seen, not a client that left
            self._interrupt("client")

    def _interrupt(self, cause: Cause) -> None:
        if self._cause is None and not self._stopped:
            self._cause = cause
            self._task.cancel()
