"""A drill as a worker has it: the way out on which it is in force, and what a mirror's copies may spend."""

from collections.abc import Iterable
from pathlib import Path

from turnout.clock import Clock
from turnout.drill.current import CurrentDrill
from turnout.drill.inject import InjectedTransport, targets
from turnout.ports import Transport
from turnout.types.models import ModelFacts
from turnout.types.money import PicoDollars
from turnout.types.policy import Policy

COPIES_AT_ONCE = 32


class Drilling:
    """``way`` is the way out of requests that are in the drill; None while none is in force. One per worker."""

    def __init__(self, data_dir: Path, inner: Transport, clock: Clock) -> None:
        self._current = CurrentDrill(data_dir)
        self._inner = inner
        self._clock = clock
        self.way: InjectedTransport | None = None

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


class Purse:
    """What a mirror's copies may still cost in this worker: reserved before a copy is sent, settled once its cost is known."""

    def __init__(self, limit: PicoDollars, *, at_once: int = COPIES_AT_ONCE) -> None:
        self._left = int(limit)
        self._room = at_once

    def reserve(self, expected: PicoDollars | None) -> bool:
        """Whether this copy may be sent. One of unknown price may not: a cap that cannot be kept is none."""
        if expected is None or self._room == 0 or expected > self._left:
            return False
        self._left -= expected
        self._room -= 1
        return True

    def settle(self, expected: PicoDollars, cost: PicoDollars | None) -> None:
        """It is over, and cost this; what is unknown counts as expected."""
        self._room += 1
        self._left += expected - (expected if cost is None else cost)
