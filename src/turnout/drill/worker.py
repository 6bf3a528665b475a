"""A drill as a worker has it: the way out on which it is in force, and what a mirror's copies may spend."""

from collections.abc import Iterable
from math import ceil
from pathlib import Path
from typing import NamedTuple

from turnout.clock import Clock
from turnout.drill.current import CurrentDrill
from turnout.drill.inject import InjectedTransport, targets
from turnout.ports import Transport
from turnout.types.drill import Drill
from turnout.types.models import ModelFacts
from turnout.types.money import PicoDollars
from turnout.types.policy import Policy

COPIES_AT_ONCE = 32


class Drilling:
    """``way`` is the way out of requests that are in the drill; None while none is in force. One per worker.

    ``found`` is the id of the drill that was in force when the worker came up: it may be the successor of one that died.
    """

    def __init__(self, data_dir: Path, inner: Transport, clock: Clock) -> None:
        self._current = CurrentDrill(data_dir)
        self._inner = inner
        self._clock = clock
        self.way: InjectedTransport | None = None
        first = self._current.poll(clock.now())
        self.found = first.id if first is not None else None

    def poll(self, policy: Policy, models: Iterable[ModelFacts], *, afresh: bool = False) -> bool:
        """Look at the file, one stat as a rule. True when another drill, or none, is in force from now on.

        ``afresh``: policy and models are others than at the last call; a drill that goes on gets a new way out for them.
        """
        drill, way = self._current.poll(self._clock.now()), self.way
        if way is not None and drill is not None and drill.id == way.drill.id and not afresh:
            way.renew(drill)
            return False
        if way is None and drill is None:
            return False
        if way is not None:
            way.lift()
        self.way = None if drill is None else InjectedTransport(self._inner, drill, self._clock, targets(policy, models))
        return True


class Held(NamedTuple):
    """What is set aside for one copy, which is expected to cost less."""

    expected: PicoDollars
    aside: PicoDollars


class Purse:
    """What a mirror's copies may still cost in this worker: set aside before a copy is sent, settled once its cost is known.

    What copies cost is an estimate. Once one has cost several times its own, as much more is set aside for each, so that what is under way
    fits too.
    """

    def __init__(self, limit: PicoDollars, *, at_once: int = COPIES_AT_ONCE) -> None:
        self._limit = int(limit)
        self._gone = 0
        self._room = at_once
        self._dearer = 1.0

    def hold(self, expected: PicoDollars | None, part: float = 1.0) -> Held | None:
        """What is set aside for this copy out of this part of the purse (0..1); None: it may not be sent.

        One of unknown price may not: a cap that cannot be kept is none.
        """
        if expected is None or self._room == 0:
            return None
        aside = PicoDollars(ceil(expected * self._dearer))
        if self._gone + aside > self._limit * part:
            return None
        self._gone += aside
        self._room -= 1
        return Held(expected, aside)

    def settle(self, held: Held, cost: PicoDollars | None) -> None:
        """It is over, and cost this; what is unknown counts as what was set aside."""
        self._room += 1
        if cost is None:
            return
        self._gone += cost - held.aside
        if held.expected:
            self._dearer = max(self._dearer, cost / held.expected)


def spendable(drill: Drill, now: float) -> float:
    """The part of its budget that may be gone by now: there must be copies before the failure, in it and after it."""
    return 0.25 if now < drill.since else 0.75 if now < drill.ends else 1.0
