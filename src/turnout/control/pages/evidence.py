"""What a trial has shown, as pages show it: both arms side by side, the e-values on their way to what they must reach, differences over time."""

from collections.abc import Iterable, Sequence
from math import exp, log
from typing import Literal
from zoneinfo import ZoneInfo

from turnout.control.pages.blocks import Cell, Chart, Column, Figure, Table, Tone
from turnout.control.pages.charts import SHARE, Look, size
from turnout.control.pages.curves import Band, Curve, Frame, Mark, around, curves
from turnout.control.pages.seen import NOTHING
from turnout.evidence.continuous import FEWEST
from turnout.types.evidence import METRICS, Evidence, Metric, Reading
from turnout.types.release import Margins, Spec

Test = Literal["harm", "fit"]
NAMES: dict[Metric, str] = {"success": "Answered", "quality": "Good answers", "latency": "Time", "cost": "Cost"}
"""What each metric counts, for people."""
_OF: dict[Metric, str] = {"latency": " of the control's", "cost": " of the control's"}
_MOST_LOG = log(1e6)
"""Beyond a million to one nobody reads on."""
_BEYOND = 2.0
"""How far past its threshold a chart follows a test, in thresholds: what is known stays known."""
_TICKS = (1, 2, 5, 20, 100, 1_000, 10_000, 100_000)
_MS, _DOLLARS = "ms", 3


def readings(evidence: Evidence, ident: str, title: str) -> Table:
    """Both arms, metric by metric, with how far each test is."""
    columns = (
        Column("Metric"), Column("Control"), Column("Candidate"), Column("Difference", "percent"), Column("Harm"),
        Column("No worse"), Column("To go", "count"), Column("Units, control", "count"), Column("Units, candidate", "count"),
    )  # fmt: skip
    rows = tuple(
        (
            NAMES[one.metric], _mean(one, one.control), _mean(one, one.candidate), _difference(one), _progress(one, "harm"), _progress(one, "fit"),
            NOTHING if one.fit_at is None else Cell(0, "good") if one.fits else one.to_go, one.n_control, one.n_candidate,
        )
        for one in evidence.readings
    )  # fmt: skip
    note = (
        "Differences are candidate less control (time and cost: in parts of the control's), between bounds that hold at every moment at once, and "
        f"are known from {FEWEST} units of each arm on. "
        "Harm and no worse are e-values: “20 of 20” comes about with a chance of one in twenty, at most, if it is not so. "
        "To go: further units of the candidate's until it is expected to be shown that it is no worse."
    )
    return Table(ident, title, columns, rows, "Nothing came yet: the first request of the trial begins it.", note)


def ratio(evidence: Evidence) -> Figure:
    """Whether the arms are of the size that was drawn."""
    value = f"{evalue(evidence.mismatch)} of {evalue(evidence.mismatch_at)}"
    said = "requests go past the trial: it pauses" if evidence.mismatched else "the arms are of the size that was drawn"
    return Figure("Sample ratio", value, "text", said, "bad" if evidence.mismatched else "good")


def evalue(logarithm: float) -> str:
    """An e-value of this natural logarithm, in digits that matter."""
    value = exp(min(logarithm, _MOST_LOG))
    if logarithm > _MOST_LOG:
        return f"over {value:,.0f}"
    return f"{value:,.0f}" if value >= 20 else f"{value:.2g}" if value >= 0.01 else "< 0.01"


def processes(points: Sequence[Evidence], test: Test, zone: ZoneInfo) -> Chart | None:
    """The highest e-values so far against what they must reach, on a logarithmic scale; None where no metric has that test."""
    drawn = [one for metric in METRICS if (one := _process(points, metric, test)) is not None]
    if not drawn:
        return None
    known = {threshold for point in points for one in point.readings if (threshold := _needs(one, test)) is not None}
    marks = [Mark(needed, f"{'rolled back' if test == 'harm' else 'shown'} at {evalue(needed)}") for needed in sorted(known)]
    top = max(mark.value for mark in marks)
    peak = max((value for one in drawn for value in one.values if value is not None), default=0.0)
    until = max(1.25 * top, min(1.08 * peak, _BEYOND * top))
    ticks = [tick for tick in _TICKS if log(tick) <= until]
    axis = {
        "range": [-0.03 * until, until],
        "tickvals": [log(tick) for tick in ticks],
        "ticktext": [f"{tick:,}" for tick in ticks],
    }
    title = "Evidence that it does harm" if test == "harm" else "Evidence that it is no worse"
    says = f"{title}: " + ", ".join(f"{one.name} {one.words[-1]}" for one in drawn)
    return curves(test, title, says, drawn, zone, Frame(axis=axis, marks=marks))


