"""Two arms, one outcome of two: tests that may be looked at after every unit, while shares and base rates move.

Wealth (an e-process) begins at 1 and is multiplied with each unit by ``q(outcome) / x(outcome)``. ``q`` is a guess of both arms' rates from
the units before. ``x`` is the pair of rates of the hypothesis nearest to ``q`` (reverse information projection), for the candidate's
share of that moment. The hypothesis is convex in the rates, so the expected factor is at most 1 whatever they are and however they
drift (Turner, Ly and Gruenwald 2024; Gruenwald, de Heide and Koolen 2024); by Ville, wealth reaches 1 / alpha with chance alpha at most.

Guess and projection are worked out together and then held for up to ``HOLD`` units: an old guess is still one from the past, and its own
projection belongs to it. Only another share needs another projection, and gets it at once. So holding saves work and never validity.
"""

from math import ceil, inf, log

import msgspec

from turnout.evidence.rates import NEVER, Mean, Track

HOLD = 20
FEW = 200
"""Units of the candidate's up to which each of them renews the guess: while there are few, each changes it most."""
TRUST = 50.0
"""Units of the candidate's for which non-inferiority is bet on as if it were the control's equal: what it is to prove, and soonest proven."""
SMOOTH = 5.0
"""Weighted units for which both arms count as judged alike."""
LONG = 1e7
"""Units: what takes longer is not going to happen."""
LEAST_FALL = 0.01
"""What the candidate may lie further below the control's last known rate before it looks fallen: guesses are that coarse."""
EXACT = 1e-13
_NOTHING = (0.0, 0.0, 0.0, 0.0)


def projection(share: float, control: float, candidate: float, margin: float) -> float:
    """The control's rate x for which (x, x - margin) is nearest to the guesses in relative entropy, ``share`` of units being the candidate's.

    The root of the derivative, which increases: Newton's steps, kept between bounds that close in.
    """
    rest = 1 - share
    x = rest * control + share * (candidate + margin)
    if margin == 0:
        return x
    low, high = margin, 1.0
    x = min(max(x, low + 1e-9), high - 1e-9)
    for _ in range(100):
        down, y = 1 - x, x - margin
        up = 1 - y
        slope = rest * ((1 - control) / down - control / x) + share * ((1 - candidate) / up - candidate / y)
        bend = rest * ((1 - control) / (down * down) + control / (x * x)) + share * (
            (1 - candidate) / (up * up) + candidate / (y * y)
        )
        low, high = (low, x) if slope > 0 else (x, high)
        to = x - slope / bend
        if not low < to < high:
            to = (low + high) / 2
        if abs(to - x) < EXACT:
            return to
        x = to
    return x


def factors(share: float, control: float, candidate: float, margin: float) -> tuple[float, float, float, float]:
    """Logarithms of what wealth is multiplied by: the control's bad and good outcome, the candidate's bad and good one."""
    x = projection(share, control, candidate, margin)
    y = x - margin
    return log((1 - control) / (1 - x)), log(control / x), log((1 - candidate) / (1 - y)), log(candidate / y)


class _Bets(msgspec.Struct, array_like=True):
    """The wealth of one test and what its bets are. ``log`` is its logarithm now, ``peak`` the highest so far: what was reached stays reached."""

    margin: float
    log: float = 0.0
    peak: float = 0.0
    taken: int = 0
    hold: int = 0
    share: float = -1.0
    factors: tuple[float, float, float, float] = _NOTHING

    def take(self, candidate: bool, share: float, good: bool) -> None:  # noqa: FBT001 which arm and what came of it
        """One unit, and the probability with which it became the candidate's."""
        if self.hold == 0 or share != self.share:
            self.hold, self.share = HOLD, share
            control, other = self._guesses()
            bets = self._bets_on(control, other) and 0 < share < 1  # there are two arms
            self.factors = factors(share, control, other, self.margin) if bets else _NOTHING
        self.hold -= 1
        self.log += self.factors[2 * candidate + good]
        self.peak = max(self.peak, self.log)
        self._learn(candidate, good)
        if candidate:
            self.taken += 1
            if self.taken <= FEW or not good:  # what is bad may be the first of many
                self.hold = 0

    def _guesses(self) -> tuple[float, float]:
        raise NotImplementedError

    def _bets_on(self, control: float, candidate: float) -> bool:
        raise NotImplementedError

    def _learn(self, candidate: bool, good: bool) -> None:  # noqa: FBT001 as above
        raise NotImplementedError


