"""What the present policy version saves against the one before it. Pure."""

from collections.abc import Sequence
from math import sqrt

import msgspec

from turnout.control.pages.seen import priced_of
from turnout.store.rollups import sums
from turnout.store.rollups.cells import Cell, Slice

FEWEST_SLICES = 3
"""Slices of a task under the earlier version from which its scatter can be told."""
_Z95 = 1.959964


class TaskChange(msgspec.Struct, frozen=True):
    """Pico-dollars a priced request, ``before`` and ``after``, over so many each; ``saved`` over all after."""

    task: str | None
    requests_before: int
    requests: int
    before: float
    after: float
    saved: float


class Change(msgspec.Struct, frozen=True):
    """``saved`` pico-dollars with a 95 % interval; None: too little to tell the scatter.

    ``left_out`` requests are of tasks that the earlier version had none of.
    """

    previous: int
    current: int
    saved: float
    low: float | None
    high: float | None
    compared: int
    left_out: int
    tasks: tuple[TaskChange, ...]


def since_previous(slices: Sequence[Slice]) -> Change | None:
    """The same mix of tasks at the earlier version's cost a request, less what it did cost. None: there are no two versions to compare.

    What a request of a task cost before is a ratio of sums over slices of time, and its variance that of a ratio whose clusters are the
    slices (Cochran 1977, 6.8): requests of one hour are alike, and must not count as independent.
    """
    totals = {(policy, task): cell for (policy, task), cell in sums.cells(slices, "policy", "task").items() if priced_of(cell)}
    versions = sorted({policy for policy, _ in totals})
    if len(versions) < 2:
        return None
    previous, current = versions[-2:]
    per_slice = [sums.cells((one,), "policy", "task") for one in slices]
    changes: list[TaskChange] = []
    variance: float | None = 0.0
    left_out = 0
    for (policy, task), after in totals.items():
        if policy != current:
            continue
        before = totals.get((previous, task))
        if before is None:
            left_out += priced_of(after)
            continue
        n, rate = priced_of(after), before.cost / priced_of(before)
        changes.append(TaskChange(task, priced_of(before), n, rate, after.cost / n, rate * n - after.cost))
        spread = _variance(rate, [found[previous, task] for found in per_slice if (previous, task) in found])
        variance = None if variance is None or spread is None else variance + n * n * spread
    changes.sort(key=lambda change: -abs(change.saved))
    saved = sum(change.saved for change in changes)
    half = None if variance is None or not changes else _Z95 * sqrt(variance)
    low, high = (None, None) if half is None else (saved - half, saved + half)
    return Change(previous, current, saved, low, high, sum(one.requests for one in changes), left_out, tuple(changes))


def _variance(rate: float, clusters: Sequence[Cell]) -> float | None:
    """Of a cost per request, over slices of time."""
    k, n = len(clusters), sum(priced_of(cell) for cell in clusters)
    if k < FEWEST_SLICES:
        return None
    return k / (k - 1) * sum((cell.cost - rate * priced_of(cell)) ** 2 for cell in clusters) / (n * n)
