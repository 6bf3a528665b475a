"""The weekly review as a page and as lines of a terminal."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from turnout.evidence.intervals import wilson
from turnout.reports import html
from turnout.reports.advice import Advice
from turnout.reports.html import DASH, change, dollars, number, percent, took
from turnout.reports.weekly import Line, Review

SHOWN = 20
LEARN = (
    "No request came in this week. Start `turnout serve`, point an SDK at it by changing one URL, and look again: `turnout demo` shows with simulated "
    "models what this will look like. Another week: `turnout report weekly --week 2026-W47`."
)


def page(review: Review, advice: Sequence[Advice]) -> str:
    """The whole document."""
    asof = "" if review.asof is None else f" Up to {_when(review.asof)} UTC."
    body: tuple[str, ...] = (html.verdict(*sentence(review, advice)),)
    if not review.total.requests:
        body += (html.section("What to do", html.said(LEARN)),)
    else:
        body += (
            html.cards(_cards(review)),
            html.section(
                "What to change",
                html.advice(
                    ((each.weight, each.title, each.text, each.paste) for each in advice), "Nothing: no rule found anything."
                ),
            ),
            html.section(
                "Requests by day", html.columns({day: float(count) for day, count in review.days.items()}, "", "Requests by day")
            ),
            html.section(
                "Spend by day", html.columns({day: cost / 1e12 for day, cost in review.spend.items()}, "$", "Spend by day")
            ),
            html.section("Where requests went", _lines("Model", review.models)),
            html.section("By route", _lines("Route", review.routes)),
            html.section("By task", _lines("Task", review.tasks)),
            html.section("Quality", *_quality(review)),
            html.section("Latency", _latency(review)),
            html.section("Calls and faults", _upstream(review)),
            html.section("Policies in force", _policies(review)),
            html.section(
                "Failures rehearsed",
                html.said(
                    review.last_drill
                    or "No drill was run yet: `turnout drill schedule outage --provider PROVIDER --every monthly`."
                ),
            ),
        )
    first, last = (datetime.fromtimestamp(at, UTC) for at in (review.since, review.until - 1))
    return html.document(
        f"weekly review {review.week}", f"{first:%d %B} to {last:%d %B %Y}", body,
        f"From the ledger's sums, in UTC.{asof} Quantiles are within 1 %; answers of unknown cost are in no sum, and counted. `turnout report weekly --json` has all figures.",
    )  # fmt: skip


def sentence(review: Review, advice: Sequence[Advice]) -> tuple[str, str, str]:
    """Tone, word, and the one sentence."""
    total, before = review.total, review.before
    if not total.requests:
        return "inconclusive", review.week, "No request this week."
    grown = f" ({change(total.requests, before.requests)})" if before.requests else ""
    cost = f"{dollars(total.cost)}{f' ({change(total.cost, before.cost)})' if before.cost else ''}"
    said = f"{total.requests:,} requests{grown} cost {cost}; {percent(total.errors / total.requests, 2)} failed"
    must = sum(each.weight == "must" for each in advice)
    said += f", and {must} {'thing' if must == 1 else 'things'} must change." if must else "."
    return "failed" if must else "passed", review.week, said


def _cards(review: Review) -> Iterator[tuple[str, str, str]]:
    total, before = review.total, review.before
    yield "Requests", f"{total.requests:,}", f"{before.requests:,} the week before; {total.cached:,} from the cache"
    unknown = f"; {total.unpriced:,} of unknown cost" if total.unpriced else ""
    yield "Cost", dollars(total.cost), f"{dollars(before.cost)} the week before{unknown}"
    saved = total.baseline - total.compared
    yield (
        "Saved",
        dollars(saved) if total.baseline else DASH,
        f"against the best model for everything; {dollars(total.saved_by_cache)} more by the cache",
    )
    low, high = _interval(review)
    yield (
        "Mean verdict",
        percent(total.verdicts / total.graded if total.graded else None),
        f"{total.graded:,} verdicts{f', {low:.0%} to {high:.0%}' if total.graded else ''}",
    )
    yield (
        "Failed",
        percent(total.errors / total.requests, 2),
        f"{total.errors:,}; {percent(before.errors / before.requests, 2) if before.requests else DASH} the week before",
    )
    yield (
        "By a fallback",
        percent(total.fallbacks / total.requests, 1),
        f"{total.fallbacks:,} requests; {total.rejected:,} refused by Turnout",
    )
    yield (
        "Latency, p95",
        took(total.p95_ms),
        f"median {took(total.p50_ms)}, p99 {took(total.p99_ms)}; {took(before.p95_ms)} the week before",
    )
    yield (
        "To decide, p95",
        DASH if total.decision_p95_us is None else f"{total.decision_p95_us:.0f} \u00b5s",
        f"{len(review.policies)} policy {'version' if len(review.policies) == 1 else 'versions'} served",
    )


def _interval(review: Review) -> tuple[float, float]:
    return wilson(review.total.verdicts, review.total.graded)


def _lines(what: str, lines: Sequence[Line]) -> str:
    rows = [
        (line.name, percent(line.share, 1), percent(line.share_before, 1), f"{line.requests:,}", change(line.requests, line.before), dollars(line.cost),
         change(line.cost, line.cost_before), f"{line.unpriced:,}", percent(line.errors / line.requests if line.requests else None, 1), f"{line.fallbacks:,}")
        for line in lines[:SHOWN]
    ]  # fmt: skip
    head = (what, "Share", "before", "Requests", "change", "Cost", "change", "Unpriced", "Failed", "Fallbacks")
    return html.table(head, rows, bar=[line.share for line in lines[:SHOWN]])


def _quality(review: Review) -> Iterator[str]:
    if not review.quality:
        yield html.said(
            "No answer of this week has a verdict. `POST /v1/feedback` takes what your users do; checks and judges on a route (`online`) judge without anyone clicking."
        )
        return
    rows = [
        (each.route, each.model, f"{each.graded:,}", percent(each.mean, 1), f"{each.low:.1%} to {each.high:.1%}", percent(each.before, 1),
         DASH if each.change_low is None or each.change_high is None else f"{each.change_low * 100:+.1f} to {each.change_high * 100:+.1f}{' dropped' if each.dropped else ''}")
        for each in review.quality[:SHOWN]
    ]  # fmt: skip
    yield html.table(
        ("Route", "Model", "Verdicts", "Mean verdict", "95 % interval", "Before", "Change, points"), rows, numbers_from=2
    )


def _latency(review: Review) -> str:
    rows = [
        (line.name, took(line.p50_ms), took(line.p95_ms), took(line.p95_before_ms), took(line.first_token_p95_ms))
        for line in review.models[:SHOWN]
        if line.requests
    ]
    return html.table(("Model", "p50", "p95", "p95 before", "First token, p95"), rows)


def _upstream(review: Review) -> str:
    rows = [
        (each.route, each.model, f"{each.calls:,}", percent(sum(each.faults.values()) / each.calls if each.calls else None, 1),
         ", ".join(f"{name} {count:,}" for name, count in sorted(each.faults.items(), key=lambda item: -item[1])) or "none", dollars(each.cost), number((each.p95_ms or 0) / 1000, 2) if each.p95_ms else DASH)
        for each in review.upstream[:SHOWN]
    ]  # fmt: skip
    return html.table(("Route", "Model called", "Calls", "Faults", "Which", "Cost", "p95, s"), rows, numbers_from=2)


def _policies(review: Review) -> str:
    rows = [
        (
            f"version {each.version}",
            "" if each.at is None else _when(each.at),
            each.actor or "",
            each.note or "",
            f"{each.requests:,}",
        )
        for each in review.policies
    ]
    return html.table(("Policy", "In force from (UTC)", "By", "Why", "Requests"), rows, numbers_from=4)


def _when(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"


def summary(review: Review, advice: Sequence[Advice]) -> Iterator[str]:
    """For a terminal."""
    yield f"{review.week}: {sentence(review, advice)[2]}"
    if not review.total.requests:
        yield f"  {LEARN}"
        return
    for title, figure, note in _cards(review):
        yield f"  {title:16} {figure:>12}   {note}"
    for line in review.models[:6]:
        yield f"  {line.name:40} {line.share:>6.1%} (was {line.share_before:.1%})  {dollars(line.cost):>12}  p95 {took(line.p95_ms)}"
    for each in advice:
        yield f"  {each.weight:7} {each.title}. {each.text}"
        yield from (f"            {pasted}" for pasted in each.paste.splitlines())
