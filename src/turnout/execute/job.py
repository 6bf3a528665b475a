"""What goes into the execution of a plan and what comes out of it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping

import msgspec

from turnout.checks.answer import Answer, Failed
from turnout.clock import Clock
from turnout.dialects.dialect import Ask, Dialect
from turnout.errors import TurnoutError
from turnout.execute.board import Board, Pool
from turnout.execute.progress import Skip
from turnout.execute.watch import Nursery
from turnout.ports import Transport
from turnout.types.checks import Check
from turnout.types.decision import Plan
from turnout.types.money import PicoDollars
from turnout.types.record import Attempt, Outcome
from turnout.types.reply import Usage

Verify = Callable[[Iterable[Check], Answer], Awaitable[Failed | None]]
"""The first check that an answer fails, None when it passes all."""


class World(msgspec.Struct, frozen=True):
    """What outlives a request: made once per view. ``charge`` prices a model's usage, None when it cannot.

    ``pools`` has every model that a plan of this view can name: both are made of the same policy and facts.
    ``board`` is what is known of them right now.
    """

    transport: Transport
    pools: Mapping[str, Pool]
    board: Board
    clock: Clock
    charge: Callable[[str, Usage], PicoDollars | None]
    nursery: Nursery
    verify: Verify


class Job(msgspec.Struct, frozen=True):
    """One request to be answered. ``front`` is the client's dialect; ``arrived`` in steady seconds.

    ``read`` and ``written`` are the tokens it is expected to take, for limits per minute. ``plan`` is what was decided.
    """

    plan: Plan
    ask: Ask
    front: Dialect
    seed: int
    arrived: float
    route: str = ""
    read: int = 0
    written: int = 0
    priority: int = 1


class Execution(msgspec.Struct, frozen=True):
    """How it went. ``model`` and ``reason`` are those whose answer was committed to, None when none was.

    ``error`` is what the client was told (``cut``) or is still to be told (``failed``: nothing was sent). ``cost`` is the sum over
    all attempts, None when that of any which may have billed is unknown. ``skipped`` are the plan's steps that were left out.
    ``saved`` is what the call cost whose answer was given again; ``ticket`` the one by which people have the request.
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
    saved: PicoDollars | None = None
    ticket: str | None = None


Gate = Callable[[Execution], Awaitable[None]]
"""Awaited before the client gets a byte on a route with ``journal: required`` (PRODUCT B1), with what is known by then: ``ok`` for
a whole answer, ``begun`` for a stream, ``failed`` for an error. OSError from it stops the answer."""
