"""What may happen to a request while it is being answered. ``at`` of every event: steady seconds; ``attempt``: which one it is about."""

from typing import Literal

import msgspec

from turnout.errors import Blame
from turnout.live.health import NOT_BAD, Badness
from turnout.types.money import PicoDollars

Hindrance = Literal["ejected", "quota", "retries"]
"""Why dispatch turns an attempt away: its deployments are unwell, have no room, or the route has retried enough."""


class Began(msgspec.Struct, frozen=True):
    at: float


class TurnedAway(msgspec.Struct, frozen=True):
    """Dispatch did not let this attempt start; nothing was called. ``until``: when it may be worth asking again.

    ``badness`` compares what is ejected: if nothing else is left the least bad is tried all the same.
    """

    at: float
    attempt: int
    reason: Hindrance
    until: float
    badness: Badness = NOT_BAD


class HedgeDue(msgspec.Struct, frozen=True):
    """The only attempt under way has been silent for so long that a second one may start beside it."""

    at: float
    attempt: int


class ContentCame(msgspec.Struct, frozen=True):
    """The answer may be committed to: its first content is there, or it is whole."""

    at: float
    attempt: int


class AttemptFailed(msgspec.Struct, frozen=True):
    """The fields of a ProviderFault that decide what follows. ``cost`` is what it billed, None when that is unknown.

    ``spare``: it was refused for its credential's sake, and there is another one for the same model.
    """

    at: float
    attempt: int
    name: str
    condition: str | None
    blame: Blame
    message: str
    status: int | None = None
    retry_after: float | None = None
    cost: PicoDollars | None = PicoDollars(0)
    spare: bool = False


class CheckPassed(msgspec.Struct, frozen=True):
    """A held answer is as good as its step demands. One that is not is an attempt that failed."""

    at: float
    attempt: int


class AttemptFinished(msgspec.Struct, frozen=True):
    at: float
    attempt: int


class RecordWritten(msgspec.Struct, frozen=True):
    """The record that must exist before the answer does."""

    at: float
    attempt: int


class RecordRefused(msgspec.Struct, frozen=True):
    """The record that must exist before the answer could not be written."""

    at: float
    attempt: int


class Rested(msgspec.Struct, frozen=True):
    at: float


class DeadlinePassed(msgspec.Struct, frozen=True):
    at: float


class ClientLeft(msgspec.Struct, frozen=True):
    at: float


class Stopped(msgspec.Struct, frozen=True):
    """Something outside these rules ended the request: its task was cancelled, or broke."""

    at: float


Event = (
    Began | TurnedAway | HedgeDue | ContentCame | CheckPassed | RecordWritten | RecordRefused | AttemptFailed | AttemptFinished | Rested
    | DeadlinePassed | ClientLeft | Stopped
)  # fmt: skip
