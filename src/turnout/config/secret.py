"""Secrets: named in the policy, found when a process starts, never printed."""

import re
from collections.abc import Mapping
from pathlib import Path

from turnout.errors import Problem

REFERENCE = re.compile(r"(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)")
"""``env:NAME`` or ``file:PATH``: the only ways a policy may speak of a secret."""


class Secret:
    """A credential that shows itself only when asked by name."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself; for the wire, never for a message."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")


def resolve(ref: str, env: Mapping[str, str]) -> Secret | Problem:
    """The secret that ``ref`` names. The problem never quotes a value, and has no path: the caller knows where ``ref`` stood."""
    kind, _, name = ref.partition(":")
    if kind == "env":
        value = env.get(name, "").strip()
        if not value:
            return Problem("", None, f"environment variable {name} is not set", f"export {name}=... before starting")
    elif kind == "file":
        try:
            value = Path(name).expanduser().read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError, RuntimeError, ValueError) as error:
            return Problem("", None, f"secret file {name} cannot be read ({type(error).__name__})", "check its path and mode")
        if not value:
            return Problem("", None, f"secret file {name} is empty")
    else:
        return Problem("", None, "not a reference to a secret", "write env:NAME or file:PATH")
    if not (value.isascii() and value.isprintable()):
        return Problem("", None, f"what {ref} holds cannot be sent in a header", "it must be one line of plain ASCII")
    return Secret(value)
