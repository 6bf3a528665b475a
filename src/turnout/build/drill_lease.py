"""A drill in force: its file is kept alive by who runs it, and whatever ends the one ends the other."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from turnout.clock import Clock
from turnout.drill.current import lift, put, read, renew
from turnout.types.drill import Drill

RENEW_EVERY = 0.25


class Stopped(Exception):
    """Someone ended the drill: nothing is injected any more, and there is no report."""


class NoDrill(Exception):
    """It cannot be run as asked; the message says why."""


class Lease:
    """A drill's files, by data directory: without being renewed they are void within seconds."""

    def __init__(self, homes: Mapping[Path, Drill], clock: Clock, stop: asyncio.Event) -> None:
        self._homes = homes
        self._clock = clock
        self._stop = stop

    def take(self) -> None:
        """Raises OSError."""
        for data_dir, drill in self._homes.items():
            data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            put(data_dir, drill, self._clock.now())

    def renew(self) -> None:
        """Raises Stopped when someone took a file away."""
        for data_dir, drill in self._homes.items():
            if not renew(data_dir, drill.id, self._clock.now()):
                raise Stopped

    def lift(self) -> None:
        """Raises OSError."""
        for data_dir, drill in self._homes.items():
            lift(data_dir, drill.id)

    async def during(self, work: Coroutine[None, None, None]) -> None:
        """Do it; whatever ends the drill ends the work at once. Raises Stopped."""
        working = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            while not working.done():
                await asyncio.wait((working, stopping), timeout=RENEW_EVERY, return_when=asyncio.FIRST_COMPLETED)
                if stopping.done():
                    raise Stopped
                self.renew()
            working.result()
        finally:
            stopping.cancel()
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working


@asynccontextmanager
async def in_force(homes: Mapping[Path, Drill], clock: Clock, stop: asyncio.Event) -> AsyncIterator[Lease]:
    """Its files stand in these data directories meanwhile, and no other's. Raises NoDrill, OSError."""
    for data_dir in homes:
        must_be_alone(data_dir, clock.now())
    lease = Lease(homes, clock, stop)
    try:
        lease.take()
        yield lease
    finally:
        lease.lift()


def must_be_alone(data_dir: Path, now: float) -> None:
    """Raises NoDrill when another one is in force there."""
    running = read(data_dir)
    if running is not None and now < running.until:
        raise NoDrill(f"the drill {running.id} is running; end it with `turnout drill stop`")
