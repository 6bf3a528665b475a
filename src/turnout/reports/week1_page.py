"""The Week-1 audit as a page and as lines of a terminal: what it comes to first, then what it rests on."""

from collections.abc import Iterator
from datetime import UTC, datetime

from turnout.reports import html
from turnout.reports.fit import Over, Under
from turnout.reports.html import DASH, dollars, number, percent, took
from turnout.reports.setup import Model, Sums
from turnout.reports.week1 import Audit
from turnout.reports.whatif import Way, WhatIf

SHOWN = 25
SOON_DAYS = 180
DIFFERS = 0.01
"""Share by which the log's costs and the catalog's may differ before it is said."""


def page(audit: Audit) -> str:
    """The whole document."""
    body = (
        html.verdict(*sentence(audit)),
        html.cards(_cards(audit)),
        html.section("What to look at", html.advice(findings(audit), "Nothing stands out.")),
        html.section("What if", *_what_if(audit)),
        html.section(
            "Spend by day",
            html.columns(
                {day[5:] if day[:1] == "2" else day: sums.spend / 1e12 for day, sums in audit.days.items()}, "$", "Spend by day"
            ),
        ),
        html.section("Models", _models(audit)),
        html.section("Use cases", _use_cases(audit)),
        html.section("Errors and latency", *_errors(audit)),
        html.section("More than the work needs", *_over(audit.over)),
        html.section("Less than the work needs", *_under(audit.under)),
        html.section("Rows that could not be used", *_dirty(audit)),
        html.section("How this was made", html.facts(_method(audit))),
    )
    return html.document(
        audit.title, f"{audit.today:%d %B %Y}", body, "Made from logs alone: no model was called, and no content is in this file."
    )


def sentence(audit: Audit) -> tuple[str, str, str]:
    """Tone, word, and the one sentence."""
    spent, found = dollars(audit.total.spend), audit.whatif
    seen = f"{audit.total.calls:,} calls cost {spent}"
    if found is None or not found.calls or found.present.cost is None or found.routed.cost is None or not found.present.cost:
        return "inconclusive", "Inventory", f"{seen}; there is too little in the logs to try another policy on."
    saved = 1 - found.routed.cost / found.present.cost
    gain = found.gain
    if gain.quality is None or gain.low is None or gain.high is None:
        return (
            "inconclusive",
            "What if",
            f"{seen}; another policy would change the cost by {-saved:+.0%}, its quality is not known.",
        )
    span = f"predicted quality {gain.quality:+.2f} points of 10 ({gain.low:+.2f} to {gain.high:+.2f})"
    if saved <= 0:
        return "inconclusive", "What if", f"{seen}; {audit.policy} would cost {-saved:.0%} more on what can be compared, {span}."
    tone = "passed" if gain.low >= -0.5 else "inconclusive"
    return tone, "What if", f"{seen}; {audit.policy} would save {saved:.0%} of what can be compared, {span}."


def _cards(audit: Audit) -> Iterator[tuple[str, str, str]]:
    total = audit.total
    yield "Calls", f"{total.calls:,}", f"{_span(audit)}; {len(audit.models):,} models, {len(audit.use_cases):,} use cases"
    yield (
        "Spend",
        dollars(total.spend),
        f"{dollars(total.stated)} stated, {dollars(total.computed)} by list prices; {total.unpriced:,} calls unknown",
    )
    yield (
        "Errors",
        percent(total.failed / total.calls if total.calls else None, 1),
        f"{total.failed:,} calls; {total.retries:,} asked again soon after",
    )
    yield (
        "Median latency",
        took(total.latency_ms.quantile(0.5)),
        f"p95 {took(total.latency_ms.quantile(0.95))}, p99 {took(total.latency_ms.quantile(0.99))}",
    )