class Harm(_Bets, array_like=True):
    """Against "the candidate's rate is at most ``margin`` below the control's". The control's guess begins as 9 of 10: it serves already.

    ``fall`` is a suspicion beside it, for when next to nothing is left to the control, of which this test can say nothing whatever base rates do:
    the logarithm of the odds that the candidate now lies below what the control was last seen at, begun anew whenever it does not look so
    (Page's cumulative sum with guessed rates; Shin, Ramdas and Rinaldo 2023). A base rate that falls raises it too, so that it ends nothing.
    """

    control: Mean = msgspec.field(default_factory=lambda: Mean(9.0, 10.0))
    candidate: Track = msgspec.field(default_factory=Track)
    seen: Track = msgspec.field(default_factory=Track)
    fall: float = 0.0

    def _guesses(self) -> tuple[float, float]:
        return self.control.guess, self.candidate.guess

    def _bets_on(self, control: float, candidate: float) -> bool:
        return candidate < control - self.margin

    def _learn(self, candidate: bool, good: bool) -> None:  # noqa: FBT001 as above
        if candidate:
            self._suspect(good)
            self.candidate.take(good)
        else:
            self.control.take(good)
            self.seen.take(good)

    def _suspect(self, good: bool) -> None:  # noqa: FBT001 as above
        now, least = self.candidate.guess, self.seen.guess - self.margin - LEAST_FALL
        if now >= least:
            self.fall = 0.0
        else:
            self.fall = max(0.0, self.fall + (log(now / least) if good else log((1 - now) / (1 - least))))


class Fit(_Bets, array_like=True):
    """Against "the candidate's rate is ``margin`` or more below the control's": what non-inferiority has to overcome."""

    control: Mean = msgspec.field(default_factory=Mean)
    candidate: Mean = msgspec.field(default_factory=lambda: Mean(0.0, 0.0))

    def to_go(self, share: float, at: float) -> int | None:
        """Further units of the candidate's until the logarithm ``at`` is to be expected, at the present guesses and share; 0 once it was reached.

        None while there is next to nothing to go by, and where the candidate does not look fit.
        """
        if self.peak >= at:
            return 0
        control, candidate = self._guesses()
        if min(self.taken, self.control.of) < 10 or not self._bets_on(control, candidate) or not 0 < share < 1:
            return None
        bad, good, worse, better = factors(share, control, candidate, self.margin)
        growth = (1 - share) / share * ((1 - control) * bad + control * good) + (1 - candidate) * worse + candidate * better
        needed = (at - self.log) / growth if growth > 0 else inf
        return ceil(needed) if needed < LONG else None

    def _guesses(self) -> tuple[float, float]:
        control = self.control.guess
        return control, min((self.candidate.hits + TRUST * control) / (self.candidate.of + TRUST), 1 - NEVER)

    def _bets_on(self, control: float, candidate: float) -> bool:
        return candidate > control - self.margin

    def _learn(self, candidate: bool, good: bool) -> None:  # noqa: FBT001 as above
        (self.candidate if candidate else self.control).take(good)


class Judged(msgspec.Struct, array_like=True):
    """The candidate's share among the units that were judged, when the arms may be judged at different rates (ADR 10).

    Both arms' sums are weighted by the other arm's share, so that neither a ramp nor a fall in judging looks like a difference of the arms.
    """

    control: float = 0.0
    control_of: float = 0.0
    candidate: float = 0.0
    candidate_of: float = 0.0
    hold: int = 0
    ratio: float = 1.0

    def share(self, share: float) -> float:
        """From the units before; held for some, as the bets are."""
        if self.hold == 0:
            self.hold = HOLD
            ours = (SMOOTH + self.candidate) / (SMOOTH + self.candidate_of)
            self.ratio = ours * (SMOOTH + self.control_of) / (SMOOTH + self.control)
        self.hold -= 1
        return share if self.ratio == 1 else share * self.ratio / (share * self.ratio + 1 - share)

    def take(self, candidate: bool, share: float, judged: bool) -> None:  # noqa: FBT001 which arm, and whether
        if candidate:
            self.candidate_of += 1 - share
            self.candidate += judged * (1 - share)
        else:
            self.control_of += share
            self.control += judged * share
