"""Requests that wait for a model to have room: the more urgent first, then in the order they came. A worker's own."""

import asyncio
import heapq
from itertools import count

_GRAIN = 0.001
"""Seconds by which a sleep may be short: uvloop's are whole milliseconds. Who comes early is turned away once more."""


class Lines:
    """One line per model; ``longest`` is how many may wait in all of them together."""

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self.waiting = 0
        self._lines: dict[str, list[_Place]] = {}
        self._numbers = count()

    def number(self) -> int:
        """A place in the order of arrival, kept by a request that has to queue again."""
        return next(self._numbers)

    def is_ahead(self, model: str, priority: int) -> bool:
        """Whether somebody waits there who goes before a newcomer of this priority (0 is the most urgent)."""
        line = self._lines.get(model)
        return bool(line) and line[0].rank[0] <= priority  # type: ignore[index]  # bool(line) has looked

    async def wait(self, model: str, priority: int, number: int, seconds: float, longest: float) -> bool:
        """Return when it is first in line and ``seconds`` have passed, after ``longest`` at most; False at once if there is no place.

        Whoever leaves wakes the next; if there was no room and it is back at once with its number, the next goes on waiting.
        """
        if self.waiting >= self.longest:
            return False
        line = self._lines.setdefault(model, [])
        place = _Place((priority, number))
        heapq.heappush(line, place)
        self.waiting += 1
        loop = asyncio.get_running_loop()
        ready = loop.time() + seconds + _GRAIN
        try:
            async with asyncio.timeout(longest):
                while line[0] is not place or loop.time() < ready:
                    if line[0] is place:
                        await asyncio.sleep(ready - loop.time())
                    else:
                        place.first.clear()
                        await place.first.wait()
        except TimeoutError:
            pass
        finally:
            self.waiting -= 1
            line.remove(place)
            heapq.heapify(line)
            if line:
                line[0].first.set()
            else:
                self._lines.pop(model, None)
        return True


class _Place:
    """Of one request in a line."""

    __slots__ = ("first", "rank")

    def __init__(self, rank: tuple[int, int]) -> None:
        self.rank = rank
        self.first = asyncio.Event()

    def __lt__(self, other: "_Place") -> bool:
        return self.rank < other.rank
