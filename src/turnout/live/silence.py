"""Notices a deployment that stopped answering, long before its requests run into their own limits.

One instance for streams and one for whole answers of a deployment: a whole answer is silent for its whole length. The only mutable
part of this room besides the board: it is told of every attempt, and a new frozen value each time costs more than its work.
"""

from turnout.types.resilience import HealthRules

PATIENCE = 3.0
"""Silent is who says nothing for so many times the usual wait."""

SHORTEST = 0.25
"""Seconds; a shorter pause is a collector's or a network's, and no silence."""

_FALL = 0.01
_RISE = 19 * _FALL
"""Each wait below the estimate lowers it by 1 %, each above raises it by 19 %: it rests where 1 in 20 is above, the p95. One
outlier moves it by no more, and after a change some thirty waits lead from a tenth of a second to ten.
"""

_LEAST = 1e-3
_FIRST = 2.0
"""One wait says little of the longest: the first one counts twice its length."""


class Silence:
    """``waiting`` attempts were begun since the last sign of life and ended by none; the first at ``since``. ``usual`` is about the
    p95 of the wait for a first sign, None before the first. All in seconds.
    """  # noqa: D205 - one sentence for two fields

    __slots__ = ("since", "usual", "waiting")

    def __init__(self, usual: float | None = None) -> None:
        self.waiting = 0
        self.since = 0.0
        self.usual = usual

    def begun(self, now: float) -> None:
        """An attempt was sent."""
        if not self.waiting:
            self.since = now
        self.waiting += 1

    def sign(self, waited: float | None) -> None:
        """It speaks: content after ``waited`` seconds, or an error (None), which is life too but no usual wait."""
        self.waiting = 0
        if waited is None:
            return
        usual = self.usual
        if usual is None:
            self.usual = max(_FIRST * waited, _LEAST)
        else:
            self.usual = usual * (1.0 + _RISE) if waited > usual else max(usual * (1.0 - _FALL), _LEAST)

    def left(self, began: float) -> None:
        """An attempt ended that nobody waits for any more. One that ran into its time limit did not leave: it is the silence."""
        if self.waiting and began >= self.since:
            self.waiting -= 1

    def restart(self) -> None:
        """The silence was acted on: what begins now is judged by itself, or the first probe would be blamed for those before it."""
        self.waiting = 0

    def limit(self, cap: float) -> float:
        """Seconds after which nothing said is silence. ``cap``: half of the attempt's own limit."""
        if self.usual is None:
            return cap
        return min(max(PATIENCE * self.usual, SHORTEST), cap)

    def is_silent(self, rules: HealthRules, now: float, cap: float) -> bool:
        """Enough attempts wait, and the first of them longer than is usual."""
        return self.waiting >= rules.consecutive and now - self.since > self.limit(cap)
