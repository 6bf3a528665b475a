"""What a provider says in its answer's headers about the room that is left.

Not read here: ``retry-after`` and ``x-should-retry``, which belong to a refusal and are read with it (Anthropic also sends
``retry-after`` with answers that were served); and ``x-ratelimit-remaining`` or ``ratelimit-remaining`` with no word of what is
counted: Together says "0 of 2" there with answers it goes on serving.
"""

import re
from collections.abc import Sequence
from datetime import datetime

import msgspec


class Left(msgspec.Struct, frozen=True, gc=False):
    """``remaining`` of ``limit``; ``reset`` seconds until all of it is there again, None where it was not said or does not matter."""

    limit: float
    remaining: float
    reset: float | None = None


class Told(msgspec.Struct, frozen=True, gc=False):
    """What is left of each resource; ``tokens`` counts both ways together."""

    requests: Left | None = None
    tokens: Left | None = None
    input: Left | None = None
    output: Left | None = None


_RESOURCES = ("requests", "tokens", "input", "output")
_PARTS = ("limit", "remaining", "reset")

_OPENAI = {
    "requests": "requests",  # OpenAI, Azure, Groq, xAI, Fireworks
    "tokens": "tokens",
    "tokens-prompt": "input",  # Fireworks
    "tokens-generated": "output",
    "req-minute": "requests",  # Mistral
    "tokens-minute": "tokens",  # Mistral, Cerebras
    "requests-day": "requests",  # Cerebras
}
_ANTHROPIC = {
    "requests": "requests",
    "tokens": "tokens",
    "input-tokens": "input",
    "output-tokens": "output",
}


def _field(resource: str, part: str) -> int:
    return _RESOURCES.index(resource) * len(_PARTS) + _PARTS.index(part)


_FIELDS = {
    **{f"x-ratelimit-{part}-{name}".encode(): _field(what, part) for name, what in _OPENAI.items() for part in _PARTS},
    **{f"anthropic-ratelimit-{name}-{part}".encode(): _field(what, part) for name, what in _ANTHROPIC.items() for part in _PARTS},
    **{f"ratelimitbysize-{part}".encode(): _field("tokens", part) for part in _PARTS},  # Mistral, before 2026
}
"""Where a header's value goes in a row of each resource's parts; this is read with every answer."""

_LONGEST_VALUE = 40
_LONGEST_COUNT = 15
_NUMBER = re.compile(rb"\d{1,15}(?:\.\d+)?")
_SPAN = re.compile(rb"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_UNITS = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)

_A_DATE = 1e8
_MILLISECONDS = 1e11
_LONGEST_RESET = 31 * 86_400.0


def read_told(headers: Sequence[tuple[bytes, bytes]], now: float) -> Told | None:
    """None when nothing is said. ``headers`` with lower-case names, ``now`` unix seconds. What cannot be read was not said."""
    said = [(_FIELDS[name], value) for name, value in headers if name in _FIELDS]
    if not said:
        return None
    row = [b""] * (len(_RESOURCES) * len(_PARTS))
    for field, value in said:
        row[field] = value
    told = Told(_left(row, 0, now), _left(row, 3, now), _left(row, 6, now), _left(row, 9, now))
    return None if told == _NOTHING else told


_NOTHING = Told()


def _left(row: list[bytes], first: int, now: float) -> Left | None:
    limit, remaining, reset = row[first : first + len(_PARTS)]
    if not (_is_count(limit) and _is_count(remaining)):
        return None
    whole, rest = int(limit), int(remaining)
    if whole == 0:
        return None
    if 2 * rest >= whole:  # more than half is left: when all of it is there again matters to nobody
        return Left(whole, min(rest, whole))
    return Left(whole, rest, read_reset(reset, now))


def _is_count(value: bytes) -> bool:
    return value.isdigit() and len(value) <= _LONGEST_COUNT


def read_reset(value: bytes, now: float) -> float | None:
    """Seconds from ``now`` (unix): ``6m0s``, ``20ms``, seconds, unix seconds or milliseconds, or RFC 3339. None: unreadable or over."""
    if len(value) > _LONGEST_VALUE:
        return None
    if _NUMBER.fullmatch(value):
        number = float(value)
        seconds = number if number < _A_DATE else (number / 1000.0 if number > _MILLISECONDS else number) - now
    elif value and (span := _SPAN.fullmatch(value)):
        seconds = sum(float(part) * unit for part, unit in zip(span.groups(), _UNITS, strict=True) if part)
    else:
        try:
            then = datetime.fromisoformat(value.decode("ascii"))
        except ValueError:
            return None
        if then.tzinfo is None:
            return None
        seconds = then.timestamp() - now
    return seconds if 0.0 < seconds <= _LONGEST_RESET else None
