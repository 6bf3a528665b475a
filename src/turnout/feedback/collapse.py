"""Whether answers have become worse of late, told by intervals. Pure."""

from collections.abc import Mapping
from math import sqrt
from typing import Literal, TypeVar

import msgspec

from turnout.feedback.accuracy import Z999, Share, share
from turnout.types.seconds import DAY, HOUR

RECENT, BEFORE = HOUR, 7 * DAY
"""Seconds: the last hour, against the seven days before it."""
FEWEST, FEWEST_BEFORE = 20, 50
"""Below so many in either, nothing is told."""
LEAST = 0.05
"""A difference that is certain may still be one that nobody minds."""

Measure = Literal["verdict", "complaints"]
Named = TypeVar("Named")


class Sums(msgspec.Struct, frozen=True):
    """Over some time: ``answers`` that were given, how many of them are ``graded``, and the sum of their verdicts (0..1 each)."""

    answers: int = 0
    graded: int = 0
    verdicts: float = 0.0


class Drop(msgspec.Struct, frozen=True):
    """What became worse, from which share to which, and the ``change`` with its interval, in the direction it went.

    ``verdict``: the mean verdict of graded answers fell. ``complaints``: the share of all answers that were found wanting rose; nobody
    who is content asks again, so that signals alone show as this.
    """

    measure: Measure
    recent: Share
    before: Share
    change: float
    low: float
    high: float


def find_drops(recent: Mapping[Named, Sums], before: Mapping[Named, Sums]) -> tuple[tuple[Named, Drop], ...]:
    """Of each name (a route's model, say) that has become worse, how; the worst first."""
    found = [(name, drop) for name, now in recent.items() if (drop := find_drop(now, before.get(name, Sums()))) is not None]
    return tuple(sorted(found, key=lambda item: -abs(item[1].change)))


def find_drop(recent: Sums, before: Sums) -> Drop | None:
    """None where nothing is certain: the 99.9 % interval of the change (Newcombe 1998, method 10) must exclude 0 on its good side."""
    verdict = _change("verdict", (recent.verdicts, recent.graded), (before.verdicts, before.graded))
    if verdict is not None and verdict.high < 0 and verdict.change <= -LEAST:
        return verdict
    complaints = _change("complaints", (_wanting(recent), recent.answers), (_wanting(before), before.answers))
    if complaints is None or complaints.low <= 0 or complaints.change < LEAST:
        return None
    # Where most of what is said is good, more people say what they think: that is no news of the answers.
    return complaints if recent.verdicts < recent.graded / 2 else None


def _wanting(sums: Sums) -> float:
    return min(sums.graded - sums.verdicts, sums.answers)


def _change(measure: Measure, recent: tuple[float, int], before: tuple[float, int]) -> Drop | None:
    """The difference of two shares with its interval, from the shares' own."""
    if recent[1] < FEWEST or before[1] < FEWEST_BEFORE:
        return None
    now, then = share(*recent, Z999), share(*before, Z999)
    assert now is not None, "there are some"
    assert then is not None, "there are some"
    change = now.share - then.share
    low = change - sqrt((now.share - now.low) ** 2 + (then.high - then.share) ** 2)
    high = change + sqrt((now.high - now.share) ** 2 + (then.share - then.low) ** 2)
    return Drop(measure, now, then, change, low, high)
