"""What a worker's judges may still spend today: set aside before a judge is asked, settled once its cost is known."""

import asyncio
from pathlib import Path
from typing import NamedTuple

import msgspec

from turnout.types.seconds import DAY


class Held(NamedTuple):
    """What is set aside of a route's money, and of which day (since 1970-01-01, UTC)."""

    day: int
    route: str
    amount: int


class _Gone(msgspec.Struct):
    """Pico-dollars that are gone, by route."""

    day: int = 0
    routes: dict[str, int] = {}


class Purse:
    """One per worker, which has its part of each route's budget. ``file`` remembers it: a worker that dies does not begin anew."""

    def __init__(self, file: Path | None = None, workers: int = 1) -> None:
        self._file = file
        self._workers = workers
        self._turn = asyncio.Lock()
        self._gone = _read(file)

    async def hold(self, route: str, amount: int, budget: int, now: float) -> Held | None:
        """Set aside ``amount`` of a day's ``budget`` for all workers. None: it is used up, or cannot be remembered.

        What is set aside is on disk before it may be spent. ``now`` in unix seconds.
        """
        day = int(now // DAY)
        if day != self._gone.day:
            self._gone = _Gone(day)
        gone = self._gone.routes.get(route, 0)
        if gone + amount > budget // self._workers:
            return None
        held = Held(day, route, amount)
        self._gone.routes[route] = gone + amount
        try:
            await self._remember()
        except OSError:
            self.settle(held, 0)
            return None
        return held

    def settle(self, held: Held, cost: int | None) -> None:
        """It cost this; what is unknown counts as what was set aside. Another day's money is no longer counted."""
        if cost is not None and held.day == self._gone.day:
            self._gone.routes[held.route] += cost - held.amount

    async def _remember(self) -> None:
        if self._file is None:
            return
        async with self._turn:
            await asyncio.to_thread(_write, self._file, msgspec.json.encode(self._gone))


def _read(file: Path | None) -> _Gone:
    """One that is not there, or is damaged, remembers nothing."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Gone) if file is not None else _Gone()
    except (OSError, msgspec.MsgspecError):
        return _Gone()


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = file.with_suffix(".tmp")
    temporary.write_bytes(content)
    temporary.replace(file)
