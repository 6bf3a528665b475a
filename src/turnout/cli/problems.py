"""How a command tells what is wrong with a policy: every problem, then exit code 1."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from turnout.errors import ConfigProblems


@contextmanager
def reported() -> Iterator[None]:
    """Print the problems that stop a command, and stop it."""
    try:
        yield
    except ConfigProblems as problems:
        print(problems, file=sys.stderr)
        raise typer.Exit(1) from None
