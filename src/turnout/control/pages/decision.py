"""One request: what was known of it, who could have served it and who could not, what was tried, how it ended, and what it was worth."""

from collections.abc import Iterable, Iterator
from typing import Literal
from urllib.parse import quote, urlencode

import msgspec

from turnout.content.seal import CannotOpen
from turnout.control.pages.blocks import (
    Action,
    Block,
    Cell,
    Chart,
    Column,
    Figure,
    Figures,
    NoSuchThing,
    Note,
    Page,
    Section,
    Table,
    Text,
)
from turnout.control.pages.choice import Again, choice, decided_again
from turnout.control.pages.seen import NOTHING, OUTCOMES
from turnout.control.pages.sources import Sources
from turnout.store.feedback import Kept
from turnout.store.queries import Filters
from turnout.types.models import Feature, Modality, names
from turnout.types.record import Attempt, Record
from turnout.types.suite import BENCH
from turnout.types.traits import Trait, Traits

_MEANS = {
    "ok": "answered",
    "failed": "no model answered",
    "cut": "broke off after its client had got the beginning",
    "rejected": "refused by Turnout; nobody was called",
    "cancelled": "its client left",
    "begun": "a stream whose end has not been recorded",
}
NEIGHBOURS = 20
"""Requests of the same session that are listed."""
SHOWN = 200_000
"""Characters of a text that are shown: a browser is slow with more, and nobody reads them here."""


def one(request_id: str, sources: Sources) -> Page:
    """Raises NoSuchThing."""
    record = sources.ledger.request(request_id)
    if record is None:
        raise NoSuchThing(
            "no such request in the ledger; one of the last second may still be on its way, and old ones are deleted by policy"
        )
    decided = decided_again(record, sources)
    sections = (
        Section((*_said(record), _figures(record), *_beside(record)), wide=True),
        Section(tuple(_attempts(record)), wide=True),
        Section(tuple(choice(record, decided)), "Why it went there", wide=True),
        *((Section((_traits(record.traits),), wide=True),) if record.traits is not None else ()),
        *((Section((_session(record, sources),), wide=True),) if record.traits is not None and record.traits.session else ()),
        Section((_opinions(sources.ledger.feedback.of_request(request_id)),), wide=True),
        Section(tuple(_content(request_id, sources)), "Content", wide=True),
        Section((_versions(record, decided),)),
    )
    return Page("decisions", f"Request {record.id}", sections, sources.clock.now(), record.at)


def decision_link(request_id: str) -> str:
    return f"/decisions/{quote(request_id, safe='')}"


def _said(record: Record) -> Iterable[Note]:
    if record.copy_of is not None:
        is_benchmark = record.copy_of.startswith(BENCH)
        yield Note(
            "A benchmark's: nobody waited for its answer."
            if is_benchmark
            else "A copy of another request: nobody waited for its answer.",
            "warn",
        )
    if record.drill is not None:
        yield Note("Part of a drill: what failed in it may have been made to.", "warn")
    if record.ticket is not None:
        yield Note("Handed to people.", "warn")
    if record.cost is None:
        yield Note("Its cost is unknown: a price or a usage is missing. It is in no sum.", "warn")


def _figures(record: Record) -> Figures:
    return Figures(
        (
            Figure("Outcome", record.code or record.outcome, "text", f"{_MEANS[record.outcome]}; status {record.status}, {_counted(len(record.attempts), 'call')}", OUTCOMES.get(record.outcome, "plain")),
            Figure("Arrived", record.at, "time", f"at {record.worker}"),
            Figure("Route", record.route or NOTHING, "text", record.reason or "", link=_search("route", record.route) if record.route else None),
            Figure("Model", record.model or NOTHING, "text", "served it" if record.model else "none served it"),
            Figure("Cost", record.cost, "usd", tone="warn" if record.cost is None else "plain"),
            Figure("On the best model", record.baseline, "usd", "what the same tokens would have cost") if record.baseline is not None
            else Figure("On the best model", NOTHING, "text"),
            Figure("Took", NOTHING if record.outcome == "begun" else record.duration_ms, "ms", "stream" if record.stream else "whole answer"),
            Figure("First token", record.first_token_ms, "ms") if record.first_token_ms is not None else Figure("First token", NOTHING, "text"),
            Figure("Deciding", record.decision_us, "us"),
            Figure("Policy", str(record.policy), "text", "it was decided on", link=f"/policy/{record.policy}"),
        )
    )  # fmt: skip


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _search(name: str, value: str) -> str:
    return "/decisions?" + urlencode({"window": "400d", name: value})