def findings(audit: Audit) -> Iterator[tuple[str, str, str, str]]:
    """Weight, title, text, what to paste: all that somebody should do something about, the weightiest first."""
    total = audit.total
    for model in audit.models:
        if model.facts is not None and model.facts.retires is not None:
            days = (model.facts.retires - audit.today).days
            if days < 0:
                yield (
                    "must",
                    f"{model.name} is retired",
                    f"Since {model.facts.retires}; {model.sums.calls:,} of the calls asked for it.",
                    "",
                )
            elif days <= SOON_DAYS:
                yield (
                    "should",
                    f"{model.name} will be retired in {days} days",
                    f"On {model.facts.retires}; {model.sums.calls:,} calls use it.",
                    "",
                )
    for model in audit.models:
        sums = model.sums
        if sums.compared and sums.both_computed and abs(sums.both_stated / sums.both_computed - 1) > DIFFERS:
            yield (
                "should", f"{model.name}: the log's costs are not the list prices",
                f"{dollars(sums.both_stated)} stated, {dollars(sums.both_computed)} by list prices, over {sums.compared:,} calls. {_why_differs(model)}", "",
            )  # fmt: skip
        if sums.zero:
            yield (
                "must", f"{model.name}: {sums.zero:,} calls are stated to have cost nothing",
                "They used tokens. A gateway that does not know a price writes 0: these calls are paid for and in no budget.", "",
            )  # fmt: skip
    if total.unpriced:
        unknown = [model for model in audit.models if model.facts is None and model.sums.unpriced]
        names = "; ".join(f"{model.name}{f' (near: {model.near[0]})' if model.near else ''}" for model in unknown[:5])
        yield (
            "should",
            f"{total.unpriced:,} calls have no known cost",
            f"They are in no sum here. Unknown to the catalog: {names or 'none; their usage is missing'}.",
            "",
        )
    yield from _fit_findings(audit)
    if total.calls and total.failed / total.calls > 0.05:
        worst = max(total.errors, key=lambda name: total.errors[name])
        yield (
            "should",
            f"{total.failed / total.calls:.1%} of the calls fail",
            f"Most of them: {worst} ({total.errors[worst]:,}). A fallback at another provider answers these.",
            "",
        )


def _why_differs(model: Model) -> str:
    if model.how == "elsewhere":
        return f"It is served by {model.provider or 'another than its maker'}, whose prices may be others."
    return "A discount, a fee, or a price list that is out of date."


def _fit_findings(audit: Audit) -> Iterator[tuple[str, str, str, str]]:
    by_text = [each for each in audit.over if each.basis == "text"]
    if by_text:
        saved = sum(each.cost - each.would_cost for each in by_text)
        calls = sum(each.calls for each in by_text)
        yield (
            "should",
            f"{calls:,} simple requests are on dear models",
            f"Cheaper models that are nearly as good would do them for {dollars(saved)} less.",
            "",
        )
    for each in audit.under[:3]:
        yield (
            "should",
            f"{each.model}{f' at {each.task}' if each.task else ''}: {_said_under(each)}",
            f"{each.calls:,} calls.",
            "",
        )


def _what_if(audit: Audit) -> Iterator[str]:
    found = audit.whatif
    if found is None or not found.calls:
        yield html.said("There is nothing to compare: no call names a model of the catalog and the tokens it used.")
        return
    yield html.said(
        f"{found.calls:,} of {audit.total.calls:,} calls, decided again as Turnout would have decided them under {audit.policy}, and priced on their own tokens at "
        "today's list prices. Answers are taken to be as long as they were."
    )
    yield html.table(
        ("", "Cost", "Against today", "Quality, 0 to 10", "95 % interval"), _ways(found), numbers_from=1,
    )  # fmt: skip
    gain = found.gain
    if gain.quality is not None and gain.low is not None and gain.high is not None:
        yield "<h3>Quality against today, in points of 10</h3>" + html.interval(
            gain.quality, gain.low, gain.high, "Predicted change of quality"
        )
    yield "<h3>Where calls would go</h3>" + html.table(
        ("Today", "Then", "Calls", "Cost today", "Then"),
        [
            (
                move.present,
                move.chosen + (" (thinks)" if move.thinks else ""),
                f"{move.calls:,}",
                dollars(move.before),
                dollars(move.after),
            )
            for move in found.moves[:SHOWN]
        ],
        numbers_from=2,
    )
    yield "<h3>By task</h3>" + html.table(
        ("Task", "Calls", "Cost today", "Then"),
        [(task, f"{calls:,}", dollars(before), dollars(after)) for task, (calls, before, after) in found.by_task.items()],
    )
    for line in caveats(audit, found):
        yield html.said(line)
    if audit.suggestion is not None:
        yield "<h3>The suggested policy</h3>" + html.code(audit.suggestion.yaml)


