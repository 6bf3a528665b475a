"""What goes into the execution of a plan and what comes out of it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec

from turnout.clock import Clock
from turnout.dialects.dialect import Ask, Dialect
from turnout.errors import TurnoutError
from turnout.execute.attempts import Skip
from turnout.execute.watch import Nursery
from turnout.ports import Outgoing, Transport
from turnout.types.decision import Plan
from turnout.types.money import PicoDollars
from turnout.types.record import Attempt, Outcome
from turnout.types.reply import Usage


class Upstream(Protocol):
    """One model at one provider, as far as calling it goes. ``thinks``: it may be silent for minutes before its first content."""

    @property
    def dialect(self) -> Dialect: ...

    @property
    def thinks(self) -> bool: ...

    def outgoing(self, ask: Ask, front: Dialect) -> Outgoing:
        """Raises TurnoutError when the request cannot be written for it."""
        ...


class World(msgspec.Struct, frozen=True):
    """What outlives a request: made once per view. ``charge`` prices a model's usage, None when it cannot.

    ``upstreams`` has every model that a plan of this view can name: both are made of the same policy and facts.
    """

    transport: Transport
    upstreams: Mapping[str, Upstream]
    clock: Clock
    charge: Callable[[str, Usage], PicoDollars | None]
    nursery: Nursery


class Job(msgspec.Struct, frozen=True):
    """One request to be answered. ``front`` is the client's dialect; ``arrived`` in steady seconds."""

    plan: Plan
    ask: Ask
    front: Dialect
    seed: int
    arrived: float


class Execution(msgspec.Struct, frozen=True):
    """How it went. ``model`` and ``reason`` are those whose answer was committed to, None when none was.

    ``error`` is what the client was told (``cut``) or is still to be told (``failed``: nothing was sent). ``cost`` is the sum over
    all attempts, None when that of any which may have billed is unknown. ``skipped`` are the plan's steps that the budget ruled out.
    """

    outcome: Outcome
    attempts: tuple[Attempt, ...]
    cost: PicoDollars | None
    model: str | None = None
    reason: str | None = None
    usage: Usage | None = None
    first_token_ms: float | None = None
    error: TurnoutError | None = None
    skipped: tuple[Skip, ...] = ()


Gate = Callable[[Execution], Awaitable[None]]
"""Awaited before the client gets a byte on a route with ``journal: required`` (PRODUCT B1), with what is known by then: ``ok`` for
a whole answer, ``begun`` for a stream, ``failed`` for an error. OSError from it stops the answer."""
