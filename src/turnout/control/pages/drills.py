"""The page Drills: what was rehearsed, what came of it, and what is due; one report with its figures and its advice."""

from collections.abc import Iterable
from urllib.parse import quote, urlencode

import msgspec

from turnout.control.pages.blocks import (
    Block,
    Cell,
    Chart,
    Column,
    Figure,
    Figures,
    NoSuchThing,
    Note,
    Page,
    Section,
    Table,
    Tone,
)  # fmt: skip
from turnout.control.pages.sources import Sources
from turnout.drill.current import read
from turnout.drill.figures import Measurements, Phase
from turnout.drill.report import Line, Report, find, kept
from turnout.drill.schedule import SCHEDULE, Scheduled, next_slot, scheduled
from turnout.types.money import PICO_PER_USD

_VERDICTS: dict[str, Tone] = {"passed": "good", "failed": "bad", "inconclusive": "warn"}
_WEIGHTS: dict[str, Tone] = {"must": "bad", "should": "warn"}
_HOW = "turnout drill run outage --provider openai --for 60s"


class DrillsAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With an ``id``: that one's report. The window and zone of other pages say nothing here."""

    id: str | None = None
    window: str = ""
    zone: str = "UTC"


def drills(asked: DrillsAsked, sources: Sources) -> Page:
    """Raises NoSuchThing."""
    now = sources.clock.now()
    if asked.id is None:
        return Page("drills", "Drills", tuple(_all(sources, now)), now)
    report = find(sources.data_dir, asked.id)
    if report is None:
        raise NoSuchThing(f"there is no drill {asked.id!r}; the page Drills lists those that have a report")
    return Page("drills", report.id, tuple(_one(report)), now)


def _all(sources: Sources, now: float) -> Iterable[Section]:
    running = read(sources.data_dir)
    if running is not None and now < running.until:
        yield Section(
            (Note(f"Drill {running.id} is in force: {running.kind.replace('_', ' ')} of {running.provider}.", "warn"),), wide=True
        )
    yield Section((_kept(kept(sources.data_dir)),), wide=True)
    try:
        entries = scheduled(sources.data_dir)
    except msgspec.DecodeError as error:
        yield Section(
            (
                Note(
                    f"The schedule cannot be read, so nothing is begun by it: {error}. It is in drills/{SCHEDULE} of the data directory.",
                    "bad",
                ),
            ),
            wide=True,
        )
    else:
        yield Section((_coming(entries, now),), wide=True)


def _kept(lines: Iterable[Line]) -> Table:
    columns = (Column("Began", "time"), Column("Verdict"), Column("What came of it"), Column("Drill", "code"))
    rows = tuple(
        (
            line.at,
            Cell(line.verdict, _VERDICTS[line.verdict]),
            line.sentence,
            Cell(line.id, link=f"/drills/{quote(line.id, safe='')}"),
        )
        for line in lines
    )
    return Table(
        "reports", "Reports", columns, rows, f"Nothing was rehearsed yet. Let a provider fail, on simulated models and at no cost: {_HOW}"
    )  # fmt: skip


def _coming(entries: Iterable[Scheduled], now: float) -> Table:
    columns = (Column("Next", "time"), Column("Every"), Column("What"), Column("Of"), Column("On"), Column("Id", "code"))
    rows = tuple(
        (next_slot(entry, now), entry.every, entry.drill.kind.replace("_", " "), entry.drill.provider, entry.drill.on, entry.id)
        for entry in entries
    )
    return Table(
        "schedule", "Scheduled", columns, rows, "Nothing is scheduled. `turnout drill schedule outage --provider openai` begins a habit: once a month."
    )  # fmt: skip


def _one(report: Report) -> Iterable[Section]:
    figures = report.figures
    tone = _VERDICTS[report.verdict]
    yield Section((Note(report.sentence, tone), Figures((*_aim(report), *_figures(figures)))), wide=True)
    if figures.timeline:
        yield Section((_timeline(figures),), wide=True)
    yield Section((_advice(report),), wide=True)
    yield Section((_routes(figures), _phases(figures)), wide=True)
    yield Section(tuple(_served(figures)))


def _aim(report: Report) -> Iterable[Figure]:
    """What was drilled; its requests are in the ledger unless all of it was simulated apart."""
    drill = report.drill
    link = None if drill.on == "simulated" else "/decisions?" + urlencode({"window": "400d", "copies": "with", "drill": drill.id})
    yield Figure("Began", report.at, "time", f"on {drill.on} traffic", link=link)
    what = ", ".join(name for name in (drill.provider, drill.model, drill.region) if name not in {None, "*"}) or "every provider"
    yield Figure("What", drill.kind.replace("_", " "), "text", f"of {what}")