def _ways(found: WhatIf) -> Iterator[tuple[str, ...]]:
    ways: tuple[tuple[str, Way], ...] = (
        ("Today", found.present), ("This policy", found.routed), (f"Control: all on {found.best_model or 'the best'}", found.best),
        ("Control: the same models at random", found.shuffled), ("Control: at random, for the same spend", found.same_spend),
    )  # fmt: skip
    for name, way in ways:
        between = f"{number(way.low)} to {number(way.high)}" if way.low is not None else DASH
        yield name, dollars(way.cost), html.change(way.cost, found.present.cost), number(way.quality, 2), between


def caveats(audit: Audit, found: WhatIf) -> Iterator[str]:
    """What the what-if does not know, in sentences."""
    for reason, count in sorted(found.left_out.items(), key=lambda item: -item[1]):
        yield f"Left out: {count:,} calls, {reason}."
    if found.unknown:
        yield f"Of {found.unknown:,} calls the task is unknown ({audit.total.calls - audit.with_text:,} have no text in the log): they are not treated as simple."
    if found.thinking:
        yield f"{found.thinking:,} calls would go to models that think before they answer: they write more, and cost more, than is shown."
    yield (
        "Quality is the catalog's estimate for a model at a task, not a measurement of your answers, and does not vary with how hard a request is. The interval "
        "allows for a point of error for each model and task, shared by all of its calls: more traffic does not narrow it, a suite of your own cases does."
    )
    yield "The controls price every call on their models, whether or not these could have served it."
    if found.matched_cost is not None and found.routed.cost is not None and found.matched_cost:
        yield f"A random mix as good as this would cost {dollars(found.matched_cost)} ({html.change(found.matched_cost, found.routed.cost)})."


def _models(audit: Audit) -> str:
    most = max((model.sums.spend for model in audit.models), default=0) or 1
    shown = audit.models[:SHOWN]
    rows = [
        (
            model.name, _known(model), f"{model.sums.calls:,}", dollars(model.sums.spend), f"{model.sums.unpriced:,}" if model.sums.unpriced else "0",
            f"{model.sums.tokens_in:,}", f"{model.sums.tokens_out:,}", percent(model.sums.failed / model.sums.calls, 1), took(model.sums.latency_ms.quantile(0.5)), took(model.sums.latency_ms.quantile(0.95)),
        )
        for model in shown
    ]  # fmt: skip
    head = ("Model", "In the catalog", "Calls", "Spend", "Unpriced", "Tokens in", "out", "Errors", "p50", "p95")
    return html.table(head, rows, numbers_from=2, bar=[model.sums.spend / most for model in shown]) + _more(len(audit.models))


def _known(model: Model) -> str:
    if model.facts is None:
        return f"unknown{f'; near {model.near[0]}' if model.near else ''}"
    state = "" if model.facts.status == "active" else f", {model.facts.status}"
    until = f", ends {model.facts.retires}" if model.facts.retires else ""
    return f"{model.facts.id}{', served elsewhere' if model.how == 'elsewhere' else ''}{state}{until}"


def _use_cases(audit: Audit) -> str:
    rows = [
        (
            name,
            f"{sums.calls:,}",
            dollars(sums.spend),
            dollars(round(sums.spend / sums.calls)),
            percent(sums.failed / sums.calls, 1),
            took(sums.latency_ms.quantile(0.95)),
        )
        for name, sums in list(audit.use_cases.items())[:SHOWN]
    ]
    return html.table(("Use case", "Calls", "Spend", "Each", "Errors", "p95"), rows) + _more(len(audit.use_cases))


def _errors(audit: Audit) -> Iterator[str]:
    total = audit.total
    yield html.table(
        ("Error", "Calls", "Share"),
        [
            (name, f"{count:,}", percent(count / total.calls, 2))
            for name, count in sorted(total.errors.items(), key=lambda item: -item[1])
        ],
    )
    yield html.facts(
        (
            (
                "Latency",
                f"p50 {took(total.latency_ms.quantile(0.5))}, p95 {took(total.latency_ms.quantile(0.95))}, p99 {took(total.latency_ms.quantile(0.99))}",
            ),
            ("First token", f"p50 {took(total.first_token_ms.quantile(0.5))}, p95 {took(total.first_token_ms.quantile(0.95))}"),
            ("From a cache", f"{total.cached:,} calls"),
            ("Cut off at the limit", f"{total.truncated:,} answers"),
            ("Refused or filtered", f"{total.refused:,} answers"),
        )
    )