def _beside(record: Record) -> Iterator[Figures]:
    """The way to what belongs to it."""
    found = (
        ("Copy of", record.copy_of, None if (record.copy_of or "").startswith(BENCH) else decision_link),
        ("Drill", record.drill, lambda drill: f"/drills/{quote(drill, safe='')}"),
        ("Ticket", record.ticket, lambda ticket: f"/queues/{quote(ticket, safe='')}"),
    )
    if there := tuple(
        Figure(name, value, "code", link=link(value) if link is not None else None)
        for name, value, link in found
        if value is not None
    ):
        yield Figures(there)


def _attempts(record: Record) -> Iterable[Block]:
    if record.attempts:
        yield _timeline(record)
    columns = (
        Column("Call", "count"), Column("Model"), Column("Reason"), Column("Began", "ms"), Column("Took", "ms"), Column("First token", "ms"),
        Column("Status"), Column("Fault"), Column("Read", "count"), Column("Written", "count"), Column("Cost", "usd"), Column("What it said"),
    )  # fmt: skip
    rows = tuple(_attempt(n, attempt) for n, attempt in enumerate(record.attempts, 1))
    yield Table("attempts", "Calls", columns, rows, "Nobody was called.")
    if record.skipped:
        left_out = tuple((Cell(model, series=model), reason) for model, reason in record.skipped)
        yield Table("skipped", "Left out when its turn came", (Column("Model"), Column("Why")), left_out, "")


def _attempt(n: int, attempt: Attempt) -> tuple[Cell | float | str | None, ...]:
    usage = attempt.usage
    return (
        n, Cell(attempt.model, series=attempt.model), attempt.reason, attempt.started_ms, attempt.ended_ms - attempt.started_ms,
        NOTHING if attempt.first_token_ms is None else attempt.first_token_ms - attempt.started_ms,
        NOTHING if attempt.status is None else str(attempt.status), NOTHING if attempt.fault is None else Cell(attempt.fault, "bad"),
        NOTHING if usage is None else usage.total_input, NOTHING if usage is None else usage.total_output, attempt.cost, attempt.detail or NOTHING,
    )  # fmt: skip


def _timeline(record: Record) -> Chart:
    """One bar a call, from its beginning to its end; the time to its first content is the pale part of it."""
    data = tuple(
        {
            "type": "bar", "orientation": "h", "name": attempt.model, "showlegend": False,
            "y": [f"{n}. {attempt.model}"], "base": [attempt.started_ms], "x": [max(attempt.ended_ms - attempt.started_ms, 0.5)],
            "hovertemplate": f"{attempt.fault or 'answered'}: %{{base:.0f}} to %{{x:.0f}} ms<extra></extra>",
            "meta": {"tone": "bad"} if attempt.fault else {"series": attempt.model},
        }
        for n, attempt in enumerate(record.attempts, 1)
    )  # fmt: skip
    layout = {
        "xaxis": {"title": {"text": "ms after arrival"}, "rangemode": "tozero"},
        "yaxis": {"autorange": "reversed", "automargin": True},
        "barmode": "overlay",
    }
    ended = "; ".join(
        f"{attempt.model} {attempt.fault or 'answered'} after {attempt.ended_ms:.0f} ms" for attempt in record.attempts
    )
    return Chart("timeline", "Calls in time", ended, data, layout, height=90 + 36 * len(record.attempts))


def _traits(traits: Traits) -> Table:
    found = [(name, _trait(getattr(traits, name))) for name in ("task", "latency", "cost", "quality", "sensitivity", "language")]
    complexity = NOTHING if traits.complexity is None else f"{traits.complexity:.3f} ({traits.band})"
    rows: list[tuple[str, Cell | str, str]] = [(name, value, source) for name, (value, source) in found]
    rows += [
        ("complexity", complexity, traits.complexity_source),
        ("tokens", f"{traits.tokens:,} in, {traits.output_tokens:,} out expected", f"{traits.tokens_max:,} at most"),
        ("asked for", traits.model, traits.front),
        ("features", ", ".join(names(Feature(traits.features))) or NOTHING, ""),
        ("input", ", ".join(names(Modality(traits.input))), ""),
        *(
            (f"tag {key}", Cell(value, link=_search("tag", f"{key}={value}")), "bound to the key" if key in traits.bound else "the client")
            for key, value in sorted(traits.tags.items())
        ),
        ("session", _same("session", traits.session), f"was on {traits.held}" if traits.held else ""),
        ("caller", _same("caller", traits.caller), ""),
    ]  # fmt: skip
    return Table("traits", "What was known of it", (Column("Trait"), Column("Value"), Column("From")), tuple(rows), "")


