"""Rules on an answer's words. Pure; each says what is wrong, None: nothing."""

import re
from collections import Counter

from turnout.types.suite import Contains, Exact, Similar

_LEADING = " \t\r\n\"'`“”‘’«»([{*_¿¡"  # noqa: RUF001  quotes are meant
_TRAILING = " \t\r\n.,:;!?…\"'`“”‘’«»)]}*_。！？"  # noqa: RUF001  other scripts' full stops
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
"""A word; of scripts without blanks between words, a character."""


def exact(rule: Exact, text: str) -> str | None:
    """Not any of the texts."""
    if not rule.normal:
        return None if text in rule.texts else "not the expected text"
    return None if normal(text) in {normal(wanted) for wanted in rule.texts} else "not the expected text"


def normal(text: str) -> str:
    """Without case, without blanks and punctuation at the ends, one blank between words. What stands before a number is its own: ``-5``, ``.5``."""
    plain = " ".join(text.casefold().split())
    return plain.lstrip(_LEADING).rstrip(_TRAILING) or plain


def contains(rule: Contains, text: str) -> str | None:
    """Which of the texts are missing, or there."""
    where = text.casefold() if rule.ignore_case else text
    there = [wanted for wanted in rule.texts if (wanted.casefold() if rule.ignore_case else wanted) in where]
    if not rule.found:
        return f"{_quoted(there)} stands in it" if there else None
    if rule.any:
        return None if there else f"none of {_quoted(rule.texts)} stands in it"
    missing = [wanted for wanted in rule.texts if wanted not in there]
    return f"{_quoted(missing)} is missing" if missing else None


def similar(rule: Similar, text: str) -> tuple[float, str | None]:
    """The overlap, and whether it is too small."""
    found = overlap(rule.text, text)
    return found, None if found >= rule.threshold else f"overlap of words {found:.2f}, below {rule.threshold:g}"


def overlap(one: str, other: str) -> float:
    """F1 of word counts, 0..1; 0 where neither has words."""
    mine, theirs = Counter(_WORD.findall(one.casefold())), Counter(_WORD.findall(other.casefold()))
    words = mine.total() + theirs.total()
    return 2 * (mine & theirs).total() / words if words else 0.0


def _quoted(texts: tuple[str, ...] | list[str]) -> str:
    shown = ", ".join(f'"{text[:40]}"' for text in texts[:3])
    return f"{shown} ..." if len(texts) > 3 else shown
