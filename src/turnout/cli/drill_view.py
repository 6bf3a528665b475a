"""What a drill shows while it runs, and its report in a few lines of a terminal."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from turnout.drill.measure import quantiles
from turnout.drill.report import Report
from turnout.drill.words import counted, duration, said_target

if TYPE_CHECKING:
    from turnout.build.drill import Progress, Show

BAR = 28
DASH = "-"
LATELY = 60  # answers
PLAIN_EVERY = 5.0
COLOURS = {"before": "cyan", "failing": "bold red", "after": "green", "finishing": "dim"}


@contextmanager
def shown(*, quiet: bool) -> "Iterator[Show]":
    """Where to tell of progress: a picture on a terminal, a line every few seconds elsewhere, on stderr; nothing when quiet."""
    console = Console(stderr=True)
    if quiet:
        yield lambda _: None
    elif console.is_terminal:
        with Live(console=console, auto_refresh=False, transient=True) as screen:
            yield lambda progress: screen.update(picture(progress), refresh=True)
    else:
        last = -PLAIN_EVERY

        def say(progress: "Progress") -> None:
            nonlocal last
            if progress.elapsed - last >= PLAIN_EVERY:
                last = progress.elapsed
                console.print(plain(progress), highlight=False, soft_wrap=True)

        yield say


def phase(progress: "Progress") -> str:
    """Where it is: ``before``, ``failing``, ``after``, or ``finishing`` what is under way."""
    if progress.elapsed >= progress.seconds:
        return "finishing"
    if progress.now < progress.drill.since:
        return "before"
    return "failing" if progress.now < progress.drill.ends else "after"


def plain(progress: "Progress") -> str:
    """One line: ``12 s of 60 s  failing  sent 240  answered 236  lost 0  lately: openai 3, anthropic 57``."""
    lately = ", ".join(f"{name} {count}" for name, count in _lately(progress).most_common())
    passed = min(progress.elapsed, progress.seconds)
    return (
        f"{passed:3.0f} s of {progress.seconds:.0f} s  {phase(progress):9}  sent {progress.sent:,}  answered {progress.answered:,}  "
        f"lost {progress.lost:,}  lately: {lately or 'nothing yet'}"
    )


def picture(progress: "Progress") -> RenderableType:
    """The same for a terminal: how far it is, the figures, and who answers lately."""
    where, drill = phase(progress), progress.drill
    head = Text.assemble(
        (f"{drill.kind.replace('_', ' ')} of {said_target(drill)}", "bold"), f" on {drill.on} traffic   ", (where, COLOURS[where])
    )
    passed = min(progress.elapsed, progress.seconds)
    bar = Table.grid(padding=(0, 1))
    bar.add_row(ProgressBar(progress.seconds, passed, width=60), f"{passed:.0f} s of {progress.seconds:.0f} s")
    took = quantiles(seconds for _, seconds in progress.recent[-LATELY:])
    figures = Text.assemble(
        f"sent {progress.sent:,}   answered {progress.answered:,}   ",
        (f"lost {progress.lost:,}", "bold red" if progress.lost else "green"),
        f"   p50 {took.p50:.1f} s   p95 {took.p95:.1f} s" if took.p50 is not None and took.p95 is not None else "",
    )
    return Group(head, bar, figures, Text("answered lately by", style="dim"), _answering(progress))


def _answering(progress: "Progress") -> Table:
    table = Table.grid(padding=(0, 1))
    lately = _lately(progress)
    total = sum(lately.values()) or 1
    for name in sorted({model.partition("/")[0] for model in progress.by_model}):
        style = "red" if name == progress.drill.provider else "cyan"
        table.add_row(name, Text("█" * round(BAR * lately[name] / total), style=style), f"{lately[name] / total:.0%}")
    return table


def _lately(progress: "Progress") -> Counter[str]:
    return Counter(model.partition("/")[0] for model, _ in progress.recent[-LATELY:])


def summary(report: Report) -> Iterator[str]:
    """The verdict, the figures, what to do."""
    figures = report.figures
    during, usual, over = figures.during, figures.reference, figures.failover
    yield f"{report.verdict}: {report.sentence}"
    left = DASH if not figures.met else duration(over.seconds) if over.seconds is not None else "never"
    yield f"  fail over    {left}; {counted(over.hit, 'request')} met the failure before, {counted(over.probes, 'probe')} after"
    if during.latency_ms.p50 is not None and usual.latency_ms.p50 is not None:
        yield f"  latency      {_pairs(usual.latency_ms, during.latency_ms)}"
    if during.cost_usd is not None and usual.cost_usd:
        yield f"  cost         ${usual.cost_usd * 1000:,.2f} -> ${during.cost_usd * 1000:,.2f} per 1,000 requests ({during.cost_usd / usual.cost_usd - 1:+.0%})"
    if during.quality is not None and usual.quality is not None:
        yield f"  quality      {usual.quality:.1f} -> {during.quality:.1f} of 10 (estimated; suite {report.suite})"
    back = "not seen" if figures.recovery_s is None else duration(figures.recovery_s)
    yield f"  recovery     {back}; {during.amplification or 0:.2f} calls per request during the failure"
    for advice in report.advice:
        yield f"  {advice.weight:6} {f'{advice.route}: ' if advice.route else ''}{advice.title}. {advice.text}"


def _pairs(usual: object, during: object) -> str:
    names = ("p50", "p95", "p99")
    return ", ".join(f"{name} {getattr(usual, name):,.0f} -> {getattr(during, name):,.0f} ms" for name in names)
