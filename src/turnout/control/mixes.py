"""What each balanced route is asked, as the ledger takes it in (ADR 4)."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from threading import Lock

from turnout.decide.mix import MEMORY, UNIFORM, fold
from turnout.types.entry import Entry
from turnout.types.record import Record

WAITING = int(10 * MEMORY)
"""Complexities kept of a route until the next fold: those before them would weigh nothing after it."""


class Mixes:
    """Histograms of complexities by route. Ingest tells it from its own thread (:meth:`hear`), whoever publishes folds.

    It hears of a request when its record has come, not by when it arrived: the slow ones, which are often the hard ones, count like
    any other. What another Turnout on the same ledger was asked is none of it: each holds its shares over its own traffic.
    """

    def __init__(self) -> None:
        self._histograms: dict[str, tuple[float, ...]] = {}
        self._heard: dict[str, deque[float]] = {}
        self._turn = Lock()

    def take_up(self, histograms: Mapping[str, tuple[float, ...]]) -> None:
        """Go on from what was published."""
        self._histograms = dict(histograms)

    def hear(self, entries: Sequence[Entry]) -> None:
        """Of each request once: an audited one has several records. Copies were no client's."""
        asked = [
            (entry.route, entry.traits.complexity)
            for entry in entries
            if isinstance(entry, Record) and entry.copy_of is None and entry.edition == 0 and entry.traits is not None
        ]
        with self._turn:
            for route, complexity in asked:
                if route is not None and complexity is not None:
                    self._heard.setdefault(route, deque(maxlen=WAITING)).append(complexity)

    def fold(self, routes: Iterable[str]) -> None:
        """Count what was heard since, of these routes."""
        with self._turn:
            heard, self._heard = self._heard, {}
        for route in routes:
            if route in heard:
                after = fold(self.of(route), heard[route])
                self._histograms[route] = tuple(round(count, 3) for count in after)

    def of(self, route: str) -> tuple[float, ...]:
        """Its histogram; the prior of a route that was asked nothing yet."""
        return self._histograms.get(route, UNIFORM)
