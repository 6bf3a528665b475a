"""Notices a deployment that stopped answering, long before its requests run into their own limits.

One for streams and one for whole answers of a deployment: a whole answer is silent for its whole length. Times in seconds, ``now``
and ``began`` steady.
"""

import msgspec

from turnout.types.resilience import HealthRules

PATIENCE = 1.5
"""Silent is who says nothing for so many times the usual wait, and as much again when the fewest wait that count: the more wait, the
less it is chance. Together three times for five that wait, half of it for hundreds.
"""

SHORTEST = 0.25
"""Seconds; a shorter pause is a collector's or a network's, and no silence."""

_FALL = 0.003
_RISE = 19 * _FALL
"""A wait below the estimate lowers it by this share, one above raises it by 19 times as much: it rests where 1 in 20 is above, the
p95. No outlier moves it further, and some eighty waits lead from a tenth of a second to ten.
"""

_LEAST = 1e-3
_FIRST = 2.0
"""One wait says little of the longest: the first one counts twice its length."""


class Silence(msgspec.Struct, frozen=True, gc=False):
    """``waiting`` attempts were begun since the last sign of life, the first at ``since``, and ended by none.

    ``usual`` is about the p95 of the wait for a first sign; None before the first.
    """

    waiting: int = 0
    since: float = 0.0
    usual: float | None = None


def begun(silence: Silence, now: float) -> Silence:
    """An attempt was sent."""
    return Silence(silence.waiting + 1, silence.since if silence.waiting else now, silence.usual)


def sign(silence: Silence, waited: float | None) -> Silence:
    """It speaks: content after ``waited`` seconds, or an error (None), which is life too but no usual wait."""
    usual = silence.usual
    if waited is None:
        return Silence(usual=usual)
    if usual is None:
        return Silence(0, 0.0, max(_FIRST * waited, _LEAST))
    return Silence(0, 0.0, usual * (1.0 + _RISE) if waited > usual else max(usual * (1.0 - _FALL), _LEAST))


def left(silence: Silence, began: float) -> Silence:
    """An attempt ended that nobody waits for any more. One that ran into its time limit did not leave: it is the silence."""
    if not silence.waiting or began < silence.since:
        return silence
    return Silence(silence.waiting - 1, silence.since, silence.usual)


def restarted(silence: Silence) -> Silence:
    """The silence was acted on: what begins now is judged by itself, or the first probe would be blamed for those before it."""
    return Silence(usual=silence.usual)


def limit(silence: Silence, rules: HealthRules, cap: float) -> float:
    """Seconds after which nothing said is silence. ``cap``: half of the attempt's own limit; alone while nothing is known."""
    if silence.usual is None:
        return cap
    patience = PATIENCE * (1.0 + min(1.0, rules.consecutive / max(1, silence.waiting)))
    return min(max(patience * silence.usual, SHORTEST), cap)


def is_silent(silence: Silence, rules: HealthRules, now: float, cap: float) -> bool:
    """Enough attempts wait, and the first of them longer than is usual."""
    return silence.waiting >= rules.consecutive and now - silence.since > limit(silence, rules, cap)
