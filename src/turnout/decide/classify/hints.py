"""What the caller says of its own request, checked. A hint is believed, so a wrong word must be refused and not ignored."""

from typing import get_args

from turnout.decide.classify.complexity import Complexity, band_of
from turnout.errors import Code, TurnoutError
from turnout.types.traits import Band, Hints, Trait

RESERVED = ("task", "complexity", "latency", "cost", "quality", "sensitivity")
ALLOWED: dict[str, tuple[str, ...]] = {
    "latency": ("realtime", "standard", "batch"),
    "cost": ("critical", "standard", "flexible"),
    "quality": ("acceptable", "balanced", "critical"),
}
BANDS: dict[Band, float] = {"simple": 0.175, "moderate": 0.5, "high": 0.825}  # the middles, where only a band is said
LONGEST = 64


def hinted(hints: Hints) -> dict[str, Trait]:
    """The traits the caller states, by name. Tasks and sensitivities are the user's own words.

    Raises:
        TurnoutError: ``invalid_request`` naming the tag and what it may be.
    """
    if not hints.tags:
        return {}
    return {name: Trait(value, source_of(hints, name)) for name in RESERVED if (value := _stated(hints, name)) is not None}


def hinted_complexity(stated: dict[str, Trait]) -> Complexity | None:
    """From the stated band's name or number 0..1."""
    hint = stated.get("complexity")
    value = None if hint is None or hint.value is None else _complexity(hint.value)
    return None if hint is None or value is None else Complexity(value, band_of(value), hint.source)


def allowed_instead(name: str, value: str) -> str | None:
    """What a tag of this name may say and ``value`` does not; None when it is fine, as in names that are not reserved."""
    match name:
        case "latency" | "cost" | "quality":
            return None if value in ALLOWED[name] else ", ".join(ALLOWED[name])
        case "task" | "sensitivity":
            return None if 0 < len(value) <= LONGEST else f"a word of 1 to {LONGEST} characters"
        case "complexity":
            return None if _complexity(value) is not None else ", ".join(get_args(Band)) + " or a number from 0 to 1"
        case _:
            return None


def _stated(hints: Hints, name: str) -> str | None:
    value = hints.tags.get(name)
    if value is None or name in hints.plain:
        return None
    if (allowed := allowed_instead(name, value)) is not None:
        raise TurnoutError(Code.INVALID_REQUEST, f"tag {name}={value[:LONGEST]!r} is not valid: it may be {allowed}", param=name)
    return value


def _complexity(word: str) -> float | None:
    for band, middle in BANDS.items():
        if word == band:
            return middle
    try:
        value = float(word)
    except ValueError:
        return None
    return value if 0.0 <= value <= 1.0 else None


def source_of(hints: Hints, name: str) -> str:
    return "tag:key" if name in hints.bound else "tag"
