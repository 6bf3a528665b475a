"""How far a request has come: values that the rules read and replace."""

from typing import Literal

import msgspec

from turnout.execute.events import AttemptFailed, TurnedAway
from turnout.types.decision import Plan

Phase = Literal["fresh", "trying", "resting", "checking", "committing", "committed", "over"]


class Failure(msgspec.Struct, frozen=True):
    """An attempt that failed, and the step it was made for."""

    step: int
    fault: AttemptFailed


class Turned(msgspec.Struct, frozen=True):
    """A step that dispatch turned away, and how."""

    step: int
    away: TurnedAway


class Skip(msgspec.Struct, frozen=True):
    """A step that could have served and was not called, or not in its turn, and why."""

    model: str
    reason: str


class Other(msgspec.Struct, frozen=True):
    """The second of two attempts under way."""

    attempt: int
    step: int


NO_PLACE = float("-inf")
"""When it first stood in line that has no more time for it, since there was no place."""


class State(msgspec.Struct, frozen=True):
    """A request between two events. ``deadline`` in steady seconds; ``step`` is the one being tried or waited for.

    The plan has at least one step and allows at least one attempt. ``attempt`` is the one under way, ``other`` another beside
    it (a hedge), ``made`` how many there have been.
    ``spent`` counts an attempt of unknown cost as what its step was expected to cost.
    ``may_retry`` is False once the route has retried enough for now; ``waited_since`` is when it first stood in line.
    """

    plan: Plan
    seed: int
    deadline: float
    phase: Phase = "fresh"
    attempt: int = 0
    step: int = -1
    other: Other | None = None
    made: int = 0
    spent: int = 0
    failures: tuple[Failure, ...] = ()
    turned: tuple[Turned, ...] = ()
    skipped: tuple[Skip, ...] = ()
    may_retry: bool = True
    waited_since: float | None = None
