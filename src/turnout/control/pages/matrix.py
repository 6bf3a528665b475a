"""The page Matrix: how good which model is at what, how surely that is known, and what a good answer costs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args
from urllib.parse import urlencode

import msgspec

from turnout.control.pages.blocks import Block, Cell, Chart, Column, Field, Note, Page, Search, Section, Table, Tone
from turnout.control.pages.charts import plain
from turnout.control.pages.seen import NOTHING, listed
from turnout.control.pages.sources import Sources
from turnout.learn.matrix import BENCHMARK_HOLDS, ENOUGH, HALF_LIFE, Estimate, estimates, stated
from turnout.types.matrix import Cell as Measured
from turnout.types.seconds import DAY
from turnout.types.traits import Band
from turnout.types.view import Base

BandName = Literal["all", "simple", "moderate", "high"]
_BANDS: dict[BandName, Band | None] = {"all": None, "simple": "simple", "moderate": "moderate", "high": "high"}
_MOST = 12
_SOON = 14 * DAY
_EXAMPLE = "turnout bench MODEL --suite S"
_TEACH = (
    "Nothing was measured in this band yet: the figures are what the catalog, or the policy, says of the models. Run a benchmark of your own cases, "
    "or let verdicts on live answers come in, and measured figures take their place."
)
_NOTHING = (
    "Nothing is known of any model yet: turnout serve with a policy makes the catalog's figures known, a benchmark measures."
)
_HOW = (
    "Strong colour: known well enough to decide on. Pale: measured, and not surely enough. Palest, and without a line: nobody measured it, it is "
    "what the catalog or the policy says. The line under a figure is its 95 % interval, from 0 at the left of its field to 1 at the right."
)

Sure = Literal["known", "measured", "stated"]
_OPACITY: dict[Sure, float] = {"known": 1.0, "measured": 0.5, "stated": 0.18}


class MatrixAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``band`` all: over all complexities. The window and zone of other pages say nothing here."""

    band: BandName = "all"
    task: str | None = None
    window: str = ""
    zone: str = "UTC"


class Square(NamedTuple):
    """One field of the map. ``low`` and ``high`` are None where nothing was measured."""

    quality: float
    sure: Sure
    n: int = 0
    low: float | None = None
    high: float | None = None


def matrix(asked: MatrixAsked, sources: Sources) -> Page:
    now, base = sources.clock.now(), sources.in_force()
    cells = sources.ledger.cells.all()
    prior = stated(base, now) if base is not None else _nothing_stated
    known = estimates(cells, prior)
    here = [one for one in known if one.band == _BANDS[asked.band] and asked.task in (None, "", one.task)]
    tasks = {one.task for one in known} | set(base.tasks if base is not None else ())
    sections = (
        Section((_search(asked, tasks),)),
        Section(tuple(_map(asked, here, prior, base)), wide=True),
        Section((_table(asked, cells, known, now),), wide=True),
    )
    return Page("matrix", "Matrix", sections, now)


def _search(asked: MatrixAsked, tasks: Iterable[str]) -> Search:
    there = {*tasks, *([asked.task] if asked.task else [])}
    return Search(
        (Field("band", "Band", asked.band, get_args(BandName)), Field("task", "Task", asked.task or "", ("", *sorted(there))))
    )


def _map(
    asked: MatrixAsked, here: Sequence[Estimate], prior: Callable[[str, str], float | None], base: Base | None
) -> Iterable[Block]:
    """Of the models and tasks that most is known of; those that routes name stand there from the first day."""
    if not here:
        yield Note(_TEACH if base is not None else _NOTHING, command=_EXAMPLE)
    models = _most(here, "model", _named(base))
    tasks = [asked.task] if asked.task else _most(here, "task", sorted(base.tasks) if base is not None and not here else ())
    squares: dict[tuple[str, str], Square] = {}
    for model in models:
        for task in tasks:
            said = prior(model, task)
            if said is not None:
                squares[model, task] = Square(said / 10, "stated")
    squares |= {
        (one.model, one.task): Square(one.quality, "known" if one.is_known else "measured", one.n, one.low, one.high)
        for one in here
    }
    if squares:
        yield _heat(models, tasks, squares)


def _named(base: Base | None) -> list[str]:
    """Models that the policy's routes name."""
    return sorted({model for route in base.policy.routes for model in route.models}) if base is not None else []


def _most(here: Sequence[Estimate], part: Literal["model", "task"], also: Sequence[str]) -> list[str]:
    """The names of which most was measured, then others, as many as can be seen at once; by name."""
    counts: dict[str, int] = {}
    for one in here:
        name = getattr(one, part)
        counts[name] = counts.get(name, 0) + one.n
    names = [*sorted(counts, key=lambda name: (-counts[name], name)), *(name for name in also if name not in counts)]
    return sorted(names[:_MOST])


