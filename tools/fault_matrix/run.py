"""Asking every cell for real: a scripted provider and a client in this process, the gateway and its ledger in processes of their own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
from tools.fault_matrix.cells import Cell, Key, policy
from tools.fault_matrix.client import Answer, ask
from tools.fault_matrix.faults import ROOMY
from tools.fault_matrix.house import House, serving, two_ports
from tools.fault_matrix.judge import Outcome, judge
from tools.fault_matrix.upstream import Provider

AT_ONCE = 12
"""Quick cells under way at the same time; those that only wait are all under way together."""
WAITING = frozenset({"silence", "silence, little time", "slow drip", "429, Retry-After: 1"})


class Matrix(msgspec.Struct, frozen=True):
    """Every cell's outcome, and where client, ledger and provider disagreed or a promise was broken."""

    outcomes: dict[Key, Outcome]
    problems: dict[Key, list[str]]


class Stage(msgspec.Struct, frozen=True):
    """The house and the provider behind it, both running."""

    house: House
    provider: Provider


@contextlib.asynccontextmanager
async def staged(cells: Sequence[Cell], directory: Path) -> AsyncIterator[Stage]:
    """All that these cells need."""
    provider = Provider({cell.id: cell.said() for cell in cells})
    async with provider.listening() as places:
        api, control = two_ports()
        starting = serving(directory, policy(cells, places, api, control), api, control)
        house = await asyncio.to_thread(starting.__enter__)
        try:
            yield Stage(house, provider)
        finally:
            await asyncio.to_thread(starting.__exit__, None, None, None)


async def play(stage: Stage, cells: Sequence[Cell]) -> Matrix:
    """Ask each cell once, and then the ledger."""
    answers = await _asked(stage.house, cells)
    ids = [answers[cell.id].headers["x-turnout-request-id"] for cell in cells]
    records = await asyncio.to_thread(stage.house.records, ids)
    outcomes: dict[Key, Outcome] = {}
    problems: dict[Key, list[str]] = {}
    for cell, record in zip(cells, records, strict=True):
        calls, saved = stage.provider.calls[cell.id], stage.provider.saved[cell.id]
        outcomes[cell.key], found = judge(cell, answers[cell.id], record, calls, saved)
        if found:
            problems[cell.key] = found
    assert not stage.provider.followed, "a redirect was followed, credentials and all"
    return Matrix(outcomes, problems)


async def _asked(house: House, cells: Sequence[Cell]) -> dict[str, Answer]:
    """Answers by a cell's id: those that only wait all the time, beside them the quick ones, then the large ones, which are megabytes."""
    waiting = [cell for cell in cells if cell.fault.name in WAITING]
    large = [cell for cell in cells if cell.fault.limits is ROOMY]
    quick = [cell for cell in cells if cell.fault.name not in WAITING and cell.fault.limits is not ROOMY]
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(_ask(house, waiting, len(waiting)))
        then = {**await _ask(house, quick, AT_ONCE), **await _ask(house, large, 1)}
    return {**first.result(), **then}


async def _ask(house: House, cells: Sequence[Cell], at_once: int) -> dict[str, Answer]:
    turns = asyncio.Semaphore(at_once)

    async def one(cell: Cell) -> Answer:
        async with turns:
            return await ask(house.api, cell.key.front, cell.id, stream=cell.stream)

    answers = await asyncio.gather(*map(one, cells))
    return {cell.id: answer for cell, answer in zip(cells, answers, strict=True)}
