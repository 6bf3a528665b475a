"""The page Latency: how long answers, first tokens and decisions take."""

from collections.abc import Iterable
from typing import Literal

from turnout.control.pages import charts
from turnout.control.pages.asked import Asked, calls_link, requests_link
from turnout.control.pages.blocks import Cell, Chart, Column, Figure, Figures, Format, Page, Section, Table
from turnout.control.pages.seen import Seen, filters, name_of, see
from turnout.control.pages.sources import Sources
from turnout.control.pages.times import each
from turnout.store.rollups import sums
from turnout.store.rollups.cells import Cell as Sum
from turnout.store.rollups.sketch import Sketch

QUANTILES = {"P50": 0.5, "P95": 0.95, "P99": 0.99}
_EMPTY = "No answered requests in this window. Send one through the gateway, or run turnout demo."
_MILLISECONDS = charts.Look(charts.MS, " ms")


class LatencyAsked(Asked, frozen=True, kw_only=True):
    window: Literal["15m", "1h", "6h", "24h", "7d", "30d", "90d", "400d"] = "24h"


def latency(asked: LatencyAsked, sources: Sources) -> Page:
    seen = see(asked, sources)
    total = seen.total
    sections = (
        Section((filters(asked, seen),)),
        Section((_figures(total),)),
        Section((_histogram("durations", "Time to the whole answer", total.duration, "ms"),)),
        Section((_histogram("first-tokens", "Time to the first token", total.first_token, "ms"),)),
        Section((_trend(seen),)),
        Section((_histogram("decisions", "Turnout's own time to decide", total.decision, "us"),)),
        Section((_by_model(asked, seen),), wide=True),
        Section((_by_route(asked, seen),), wide=True),
    )
    return Page("latency", "Latency", sections, seen.now, seen.asof)


def _figures(total: Sum) -> Figures:
    def figure(name: str, values: Sketch, q: float, unit: Format, note: str = "") -> Figure:
        return Figure(name, values.quantile(q), unit, note)

    p99 = total.decision.quantile(0.99)
    return Figures(
        (
            figure("Latency p50", total.duration, 0.5, "ms", f"of {total.duration.n:,} answered requests"),
            figure("Latency p95", total.duration, 0.95, "ms"),
            figure("Latency p99", total.duration, 0.99, "ms"),
            figure("First token p50", total.first_token, 0.5, "ms", f"of {total.first_token.n:,} streams"),
            figure("First token p95", total.first_token, 0.95, "ms"),
            figure("Deciding p50", total.decision, 0.5, "us", f"p99 {charts.size(p99, 'us')}" if p99 is not None else ""),
        )
    )


def _histogram(ident: str, title: str, values: Sketch, unit: str) -> Chart:
    quantiles = {name: found for name, q in QUANTILES.items() if (found := values.quantile(q)) is not None}
    sizes = ", ".join(f"{name} {charts.size(value, unit)}" for name, value in quantiles.items()) or "nothing yet"
    return charts.histogram(ident, title, f"{title}, {values.n:,} values: {sizes}.", values, quantiles, unit)


def _trend(seen: Seen) -> Chart:
    found = seen.by_time(seen.per)
    totals = [sums.cells(slices).get((), Sum()) for slices in found.values()]
    series = (
        charts.toned("p50", [cell.duration.quantile(0.5) for cell in totals], "accent"),
        charts.toned("p95", [cell.duration.quantile(0.95) for cell in totals], "warn"),
        charts.toned("first token p50", [cell.first_token.quantile(0.5) for cell in totals], "quiet"),
    )
    last = next((f"{value:,.0f} ms" for value in reversed(series[1].values) if value is not None), "unknown")
    return charts.lines(
        "trend", f"Latency {each(seen.per)}", f"p95 was {last} at last.", list(found), seen.per, series, _MILLISECONDS
    )


def _by_model(asked: LatencyAsked, seen: Seen) -> Table:
    by_model = {group[0]: calls for group, calls in sums.calls(seen.slices, "model").items() if calls.duration.n}
    longest = max((calls.duration.quantile(0.95) or 0 for calls in by_model.values()), default=0)
    rows = tuple(
        (
            Cell(model, link=calls_link(asked, called=model), series=model),
            calls.duration.n,
            *_quantiles(calls.duration, calls.first_token, longest),
        )
        for model, calls in sorted(by_model.items(), key=lambda item: (-item[1].duration.n, item[0]))
    )
    empty = "No upstream calls in this window, or the filter is one that calls do not know (they know route and model)."
    return Table(
        "models",
        "Upstream calls by model",
        _columns("Model", "Calls"),
        rows,
        empty,
        "Of calls without a fault: what the provider took, without Turnout and without earlier attempts.",
    )


def _by_route(asked: LatencyAsked, seen: Seen) -> Table:
    by_route = {group[0]: cell for group, cell in sums.cells(seen.slices, "route").items() if cell.duration.n}
    longest = max((cell.duration.quantile(0.95) or 0 for cell in by_route.values()), default=0)
    rows = tuple(
        (
            Cell(name_of(route), link=None if route is None else requests_link(asked, route=route)), cell.duration.n, *_quantiles(cell.duration, cell.first_token, longest),
            cell.decision.quantile(0.5),
        )
        for route, cell in sorted(by_route.items(), key=lambda item: (-item[1].duration.n, name_of(item[0])))
    )  # fmt: skip
    columns = (*_columns("Route", "Requests"), Column("Deciding p50", "us"))
    return Table("routes", "Requests by route", columns, rows, _EMPTY, "What callers waited, all attempts included.")


def _columns(name: str, count: str) -> tuple[Column, ...]:
    times: Iterable[str] = ("p50", "p95", "p99", "Mean", "First token p50", "First token p95")
    return Column(name), Column(count, "count"), *(Column(time, "ms") for time in times)


def _quantiles(duration: Sketch, first_token: Sketch, longest: float) -> tuple[Cell | float | None, ...]:
    p95 = duration.quantile(0.95)
    return (
        duration.quantile(0.5), Cell(p95, bar=p95 / longest if p95 and longest else None), duration.quantile(0.99), duration.mean,
        first_token.quantile(0.5), first_token.quantile(0.95),
    )  # fmt: skip
