"""What may happen to a request while it is being answered. ``at`` of every event: steady seconds; ``attempt``: which one it is about."""

import msgspec

from turnout.errors import Blame
from turnout.types.money import PicoDollars


class Began(msgspec.Struct, frozen=True):
    at: float


class ContentCame(msgspec.Struct, frozen=True):
    """The answer may be committed to: its first content is there, or it is whole."""

    at: float
    attempt: int


class AttemptFailed(msgspec.Struct, frozen=True):
    """The fields of a ProviderFault that decide what follows. ``cost`` is what it billed, None when that is unknown."""

    at: float
    attempt: int
    name: str
    condition: str | None
    blame: Blame
    message: str
    status: int | None = None
    retry_after: float | None = None
    cost: PicoDollars | None = PicoDollars(0)


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
    Began | ContentCame | RecordWritten | RecordRefused | AttemptFailed | AttemptFinished | Rested | DeadlinePassed | ClientLeft | Stopped
)  # fmt: skip
