"""The page Quality: what was thought of answers, by model and task, what became worse, and what went wrong."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

from turnout.control.pages import charts
from turnout.control.pages.accuracy import accuracy_figures, accuracy_table, cheaper_of
from turnout.control.pages.asked import Asked, calls_link, requests_link
from turnout.control.pages.blocks import Block, Cell, Chart, Column, Figure, Figures, Note, Page, Section, Table
from turnout.control.pages.seen import Seen, filters, leading, listed, name_of, ratio, see
from turnout.control.pages.sources import Sources
from turnout.control.pages.times import Per, each
from turnout.feedback.accuracy import Cheaper, share
from turnout.feedback.collapse import BEFORE, RECENT, Drop, Sums, find_drops
from turnout.store.rollups import sums
from turnout.store.rollups.cells import Cell as Sum
from turnout.types.seconds import HOUR, MINUTE

_TEACH = (
    "Nobody has said anything of these answers yet. Applications say it with POST /v1/feedback, and a route's online checks and judge say it by themselves "
    "(online: in the policy)."
)
_EXAMPLE = 'curl -X POST $TURNOUT/v1/feedback -H \'content-type: application/json\' -d \'{"request_id": "...", "kind": "thumb", "value": 1}\''
_MOST_KINDS = 6
_MOST_ACROSS = 12
_PERS: dict[str, Per] = {"1h": "minute", "24h": "hour", "7d": "day", "30d": "day", "90d": "week", "400d": "month"}
"""A point needs some verdicts."""


class QualityAsked(Asked, frozen=True, kw_only=True):
    window: Literal["1h", "24h", "7d", "30d", "90d", "400d"] = "7d"


def quality(asked: QualityAsked, sources: Sources) -> Page:
    seen = see(asked, sources)
    drops = _drops(asked, sources, seen.now)
    cheaper = cheaper_of(asked, seen, sources)
    sections = [
        Section((filters(asked, seen),)),
        Section((_figures(asked, seen, drops, cheaper),)),
        Section(_matrix(asked, seen), wide=True),
        Section((accuracy_table(seen, cheaper),), "Routing accuracy", wide=True),
        Section((_trend(asked, seen),)),
        Section((_drop_table(drops),)),
        Section((_faults(asked, seen), _fault_table(asked, seen)), "What goes wrong upstream", wide=True),
    ]
    alerts = tuple(Note(_in_words(name, drop), "bad") for name, drop in drops)
    return Page("quality", "Quality", tuple(sections), seen.now, seen.asof, alerts=alerts)


def _figures(asked: QualityAsked, seen: Seen, drops: "_Drops", cheaper: tuple[Cheaper, ...]) -> Figures:
    total = seen.total
    answered = total.ok + total.cut
    mean = share(total.verdicts, total.graded)
    interval = f"{total.graded:,} verdicts" + (f", 95 %: {100 * mean.low:.1f} to {100 * mean.high:.1f} %" if mean else "")
    calls = sums.calls(seen.slices).get(())
    faulty = sum(calls.faults.values()) if calls else 0
    return Figures(
        (
            Figure("Mean verdict", mean.share if mean else None, "percent", interval, link=requests_link(asked, judged="judged")),
            *accuracy_figures(asked, total, cheaper),
            Figure("Graded", ratio(total.graded, answered), "percent", f"{total.graded:,} of {answered:,} answers"),
            Figure("Not acceptable", total.graded - total.acceptable, "count", "a verdict below 0.5", link=requests_link(asked, judged="bad")),
            Figure("Became worse", len(drops), "count", "in the last hour, against the week before", "bad" if drops else "plain"),
            Figure("Calls with a fault", ratio(faulty, calls.calls) if calls else None, "percent", f"{faulty:,} of {calls.calls if calls else 0:,} upstream calls", "warn" if faulty else "plain"),
        )
    )  # fmt: skip


def _matrix(asked: QualityAsked, seen: Seen) -> tuple[Block, ...]:
    by_both = {
        (name_of(model), task or "unknown"): cell
        for (model, task), cell in sums.cells(seen.slices, "model", "task").items()
        if model is not None and cell.requests
    }
    graded = {names: cell for names, cell in by_both.items() if cell.graded}
    table = _matrix_table(asked, by_both)
    if not graded:
        return (Note(_TEACH, command=_EXAMPLE), table)
    models, tasks = (_most_graded(graded, n) for n in (0, 1))
    values = [[(one.verdicts / one.graded if (one := graded.get((model, task))) else None) for task in tasks] for model in models]
    says = "Mean verdict by model and task: " + listed(
        (f"{model} for {task}", f"{cell.verdicts / cell.graded:.2f}") for (model, task), cell in graded.items()
    )
    return charts.heatmap("matrix", "Mean verdict, 0 to 1", says, tasks, models, values), table


def _most_graded(graded: Mapping[tuple[str, str], Sum], n: int) -> list[str]:
    """The models (0) or tasks (1) with most verdicts, as many as can be seen at once, by name."""
    counts: dict[str, int] = {}
    for names, cell in graded.items():
        counts[names[n]] = counts.get(names[n], 0) + cell.graded
    return sorted(sorted(counts, key=lambda name: -counts[name])[:_MOST_ACROSS])


def _matrix_table(asked: QualityAsked, by_both: Mapping[tuple[str, str], Sum]) -> Table:
    rows = []
    for (model, task), cell in sorted(by_both.items(), key=lambda item: (-item[1].graded, -item[1].requests, item[0])):
        mean = share(cell.verdicts, cell.graded)
        rows.append(
            (
                Cell(model, link=None if task == "unknown" else requests_link(asked, model=model, task=task), series=model),
                task,
                Cell(mean.share, low=mean.low, high=mean.high) if mean else None,
                cell.graded,
                cell.requests,
                Cell(ratio(cell.failed + cell.cut, cell.requests), "bad" if cell.failed + cell.cut else "plain"),
                Cell(cell.graded - cell.acceptable if cell.graded else None, link=requests_link(asked, model=model, task=task, judged="bad") if cell.graded > cell.acceptable and task != "unknown" else None),
            )
        )  # fmt: skip
    columns = (
        Column("Model"), Column("Task"), Column("Mean verdict", "score"), Column("Verdicts", "count"), Column("Requests", "count"),
        Column("Errors", "percent"), Column("Not acceptable", "count"),
    )  # fmt: skip
    note = "Intervals are Wilson's, 95 %: wide ones mean that few have said anything. Verdicts are those of users, judges, checks and implicit signals, the best known of each answer."
    return Table("matrix", "By model and task", columns, tuple(rows), "No answers in this window. " + _TEACH, note, first=12)


def _trend(asked: QualityAsked, seen: Seen) -> Chart:
    per = _PERS[asked.window]
    found = seen.by_time(per)
    cells = {moment: sums.cells(slices, "model") for moment, slices in found.items()}
    graded: dict[str, int] = {}
    for row in cells.values():
        for group, cell in row.items():
            if group[0] is not None and cell.graded:
                graded[group[0]] = graded.get(group[0], 0) + cell.graded
    series = [charts.named(model, [_mean(row.get((model,))) for row in cells.values()]) for model in leading(graded, graded)]
    says = f"Mean verdict {each(per)} of {len(series)} models."
    moments: list[datetime] = list(cells) if series else []
    return charts.lines("trend", f"Mean verdict {each(per)}", says, moments, per, series, charts.Look(".2~f"))


def _mean(cell: Sum | None) -> float | None:
    return cell.verdicts / cell.graded if cell is not None and cell.graded else None


_Drops = tuple[tuple[tuple[str | None, str], Drop], ...]


def _drops(asked: QualityAsked, sources: Sources, now: float) -> _Drops:
    """Each route's models: the last hour against the week before, whatever the window."""
    begin = int(now - RECENT) // MINUTE * MINUTE
    recent = sources.ledger.slices(begin, int(now) + 1, MINUTE)
    before = sources.ledger.slices(int(begin - BEFORE) // HOUR * HOUR, begin // HOUR * HOUR, HOUR)
    found = [sums.only(slices, **asked.where) if asked.where else slices for slices in (recent, before)]
    by_both = [
        {(route, model): Sums(cell.ok + cell.cut, cell.graded, cell.verdicts) for (route, model), cell in sums.cells(slices, "route", "model").items() if model is not None}
        for slices in found
    ]  # fmt: skip
    return find_drops(*by_both)


def _drop_table(drops: _Drops) -> Table:
    rows = tuple(
        (
            name_of(route), Cell(model, series=model), "verdicts" if drop.measure == "verdict" else "complaints",
            drop.before.share, Cell(drop.recent.share, "bad", low=drop.recent.low, high=drop.recent.high), Cell(drop.change, "bad", low=drop.low, high=drop.high),
        )
        for (route, model), drop in drops
    )  # fmt: skip
    columns = (
        Column("Route"), Column("Model"), Column("By"), Column("Week before", "percent"), Column("Last hour", "percent"), Column("Change", "percent"),
    )  # fmt: skip
    empty = "Nothing has become worse: no route's model has, in the last hour, verdicts or complaints that differ with certainty from the week before."
    return Table(
        "drops",
        "What became worse",
        columns,
        rows,
        empty,
        "Told only where the 99.9 % interval of the change excludes chance." if rows else "",
    )


def _in_words(name: tuple[str | None, str], drop: Drop) -> str:
    route, model = name
    what = "its mean verdict fell" if drop.measure == "verdict" else "the share of complaints rose"
    return f"{model} on route {name_of(route)} has become worse: in the last hour {what} from {100 * drop.before.share:.1f} % to {100 * drop.recent.share:.1f} %."


def _kinds(faults: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """All kinds of faults, the most frequent first."""
    counts: dict[str, int] = {}
    for one in faults:
        for kind, count in one.items():
            counts[kind] = counts.get(kind, 0) + count
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _faults(asked: QualityAsked, seen: Seen) -> Chart:
    by_model = {group[0]: calls for group, calls in sums.calls(seen.slices, "model").items() if calls.faults}
    shares = {model: {kind: count / calls.calls for kind, count in calls.faults.items()} for model, calls in by_model.items()}
    models = sorted(shares, key=lambda model: -sum(shares[model].values()))
    kinds = list(_kinds(calls.faults for calls in by_model.values()))
    series = [
        charts.named(kind, [shares[model].get(kind, 0.0) for model in models], calls_link(asked, fault=kind))
        for kind in kinds[:_MOST_KINDS]
    ]
    if kinds[_MOST_KINDS:]:
        series.append(
            charts.named("others", [sum(shares[model].get(kind, 0.0) for kind in kinds[_MOST_KINDS:]) for model in models])
        )
    says = "Share of upstream calls with a fault: " + (
        listed((model, f"{100 * sum(shares[model].values()):.1f} %") for model in models) or "none"
    )
    return charts.ranked(
        "faults", "Share of calls with a fault, by kind", says, models if series else [], series, charts.Look(charts.SHARE)
    )


def _fault_table(asked: QualityAsked, seen: Seen) -> Table:
    rows = tuple(
        (
            Cell(group[0], link=calls_link(asked, called=group[0]), series=group[0]), calls.calls, sum(calls.faults.values()),
            Cell(ratio(sum(calls.faults.values()), calls.calls), "bad" if calls.faults else "plain"),
            listed(((kind, f"{count:,}") for kind, count in _kinds([calls.faults]).items())) or None,
        )
        for group, calls in sorted(sums.calls(seen.slices, "model").items(), key=lambda item: (-sum(item[1].faults.values()), item[0]))
    )  # fmt: skip
    columns = (
        Column("Model"),
        Column("Calls", "count"),
        Column("With a fault", "count"),
        Column("Share", "percent"),
        Column("Kinds"),
    )
    empty = "No upstream calls in this window, or the filter is one that calls do not know (they know route and model)."
    return Table("faults", "Calls by model", columns, rows, empty, first=10)
