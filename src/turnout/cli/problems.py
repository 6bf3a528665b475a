"""How a command tells what stops it: every problem of a policy, or what cannot be used, then exit code 1; wrong usage is code 2."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite

import typer

from turnout.errors import ConfigProblems, Unusable


@contextmanager
def reported() -> Iterator[None]:
    """Print the problems that stop a command, and stop it."""
    try:
        yield
    except (ConfigProblems, Unusable) as reason:
        print(reason, file=sys.stderr)
        raise typer.Exit(1) from None


def finite(value: float | None) -> float | None:
    """For options: ``nan`` and ``inf`` are numbers to Python, and within any bounds."""
    if value is not None and not isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number")
    return value
