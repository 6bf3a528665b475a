"""A benchmark on a terminal: what it will cost, how far it is, what it found."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from turnout.cli.table import printed
from turnout.suites.plan import Estimate
from turnout.suites.run import Show
from turnout.suites.summary import Figures, NotWorse, Pair, figures, pair, parts
from turnout.suites.trust import shares, told_of_judge
from turnout.types.money import usd
from turnout.types.suite import Result, Run

DASH = "-"
PLAIN_EVERY = 20
"""Rounds between two lines where there is no terminal."""


class Found(msgspec.Struct, frozen=True):
    """A run with all that follows from its results; ``pairs`` compare each other model with the first, ``judge`` says how far to believe it."""

    run: Run
    figures: tuple[Figures, ...]
    pairs: tuple[Pair, ...]
    shares: tuple[NotWorse, ...] = ()
    judge: tuple[str, ...] = ()


def report(run: Run, results: Sequence[Result], margin: float) -> Found:
    """Each model over all, and by task and band where there is more than one."""
    split = parts(results)
    shown = (None, *(split if len(split) > 1 else ()))
    rows = tuple(figures(results, model, part) for part in shown for model in run.models)
    pairs = tuple(pair(results, run.models[0], other, margin) for other in run.models[1:])
    return Found(run, rows, pairs, shares(run, results), told_of_judge(run, results))


def announced(run: Run, estimate: Estimate | None) -> Iterator[str]:
    """What is going to happen, and what it costs."""
    cases = run.total // (len(run.models) * run.repeats)
    again = f", {run.repeats} times" if run.repeats > 1 else ""
    yield f"suite {run.suite}: {cases} cases{again}, asked of {', '.join(run.models)}"
    if run.done:
        yield f"{run.done} of {run.total} answers are there; ${usd(run.spent):.4f} are spent"
    yield from told_of_judge(run, (), compares=estimate is not None and estimate.judgements > 0)
    if estimate is not None:
        judged = f" and {asked} judgements" if (asked := estimate.judgements + estimate.questions) else ""
        yield f"{estimate.calls} calls{judged}: about ${usd(estimate.expected):.4f}, at most ${usd(estimate.most):.4f}"
        if estimate.labels:
            yield f"{estimate.questions} of these hold the judge against {estimate.labels} labels first: about ${usd(estimate.for_labels):.4f}"
        if estimate.unpriced:
            yield f"what {', '.join(estimate.unpriced)} costs is not known, and in no figure: nothing bounds it"
    yield f"it stops before it has spent more than ${usd(run.budget):.4f}"


@contextmanager
def watched(run: Run, *, quiet: bool) -> Iterator[Show]:
    """Where to tell of progress: a bar on a terminal, a line now and then elsewhere, on stderr; nothing when quiet."""
    console = Console(stderr=True)
    if quiet:
        yield lambda _run, _results: None
        return
    if not console.is_terminal:
        said = 0

        def say(now: Run, _: Sequence[Result]) -> None:
            nonlocal said
            if now.done - said >= PLAIN_EVERY or now.done == now.total:
                said = now.done
                print(f"{now.done} of {now.total} answers, ${usd(now.spent):.4f}", file=sys.stderr, flush=True)

        yield say
        return
    columns = (
        TextColumn("asking"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[solved]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("", total=run.total, completed=run.done, solved="")
        seen: dict[str, list[bool]] = {model: [] for model in run.models}

        def show(now: Run, results: Sequence[Result]) -> None:
            for one in results:
                if one.solved is not None:
                    seen[one.model].append(one.solved)
            solved = "  ".join(f"{model} {sum(good) / len(good):.0%}" for model, good in seen.items() if good)
            progress.update(bar, completed=now.done, solved=f"${usd(now.spent):.4f}  {solved}")

        yield show


def told(found: Found) -> None:
    """The tables, and the verdict in a sentence."""
    run = found.run
    print(f"run {run.id}: suite {run.suite}, {run.state}{f' ({run.note})' if run.note else ''}; ${usd(run.spent):.4f} spent")
    table = Table(box=None)
    for name in ("model", "task", "complexity"):
        table.add_column(name, no_wrap=name == "model")
    for name in ("cases", "solved", "95 %", "failed", "$ per solved", "p50 ms"):
        table.add_column(name, justify="right", no_wrap=name in {"cases", "$ per solved", "p50 ms"})
    for row in found.figures:
        table.add_row(*_cells(row))
    printed(table)
    for one in found.pairs:
        print(sentence(one))
    for each in found.judge:
        print(each)


def _cells(row: Figures) -> tuple[str, ...]:
    whole = row.task is None and row.band is None
    return (
        row.model, "all" if whole else row.task or DASH, "" if whole else row.band or DASH, f"{row.n}",
        f"{row.solved / row.n:.1%}" if row.n else DASH, f"{row.low:.0%} to {row.high:.0%}" if row.n else DASH, f"{row.failed}",
        f"{usd(row.cost_solved):.6f}" if row.cost_solved is not None else DASH, f"{row.p50_ms:,.0f}" if row.p50_ms is not None else DASH,
    )  # fmt: skip


def sentence(one: Pair) -> str:
    """What the comparison says, and what it could have said."""
    if one.difference is None or one.low is None or one.high is None:
        return f"{one.second} and {one.first}: no case on which both were judged"
    verdict = {
        "worse": f"is shown to be worse by more than {one.margin:g}",
        "fits": f"is shown not to be worse by more than {one.margin:g}",
        None: f"may or may not be worse by more than {one.margin:g}",
    }[one.verdict]
    least = f"; {one.n} cases can certify {one.certifiable:.3f} at best" if one.certifiable is not None else ""
    alike = one.difference == one.low == one.high == 0  # resampling cases that are all alike tells nothing of others
    measured = (
        f"no case of {one.n} differed" if alike else f"{one.difference:+.3f} ({one.low:+.3f} to {one.high:+.3f}) on {one.n} cases"
    )
    return f"{one.second} {verdict} than {one.first}: {measured}{least}"


def listed(runs: Sequence[Run]) -> None:
    """A line each."""
    table = Table(box=None)
    for name in ("run", "begun", "suite", "models", "state", "by"):
        table.add_column(name, no_wrap=name in {"run", "suite", "models", "state"})
    for name in ("answers", "spent $"):
        table.add_column(name, justify="right", no_wrap=True)
    for run in runs:
        begun = datetime.fromtimestamp(run.at, UTC).strftime("%Y-%m-%d %H:%M")
        table.add_row(
            run.id,
            begun,
            run.suite,
            "\n".join(run.models),
            run.state,
            run.actor,
            f"{run.done}/{run.total}",
            f"{usd(run.spent):.4f}",
        )
    printed(table)
