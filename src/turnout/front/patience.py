"""How long is waited for what has to come from a client."""

import asyncio
from collections.abc import Callable
from math import inf
from typing import NamedTuple

from turnout.front.outflow import Outflow


class Bound(NamedTuple):
    """Seconds: between two pieces, and from the first to the last."""

    idle: float
    within: float


HEADERS = Bound(inf, 10.0)
"""A byte now and then buys no more."""
BODY = Bound(30.0, 300.0)
LINGER = Bound(5.0, 30.0)
"""For a client to read its last answer and leave. As nginx's lingering_timeout and lingering_time:
https://nginx.org/en/docs/http/ngx_http_core_module.html#lingering_close"""


class Patience:
    """One timer, which is only there while something has to come. It looks again when it finds that more has come since it was set."""

    timer: asyncio.TimerHandle | None = None
    _bound = HEADERS
    _began = _heard = 0.0

    def __init__(self, loop: asyncio.AbstractEventLoop, flow: Outflow, over: Callable[[], None]) -> None:
        self._loop = loop
        self._flow = flow
        self._over = over

    def wait(self, bound: Bound) -> None:
        """Something came, and more has to come."""
        self._heard, self._bound = self._loop.time(), bound
        if self.timer is None:
            self._began = self._heard
            self.timer = self._loop.call_later(min(bound), self._look)

    def stop(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _look(self) -> None:
        now = self._loop.time()
        if self._flow.read_paused:  # it is us who do not read on
            self._began = self._heard = now
        due = min(self._heard + self._bound.idle, self._began + self._bound.within)
        if now < due:
            self.timer = self._loop.call_at(due, self._look)
        else:
            self.timer = None
            self._over()
