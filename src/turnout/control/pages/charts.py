"""Plotly figures as plain dicts: what is drawn, without colours (blocks.Chart says who chooses these)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from math import floor, log10
from typing import Any, NamedTuple

from turnout.control.pages.blocks import Chart
from turnout.control.pages.times import SECONDS, Per, clock_of
from turnout.store.rollups.sketch import Sketch, edges

USD, COUNT, MS, SHARE = "$,.4~r", ",.4~r", ",.4~r", ".1~%"
"""d3 formats: digits that matter, never exponents."""
_BAR = 0.82
_BINS_PER_DECADE = 16
_NICE = (1, 2, 5)
_LEAST = 12
_LEVEL = 6
_HOVER_DAYS, _HOVER_TIMES = "%a %-d %b %Y", "%a %-d %b, %H:%M"


class Series(NamedTuple):
    """A named row of values, one for each place on the x axis; ``meta`` says its colour and its link (blocks.Chart)."""

    name: str
    values: Sequence[float | None]
    meta: dict[str, Any]


def named(name: str, values: Sequence[float | None], link: str | None = None) -> Series:
    """In the name's own colour."""
    return Series(name, values, {"series": name, "link": link})


def toned(name: str, values: Sequence[float | None], tone: str, link: str | None = None) -> Series:
    return Series(name, values, {"tone": tone, "link": link})


class Look(NamedTuple):
    """How numbers on the y axis are written."""

    format: str = COUNT
    suffix: str = ""


COUNTS = Look()


def stacked(
    ident: str, title: str, says: str, moments: Sequence[datetime], per: Per, series: Sequence[Series], look: Look = COUNTS
) -> Chart:
    """Bars over time, one on the other."""
    width = SECONDS[per] * 1000
    times = clock_of(moments)
    data = tuple(
        {
            "type": "bar", "name": plain(one.name), "x": times, "y": list(one.values), "meta": one.meta, "width": width * _BAR,
            "offset": width * (1 - _BAR) / 2, "hovertemplate": _hover(look),
        }
        for one in series
    )  # fmt: skip
    layout = {
        "barmode": "stack",
        "showlegend": len(series) > 1,
        "legend": {"traceorder": "normal"},
        **_time_axis(moments, per),
        "yaxis": _axis(look),
    }
    return Chart(ident, title, says, data, layout)


def lines(
    ident: str, title: str, says: str, moments: Sequence[datetime], per: Per, series: Sequence[Series], look: Look = COUNTS
) -> Chart:
    """Lines over time; a gap where nothing is known."""
    times = clock_of(moments)
    data = tuple(
        {
            "type": "scatter", "mode": "lines+markers" if len(times) < 40 else "lines", "name": plain(one.name), "x": times, "y": list(one.values),
            "meta": one.meta, "line": {"width": 2, "shape": "linear"}, "marker": {"size": 5}, "hovertemplate": _hover(look),
        }
        for one in series
    )  # fmt: skip
    layout = {
        "showlegend": len(series) > 1,
        "legend": {"traceorder": "normal"},
        **_time_axis(moments, per, before=0.5),
        "yaxis": _axis(look),
    }
    return Chart(ident, title, says, data, layout)


def pie(ident: str, title: str, says: str, parts: Mapping[str, int], links: Mapping[str, str]) -> Chart:
    """Of a whole; the middle says how much that is."""
    data = {
        "type": "pie", "labels": [plain(name) for name in parts], "values": list(parts.values()), "sort": False, "direction": "clockwise", "hole": 0.62,
        "textinfo": "none", "hovertemplate": "%{label}<br>%{value:,} requests, %{percent}<extra></extra>",
        "meta": {"colours": list(parts), "links": [links[name] for name in parts]},
    }  # fmt: skip
    middle = {"text": f"{sum(parts.values()):,}<br>requests", "x": 0.5, "y": 0.5, "font": {"size": 14}}
    return Chart(ident, title, says, (data,), {"showlegend": False, "hovermode": "closest", "annotations": [middle]}, height=220)


