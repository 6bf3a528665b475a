"""A report as one HTML file: nothing is loaded from elsewhere, and it prints. Verdict first, then figures, then what to do."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from html import escape
from importlib.resources import files

from turnout.drill.chart import timeline
from turnout.drill.figures import Measurements, Phase, RouteFigures
from turnout.drill.report import Report
from turnout.drill.words import counted, duration, said_target
from turnout.types.money import usd

DASH = "\u2013"
TRAFFIC = {
    "simulated": "simulated models behind this policy; nothing left the machine",
    "mirror": "a copy of live traffic; its answers were dropped",
    "live": "a share of live traffic",
}


def page(report: Report) -> str:
    """The whole document."""
    figures = report.figures
    body = (
        f'<div class="verdict {report.verdict}"><p>{report.verdict}</p><h1>{_unbroken(escape(report.sentence))}</h1></div>',
        f'<div class="cards">{"".join(_cards(figures))}</div>',
        _section("What happened", _legend(figures) + f'<div class="scroll">{timeline(figures)}</div>'),
        _section("What to do", _advice(report)),
        _section("By route", _routes(figures)),
        _section(f"Who answered while {escape(said_target(report.drill))} did not", _served_by(figures)),
        _section("Before, during, after", _phases(figures)),
        _section("How this was measured", _method(report)),
    )
    day = datetime.fromtimestamp(report.at, UTC)
    css = (files("turnout.drill") / "report.css").read_text()
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Drill {escape(report.id)}</title><style>{css}</style></head><body><main>"
        f"<header><span><strong>Turnout</strong> drill report</span><span>{day:%d %B %Y, %H:%M} UTC</span></header>{''.join(body)}"
        f"<footer>{escape(report.id)}. The same figures are in report.json beside this file.</footer></main></body></html>\n"
    )


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>" if content else ""


def _cards(figures: Measurements) -> Iterator[str]:
    during, usual, failover = figures.during, figures.reference, figures.failover
    yield _card(
        "Requests lost", f"{during.lost:,}", f"of {during.requests:,}; {figures.met:,} met the failure", good=not during.lost
    )
    yield _card("Requests saved", f"{figures.saved:,}", "answered by another model instead")
    left = duration(failover.seconds) if failover.seconds is not None else "never"
    yield _card(
        "Time to fail over",
        left if figures.met else DASH,
        f"{counted(failover.hit, 'request')} hit before, {counted(failover.probes, 'probe')} after",
    )
    back = duration(figures.recovery_s) if figures.recovery_s is not None else "not seen"
    yield _card("Time to recover", back if figures.met else DASH, "from the failure's end to its usual share")
    now, then = during.latency_ms, usual.latency_ms
    yield _card(
        "Added latency, median",
        _more_ms(now.p50, then.p50),
        f"p95 {_more_ms(now.p95, then.p95)}, p99 {_more_ms(now.p99, then.p99)}",
    )
    yield _card("Added cost", _more_share(during.cost_usd, usual.cost_usd), _cost_note(during, usual))
    yield _card("Quality", _more(during.quality, usual.quality), _quality_note(during, usual))
    worst = failover.worst_wait_ms or 0.0
    wait = f"the worst waited {duration(worst / 1000)} in vain" if worst >= 1 else "1 is none too many"
    yield _card("Calls per request", _number(during.amplification, 2), wait)


def _card(title: str, figure: str, note: str, *, good: bool | None = None) -> str:
    kind = "" if good is None else " is-good" if good else " is-bad"
    return f'<div class="card{kind}"><h2>{escape(title)}</h2><p>{escape(figure)}</p><small>{escape(note)}</small></div>'


def _cost_note(during: Phase, usual: Phase) -> str:
    if during.cost_usd is None or usual.cost_usd is None:
        return "unknown: a price or a usage is missing"
    missing = f"; {during.unpriced:,} unpriced" if during.unpriced else ""
    return f"{_money(during.cost_usd)} instead of {_money(usual.cost_usd)} per 1,000 requests{missing}"


def _quality_note(during: Phase, usual: Phase) -> str:
    if during.quality is None or usual.quality is None:
        return "unknown for the models that answered"
    return f"{during.quality:.1f} instead of {usual.quality:.1f} of 10, estimated"


def _legend(figures: Measurements) -> str:
    target = escape(said_target(figures.drill))
    entries = (("target", f"answered by {target}"), ("elsewhere", "answered elsewhere"), ("lost", "lost"))
    marks = "".join(f'<span><i style="background:var(--{kind})"></i>{said}</span>' for kind, said in entries)
    return f'<div class="legend">{marks}</div>' if figures.timeline else ""


def _advice(report: Report) -> str:
    if not report.advice:
        return "<p>Nothing: the chain did what it is there for.</p>"
    return f'<ul class="advice">{"".join(_advised(report))}</ul>'


def _advised(report: Report) -> Iterator[str]:
    for each in report.advice:
        where = f"{each.route}: " if each.route else ""
        yield (
            f'<li><span class="tag {each.weight}">{each.weight}</span><div><b>{escape(where + each.title)}</b>'
            f"<p>{_coded(each.text)}</p></div></li>"
        )


def _routes(figures: Measurements) -> str:
    head = (
        "Route", "Requests", "Lost", "Saved", "p95 usually", "during", "$ per 1,000 usually", "during", "Quality usually", "during",
    )  # fmt: skip
    return _table(head, map(_route, figures.routes), numbers_from=1)


def _route(mine: RouteFigures) -> tuple[str, ...]:
    usual, during = mine.reference, mine.during
    lost = f'<span class="bad">{during.lost:,}</span>' if during.lost else "0"
    return (
        f"<b>{escape(mine.name)}</b>", f"{during.requests:,}", lost, f"{mine.saved:,}",
        _seconds(usual.latency_ms.p95), _seconds(during.latency_ms.p95), _money(usual.cost_usd), _money(during.cost_usd),
        _number(usual.quality, 1), _number(during.quality, 1),
    )  # fmt: skip


def _served_by(figures: Measurements) -> str:
    total = sum(figures.served_by.values())
    rows = [
        (escape(model), f'<span style="width:{100 * count / total:.1f}%"></span>', f"{count:,}", f"{count / total:.0%}")
        for model, count in figures.served_by.items()
    ]
    if not rows:
        return ""
    cells = "".join(
        f'<tr><td>{model}</td><td class="share">{bar}</td><td class="n">{count}</td><td class="n">{share}</td></tr>'
        for model, bar, count, share in rows
    )
    return (
        '<div class="scroll"><table><thead><tr><th>Model</th><th></th><th class="n">Answers</th><th class="n">Share</th></tr></thead>'
        f"<tbody>{cells}</tbody></table></div>"
    )


def _phases(figures: Measurements) -> str:
    named = [("Before", figures.before), ("During", figures.during), ("After", figures.after)]
    if figures.beside is not None:
        named.insert(2, ("Beside it, not drilled", figures.beside))
    head = ("", "Requests", "Answered", "Lost", "Otherwise failed", "p50", "p95", "p99", "$ per 1,000", "Calls each")
    return _table(head, (_phase(name, phase) for name, phase in named), numbers_from=1)


def _phase(name: str, phase: Phase) -> tuple[str, ...]:
    took = phase.latency_ms
    return (
        f"<b>{name}</b>", f"{phase.requests:,}", f"{phase.answered:,}", f"{phase.lost:,}", f"{phase.failed_otherwise:,}",
        _seconds(took.p50), _seconds(took.p95), _seconds(took.p99), _money(phase.cost_usd), _number(phase.amplification, 2),
    )  # fmt: skip


def _method(report: Report) -> str:
    drill = report.drill
    share = "" if drill.share >= 1 else f" ({drill.share:.0%} of it)"
    rows = (
        ("Failure", f"{drill.kind.replace('_', ' ')}{f' ({drill.look})' if drill.look else ''} of {said_target(drill)}"),
        ("Traffic", f"{TRAFFIC[drill.on]}{share}"),
        *(_spent(report) if drill.budget is not None else ()),
        ("Where it was made", "inside Turnout, in front of the way out: no provider saw any of it"),
        ("Quality", f"{report.quality_by}; by the route's checks: {report.checks}; by a suite: {report.suite}"),
        ("Compared with", _compared(report.figures)),
        ("Failed over", "once a stretch that usually brings it ten requests brings it one at most (a probe)"),
        ("Policy", report.config),
    )
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{escape(said)}</dd>' for name, said in rows)}</dl>"


def _spent(report: Report) -> Iterator[tuple[str, str]]:
    yield "Spent on copies", f"${report.figures.spent_usd:,.4f} of ${usd(report.drill.budget or 0):,.2f}"


def _compared(figures: Measurements) -> str:
    if figures.reference is figures.before:
        return "traffic before the failure"
    return "the requests that were copied" if figures.drill.on == "mirror" else "traffic beside the drill, at the same time"


def _table(head: Iterable[str], rows: Iterable[tuple[str, ...]], *, numbers_from: int) -> str:
    def cells(tag: str, row: Iterable[str]) -> str:
        return "".join(f"<{tag}{' class=n' if i >= numbers_from else ''}>{cell}</{tag}>" for i, cell in enumerate(row))

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    if not body:
        return ""
    return f'<div class="scroll"><table><thead><tr>{cells("th", head)}</tr></thead><tbody>{body}</tbody></table></div>'


def _coded(text: str) -> str:
    """What stands between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _unbroken(text: str) -> str:
    """No line ends between a figure and its unit."""
    return re.sub(r"(?<=\d) (?=(?:ms|s|min)\b)", "&nbsp;", text)


def _money(dollars: float | None) -> str:
    """What a thousand requests cost, since one costs too little to read."""
    return DASH if dollars is None else f"${dollars * 1000:,.2f}"


def _seconds(ms: float | None) -> str:
    return DASH if ms is None else f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def _more_ms(now: float | None, then: float | None) -> str:
    if now is None or then is None:
        return DASH
    more = round(now - then)
    return f"{_sign(more)}{_seconds(abs(more))}"


def _more_share(now: float | None, then: float | None) -> str:
    if now is None or not then:
        return DASH
    more = round(now / then - 1, 2)
    return f"{_sign(more)}{abs(more):.0%}"


def _more(now: float | None, then: float | None) -> str:
    if now is None or then is None:
        return DASH
    more = round(now - then, 1)
    return f"{_sign(more)}{abs(more):.1f}"


def _sign(more: float) -> str:
    return "+" if more > 0 else "\u2212" if more < 0 else "\u00b1"


def _number(value: float | None, digits: int) -> str:
    return DASH if value is None else f"{value:.{digits}f}"
