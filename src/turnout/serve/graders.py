"""What a worker's online graders share."""

import asyncio

from turnout.checks.checker import Checker
from turnout.serve.purse import Purse

MOST_WAITING = 100
"""Answers that wait for their checks; beyond that they are left out."""
JUDGES_AT_ONCE = 8


class Grader:
    """One per worker. Its checks have a process of their own: a cascade's answers are waited for, these are not."""

    def __init__(self, purse: Purse | None = None) -> None:
        self.checker = Checker()
        self.purse = purse or Purse()
        self.judging = 0
        self.tasks: set[asyncio.Task[None]] = set()

    @property
    def is_busy(self) -> bool:
        return len(self.tasks) >= MOST_WAITING

    async def close(self, within: float) -> None:
        """Stop whatever it does; a judge's record is written by then."""
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=within)
        await self.checker.close()
