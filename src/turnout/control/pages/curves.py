"""Plotly figures of single moments, however far apart: what a trial showed, what a price was. For even buckets see charts."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from turnout.control.pages.blocks import Chart
from turnout.control.pages.charts import COUNTS, Look, plain

_ROOM = 1.15


class Curve(NamedTuple):
    """Values at moments (unix seconds); ``meta`` says its colour (blocks.Chart). ``words`` stand in place of the values when one points at it."""

    name: str
    at: Sequence[float]
    values: Sequence[float | None]
    meta: dict[str, Any]
    words: Sequence[str] = ()
    shape: Literal["linear", "hv"] = "linear"


class Mark(NamedTuple):
    """A line across, and what it means. ``place``: at which end, and on which side of the line, its words are."""

    value: float
    text: str
    place: Literal["left", "right"] = "left"
    below: bool = False


class Band(NamedTuple):
    """Between two values at moments; where one of them is not known there is none."""

    name: str
    at: Sequence[float]
    low: Sequence[float | None]
    high: Sequence[float | None]
    meta: dict[str, Any]


class Frame(NamedTuple):
    """What is around: how numbers on the y axis are written, that axis itself where it is no plain one, lines across, a note below."""

    look: Look = COUNTS
    axis: Mapping[str, Any] = {}
    marks: Sequence[Mark] = ()
    note: str = ""
    height: int = 230


def curves(
    ident: str, title: str, says: str, drawn: Sequence[Curve], zone: ZoneInfo, frame: Frame = Frame(), bands: Sequence[Band] = ()  # noqa: B008  (frozen)
) -> Chart:  # fmt: skip
    """Lines over time, what surrounds them, and what they are to reach."""
    look, marks = frame.look, frame.marks
    data = [trace for band in bands for trace in _band(band, zone, look)] + [_line(one, zone, look) for one in drawn]
    layout = {
        "showlegend": len(drawn) > 1, "legend": {"traceorder": "normal"},
        "xaxis": {"type": "date", "hoverformat": "%a %-d %b, %H:%M:%S"},
        "yaxis": {"tickformat": look.format, "ticksuffix": look.suffix, **frame.axis},
        "shapes": [{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": mark.value, "y1": mark.value} for mark in marks],
        "annotations": [_words(mark) for mark in marks],
        "margin": {"l": 8, "r": 8, "t": 14, "b": 8},
    }  # fmt: skip
    return Chart(ident, title, says, tuple(data), layout, frame.note, frame.height)


def around(values: Iterable[float | None], marks: Iterable[Mark]) -> list[float]:
    """An axis that holds all of them, with room."""
    known = [value for value in values if value is not None] + [mark.value for mark in marks] + [0.0]
    low, high = min(known), max(known)
    spare = (high - low) * (_ROOM - 1) or 0.01
    return [low - spare, high + spare]


def clock(moments: Iterable[float], zone: ZoneInfo) -> list[str]:
    """As the viewer's clock shows them, as Plotly reads them."""
    return [datetime.fromtimestamp(at, zone).replace(tzinfo=None).isoformat(timespec="milliseconds") for at in moments]


def _line(one: Curve, zone: ZoneInfo, look: Look) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "scatter", "mode": "lines+markers" if len(one.at) == 1 else "lines", "name": plain(one.name), "x": clock(one.at, zone),
        "y": list(one.values), "meta": one.meta, "line": {"width": 2, "shape": one.shape}, "marker": {"size": 6},
        "hovertemplate": "%{customdata}" if one.words else f"%{{y:{look.format}}}{look.suffix}",
    }  # fmt: skip
    return {**found, "customdata": list(one.words)} if one.words else found


def _band(band: Band, zone: ZoneInfo, look: Look) -> Iterable[dict[str, Any]]:
    """Two edges with the second filled up to the first: a fill across a gap would be a guess, so gaps are left out beforehand."""
    known = [
        (at, low, high)
        for at, low, high in zip(band.at, band.low, band.high, strict=True)
        if low is not None and high is not None
    ]
    times = clock((at for at, _, _ in known), zone)
    for name, place, more in (("at most", 2, {}), ("at least", 1, {"fill": "tonexty"})):
        yield {
            "type": "scatter", "mode": "lines", "name": f"{plain(band.name)}, {name}", "x": times, "y": [each[place] for each in known], "meta": band.meta,
            "line": {"width": 0}, "showlegend": False, "hovertemplate": f"%{{y:{look.format}}}{look.suffix}", **more,
        }  # fmt: skip


def _words(mark: Mark) -> dict[str, Any]:
    return {
        "text": plain(mark.text), "xref": "paper", "x": 0 if mark.place == "left" else 1, "xanchor": mark.place, "y": mark.value,
        "yanchor": "top" if mark.below else "bottom",
    }  # fmt: skip
