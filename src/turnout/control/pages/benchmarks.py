"""Benchmark runs as pages show them: how far they are and what they cost, and what a proposal rests on."""

from collections.abc import Iterable, Iterator, Sequence
from math import sqrt
from statistics import fmean, median, stdev

from turnout.control.pages.blocks import Cell, Column, Table
from turnout.control.pages.seen import NOTHING
from turnout.evidence.intervals import beta
from turnout.feedback.accuracy import Z95
from turnout.release.pairs import paired
from turnout.store.bench import OPEN, BenchStore
from turnout.suites.trust import told_of_judge
from turnout.types.release import Release
from turnout.types.suite import Result, Run

HASH = 8


def running(bench: BenchStore) -> Table:
    """What is asked or waits to be."""
    columns = (
        Column("Suite"), Column("Models"), Column("State"), Column("Answers", "count"), Column("Of", "count"), Column("Spent", "usd"),
        Column("Budget", "usd"), Column("Asked for by"), Column("Since", "time"),
    )  # fmt: skip
    rows = tuple(
        (
            run.suite, " and ".join(run.models), Cell(run.state, "plain" if run.state == "running" else "warn", note=run.note),
            Cell(run.done, bar=run.done / run.total if run.total else 0.0), run.total, run.spent, run.budget,
            Cell(run.actor, link=None if run.release is None else f"/releases/{run.release}"), run.at,
        )
        for run in bench.list(50, states=OPEN)
    )  # fmt: skip
    empty = "None is running. `turnout bench MODEL --suite S` begins one; so does a new model, within the policy's budget (release.budget)."
    return Table("benchmarks", "Benchmarks that are running", columns, rows, empty)


def rests_on(release: Release, bench: BenchStore) -> Table:
    """The runs of a release, model by model, with what each made of the cases and how the candidate differs."""
    columns = (
        Column("Model"), Column("Suite"), Column("Cases", "count"), Column("Solved", "percent"), Column("Candidate less it", "percent"),
        Column("Cost an answer", "usd"), Column("Median", "ms"), Column("Spent", "usd"), Column("State"), Column("Began", "time"),
        Column("Run", "code"),
    )  # fmt: skip
    runs = [(run, bench.results(run.id)) for run in _runs(release, bench)]
    rows = tuple(row for run, results in runs for row in _of_run(run, results, release.model))
    judges = (f" Run {run.id}: {sentence}." for run, results in runs for sentence in told_of_judge(run, results))
    note = (
        "Both answered the same cases, in turn. Intervals are 95 %; a difference is of the cases that both were judged on."
        + "".join(judges)
    )
    empty = "It rests on no benchmark. Give its route a suite (suites: in the policy), or run one: turnout bench MODEL --suite S."
    return Table("runs", "Benchmarks it rests on", columns, rows, empty, note if rows else "")


def _runs(release: Release, bench: BenchStore) -> Iterator[Run]:
    """What the proposal names, and what was asked for on the release's behalf."""
    named = release.proposal.runs if release.proposal is not None else ()
    found = {run.id: run for run in map(bench.get, named) if run is not None}
    found |= {run.id: run for run in bench.list(20, release=release.id)}
    yield from sorted(found.values(), key=lambda run: (-run.at, run.id))


def _of_run(run: Run, results: Sequence[Result], candidate: str) -> Iterable[tuple[Cell | float | str | None, ...]]:
    for model in run.models:
        mine = [one for one in results if one.model == model]
        judged = [one for one in mine if one.solved is not None or one.outcome != "ok"]
        solved = sum(bool(one.solved) for one in judged)
        costs = [one.cost for one in mine if one.cost is not None]
        times = [one.ms for one in mine if one.outcome == "ok"]
        state = run.state if run.state not in OPEN else f"{run.state}, {run.done:,} of {run.total:,}"
        yield (
            Cell(model, series=model), Cell(run.suite, note=run.suite_hash[:HASH]), len({one.case for one in judged}), _share(solved, len(judged)),
            NOTHING if model == candidate else _against(results, candidate, model),
            fmean(costs) if costs and len(costs) == len(mine) else None, median(times) if times else None, run.spent, Cell(state, note=run.note),
            run.at, run.id,
        )  # fmt: skip


def _share(solved: int, of: int) -> Cell | str:
    if not of:
        return NOTHING
    low, high = beta(solved, of)
    return Cell(solved / of, low=low, high=high)


def _against(results: Sequence[Result], candidate: str, model: str) -> Cell | str:
    """The mean paired difference, with the interval that its scatter over cases allows."""
    differences = [pair.difference for pair in paired(results, candidate, lambda _task, _band: model)]
    if len(differences) < 2:  # one case has no scatter
        return NOTHING
    mean, half = fmean(differences), Z95 * stdev(differences) / sqrt(len(differences))
    return Cell(mean, low=mean - half, high=mean + half)