def _heat(models: Sequence[str], tasks: Sequence[str], squares: Mapping[tuple[str, str], Square]) -> Chart:
    """A trace for each degree of certainty, laid over each other; a line in each field for its interval."""
    data, shapes = [_trace(models, tasks, squares, sure) for sure in _OPACITY], []
    for down, model in enumerate(models):
        for across, task in enumerate(tasks):
            square = squares.get((model, task))
            if square is not None and square.low is not None and square.high is not None:
                shapes += _interval(across, down, square)
    layout = {
        "hovermode": "closest", "shapes": shapes, "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "xaxis": {"side": "top", "dtick": 1, "type": "category", "tickangle": -30 if len(tasks) > _MOST / 2 else 0, "range": [-0.5, len(tasks) - 0.5]},
        "yaxis": {"showgrid": False, "type": "category", "dtick": 1, "range": [len(models) - 0.5, -0.5]},
    }  # fmt: skip
    measured = [(f"{model} for {task}", f"{one.quality:.2f} of {one.n}") for (model, task), one in squares.items() if one.n]
    says = "Quality by model and task: " + (listed(measured) or "nothing was measured yet")
    return Chart("quality", "Quality, 0 to 1", says, tuple(data), layout, _HOW, 70 + 60 * len(models), 170 + 104 * len(tasks))


def _trace(models: Sequence[str], tasks: Sequence[str], squares: Mapping[tuple[str, str], Square], sure: Sure) -> dict[str, Any]:
    found = [[one if (one := squares.get((model, task))) and one.sure == sure else None for task in tasks] for model in models]
    return {
        "type": "heatmap", "x": list(map(plain, tasks)), "y": list(map(plain, models)), "z": [[one.quality if one else None for one in row] for row in found],
        "zmin": 0, "zmax": 1, "xgap": 3, "ygap": 3, "showscale": False, "meta": {"scale": True}, "opacity": _OPACITY[sure],
        "text": [[_text(one) if one else "" for one in row] for row in found], "texttemplate": "%{text}", "textfont": {"size": 11},
        "customdata": [[_hover(one) if one else "" for one in row] for row in found],
        "hovertemplate": "%{y}, %{x}<br>%{customdata}<extra></extra>", "hoverongaps": False,
    }  # fmt: skip


def _text(one: Square) -> str:
    """The figure, what it rests on, and between what it lies."""
    if one.low is None or one.high is None:
        return f"{one.quality:.2f}<br>as stated"
    return f"{one.quality:.2f} · n {one.n:,}<br>{one.low:.2f} to {one.high:.2f}"


def _hover(one: Square) -> str:
    if one.low is None or one.high is None:
        return f"{one.quality:.3f}, as stated; nothing was measured"
    said = "known well enough to decide on" if one.sure == "known" else f"not enough to decide on (from about {ENOUGH} on)"
    return f"{one.quality:.3f}, between {one.low:.2f} and {one.high:.2f}<br>{one.n:,} measured: {said}"


def _interval(across: int, down: int, one: Square) -> list[dict[str, Any]]:
    """From 0 to 1 across nine tenths of the field; the estimate is a stroke on it."""
    if one.low is None or one.high is None:
        return []
    low, middle, high = (across - 0.45 + 0.9 * value for value in (one.low, one.quality, one.high))
    below = down + 0.36
    return [
        {"type": "line", "x0": low, "x1": high, "y0": below, "y1": below, "line": {"width": 2, "dash": "solid"}},
        {"type": "line", "x0": middle, "x1": middle, "y0": below - 0.07, "y1": below + 0.07, "line": {"width": 2, "dash": "solid"}},
    ]  # fmt: skip


def _table(asked: MatrixAsked, cells: Sequence[Measured], known: Sequence[Estimate], now: float) -> Table:
    """Each measurement by itself, as benchmarks and traffic made it."""
    columns = (
        Column("Model"), Column("Task"), Column("Measured by"), Column("Quality", "score"), Column("n", "count"),
        Column("Cost per solved", "usd"), Column("Median", "ms"), Column("Suite", "code"), Column("Latest", "time"), Column("Holds until", "time"),
        Column("Decided on"),
    )  # fmt: skip
    certain = {(one.model, one.task, one.band): one.is_known for one in known}
    rows = tuple(
        (
            Cell(cell.model, series=cell.model), cell.task, "benchmark" if cell.basis == "benchmark" else "live answers",
            Cell(cell.quality, low=cell.low, high=cell.high), _count(cell), cell.cost_solved, cell.p50_ms, NOTHING if cell.suite is None else cell.suite[:8],
            cell.at, _holds(cell, now), "yes" if certain.get((cell.model, cell.task, cell.band)) else Cell("not yet", "warn"),
        )
        for cell in sorted(cells, key=lambda one: (one.task, one.model, one.band or "", one.basis))
        if cell.band == _BANDS[asked.band] and asked.task in (None, "", cell.task)
    )  # fmt: skip
    note = (
        f"Benchmarks hold {BENCHMARK_HOLDS / 86_400:.0f} days, unless the suite or the provider's version changes before; of live verdicts those of "
        f"{HALF_LIFE / 86_400:.0f} days ago count half. Decided on: benchmarks and live answers together are enough for the next view to go by."
    )
    return Table(
        "cells", "What was measured", columns, rows, f"Nothing was measured in this band. Begin with: {_EXAMPLE}", note, first=25
    )


def _count(cell: Measured) -> Cell | int:
    """Live ones are requests, and can be looked at."""
    if cell.basis == "benchmark":
        return cell.n
    return Cell(
        cell.n, link="/decisions?" + urlencode({"window": "90d", "judged": "judged", "model": cell.model, "task": cell.task})
    )


def _holds(cell: Measured, now: float) -> Cell | str:
    if cell.basis == "live":
        return NOTHING
    until = cell.at + BENCHMARK_HOLDS
    tone: Tone = "bad" if until <= now else "warn" if until - now < _SOON else "plain"
    return Cell(until, tone, note="expired" if until <= now else "")


def _nothing_stated(_model: str, _task: str) -> float | None:
    return None
