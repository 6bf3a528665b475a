"""How a command tells what stops it: every problem of a policy, or what cannot be used, then exit code 1."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

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
