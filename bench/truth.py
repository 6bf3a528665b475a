"""Public tables of which model got which question right, as a hidden truth to play releases on. Pure but for reading the files."""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from statistics import fmean

import msgspec

from turnout.types.money import PicoDollars, pico_from_usd, usd

SHARED_LUCK = 0.85
"""Of a table by hand: how often a question is as hard for one model as it is for the others."""


class Query(msgspec.Struct, frozen=True, gc=False):
    """A question: whether each model's answer is right, and what it costs; in the order of the table's models."""

    task: str
    good: tuple[bool, ...]
    cost: tuple[PicoDollars, ...]


class Worth(msgspec.Struct, frozen=True):
    """Of a way to answer all of the traffic: the share of right answers, dollars an answer."""

    quality: float
    cost: float


class Table(msgspec.Struct, frozen=True):
    """``suite`` is what benchmarks may be drawn from, ``traffic`` what requests are: no question is in both."""

    name: str
    models: tuple[str, ...]
    suite: tuple[Query, ...]
    traffic: tuple[Query, ...]

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(sorted({query.task for query in self.traffic}))

    def alone(self, model: int) -> Worth:
        return worth((query, model) for query in self.traffic)

    def under(self, serving: Mapping[str, int]) -> Worth:
        """With one model for each task."""
        return worth((query, serving[query.task]) for query in self.traffic)

    def dearest(self) -> float:
        """What an answer of the best model costs, in dollars: the unit in which a utility counts cost (notes/learned-routing.md)."""
        singles = [self.alone(model) for model in range(len(self.models))]
        return max(singles, key=lambda one: one.quality).cost

    def oracle(self, rate: float) -> Worth:
        """Whoever is best for each single question, were that known: quality less ``rate`` (a dollar) times cost."""
        everyone = range(len(self.models))
        return worth((query, max(everyone, key=lambda m: query.good[m] - rate * usd(query.cost[m]))) for query in self.traffic)

    def shuffled(self, serving: Mapping[str, int]) -> Worth:
        """As many requests to each model, but dealt at random: what the choice by task adds nothing to."""
        shares: dict[int, float] = defaultdict(float)
        for query in self.traffic:
            shares[serving[query.task]] += 1 / len(self.traffic)
        singles = {model: self.alone(model) for model in shares}
        return Worth(
            sum(share * singles[m].quality for m, share in shares.items()),
            sum(share * singles[m].cost for m, share in shares.items()),
        )

    def zero_router(self, cost: float) -> float:
        """The quality of the best random mix of two models for so much an answer: the hull of the single models (RouterBench)."""
        singles = [self.alone(model) for model in range(len(self.models))]
        below = [one for one in singles if one.cost <= cost]
        above = [one for one in singles if one.cost > cost]
        mixes = [one.quality for one in below]
        for low in below:
            mixes += [low.quality + (cost - low.cost) / (up.cost - low.cost) * (up.quality - low.quality) for up in above]
        return max(mixes)


def worth(answered: Iterator[tuple[Query, int]]) -> Worth:
    known = [(query.good[model], usd(query.cost[model])) for query, model in answered]
    return Worth(fmean(good for good, _ in known), fmean(cost for _, cost in known))


def load(folder: Path, name: str) -> Table | None:
    """``train`` and ``val`` become the suite, ``test`` the traffic. Questions whose cost is unknown are left out. None where there is no such table."""
    path = folder / name / "queries.jsonl.gz"
    if not path.exists():
        return None
    models = tuple(
        str(model["id"]) for model in json.loads((folder / name / "models.json").read_text(encoding="utf-8"))["models"]
    )
    suite: list[Query] = []
    traffic: list[Query] = []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if None not in row["cost"]:
                costs = tuple(pico_from_usd(cost) for cost in row["cost"])
                query = Query(str(row["task"]), tuple(score >= 0.5 for score in row["score"]), costs)
                (traffic if row["split"] == "test" else suite).append(query)
    return Table(name, models, tuple(suite), tuple(traffic))


def made(tasks: Mapping[str, Sequence[float]], costs: Sequence[float], n: int, seed: int) -> Table:
    """A table by hand: each model's chance by task, dollars by model, ``n`` questions of each task for suite and traffic each.

    Hard questions are hard for every model, but not quite.
    """
    rng = Random(seed)

    def questions(task: str, chances: Sequence[float]) -> Iterator[Query]:
        for _ in range(n):
            hard, size = rng.random(), rng.uniform(0.5, 1.5)
            good = tuple((hard if rng.random() < SHARED_LUCK else rng.random()) < chance for chance in chances)
            yield Query(task, good, tuple(pico_from_usd(cost * size) for cost in costs))

    models = tuple(f"m{at}" for at in range(len(costs)))
    halves = [tuple(query for task, chances in tasks.items() for query in questions(task, chances)) for _ in range(2)]
    return Table("made by hand", models, halves[0], halves[1])


def drawn(queries: Sequence[Query], n: int, rng: Random) -> tuple[Query, ...]:
    """``n`` of them, tasks in their shares, in an order in which every stretch holds all kinds."""
    by_task: defaultdict[str, list[Query]] = defaultdict(list)
    for query in queries:
        by_task[query.task].append(query)
    found: list[tuple[float, Query]] = []
    for mine in by_task.values():
        many = min(len(mine), round(n * len(mine) / len(queries)))
        found += (((at + rng.random()) / many, query) for at, query in enumerate(rng.sample(mine, many)))
    return tuple(query for _, query in sorted(found, key=lambda one: one[0]))