def bands(points: Sequence[Evidence], spec: Spec | None, zone: ZoneInfo) -> Iterable[Chart]:
    """For each metric, by how much the candidate differs, as far as it is certain at every moment."""
    for metric in METRICS:
        drawn = [(point.at, point.reading(metric)) for point in points]
        if any(one.low is not None for _, one in drawn):
            yield _band(metric, drawn, spec, zone)


def difference(one: Reading) -> float | None:
    """Candidate less control; of time and cost in parts of the control's."""
    if one.control is None or one.candidate is None:
        return None
    if one.metric in _OF:
        return one.candidate / one.control - 1 if one.control else None
    return one.candidate - one.control


def _band(metric: Metric, drawn: Sequence[tuple[float, Reading]], spec: Spec | None, zone: ZoneInfo) -> Chart:
    times, found = [at for at, _ in drawn], [one for _, one in drawn]
    latest = found[-1]
    differences = [difference(one) for one in found]
    # Before there are bounds a difference means nothing, and its swings would dwarf what follows.
    shown = [value if one.low is not None else None for value, one in zip(differences, found, strict=True)]
    lows, highs = [one.low for one in found], [one.high for one in found]
    marks = list(_margins(metric, spec.margins)) if spec is not None else []
    meta = {"series": NAMES[metric], "faint": True}
    title = f"{NAMES[metric]}: candidate less control{', in parts' if metric in _OF else ''}{_OF.get(metric, '')}"
    says = f"{title}: between {_percent(latest.low)} and {_percent(latest.high)} by now"
    axis = {"range": _settled(lows, highs, marks), "zeroline": True}
    frame = Frame(Look(SHARE), axis, marks, height=200)
    drawn_line = Curve(NAMES[metric], times, shown, meta)
    return curves(f"band-{metric}", title, says, [drawn_line], zone, frame, [Band("bound", times, lows, highs, meta)])


def _settled(lows: Sequence[float | None], highs: Sequence[float | None], marks: Sequence[Mark]) -> list[float]:
    """An axis that holds the later two thirds: the first bounds are as wide as anything can be."""
    known = [(low, high) for low, high in zip(lows, highs, strict=True) if low is not None and high is not None]
    later = known[len(known) // 3 :]
    return around([value for pair in later for value in pair], marks)


def _margins(metric: Metric, margins: Margins) -> Iterable[Mark]:
    """Where a difference begins to be too much; of time no margin is known, its share of slow answers has one."""
    if metric in {"success", "quality"}:
        yield Mark(-getattr(margins, metric), "worse than the margin", "right", below=True)
    elif metric == "cost":
        yield Mark(margins.cost, "dearer than the margin", "right")


def _process(points: Sequence[Evidence], metric: Metric, test: Test) -> Curve | None:
    found = [
        (point.at, value) for point in points if (value := getattr(point.reading(metric), test)) is not None and _needs(point.reading(metric), test) is not None
    ]  # fmt: skip
    if not found:
        return None
    times, values = zip(*found, strict=True)
    return Curve(NAMES[metric], times, values, {"series": NAMES[metric]}, tuple(map(evalue, values)), "hv")


def _needs(one: Reading, test: Test) -> float | None:
    needed: float | None = getattr(one, f"{test}_at")
    return needed


def _progress(one: Reading, test: Test) -> Cell | str:
    """How far a test is, on the scale on which evidence adds up."""
    value, needed = getattr(one, test), _needs(one, test)
    if value is None or needed is None:
        return NOTHING
    crossed = value >= needed
    tone: Tone = "plain" if not crossed else "bad" if test == "harm" else "good"
    return Cell(f"{evalue(value)} of {evalue(needed)}", tone, bar=max(0.0, min(1.0, value / needed)))


def _difference(one: Reading) -> Cell | None:
    value = difference(one)
    if value is None:
        return None
    return Cell(value, low=one.low, high=one.high) if one.low is not None and one.high is not None else Cell(value)


def _mean(one: Reading, value: float | None) -> str | None:
    if value is None:
        return None
    if one.metric == "latency":
        return size(value, _MS)
    return f"${value:.{_DOLLARS}g}" if one.metric == "cost" else _percent(value)


def _percent(value: float | None) -> str:
    return NOTHING if value is None else f"{100 * value:.1f} %"
