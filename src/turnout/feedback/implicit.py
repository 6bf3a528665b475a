"""What people do next says something of the answer they got: they ask again, in other words, or somebody else. Pure."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Literal

import msgspec

from turnout.feedback.identity import key
from turnout.feedback.turns import BEGINNING
from turnout.types.feedback import Feedback

Signal = Literal["regenerate", "edit", "switch"]

WITHIN = 600.0
"""Seconds after an answer in which what is asked next is about it."""
VERDICTS: dict[Signal, float] = {"switch": 0.1, "regenerate": 0.2, "edit": 0.4}
"""An edited question may have been the question's fault; who asks another model the same has given this one up."""


class Turn(msgspec.Struct, frozen=True):
    """A request of a session. ``at`` and ``ended`` are unix seconds; ``asked`` is what it named in ``model``, None where that was no model."""

    request_id: str
    at: float
    ended: float
    before: int
    message: int
    answered: bool
    served: str | None
    asked: str | None = None


def signals(turns: Iterable[Turn], caller: str | None) -> Iterator[Feedback]:
    """On the answers of one tenant's session, from what was asked next.

    The same again after a failure says nothing of a model, nor does what was asked while the answer was under way.
    """
    for earlier, later in pairwise(sorted(turns, key=lambda turn: (turn.at, turn.request_id))):
        if not earlier.answered or not earlier.ended <= later.at <= earlier.ended + WITHIN:
            continue
        name = _signal(earlier, later)
        if name is not None:
            said = Feedback(
                id="", at=later.at, kind="implicit", source="implicit", request_id=earlier.request_id, tenant=caller, name=name,
                verdict=VERDICTS[name],
            )  # fmt: skip
            yield msgspec.structs.replace(said, id=key(said))


def _signal(earlier: Turn, later: Turn) -> Signal | None:
    if earlier.before != later.before:
        return None
    if earlier.message != later.message:
        # Where a conversation begins, other words may begin another conversation.
        return "edit" if earlier.before != BEGINNING else None
    return "switch" if later.asked is not None and later.served != earlier.served else "regenerate"