def histogram(ident: str, title: str, says: str, values: Sketch, quantiles: Mapping[str, float], unit: str) -> Chart:
    """How many values there were of each size, on a logarithmic scale, with a line at each quantile."""
    bins = _bins(values)
    data = {
        "type": "bar", "x": [(one + 0.5) / _BINS_PER_DECADE for one in bins], "y": list(bins.values()), "width": _BAR / _BINS_PER_DECADE,
        "meta": {"tone": "accent"}, "showlegend": False,
        "customdata": [[size(10 ** (one / _BINS_PER_DECADE), unit), size(10 ** ((one + 1) / _BINS_PER_DECADE), unit)] for one in bins],
        "hovertemplate": "%{customdata[0]} to %{customdata[1]}: %{y:,}<extra></extra>",
    }  # fmt: skip
    marks = [
        {"type": "line", "x0": log10(value), "x1": log10(value), "yref": "paper", "y0": 0, "y1": 1, "label": {"text": ""}}
        for value in quantiles.values()
    ]
    words = [
        {
            "text": f"{name} {size(value, unit)}", "x": log10(value), "yref": "paper", "y": 1.13 - 0.07 * n, "xanchor": "left", "xshift": 4,
            "yanchor": "top",
        }
        for n, (name, value) in enumerate(quantiles.items())
    ]  # fmt: skip
    low, high = min(bins, default=0), max(bins, default=0) + 1
    ticks = [
        nice * 10**power
        for power in range(floor(low / _BINS_PER_DECADE), floor(high / _BINS_PER_DECADE) + 1)
        for nice in _NICE
        if low <= log10(nice * 10**power) * _BINS_PER_DECADE <= high
    ]
    axis = {"tickvals": [log10(tick) for tick in ticks], "ticktext": [size(tick, unit) for tick in ticks]}
    layout = {
        "xaxis": {**axis, "range": [(low - 0.5) / _BINS_PER_DECADE, (high + 4) / _BINS_PER_DECADE]}, "yaxis": _axis(COUNTS),
        "hovermode": "closest", "shapes": marks, "annotations": words, "margin": {"t": 34, "l": 8, "r": 8, "b": 8},
    }  # fmt: skip
    return Chart(ident, title, says, (data,), layout)


def heatmap(
    ident: str, title: str, says: str, across: Sequence[str], down: Sequence[str], values: Sequence[Sequence[float | None]]
) -> Chart:
    """Shares 0..1 by two names; empty where nothing is known."""
    data = {
        "type": "heatmap", "x": [plain(name) for name in across], "y": [plain(name) for name in down], "z": [list(row) for row in values], "zmin": 0, "zmax": 1, "xgap": 3, "ygap": 3,
        "showscale": False, "meta": {"scale": True}, "texttemplate": "%{z:.2f}",
        "hovertemplate": "%{y}, %{x}<br>%{z:.3f}<extra></extra>", "hoverongaps": False,
    }  # fmt: skip
    layout = {
        "hovermode": "closest", "xaxis": {"side": "top", "dtick": 1, "type": "category", "tickangle": -30 if len(across) > _LEVEL else 0},
        "yaxis": {"autorange": "reversed", "showgrid": False, "type": "category", "dtick": 1},
    }  # fmt: skip
    return Chart(ident, title, says, (data,), layout, height=70 + 34 * len(down), least=160 + 56 * len(across))


def ranked(ident: str, title: str, says: str, names: Sequence[str], series: Sequence[Series], look: Look = COUNTS) -> Chart:
    """A bar for each name, from the top down, of parts."""
    data = tuple(
        {
            "type": "bar", "orientation": "h", "name": plain(one.name), "y": [plain(name) for name in names], "x": list(one.values), "meta": one.meta,
            "hovertemplate": f"%{{x:{look.format}}}{look.suffix}",
        }
        for one in series
    )  # fmt: skip
    layout = {
        "barmode": "stack", "hovermode": "y unified", "legend": {"traceorder": "normal"}, "xaxis": {**_axis(look), "showgrid": True}, "showlegend": len(series) > 1,
        "yaxis": {"autorange": "reversed", "showgrid": False, "type": "category", "dtick": 1},
    }  # fmt: skip
    return Chart(ident, title, says, data, layout, height=max(140, 84 + 28 * len(names)))


def _time_axis(moments: Sequence[datetime], per: Per, before: float = 0.0) -> dict[str, Any]:
    """At least a dozen buckets wide: one lonely bar is not the whole of time. ``before``: buckets of room at the left."""
    axis: dict[str, Any] = {"type": "date", "hoverformat": _HOVER_DAYS if per in ("day", "week", "month") else _HOVER_TIMES}
    if moments:
        step = timedelta(seconds=SECONDS[per])
        end = moments[-1] + step
        axis["range"] = clock_of([min(moments[0] - before * step, end - _LEAST * step), end])
    return {"xaxis": axis}


def _axis(look: Look) -> dict[str, Any]:
    return {"tickformat": look.format, "ticksuffix": look.suffix}


def _hover(look: Look) -> str:
    return f"%{{y:{look.format}}}{look.suffix}"


def _bins(values: Sketch) -> dict[int, int]:
    """The sketch's fine buckets in coarser ones, without gaps, by their place on the scale."""
    found: dict[int, int] = {}
    for index, count in values.buckets.items():
        low, high = edges(index)
        place = floor(log10((low * high) ** 0.5) * _BINS_PER_DECADE)
        found[place] = found.get(place, 0) + count
    return {place: found.get(place, 0) for place in range(min(found, default=0), max(found, default=-1) + 1)}


def plain(name: str) -> str:
    """Plotly reads some markup in texts; a name has none."""
    return escape(name, quote=False)


def size(value: float, unit: str) -> str:
    """A time in its unit (us, ms), or the next larger one."""
    for smaller, larger in (("us", "ms"), ("ms", "s")):
        if unit == smaller and value >= 1000:
            value, unit = value / 1000, larger
    return f"{value:.3g} {'µs' if unit == 'us' else unit}"
