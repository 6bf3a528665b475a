"""A worker's parts, and one request as they hand it on."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

import msgspec

from turnout.cache.cache import Cache
from turnout.clock import Clock
from turnout.content.seal import ContentKey
from turnout.decide.compiled import View
from turnout.dialects.dialect import Ask, Dialect
from turnout.drill.inject import InjectedTransport
from turnout.drill.worker import Purse
from turnout.execute.job import World
from turnout.execute.sessions import Sessions
from turnout.metrics import Metrics
from turnout.ports import Journal, Sink, Transport
from turnout.serve.graders import Grader
from turnout.serve.in_hand import InHand
from turnout.tickets.desk import Desk
from turnout.types.drill import Drill
from turnout.types.policy import Key
from turnout.types.traits import Hints


class Rehearsal(msgspec.Struct, frozen=True, eq=False):
    """A drill in force: its requests are served in a ``world`` of their own, so that no other request suffers from what it learns.

    ``purse`` is what copies of requests may cost.
    """

    way: InjectedTransport
    world: World
    purse: Purse

    @property
    def drill(self) -> Drill:
        """As its lease has it now."""
        return self.way.drill


class Snapshot(msgspec.Struct, frozen=True):
    """What requests are served with, swapped as a whole: view, the world its plans run in, keys by hash, a drill, content's key."""

    view: View
    world: World
    keys: Mapping[str, Key]
    rehearsal: Rehearsal | None = None
    sealing: ContentKey | None = None


class Gateway(msgspec.Struct):
    """A worker's parts. ``snapshot`` is the only one that is exchanged, by one assignment.

    ``desk`` hands requests to people, ``behind`` goes on though nobody waits for it, ``keeper`` has content in hand,
    ``grader`` answers that are to be graded.
    """

    snapshot: Snapshot
    transport: Transport
    journal: Journal
    metrics: Metrics
    sessions: Sessions
    clock: Clock
    worker: str
    cache: Cache
    desk: Desk
    behind: set[asyncio.Task[None]] = msgspec.field(default_factory=set)
    in_hand: InHand = msgspec.field(default_factory=InHand)
    grader: Grader = msgspec.field(default_factory=Grader)


class Request(msgspec.Struct, frozen=True, gc=False):
    """One client request as the front hands it over. ``arrived`` is steady seconds, ``at`` unix seconds, ``trace`` a traceparent."""

    id: str
    seed: int
    at: float
    arrived: float
    front: Dialect
    ask: Ask
    hints: Hints
    key: Key | None
    trace: str | None = None

    @property
    def tenant(self) -> str | None:
        """Whose it is: the name of its key; None where there are no keys."""
        return self.key.name if self.key is not None else None


class Client(Sink, Protocol):
    """The client's side of an answer, and what its headers must know even when none comes."""

    def decided(self, route: str, reason: str) -> None: ...

    def failed(self, attempts: int) -> None: ...


def request_id(at: float, seed: int) -> str:
    """Ids begin with the time of arrival (unix milliseconds), so that they sort by it."""
    return f"{int(at * 1000):012x}-{seed:016x}"
