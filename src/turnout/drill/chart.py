"""The drill over time, as SVG: who answered, who did not, and how long it took."""

from collections.abc import Iterator
from html import escape

from turnout.drill.figures import Measurements, Moment

WIDTH, LEFT, RIGHT = 960, 46, 10
BARS_TOP, BARS = 34, 150
LINE_TOP, LINE = 226, 74
HEIGHT = LINE_TOP + LINE + 30
STACK = (("by_target", "target"), ("elsewhere", "elsewhere"), ("lost", "lost"))


def timeline(figures: Measurements) -> str:
    """Two panels over one axis of seconds; empty without traffic."""
    moments = figures.timeline
    if not moments:
        return ""
    span = len(moments) * figures.slice_s
    most = max((m.by_target + m.elsewhere + m.lost) / figures.slice_s for m in moments) or 1.0
    slowest = max((m.p95_ms or 0.0) for m in moments) / 1000 or 1.0
    parts = [
        f'<svg class="timeline" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Answers and latency over time">',
        *_window(figures, span),
        *_grid(BARS_TOP, BARS, _nice(most), "requests/s"),
        *_bars(moments, figures.slice_s, _nice(most)),
        *_grid(LINE_TOP, LINE, _nice(slowest), "p95, seconds"),
        *_latency(moments, _nice(slowest)),
        *_seconds(span),
        "</svg>",
    ]
    return "".join(parts)


def _window(figures: Measurements, span: float) -> Iterator[str]:
    """When the failure was in force."""
    start, end = (_x((at - figures.starts) / span) for at in (figures.drill.since, figures.drill.ends))
    start, end = max(start, LEFT), min(max(end, LEFT), WIDTH - RIGHT)
    if end <= start:
        return
    yield f'<rect class="window" x="{start:.1f}" y="{BARS_TOP - 10}" width="{end - start:.1f}" height="{LINE_TOP + LINE - BARS_TOP + 10}"/>'
    yield f'<line class="edge" x1="{start:.1f}" x2="{end:.1f}" y1="{BARS_TOP - 10}" y2="{BARS_TOP - 10}"/>'
    anchor, x = ("start", start + 2) if end - start > 120 else ("middle", min(max((start + end) / 2, 80), WIDTH - 80))
    yield f'<text class="label" x="{x:.1f}" y="{BARS_TOP - 17}" text-anchor="{anchor}">{escape(figures.drill.kind.replace("_", " "))} in force</text>'


def _grid(top: float, height: float, most: float, unit: str) -> Iterator[str]:
    for share in (0.0, 0.5, 1.0):
        y = top + height * (1 - share)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="tick" x="{LEFT - 7}" y="{y + 3.5:.1f}" text-anchor="end">{most * share:g}</text>'
    yield f'<text class="unit" x="{LEFT}" y="{top - (17 if top == BARS_TOP else 8):.1f}">{unit}</text>'


def _bars(moments: tuple[Moment, ...], slice_s: float, most: float) -> Iterator[str]:
    step = (WIDTH - LEFT - RIGHT) / len(moments)
    gap = min(2.0, step * 0.2)
    for i, moment in enumerate(moments):
        y = float(BARS_TOP + BARS)
        for field, kind in STACK:
            height = getattr(moment, field) / slice_s / most * BARS
            if height:
                y -= height
                yield (
                    f'<rect class="{kind}" x="{LEFT + i * step + gap / 2:.1f}" y="{y:.1f}" width="{step - gap:.1f}" height="{height:.1f}">'
                    f"<title>{moment.at:g} s: {getattr(moment, field)} {kind}</title></rect>"
                )


def _latency(moments: tuple[Moment, ...], most: float) -> Iterator[str]:
    points = [
        f"{_x((i + 0.5) / len(moments)):.1f},{LINE_TOP + LINE * (1 - moment.p95_ms / 1000 / most):.1f}"
        for i, moment in enumerate(moments)
        if moment.p95_ms is not None
    ]
    yield f'<polyline class="p95" points="{" ".join(points)}"/>'


def _seconds(span: float) -> Iterator[str]:
    step = next(
        step for step in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 86400) if span / step <= 12 or step == 86400
    )
    for at in range(0, int(span) + 1, step):
        anchor = "end" if at > 0.98 * span else "middle"
        said = f"{at} s" if step < 60 else f"{at // 60} min"
        yield f'<text class="tick" x="{_x(at / span):.1f}" y="{HEIGHT - 12}" text-anchor="{anchor}">{said}</text>'


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _nice(most: float) -> float:
    """The next round number above, so that its half is round too."""
    power = 10.0 ** len(str(int(most))) / 10 if most >= 1 else 0.1
    return next((factor * power for factor in (1, 2, 4, 5, 6, 8, 10) if factor * power >= most), most)