def _same(name: str, value: str | None) -> Cell | str:
    """With the way to all requests that have it too."""
    return Cell(value, link=_search(name, value)) if value else NOTHING


def _session(record: Record, sources: Sources) -> Table:
    """Requests of one caller's session. Two callers may use one word."""
    traits = record.traits
    session, caller = (traits.session, traits.caller) if traits is not None else (None, None)
    found = sources.ledger.search(NEIGHBOURS, Filters(session=session, caller=caller))
    rows = tuple(
        (
            Cell(line.at, link=decision_link(line.id), note="this one" if line.id == record.id else ""),
            line.route or NOTHING, Cell(line.model or NOTHING, series=line.model), line.reason or NOTHING, line.task or NOTHING, line.cost,
            Cell(line.code or line.outcome, OUTCOMES.get(line.outcome, "plain")),
        )
        for line in found.lines
    )  # fmt: skip
    columns = (
        Column("Time", "time"), Column("Route"), Column("Model"), Column("Reason"), Column("Task"), Column("Cost", "usd"), Column("Outcome"),
    )  # fmt: skip
    more = _search("session", session or "") if found.more is not None else None
    return Table(
        "session", "Its session, latest first", columns, rows, "No other request of this session is there any more.", more=more
    )


def _trait(trait: Trait) -> tuple[str, str]:
    return (NOTHING if trait.value is None else trait.value), trait.source


def _opinions(said: Iterable[Kept]) -> Table:
    columns = (
        Column("Time", "time"), Column("From"), Column("Kind"), Column("Name"), Column("Value", "score"), Column("Verdict", "percent"),
        Column("Note"), Column("State"),
    )  # fmt: skip
    empty = "Nobody said anything. POST /v1/feedback with this id, and it stands here."
    return Table("feedback", "What was thought of it", columns, tuple(map(_opinion, said)), empty)


def _opinion(kept: Kept) -> tuple[float | str | None, ...]:
    said = kept.feedback
    return (
        said.at, said.source, said.kind, said.name or NOTHING, NOTHING if said.value is None else said.value,
        NOTHING if said.verdict is None else said.verdict, said.note or NOTHING, kept.state,
    )  # fmt: skip


def _content(request_id: str, sources: Sources) -> Iterable[Block]:
    place = f"/api/requests/{quote(request_id, safe='')}/content"
    try:
        kept = sources.opened(request_id)
    except CannotOpen as shut:
        yield Note(str(shut), "warn")
        return
    if kept is None:
        yield Note("Not kept. A route keeps prompts and answers when it says `content: redacted` or `content: full`.")
        return
    yield from bounded(f"Asked ({kept.front})", _pretty(kept.request_text), "json", place)
    yield from bounded("Answered", _pretty(kept.answer_text) or "nothing was sent", "json", place)
    if kept.error is not None:
        yield Note(kept.error, "bad")
    gone = "What was asked and answered is gone for good then; the record stays."
    yield Action("Delete the content", place, gone, tone="bad", method="DELETE")


def bounded(title: str, text: str, language: Literal["plain", "json"], place: str) -> Iterator[Block]:
    """As much of a text as a page can show, and at which place of the API all of it is."""
    yield Text(title, text[:SHOWN], language)
    if len(text) > SHOWN:
        yield Note(f"{len(text) - SHOWN:,} more characters are not shown. With the admin token, all of it is at:", "warn", place)


def _pretty(text: str) -> str:
    """JSON with line breaks; anything else, as a stream's bytes are, as it is."""
    try:
        return msgspec.json.format(text)
    except msgspec.DecodeError:
        return text


def _versions(record: Record, decided: Again) -> Text:
    said = {
        "policy": record.policy,
        "view": record.view,
        "seed": str(record.seed),
        "plan": record.plan,
        "decided again": decided.replayed.digest if decided.replayed is not None else None,
        "trace": record.trace,
        "edition": record.edition,
    }
    return Text("Versions", msgspec.json.format(msgspec.json.encode(said)).decode(), "json")
