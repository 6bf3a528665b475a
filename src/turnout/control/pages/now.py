"""The page Now: what goes where at this moment, what it costs, and who is well."""

from collections.abc import Sequence
from typing import Any, Literal

from turnout.control.health import merged, read_workers
from turnout.control.pages import charts
from turnout.control.pages.asked import Asked, requests_link
from turnout.control.pages.blocks import Cell, Chart, Column, Figure, Figures, Page, Section, Table, Tone
from turnout.control.pages.seen import NOTHING, OUTCOMES, Seen, errors, filters, listed, name_of, ratio, see
from turnout.control.pages.sources import Sources
from turnout.control.pages.times import each
from turnout.store.queries import Filters, RequestLine
from turnout.store.rollups import cells as rollup
from turnout.store.rollups import sums
from turnout.types.seconds import MINUTE

LATEST = 20
RATE_OVER = 5 * 60
"""Seconds: a rate is that of the minutes that begin in them, the one under way included."""
STANDINGS: dict[str, Tone] = {"admitting": "good", "degraded": "warn", "probing": "warn", "ejected": "bad"}
_FIRST_STEPS = (
    "No requests in this window. Point a client at the gateway, or run turnout demo, and they appear here within seconds."
)


class NowAsked(Asked, frozen=True, kw_only=True):
    window: Literal["15m", "1h", "6h", "24h"] = "1h"


def now(asked: NowAsked, sources: Sources) -> Page:
    seen = see(asked, sources)
    lines = sources.ledger.recent(LATEST, Filters(asked.route, asked.model, asked.task))
    sections = (
        Section((filters(asked, seen),)),
        Section((_figures(asked, seen, sources),)),
        Section((_shares(asked, seen), _models(asked, seen)), "Which model answers", wide=True, beside=True),
        Section((_traffic(asked, seen),)),
        Section((_health(sources, seen.now),)),
        Section((_latest(lines),), wide=True),
    )
    asof = max((one for one in (seen.asof, lines[0].at if lines else None) if one is not None), default=None)
    return Page("now", "Now", sections, seen.now, asof, live=True)


def _figures(asked: NowAsked, seen: Seen, sources: Sources) -> Figures:
    total, answered = seen.total, seen.total.requests - seen.total.rejected
    lately, span = _lately(asked, seen, sources)
    failed = errors(total)
    waiting = sources.ledger.tickets.open_by_kind()
    views = sources.ledger.views(1)
    p50, p95 = total.duration.quantile(0.5), total.duration.quantile(0.95)
    all_of_it = requests_link(asked)
    return Figures(
        (
            Figure("Requests", total.requests, "count", f"{lately.requests / span:,.3g} a second now", link=all_of_it),
            Figure("Cost an hour", lately.cost * 3600 / span, "usd", _missing(lately.unpriced), "warn" if lately.unpriced else "plain", all_of_it),
            Figure("Errors", ratio(failed, total.requests), "percent", f"{failed:,} failed or cut, {total.rejected:,} refused", "bad" if failed else "plain", requests_link(asked, outcome="errors")),
            Figure("Fallbacks", ratio(total.fallbacks, answered), "percent", f"{total.fallbacks:,} by a later choice", link=requests_link(asked, reason="fallback")),
            Figure("From the cache", ratio(total.cached, answered), "percent", f"{total.cached:,} given again", link=requests_link(asked, reason="cache")),
            Figure("Tickets waiting", sum(waiting.values()), "count", ", ".join(f"{count} {kind}" for kind, count in sorted(waiting.items())), "warn" if waiting else "plain", "/queues"),
            Figure("Latency p50", p50, "ms", "of answered requests", link="/latency"),
            Figure("Latency p95", p95, "ms", "of answered requests", link="/latency"),
            Figure("First token p50", total.first_token.quantile(0.5), "ms", "of streams", link="/latency"),
            Figure("Deciding p50", total.decision.quantile(0.5), "us", "Turnout's own time", link="/latency"),
            Figure("Cost", total.cost, "usd", _missing(total.unpriced), "warn" if total.unpriced else "plain", "/cost"),
            Figure("Policy in force", str(views[0].policy) if views else None, "text", "that requests are decided on", link="/policy"),
        )
    )  # fmt: skip


def _missing(unpriced: int) -> str:
    return f"and {unpriced:,} of unknown price" if unpriced else "every answer priced"


