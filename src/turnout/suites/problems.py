"""A file of cases that cannot be used."""

from collections.abc import Iterable
from pathlib import Path

from turnout.errors import Problem, Unusable

SHOWN = 20
"""Problems in a message; ``problems`` has them all."""


class BadSuite(Unusable):
    """Every problem of a file at once: half a suite would measure something else."""

    def __init__(self, path: Path | str, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        self.file = str(path)
        lines = [problem.text(self.file) for problem in self.problems[:SHOWN]]
        more = len(self.problems) - len(lines)
        super().__init__("\n".join([*lines, *([f"... and {more} more"] if more else [])]))
