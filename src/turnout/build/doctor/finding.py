"""What a look finds, and what it looks at."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from turnout.config.settings import Settings

SHOWN = 5
"""Of many things of one kind, so many are named."""


class Finding(msgspec.Struct, frozen=True):
    """``about`` what, in a word or two; ``wrong`` is what keeps it from working or has lost something; ``do`` what helps."""

    about: str
    state: Literal["well", "note", "wrong"]
    said: str
    do: str | None = None


class Patient(msgspec.Struct, frozen=True):
    """What is looked at. ``config`` None: providers come from the environment. ``now`` is unix seconds."""

    config: Path | None
    settings: Settings
    env: Mapping[str, str]
    now: float


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def size(number: float) -> str:
    """Of bytes, for people."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"