def _lately(asked: NowAsked, seen: Seen, sources: Sources) -> tuple[rollup.Cell, float]:
    """What the last minutes hold, and how many seconds these are: from the first of them in which there was anything."""
    since = int(seen.now - RATE_OVER) // MINUTE * MINUTE
    minutes = sources.ledger.slices(since, int(seen.now) + 1, MINUTE)
    slices = sums.only(minutes, **asked.where) if asked.where else minutes
    begun = min((one.start for one in slices), default=since)
    return sums.cells(slices).get((), rollup.Cell()), max(seen.now - begun, 1.0)


def _served(seen: Seen) -> dict[str, rollup.Cell]:
    """By model, the most requests first; those that no model served are left out."""
    by_model = {
        group[0]: cell for group, cell in sums.cells(seen.slices, "model").items() if group[0] is not None and cell.requests
    }
    return dict(sorted(by_model.items(), key=lambda item: (-item[1].requests, item[0])))


def _shares(asked: NowAsked, seen: Seen) -> Chart:
    served = _served(seen)
    parts = {model: cell.requests for model, cell in served.items()}
    whole = sum(parts.values())
    says = (
        f"Of {whole:,} served requests: {listed((name, f'{100 * n / whole:.1f} %') for name, n in parts.items())}."
        if whole
        else "No requests."
    )
    return charts.pie("shares", "", says, parts, {model: requests_link(asked, model=model) for model in parts})


def _models(asked: NowAsked, seen: Seen) -> Table:
    served = _served(seen)
    whole = sum(cell.requests for cell in served.values())
    rows = tuple(
        (
            Cell(model, link=requests_link(asked, model=model), series=model),
            cell.requests,
            Cell(cell.requests / whole, bar=cell.requests / whole),
            Cell(cell.cost, note=f"+ {cell.unpriced:,} unknown" if cell.unpriced else ""),
            Cell(errors(cell), "bad" if errors(cell) else "plain"),
            cell.duration.quantile(0.5),
        )
        for model, cell in served.items()
    )
    columns = (
        Column("Model"),
        Column("Requests", "count"),
        Column("Share", "percent"),
        Column("Cost", "usd"),
        Column("Errors", "count"),
        Column("p50", "ms"),
    )
    return Table("models", "", columns, rows, _FIRST_STEPS, first=12)


def _traffic(asked: NowAsked, seen: Seen) -> Chart:
    found = seen.by_time(seen.per)
    totals = [sums.cells(slices).get((), rollup.Cell()) for slices in found.values()]
    series = (
        charts.toned("well", [cell.requests - errors(cell) - cell.rejected for cell in totals], "accent", requests_link(asked)),
        charts.toned("refused", [cell.rejected for cell in totals], "warn", requests_link(asked, outcome="rejected")),
        charts.toned("failed", [errors(cell) for cell in totals], "bad", requests_link(asked, outcome="errors")),
    )
    says = f"{seen.total.requests:,} requests in {len(found):,} {seen.per}s, {errors(seen.total):,} of them failed or cut."
    return charts.stacked("traffic", f"Requests {each(seen.per)}", says, list(found), seen.per, series)


def _health(sources: Sources, now: float) -> Table:
    """Of all workers together; a provider stands as the best of its deployments does."""
    health: dict[str, Any] = merged(read_workers(sources.health, now))
    rows = tuple(
        (
            Cell(one["provider"]),
            Cell(one["standing"], STANDINGS.get(one["standing"], "plain")),
            one["in_flight"],
            one["held_back"],
            _why(one["causes"], one["checks"]),
        )
        for one in health["providers"]
    )
    columns = (Column("Provider"), Column("Standing"), Column("In flight", "count"), Column("Held back", "count"), Column("Why"))
    return Table(
        "providers",
        "Health of providers",
        columns,
        rows,
        "No gateway worker has said how it sees its providers: start one with turnout serve.",
    )


def _why(causes: Sequence[str], checks: Sequence[dict[str, Any]]) -> str | None:
    return "; ".join(causes) or ", ".join(sorted({str(check["result"]) for check in checks})) or None


def _latest(lines: tuple[RequestLine, ...]) -> Table:
    columns = (
        Column("Time", "time"), Column("Route"), Column("Model"), Column("Reason"), Column("Task"), Column("Cost", "usd"),
        Column("Latency", "ms"), Column("Outcome"),
    )  # fmt: skip
    rows = tuple(
        (
            Cell(line.at, link=f"/decisions/{line.id}"), name_of(line.route), Cell(line.model, series=line.model), line.reason, line.task,
            line.cost if line.model else NOTHING, line.duration_ms, Cell(line.code or line.outcome, OUTCOMES.get(line.outcome, "plain")),
        )
        for line in lines
    )  # fmt: skip
    return Table("latest", "Latest decisions", columns, rows, _FIRST_STEPS, more="/decisions")
