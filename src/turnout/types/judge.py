"""Judges and people: what people said of pairs of answers, and how far a judge was found to agree with them."""

from typing import Literal

import msgspec

from turnout.types.tickets import Said

Better = Literal["first", "second", "tie"]

ENOUGH = 50
"""Labels below which agreement says little, and verdicts do not gate."""
KAPPA = 0.6
"""Agreement from which they do: "substantial" (Landis and Koch 1977)."""


class Labelled(msgspec.Struct, frozen=True):
    """Two answers, and which one people found better; ``prompt`` says what is good, None: as judges are told anyway."""

    said: tuple[Said, ...]
    first: str
    second: str
    better: Better
    prompt: str | None = None


class Labels(msgspec.Struct, frozen=True):
    """What a suite's judge is held against. ``hash`` is of all that it is asked: of other labels, or asked otherwise, nothing is known."""

    hash: str
    pairs: tuple[Labelled, ...]


class Calibration(msgspec.Struct, frozen=True):
    """``n`` labels the judge had a verdict on, ``failed`` it had none on; None: nothing to tell it from.

    ``sensitivity`` and ``specificity`` are of "not worse", with the numbers of labels they rest on. ``flips`` is the share of answers it
    found unequal to themselves, ``inconsistent`` that of verdicts that changed with the order. ``at`` is when it was asked, unix seconds.
    """

    n: int
    failed: int
    kappa: float | None
    sensitivity: float | None
    specificity: float | None
    positives: int
    negatives: int
    flips: float | None
    inconsistent: float | None
    at: float = 0.0

    @property
    def gates(self) -> bool:
        """Whether a verdict of this judge may decide anything."""
        return self.kappa is not None and self.kappa >= KAPPA and self.n >= ENOUGH
