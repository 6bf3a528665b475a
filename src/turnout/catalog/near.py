"""Names that a mistyped one may have meant. For error messages: not for the hot path."""

from collections.abc import Iterable
from difflib import SequenceMatcher

SIMILAR = 0.6


def near(name: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """The known names most like ``name``, best first. A bare model id is compared with what follows the provider."""
    wanted = name.lower()
    scored = ((max(_likeness(wanted, part) for part in _forms(candidate)), candidate) for candidate in known)
    best = [(score, candidate) for score, candidate in scored if score >= SIMILAR]
    return [candidate for _, candidate in sorted(best, key=lambda pair: (-pair[0], pair[1]))[:limit]]


def _forms(candidate: str) -> tuple[str, ...]:
    whole = candidate.lower()
    return whole, whole.partition("/")[2], whole.rpartition("/")[2]


def _likeness(wanted: str, known: str) -> float:
    matcher = SequenceMatcher(None, wanted, known, autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() >= SIMILAR and matcher.quick_ratio() >= SIMILAR else 0.0
