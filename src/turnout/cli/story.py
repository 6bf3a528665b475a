"""``turnout demo --story``: a story of PRODUCT.md from a model's release to its end, on simulated providers, in accelerated time."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Literal

import msgspec
from rich.console import Console
from rich.table import Table

from turnout.cli.story_seen import Row
from turnout.cli.story_world import Late, World, world_of
from turnout.sim.stories.story import Story

Name = Literal["support", "code", "finance", "bad-release"]
LONGEST = 240.0
"""Seconds after which a story is given up."""


class Played(msgspec.Struct, frozen=True):
    """How a story went. ``late``: it was given up, and why."""

    rows: tuple[Row, ...]
    seconds: float
    late: str | None = None

    @property
    def failed(self) -> tuple[str, ...]:
        return tuple(row.story for row in self.rows if not row.holds)

    @property
    def ok(self) -> bool:
        return self.late is None and bool(self.rows) and not self.failed


def tell(name: Name) -> int:
    """Play it and print it; the exit code. Raises OSError: it cannot begin."""
    told = name.replace("-", "_")
    story: Story = import_module(f"turnout.sim.stories.{told}").STORY
    play: Callable[[World], Awaitable[list[Row]]] = import_module(f"turnout.cli.story_{told}").play
    print(f"story: {story.title}", flush=True)
    played = asyncio.run(_played(story, play))
    _print(played)
    return 0 if played.ok else 1


async def _played(story: Story, play: Callable[[World], Awaitable[list[Row]]]) -> Played:
    began = time.monotonic()
    rows: list[Row] = []
    late: str | None = None
    async with world_of(story, lambda line: print(line, flush=True)) as world:
        try:
            async with asyncio.timeout(LONGEST):
                rows = await play(world)
        except Late as why:
            late = str(why)
        except TimeoutError:
            late = f"it was not over within {LONGEST:g} s"
        if late is not None:
            late += world.last_words()
    return Played(tuple(rows), time.monotonic() - began, late)


def _print(played: Played) -> None:
    console = Console(width=None if sys.stdout.isatty() else 170)
    if played.rows:
        table = Table("story", "wanted", "seen", "holds")
        for row in played.rows:
            table.add_row(row.story, row.wanted, row.seen, "yes" if row.holds else "NO")
        console.print(table)
    print(f"{played.seconds:.0f} s")
    if played.late is not None:
        print(f"given up: {played.late}")
    elif played.failed:
        print(f"does not hold: {'; '.join(played.failed)}")
    else:
        print(f"all {len(played.rows)} hold")