def _figures(figures: Measurements) -> Iterable[Figure]:
    during, usual, failover = figures.during, figures.reference, figures.failover
    yield Figure("Requests during it", during.requests, "count")
    yield Figure("Lost", during.lost, "count", tone="bad" if during.lost else "good")
    yield Figure("Answered elsewhere", figures.saved, "count")
    yield Figure(
        "Failed over within",
        None if failover.seconds is None else failover.seconds * 1000,
        "ms",
        f"{failover.hit:,} requests met it before",
    )
    yield Figure(
        "Back after",
        None if figures.recovery_s is None else figures.recovery_s * 1000,
        "ms",
        "from the failure's end to its usual share",
    )
    yield Figure("p95 during it", during.latency_ms.p95, "ms", _usually(usual.latency_ms.p95, " ms"))
    yield Figure("Cost of a request", _pico(during.cost_usd), "usd", f"{during.unpriced:,} unpriced" if during.unpriced else "")
    yield Figure("Quality, estimated", during.quality, "score", _usually(usual.quality, " of 10"))
    yield Figure("Calls per request", during.amplification, "score")


def _usually(value: float | None, unit: str) -> str:
    return "" if value is None else f"usually {value:,.1f}{unit}"


def _timeline(figures: Measurements) -> Chart:
    at = [moment.at for moment in figures.timeline]
    parts = (("by what was drilled", "by_target", "plain"), ("elsewhere", "elsewhere", "good"), ("lost", "lost", "bad"))
    data = tuple(
        {
            "type": "bar", "name": name, "x": at, "y": [getattr(moment, field) for moment in figures.timeline],
            "meta": {"tone": tone} if tone != "plain" else {"series": name},
        }
        for name, field, tone in parts
    )  # fmt: skip
    layout = {
        "barmode": "stack",
        "xaxis": {"title": {"text": "seconds"}},
        "yaxis": {"title": {"text": f"requests per {figures.slice_s:g} s"}},
    }
    return Chart("timeline", "Who answered", f"{figures.during.lost} requests were lost during the failure", data, layout)


def _advice(report: Report) -> Table:
    columns = (Column("Weight"), Column("Route"), Column("What"), Column("Why"))
    rows = tuple((Cell(one.weight, _WEIGHTS.get(one.weight, "plain")), one.route, one.title, one.text) for one in report.advice)
    return Table("advice", "What to change", columns, rows, "Nothing: the chain did what it is there for.")


def _routes(figures: Measurements) -> Table:
    columns = (
        Column("Route"), Column("Requests", "count"), Column("Lost", "count"), Column("Saved", "count"), Column("p95 usually", "ms"),
        Column("p95 during", "ms"), Column("Cost usually", "usd"), Column("Cost during", "usd"),
    )  # fmt: skip
    rows = tuple(
        (
            mine.name, mine.during.requests, Cell(mine.during.lost, "bad" if mine.during.lost else "plain"), mine.saved,
            mine.reference.latency_ms.p95, mine.during.latency_ms.p95, _pico(mine.reference.cost_usd), _pico(mine.during.cost_usd),
        )
        for mine in figures.routes
    )  # fmt: skip
    return Table("routes", "By route", columns, rows, "No route had traffic.")


def _phases(figures: Measurements) -> Table:
    named = [("before", figures.before), ("during", figures.during), ("after", figures.after)]
    if figures.beside is not None:
        named.append(("beside it, not drilled", figures.beside))
    columns = (
        Column("Stretch"), Column("Requests", "count"), Column("Answered", "count"), Column("Lost", "count"), Column("Failed otherwise", "count"),
        Column("p50", "ms"), Column("p95", "ms"), Column("p99", "ms"), Column("Cost", "usd"),
    )  # fmt: skip
    return Table("phases", "By stretch", columns, tuple(_phase(name, phase) for name, phase in named), "Nothing was measured.")


def _phase(name: str, phase: Phase) -> tuple[str | float | None, ...]:
    took = phase.latency_ms
    return (
        name, phase.requests, phase.answered, phase.lost, phase.failed_otherwise, took.p50, took.p95, took.p99, _pico(phase.cost_usd),
    )  # fmt: skip


def _served(figures: Measurements) -> Iterable[Block]:
    total = sum(figures.served_by.values())
    rows = tuple(
        (Cell(model, series=model), Cell(count, bar=count / total), count / total) for model, count in figures.served_by.items()
    )
    columns = (Column("Model"), Column("Answers", "count"), Column("Share", "percent"))
    yield Table("served", "Who answered during it", columns, rows, "Nobody answered.")


def _pico(dollars: float | None) -> int | None:
    return None if dollars is None else round(dollars * PICO_PER_USD)
