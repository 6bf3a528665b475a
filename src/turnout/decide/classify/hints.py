"""What the caller says of its own request, checked. A hint is believed, so a wrong word must be refused and not ignored."""

from typing import get_args

from turnout.decide.classify.complexity import Complexity, band_of
from turnout.errors import Code, TurnoutError
from turnout.types.traits import Band, Hints, Trait

ALLOWED: dict[str, tuple[str, ...]] = {
    "latency": ("realtime", "standard", "batch"),
    "cost": ("critical", "standard", "flexible"),
    "quality": ("acceptable", "balanced", "critical"),
}
BANDS: dict[Band, float] = {"simple": 0.175, "moderate": 0.5, "high": 0.825}  # the middles, where only a band is said
LONGEST = 64


def hinted(hints: Hints, name: str) -> Trait | None:
    """The trait as the caller states it, None when it does not. Tasks and sensitivities are the user's own words.

    Raises:
        TurnoutError: ``invalid_request`` naming the tag and what it may be.
    """
    value = hints.tags.get(name)
    if value is None:
        return None
    allowed = ALLOWED.get(name)
    if allowed is not None and value not in allowed:
        raise _invalid(name, value, ", ".join(allowed))
    if allowed is None and not (0 < len(value) <= LONGEST):
        raise _invalid(name, value, f"a word of 1 to {LONGEST} characters")
    return Trait(value, source_of(hints, name))


def hinted_complexity(hints: Hints) -> Complexity | None:
    """A band's name or a number 0..1.

    Raises:
        TurnoutError: as :func:`hinted`.
    """
    word = hints.tags.get("complexity")
    if word is None:
        return None
    source = source_of(hints, "complexity")
    for band, middle in BANDS.items():
        if word == band:
            return Complexity(middle, band, source)
    try:
        value = float(word)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise _invalid("complexity", word, ", ".join(get_args(Band)) + " or a number from 0 to 1")
    return Complexity(value, band_of(value), source)


def source_of(hints: Hints, name: str) -> str:
    return "tag:key" if name in hints.bound else "tag"


def _invalid(name: str, value: str, allowed: str) -> TurnoutError:
    return TurnoutError(Code.INVALID_REQUEST, f"tag {name}={value[:LONGEST]!r} is not valid: it may be {allowed}", param=name)
