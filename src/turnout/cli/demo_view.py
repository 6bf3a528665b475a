"""What the demo shows: what goes where, what it costs, what was saved. Figures in, text out."""

from collections.abc import Iterator

import msgspec
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from turnout.sim.policy import Ports
from turnout.sim.savings import Savings
from turnout.sim.traffic import Tally

BAR = 30


class Share(msgspec.Struct, frozen=True):
    """What one model had of the requests."""

    name: str
    requests: int
    errors: int
    cost_usd: float


class Quantiles(msgspec.Struct, frozen=True):
    """Milliseconds."""

    p50: float | None
    p95: float | None


class Summary(msgspec.Struct, frozen=True):
    """What this view reads of ``GET /api/summary``. ``errors``: failed or cut."""

    requests: int
    requests_per_s: float
    errors: int
    fallbacks: int
    cost_usd: float
    unpriced: int
    outcomes: dict[str, int]
    latency_ms: Quantiles
    decision_us_p50: float | None
    models: tuple[Share, ...]


class Line(msgspec.Struct, frozen=True):
    """One request of ``GET /api/requests``."""

    route: str | None
    reason: str | None
    model: str | None
    outcome: str
    task: str | None
    band: str | None
    duration_ms: float
    cost_usd: float | None


class Lines(msgspec.Struct, frozen=True):
    """The answer of ``GET /api/requests``."""

    requests: tuple[Line, ...]


class Figures(msgspec.Struct, frozen=True):
    """All that one picture needs. ``summary``/``recent`` are the ledger's, ``invoice_usd``/``faults`` the providers' own count."""

    elapsed: float
    summary: Summary
    recent: tuple[Line, ...]
    tally: Tally
    savings: Savings | None
    invoice_usd: float
    faults: dict[str, int]
    outage: str | None = None

    @property
    def saved_requests(self) -> int:
        """Requests whose first model failed and that a fallback answered."""
        return self.summary.fallbacks


def live(figures: Figures, ports: Ports) -> RenderableType:
    """The picture while the demo runs."""
    summary = figures.summary
    head = Text.assemble(
        (f"{summary.requests:,} requests", "bold"), f"  {summary.requests_per_s:.0f}/s   ",
        f"p50 {_ms(summary.latency_ms.p50)}  p95 {_ms(summary.latency_ms.p95)}   ",
        (f"{figures.saved_requests} saved by a fallback", "green"), "   ",
        (f"{_failed(figures)} failed", "red" if _failed(figures) else "dim"),
    )  # fmt: skip
    note = Text(f"outage: {figures.outage} answers 503", "bold red") if figures.outage else Text("all providers up", "dim")
    where = Text(f"{_api(ports)}    dashboard http://127.0.0.1:{ports.control}/", "dim")
    parts: list[RenderableType] = [
        head,
        note,
        _distribution(summary),
        Text("\n".join(_money(figures))),
        _recent(figures.recent),
        where,
    ]
    return Panel(Group(*parts), title=f"turnout demo  {figures.elapsed:.0f} s", title_align="left")


def plain(figures: Figures, ports: Ports, dashboard: str) -> str:
    """The summary at the end; no colours, no width, fit for a log."""
    summary = figures.summary
    serving = [share for share in summary.models if share.requests]
    lines = [
        f"demo: {figures.elapsed:.0f} s, {summary.requests} requests, {figures.tally.ok} answered well, {_failed(figures)} failed",
        f"models serving: {len(serving)}",
        *(f"  {share.name:24} {share.requests / max(1, summary.requests):6.1%}  ${share.cost_usd:.5f}" for share in serving),
        f"fallbacks: {figures.saved_requests} requests saved ({sum(figures.faults.values())} provider faults: {_counts(figures.faults)})",
        *_money(figures),
        f"latency: p50 {_ms(summary.latency_ms.p50)}, p95 {_ms(summary.latency_ms.p95)}, decision p50 {_us(summary.decision_us_p50)}",
        f"cost: ledger ${summary.cost_usd:.4f}{_unknown(summary.unpriced)}, the providers' invoice ${figures.invoice_usd:.4f}",
    ]
    if figures.tally.errors or figures.tally.malformed:
        lines.append(f"problems: {_counts(dict(figures.tally.errors + figures.tally.malformed))}")
    return "\n".join([*lines, _api(ports), f"dashboard: {dashboard}"])


def _distribution(summary: Summary) -> Table:
    table = Table(box=None, padding=(0, 1), show_header=False)
    for share in sorted(summary.models, key=lambda share: -share.requests)[:10]:
        part = share.requests / max(1, summary.requests)
        bar = Text("█" * max(1, round(part * BAR)), "cyan")
        table.add_row(
            share.name,
            bar,
            f"{part:.1%}",
            f"${share.cost_usd:.5f}",
            Text(f"{share.errors} failed", "red") if share.errors else "",
        )
    return table


def _recent(lines: tuple[Line, ...]) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim")
    for column in ("route", "task", "band", "model", "why", "cost", "ms"):
        table.add_column(column, justify="right" if column in {"cost", "ms"} else "left", no_wrap=True)
    for line in lines[:8]:
        cost = "?" if line.cost_usd is None else f"${line.cost_usd:.6f}"
        style = "red" if line.outcome in {"failed", "cut"} else "green" if line.reason == "fallback" else ""
        row = (line.route, line.task, line.band, line.model, line.reason, cost, f"{line.duration_ms:.0f}")
        table.add_row(*(cell or "-" for cell in row), style=style)
    return table


def _money(figures: Figures) -> Iterator[str]:
    """The gain beside its two controls."""
    found = figures.savings
    if found is None:
        yield "savings: no graded answer yet"
        return
    yield f"routed:             ${found.routed.cost:8.4f}  expected right {found.routed.quality:.1%}   ({found.requests} graded answers)"
    yield (
        f"all on the best:    ${found.best.cost:8.4f}  expected right {found.best.quality:.1%}   "
        f"saved {found.against_best:.0%} of {found.best_model}"
    )
    yield (
        f"same at random:     ${found.same_spend.cost:8.4f}  expected right {found.same_spend.quality:.1%}   "
        f"routing gained {100 * (found.routed.quality - found.same_spend.quality):+.1f} points at this spend; "
        f"as good at random costs ${found.matched_cost:.4f}: saved {found.against_shuffled:.0%}"
    )


def _failed(figures: Figures) -> int:
    return sum(figures.tally.errors.values()) + sum(figures.tally.malformed.values())


def _unknown(requests: int) -> str:
    """An attempt that broke off after it had begun may have been billed: its request's cost is unknown, not zero."""
    return f" and {requests} requests of unknown cost" if requests else ""


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"


def _api(ports: Ports) -> str:
    return f"api: http://127.0.0.1:{ports.api}/v1"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"


def _us(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} us"
