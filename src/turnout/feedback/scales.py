"""What each kind of feedback holds, and what it says of an answer's being acceptable."""

from collections.abc import Callable
from math import isfinite
from typing import TypeGuard

import msgspec

from turnout.types.feedback import Kind

LARGEST = 1e15
"""Beyond it a number is a mistake."""
KEPT_UNSAID = 0.5
"""The verdict of an answer that was edited nobody says how much."""

LABELS = {"good": 1.0, "correct": 1.0, "acceptable": 1.0, "bad": 0.0, "incorrect": 0.0, "unacceptable": 0.0}
"""Labels that say whether an answer was acceptable; all others only name it."""
SOLVED = frozenset({"solved", "resolved", "success"})
"""Outcomes whose value, 0..1, says it too."""
_THUMBS: dict[object, float] = {"up": 1.0, "down": -1.0, 1: 1.0, 0: -1.0, -1: -1.0}
"""True is 1 to Python, and false 0."""


class Misfit(ValueError):
    """A value that its kind does not have; the message says what the kind has."""


class Scale(msgspec.Struct, frozen=True):
    """``value`` reads what was sent, or raises Misfit; ``verdict`` is 0..1 of the name and the value, None where they say nothing."""

    value: Callable[[object], float | None]
    verdict: Callable[[str | None, float | None], float | None]
    named: bool = False


def _thumb(sent: object) -> float:
    known = _THUMBS.get(sent) if isinstance(sent, str | bool | int | float) else None
    if known is None:
        raise Misfit('a thumb is "up" or "down", true or false, 1 or -1')
    return known


def _whole(lowest: int, highest: int) -> Callable[[object], float]:
    def read(sent: object) -> float:
        if not _is_number(sent) or sent != int(sent) or not lowest <= sent <= highest:
            raise Misfit(f"must be a whole number from {lowest} to {highest}")
        return float(sent)

    return read


def _share(sent: object) -> float | None:
    if sent is None:
        return None
    if not _is_number(sent) or not 0 <= sent <= 1:
        raise Misfit("must be the share of the answer that was kept, 0..1")
    return float(sent)


def _number(sent: object) -> float:
    if isinstance(sent, bool):
        return float(sent)
    if not _is_number(sent) or abs(sent) > LARGEST:
        raise Misfit(f"must be a number of at most {LARGEST:.0e}")
    return float(sent)


def _number_or_none(sent: object) -> float | None:
    return None if sent is None else _number(sent)


def _nothing(sent: object) -> None:
    if sent is not None:
        raise Misfit("this kind has none")


def _is_number(sent: object) -> TypeGuard[int | float]:
    return isinstance(sent, int | float) and not isinstance(sent, bool) and (isinstance(sent, int) or isfinite(sent))


def _solved(name: str | None, value: float | None) -> float | None:
    return value if name in SOLVED and value is not None and 0 <= value <= 1 else None


SCALES: dict[Kind, Scale] = {
    "thumb": Scale(_thumb, lambda _, value: None if value is None else (value + 1) / 2),
    "stars": Scale(_whole(1, 5), lambda _, value: None if value is None else (value - 1) / 4),
    "nps": Scale(_whole(0, 10), lambda _, value: None if value is None else value / 10),
    "label": Scale(_number_or_none, lambda name, _: LABELS.get(name or ""), named=True),
    "accepted": Scale(_nothing, lambda *_: 1.0),
    "edited": Scale(_share, lambda _, value: KEPT_UNSAID if value is None else value),
    "rejected": Scale(_nothing, lambda *_: 0.0),
    "outcome": Scale(_number, _solved, named=True),
    "value": Scale(_number, lambda *_: None, named=True),
}
"""Those that a caller may send; the other kinds are what Turnout finds out by itself."""
