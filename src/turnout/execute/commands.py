"""What the rules of trying may have done: acts, after which a request goes on, and ends."""

import msgspec

from turnout.errors import Code


class StartAttempt(msgspec.Struct, frozen=True):
    """Call the model of this step of the plan.

    ``again``: the request has failed there before. ``forced``: though it is ejected, since nothing better is left.
    ``beside``: while another attempt goes on; the first to answer serves.
    """

    attempt: int
    step: int
    again: bool = False
    forced: bool = False
    beside: bool = False


class AwaitAttempt(msgspec.Struct, frozen=True):
    """Go on waiting for what is under way."""


class StandInLine(msgspec.Struct, frozen=True):
    """Until this step's model has room, which may be at ``ready``, at most until ``until`` (steady seconds)."""

    step: int
    ready: float
    until: float


class Check(msgspec.Struct, frozen=True):
    """Hold this attempt's answer, which nobody has seen yet, to what its step demands."""

    attempt: int


class CancelAttempt(msgspec.Struct, frozen=True):
    """Hang up on it; ``fault`` and ``detail`` are what its record says. ``outrun``: one that began later has answered before it."""

    attempt: int
    fault: str
    detail: str
    outrun: bool = False


class WriteRecord(msgspec.Struct, frozen=True):
    """Have it on disk that this attempt answers, before the client gets a byte of it."""

    attempt: int


class Commit(msgspec.Struct, frozen=True):
    """From here on this attempt's answer, and no other, goes to the client."""

    attempt: int


class Sleep(msgspec.Struct, frozen=True):
    """Until this steady second."""

    until: float


class Ending(msgspec.Struct, frozen=True):
    """The last command of a request: nothing is done any more, only told."""


class Done(Ending, frozen=True):
    """The answer reached the client whole."""


class Abandon(Ending, frozen=True):
    """Nobody is there to be answered."""


class GiveUp(Ending, frozen=True):
    """Nothing was sent; tell the client this. ``retry`` False: an SDK must not multiply our attempts."""

    code: Code
    message: str
    status: int | None = None
    retry: bool | None = False
    retry_after: float | None = None


class Cut(Ending, frozen=True):
    """Content was sent; end the stream with this error."""

    code: Code
    message: str


Act = StartAttempt | AwaitAttempt | StandInLine | CancelAttempt | Check | WriteRecord | Commit | Sleep
End = Done | Abandon | GiveUp | Cut
Command = Act | End


# No word on retrying: whether another worker's disk is well is not ours to say.
UNRECORDED = GiveUp(Code.OVERLOADED, "the record this route demands could not be written", retry=None)
"""How a request ends whose record must exist before its answer and does not."""