def _over(found: tuple[Over, ...]) -> Iterator[str]:
    rows = [
        (each.model, each.task or "unknown", "its text" if each.basis == "text" else "few tokens only", f"{each.calls:,}", dollars(each.cost), each.instead,
         dollars(each.would_cost), f"{each.quality:.1f} / {each.quality_instead:.1f}")
        for each in found[:SHOWN]
    ]  # fmt: skip
    yield html.table(
        ("Model", "Task", "Simple by", "Calls", "List price", "Instead", "Would cost", "Quality"), rows, numbers_from=3
    )
    if rows:
        yield html.said(
            "Where a call is simple by few tokens only, its text is not in the log: a short question may be a hard one."
        )


def _under(found: tuple[Under, ...]) -> Iterator[str]:
    rows = [
        (each.model, each.task or "unknown", _said_under(each), f"{each.calls:,}", number(each.quality)) for each in found[:SHOWN]
    ]
    yield html.table(("Model", "Task", "What", "Calls", "Quality"), rows, numbers_from=3)


def _said_under(each: Under) -> str:
    if each.share is None or each.at_least is None:
        return "hard requests on a weak model"
    what = {"truncated": "are cut off", "refused": "are refused", "failed": "fail"}[each.why]
    return f"{each.share:.1%} {what} (at least {each.at_least:.1%})"


def _dirty(audit: Audit) -> Iterator[str]:
    if not audit.dirty:
        return
    yield html.said(
        f"{audit.dirty:,} of {audit.rows:,} rows are in no figure above. Field names and numbers are shown, no content."
    )
    yield html.table(("Why", "Rows"), [(why, f"{count:,}") for why, count in audit.dirty_why.items()])
    yield html.table(
        ("File", "Line", "Why", "Row"),
        [(row.file, str(row.line), row.why, row.excerpt) for row in audit.dirty_rows[:SHOWN]],
        numbers_from=9,
    )
    if audit.dirty > SHOWN:
        yield html.said(f"The first {SHOWN} of {audit.dirty:,}; `--dirty FILE` writes all of them.")


def _method(audit: Audit) -> Iterator[tuple[str, str]]:
    yield "Files", ", ".join(f"{name} ({shape})" for name, shape in audit.files.items())
    yield "Rows", f"{audit.rows:,}: {audit.total.calls:,} calls, {audit.dirty:,} unusable, {audit.passed:,} that are no calls"
    yield (
        "Spend",
        "what the log states; where it states nothing, tokens at the catalog's prices of the day; where neither is known, nothing, and counted",
    )
    yield (
        "Text",
        f"{audit.with_text:,} calls have it: they were classified by the rules the gateway uses, and their text was not kept",
    )
    yield "Seen again", "calls repeated by the same caller within 5 minutes after they failed; only known where the log has text"
    yield "Quantiles", "within 1 %"


def _more(count: int) -> str:
    return html.said(f"The first {SHOWN} of {count:,}; all are in the JSON (`--json`).") if count > SHOWN else ""


def _span(audit: Audit) -> str:
    if audit.since is None or audit.until is None:
        return "no times"
    first, last = (datetime.fromtimestamp(at, UTC).date() for at in (audit.since, audit.until))
    return f"{first} to {last}"


def summary(audit: Audit) -> Iterator[str]:
    """For a terminal."""
    total: Sums = audit.total
    yield sentence(audit)[2]
    yield f"  rows      {audit.rows:,}: {total.calls:,} calls, {audit.dirty:,} unusable, {audit.passed:,} that are no calls ({', '.join(f'{name}: {shape}' for name, shape in audit.files.items())})"
    yield f"  spend     {dollars(total.stated)} stated + {dollars(total.computed)} by list prices; {total.unpriced:,} calls unknown"
    for model in audit.models[:5]:
        yield f"            {model.name:40} {model.sums.calls:>9,} calls  {dollars(model.sums.spend):>12}"
    yield f"  errors    {total.failed:,} ({percent(total.failed / total.calls if total.calls else None, 1)})   latency p50 {took(total.latency_ms.quantile(0.5))}, p95 {took(total.latency_ms.quantile(0.95))}"
    if audit.whatif is not None and audit.whatif.calls:
        for name, cost, against, quality, between in _ways(audit.whatif):
            yield f"  what if   {name:42} {cost:>12} {against:>6}   quality {quality} ({between})"
    for weight, title, text, _ in findings(audit):
        yield f"  {weight:7}   {title}. {text}"
    for why, count in list(audit.dirty_why.items())[:5]:
        yield f"  unusable  {count:,} rows: {why}"
