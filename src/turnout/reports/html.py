"""Parts of a report as one HTML file: it loads nothing, prints, and is dark where the reader's screen is. Looks as drill reports do."""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from itertools import pairwise

from turnout.types.money import PICO_PER_USD

DASH, MINUS, PLUS_MINUS = "\u2013", "\u2212", "\u00b1"
WIDTH, LEFT, TOP, TALL, FOOT = 960, 62, 20, 150, 24


def document(name: str, when: str, body: Iterable[str], foot: str) -> str:
    """The whole file. The style is the drill report's, and what ours needs besides."""
    css = (files("turnout.drill") / "report.css").read_text() + (files("turnout.reports") / "report.css").read_text()
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        f"<title>{escape(name)}</title><style>{css}</style></head><body><main>"
        f"<header><span><strong>Turnout</strong> {escape(name)}</span><span>{escape(when)}</span></header>{''.join(body)}"
        f"<footer>{escape(foot)}</footer></main></body></html>\n"
    )


def verdict(tone: str, word: str, sentence: str) -> str:
    """The one sentence to take away; ``tone`` is passed, failed or inconclusive."""
    return f'<div class="verdict {tone}"><p>{escape(word)}</p><h1>{escape(sentence)}</h1></div>'


def cards(each: Iterable[tuple[str, str, str]]) -> str:
    """Title, figure, note."""
    made = (
        f'<div class="card"><h2>{escape(title)}</h2><p>{escape(figure)}</p><small>{escape(note)}</small></div>'
        for title, figure, note in each
    )
    return f'<div class="cards">{"".join(made)}</div>'


def section(title: str, *content: str) -> str:
    """Nothing where there is no content."""
    return f"<section><h2>{escape(title)}</h2>{''.join(content)}</section>" if any(content) else ""


def said(text: str) -> str:
    """A paragraph; what stands between backticks is code."""
    return f"<p>{coded(text)}</p>"


def coded(text: str) -> str:
    """Escaped, with what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers_from: int = 1, bar: Sequence[float] = ()) -> str:
    """Of plain texts. ``bar``: shares 0..1 to draw behind the first column's right side, one a row."""

    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{' class=n' if place >= numbers_from else ''}>{escape(cell)}</{tag}>" for place, cell in enumerate(row)
        )

    made: list[str] = []
    for place, row in enumerate(rows):
        drawn = f'<td class="share"><span style="width:{100 * min(max(bar[place], 0), 1):.1f}%"></span></td>' if bar else ""
        made.append(f"<tr>{cells('td', row[:1])}{drawn}{_rest(row, numbers_from)}</tr>")
    if not made:
        return ""
    top = cells("th", head[:1]) + ("<th></th>" if bar else "") + _rest(head, numbers_from, "th")
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{"".join(made)}</tbody></table></div>'


def _rest(row: Sequence[str], numbers_from: int, tag: str = "td") -> str:
    return "".join(
        f"<{tag}{' class=n' if place >= numbers_from else ''}>{escape(cell)}</{tag}>" for place, cell in enumerate(row) if place
    )


def advice(items: Iterable[tuple[str, str, str, str]], nothing: str) -> str:
    """Weight (must, should, note), title, text, and what to paste (may be empty)."""
    made = [
        f'<li><span class="tag {weight}">{weight}</span><div><b>{escape(title)}</b><p>{coded(text)}</p>{code(paste) if paste else ""}</div></li>'
        for weight, title, text, paste in items
    ]
    return f'<ul class="advice">{"".join(made)}</ul>' if made else said(nothing)


def code(text: str) -> str:
    """As it is, to be copied."""
    return f"<pre>{escape(text)}</pre>"


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and what is said of them."""
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{coded(text)}</dd>' for name, text in pairs)}</dl>"


def columns(values: Mapping[str, float], unit: str, what: str) -> str:
    """A chart of a value per day (or whatever the keys are), in order. ``unit`` is how the axis is marked."""
    if not values:
        return ""
    most = nice(max(values.values()) or 1.0)
    step = (WIDTH - LEFT - 10) / len(values)
    gap = min(3.0, step * 0.2)
    parts = [f'<svg class="columns" viewBox="0 0 {WIDTH} {TOP + TALL + FOOT}" role="img" aria-label="{escape(what)}">']
    for share in (0.0, 0.5, 1.0):
        y = TOP + TALL * (1 - share)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - 10}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{escape(unit)}{most * share:g}</text>')
    every = -(-len(values) // 12)
    for place, (name, value) in enumerate(values.items()):
        tall = value / most * TALL
        x = LEFT + place * step
        parts.append(
            f'<rect x="{x + gap / 2:.1f}" y="{TOP + TALL - tall:.1f}" width="{step - gap:.1f}" height="{tall:.1f}">'
            f"<title>{escape(name)}: {escape(unit)}{value:,.6g}</title></rect>"
        )
        if place % every == 0:
            parts.append(f'<text x="{x + step / 2:.1f}" y="{TOP + TALL + 17}" text-anchor="middle">{escape(name)}</text>')
    return f'<div class="scroll">{"".join(parts)}</svg></div>'


def interval(middle: float, low: float, high: float, what: str) -> str:
    """A difference with its interval, beside zero."""
    reach = nice(max(abs(low), abs(high), 0.1))

    def x(value: float) -> float:
        return 30 + (value + reach) / (2 * reach) * (WIDTH - 60)

    marks = "".join(
        f'<text x="{x(value):.1f}" y="52" text-anchor="middle">{f"{value:+g}" if value else 0}</text>'
        for value in (-reach, -reach / 2, 0, reach / 2, reach)
    )
    return (
        f'<div class="scroll"><svg class="range" viewBox="0 0 {WIDTH} 58" role="img" aria-label="{escape(what)}">'
        f'<line class="zero" x1="{x(0):.1f}" x2="{x(0):.1f}" y1="4" y2="38"/>'
        f'<line x1="{x(low):.1f}" x2="{x(high):.1f}" y1="21" y2="21"/><circle cx="{x(middle):.1f}" cy="21" r="6"/>{marks}</svg></div>'
    )


def nice(value: float) -> float:
    """The next round number, for an axis."""
    steps = [scale * part for scale in (10.0**power for power in range(-9, 15)) for part in (1, 2, 2.5, 5)]
    return next((upper for lower, upper in pairwise([0.0, *steps]) if lower < value <= upper), value)


def dollars(pico: int | None) -> str:
    """With as many places as tell something; unknown is a word."""
    if pico is None:
        return "unknown"
    usd = pico / PICO_PER_USD
    places = 2 if abs(usd) >= 1 or usd == 0 else 4 if abs(usd) >= 0.01 else 6
    return f"{_sign(usd).strip('+')}${abs(usd):,.{places}f}"


def percent(share: float | None, places: int = 0) -> str:
    return DASH if share is None else f"{share:.{places}%}"


def change(now: float | None, before: float | None) -> str:
    """By how much it grew, in percent."""
    if now is None or not before:
        return DASH
    grown = now / before - 1
    return f"{_sign(grown) or PLUS_MINUS}{abs(grown):.0%}"


def _sign(value: float) -> str:
    return "+" if value > 0 else MINUS if value < 0 else ""


def number(value: float | None, places: int = 1) -> str:
    return DASH if value is None else f"{value:.{places}f}"


def took(ms: float | None) -> str:
    return DASH if ms is None else f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"
