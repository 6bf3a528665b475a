"""What a route's traffic consists of: who serves what part of it, and what a part costs. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from statistics import fmean, median

import msgspec

from turnout.release import pairs as sides
from turnout.release.pairs import Pair
from turnout.store.cells import Part
from turnout.types.traits import Band

CELL_LEAST = 10
"""Pairs of a task and band from which their own costs are taken; else those of all that were measured together."""

SHRUNK = 20
"""Cases for which a task is believed to be like the middle one: what a few cases say of it is mostly chance."""


class Scope(msgspec.Struct, frozen=True):
    """Part of a route's requests: of these tasks and bands, None: of any. ``when`` is the same as turnout.yaml writes it."""

    tasks: frozenset[str] | None = None
    bands: frozenset[Band] | None = None

    def holds(self, task: str | None, band: Band | None) -> bool:
        return (self.tasks is None or task in self.tasks) and (self.bands is None or band in self.bands)

    @property
    def when(self) -> dict[str, object] | None:
        found: dict[str, object] = {}
        if self.tasks is not None:
            found["task"] = _one_or_all(sorted(self.tasks))
        if self.bands is not None:
            found["complexity"] = _one_or_all([band for band in ("simple", "moderate", "high") if band in self.bands])
        return found or None

    def __str__(self) -> str:
        said = []
        if self.bands is not None:
            said.append(f"{' and '.join(band for band in ('simple', 'moderate', 'high') if band in self.bands)} requests")
        if self.tasks is not None:
            said.append(f"the task {' or '.join(sorted(self.tasks))}")
        return " of ".join(said) or "all requests"


EVERYTHING = Scope()


def controls(parts: Sequence[Part], incumbent: str | None) -> Callable[[str | None, Band | None], str | None]:
    """Which model serves a task and band most; where traffic tells nothing, the incumbent."""
    most: dict[tuple[str | None, Band | None], tuple[int, str]] = {}
    for part in parts:
        key = (part.task, part.band)
        most[key] = max(most.get(key, (0, "")), (part.requests, part.model))
    return lambda task, band: most.get((task, band), (0, incumbent))[1]


def unmeasured(parts: Sequence[Part], scope: Scope, pairs: Sequence[Pair], incumbent: str | None, candidate: str) -> float:
    """The share of a scope's requests that models serve which the candidate was not compared with there."""
    compared = {(pair.task, pair.band, pair.control.model) for pair in pairs}
    inside = [part for part in parts if scope.holds(part.task, part.band)]
    total = sum(part.requests for part in inside)
    others = sum(
        part.requests
        for part in inside
        if part.model not in {incumbent, candidate} and (part.task, part.band, part.model) not in compared
    )
    return others / total if total else 0.0


def saving(parts: Sequence[Part], scope: Scope, pairs: Sequence[Pair], candidate: str) -> float | None:
    """The share of the route's cost that the candidate would save by serving the scope; negative: it costs more. None: not known.

    By the ledger's mix; without one by the suite's own, as if it were the traffic.
    """
    inside = [pair for pair in pairs if scope.holds(pair.task, pair.band)]
    all_of_them = ratio(inside)
    if all_of_them is None:
        return None
    total = sum(part.cost for part in parts)
    if not total:
        before, all_of_it = sides.mean_cost(pair.control for pair in inside), sides.mean_cost(pair.control for pair in pairs)
        return None if before is None or not all_of_it else (1 - all_of_them) * before * len(inside) / (all_of_it * len(pairs))
    by_cell: defaultdict[tuple[str | None, Band | None], list[Pair]] = defaultdict(list)
    for pair in inside:
        by_cell[pair.task, pair.band].append(pair)
    saved = 0.0
    for part in parts:
        if part.model != candidate and scope.holds(part.task, part.band):
            some = by_cell.get((part.task, part.band), [])
            own = ratio(some) if len(some) >= CELL_LEAST else None
            saved += part.cost * (1 - (all_of_them if own is None else own))
    return saved / total


def together(pairs: Sequence[Pair], margin: float) -> tuple[Scope, tuple[Pair, ...]] | None:
    """The tasks in which the candidate seems to hold, and the cases to prove it by; None where that is one, or all.

    Tasks are chosen by every other of their cases and proven by the rest: the same cases would flatter the choice. Half of the margin is
    left to prove it with.
    """
    choosing: defaultdict[str | None, list[float]] = defaultdict(list)
    proving: list[Pair] = []
    seen: Counter[str | None] = Counter()
    for pair in pairs:
        seen[pair.task] += 1
        if seen[pair.task] % 2:
            choosing[pair.task].append(pair.difference)
        else:
            proving.append(pair)
    if not proving:
        return None
    usual = median(fmean(each) for each in choosing.values())
    holds = frozenset(
        task
        for task, each in choosing.items()
        if task is not None and (sum(each) + SHRUNK * usual) / (len(each) + SHRUNK) >= -margin / 2
    )
    if not 1 < len(holds) < len(seen):
        return None
    return Scope(holds), tuple(pair for pair in proving if pair.task in holds)


def ratio(pairs: Sequence[Pair]) -> float | None:
    """What the candidate's answers cost of what the control's do."""
    before, after = sides.mean_cost(pair.control for pair in pairs), sides.mean_cost(pair.candidate for pair in pairs)
    return None if after is None or not before else after / before


def _one_or_all(words: Sequence[str]) -> object:
    return words[0] if len(words) == 1 else list(words)
