"""The only place that reads time and chance. Everything else gets them as arguments."""

import random
import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for records, a steady time for durations, ids and seeds for decisions."""

    def now(self) -> float:
        """Unix seconds."""
        ...

    def steady(self) -> float:
        """Seconds from an arbitrary start, never going back."""
        ...

    def seed(self) -> int:
        """63 random bits."""
        ...


class SystemClock:
    """The real one. Seeds decide no secret, so a generator seeded by the system is enough and spares a system call each."""

    now = staticmethod(time.time)
    steady = staticmethod(time.monotonic)

    def __init__(self) -> None:
        self._chance = random.Random()  # noqa: S311 - see above

    def seed(self) -> int:
        return self._chance.getrandbits(63)


class ManualClock:
    """For tests and replays: stands still until told otherwise."""

    def __init__(self, now: float = 1_700_000_000.0, seed: int = 1) -> None:
        self._now = now
        self._seed = seed

    def now(self) -> float:
        return self._now

    def steady(self) -> float:
        return self._now

    def seed(self) -> int:
        self._seed = (self._seed * 6364136223846793005 + 1442695040888963407) % 2**63
        return self._seed

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds
