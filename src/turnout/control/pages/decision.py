"""One request: what was known of it, who could have served it and who could not, what was tried, how it ended, and what it was worth."""

from collections.abc import Iterable
from typing import NamedTuple

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
    Tone,
)
from turnout.control.pages.seen import NOTHING
from turnout.control.pages.sources import Sources
from turnout.replay import NotReplayable, Replayed, again
from turnout.store.feedback import Kept
from turnout.types.checks import name_of as check_name
from turnout.types.decision import Candidate
from turnout.types.models import Feature, Modality, names
from turnout.types.record import Attempt, Record
from turnout.types.traits import Trait, Traits

OUTCOMES: dict[str, Tone] = {
    "ok": "plain",
    "failed": "bad",
    "cut": "bad",
    "rejected": "warn",
    "cancelled": "warn",
    "begun": "warn",
}
_MEANS = {
    "ok": "answered",
    "failed": "no model answered",
    "cut": "broke off after its client had got the beginning",
    "rejected": "refused by Turnout; nobody was called",
    "cancelled": "its client left",
    "begun": "a stream whose end has not been recorded",
}


class _Again(NamedTuple):
    """The decision made once more; None and why not, where it cannot be."""

    replayed: Replayed | None
    why_not: str


def one(request_id: str, sources: Sources) -> Page:
    """Raises NoSuchThing."""
    record = sources.ledger.request(request_id)
    if record is None:
        raise NoSuchThing(
            "no such request in the ledger; one of the last second may still be on its way, and old ones are deleted by policy"
        )
    decided = _again(record, sources)
    sections = (
        Section((*_said(record), _figures(record)), wide=True),
        Section(tuple(_attempts(record)), wide=True),
        Section(tuple(_choice(record, decided)), "Why it went there", wide=True),
        *((Section((_traits(record.traits),), wide=True),) if record.traits is not None else ()),
        Section((_opinions(sources.ledger.feedback.of_request(request_id)),), wide=True),
        Section(tuple(_content(request_id, sources)), "Content", wide=True),
        Section((_versions(record, decided),)),
    )
    return Page("decisions", f"Request {record.id}", sections, sources.clock.now(), record.at)


def _again(record: Record, sources: Sources) -> _Again:
    try:
        return _Again(again(record, sources.views), "")
    except NotReplayable as reason:
        return _Again(None, str(reason))
    except (OSError, msgspec.MsgspecError) as error:
        return _Again(None, f"its view cannot be read: {error}")


def _said(record: Record) -> Iterable[Note]:
    if record.copy_of is not None:
        yield Note(f"A copy of request {record.copy_of}: nobody waited for its answer.", "warn")
    if record.drill is not None:
        yield Note(f"Part of drill {record.drill}.", "warn")
    if record.ticket is not None:
        yield Note(f"Handed to people as ticket {record.ticket}.", "warn")
    if record.cost is None:
        yield Note("Its cost is unknown: a price or a usage is missing. It is in no sum.", "warn")


def _figures(record: Record) -> Figures:
    return Figures(
        (
            Figure("Outcome", record.code or record.outcome, "text", _MEANS.get(record.outcome, ""), OUTCOMES.get(record.outcome, "plain")),
            Figure("Arrived", record.at, "time", f"at {record.worker}"),
            Figure("Route", record.route, "text", record.reason or "", link=f"/decisions?route={record.route}" if record.route else None),
            Figure("Model", record.model or NOTHING, "text", "served it"),
            Figure("Cost", record.cost, "usd", tone="warn" if record.cost is None else "plain"),
            Figure("On the best model", record.baseline, "usd", "what the same tokens would have cost") if record.baseline is not None
            else Figure("On the best model", NOTHING, "text"),
            Figure("Took", record.duration_ms, "ms", "stream" if record.stream else "whole answer"),
            Figure("First token", record.first_token_ms, "ms") if record.first_token_ms is not None else Figure("First token", NOTHING, "text"),
            Figure("Deciding", record.decision_us, "us"),
            Figure("Status", str(record.status), "text", f"{len(record.attempts)} calls"),
        )
    )  # fmt: skip


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


def _choice(record: Record, decided: _Again) -> Iterable[Block]:
    replayed = decided.replayed
    if replayed is None:
        yield Note(f"Candidates and rejections cannot be shown: {decided.why_not}.", "warn")
        return
    if replayed.identical:
        yield Note("Decided again from what was recorded, and identical.", "good", f"turnout replay {record.id}")
    else:
        yield Note(
            "Decided again, the plan differs from the recorded one: this program decides otherwise.",
            "bad",
            f"turnout replay {record.id}",
        )
    decision = replayed.decision
    columns = (
        Column("Candidate"), Column("Quality", "score"), Column("p95", "ms"), Column("Expected cost", "usd"), Column("Score", "score"),
        Column("Chance", "percent"),
    )  # fmt: skip
    yield Table(
        "candidates",
        "Could serve it",
        columns,
        tuple(map(_candidate, decision.candidates)),
        "No model could.",
        f"chosen by {decision.scored_by}",
    )
    plan = tuple(
        (
            n,
            Cell(step.model, series=step.model),
            ", ".join(sorted(step.on)),
            step.reason,
            ", ".join(map(check_name, step.checks)) or NOTHING,
        )
        for n, step in enumerate(decision.plan.steps, 1)
    )
    yield Table("plan", "The plan", (Column("Step", "count"), Column("Model"), Column("When the one before ended in"), Column("Reason"), Column("Checks")), plan, "No step.")  # fmt: skip
    rejected = tuple((Cell(each.model, series=each.model), each.reason, each.detail) for each in decision.rejections)
    yield Table("rejections", "Could not, and why", (Column("Model"), Column("Reason"), Column("Detail")), rejected, "Every model of the route could serve it.")  # fmt: skip


def _candidate(candidate: Candidate) -> tuple[Cell | float | str | None, ...]:
    return (
        Cell(candidate.model, series=candidate.model), candidate.quality, candidate.latency_p95_ms, candidate.cost, candidate.score,
        Cell(candidate.probability, bar=candidate.probability),
    )  # fmt: skip


def _traits(traits: Traits) -> Table:
    found = [(name, _trait(getattr(traits, name))) for name in ("task", "latency", "cost", "quality", "sensitivity", "language")]
    complexity = NOTHING if traits.complexity is None else f"{traits.complexity:.3f} ({traits.band})"
    rows: list[tuple[str, str, str]] = [(name, value, source) for name, (value, source) in found]
    rows += [
        ("complexity", complexity, traits.complexity_source),
        ("tokens", f"{traits.tokens:,} in, {traits.output_tokens:,} out expected", f"{traits.tokens_max:,} at most"),
        ("asked for", traits.model, traits.front),
        ("features", ", ".join(names(Feature(traits.features))) or NOTHING, ""),
        ("input", ", ".join(names(Modality(traits.input))), ""),
        ("tags", ", ".join(f"{key}={value}" for key, value in sorted(traits.tags.items())) or NOTHING, f"bound to the key: {', '.join(sorted(traits.bound))}" if traits.bound else ""),
        ("session", traits.session or NOTHING, f"was on {traits.held}" if traits.held else ""),
        ("caller", traits.caller or NOTHING, ""),
    ]  # fmt: skip
    return Table("traits", "What was known of it", (Column("Trait"), Column("Value"), Column("From")), tuple(rows), "")


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
    try:
        kept = sources.opened(request_id)
    except CannotOpen as shut:
        yield Note(str(shut), "warn")
        return
    if kept is None:
        yield Note("Not kept. A route keeps prompts and answers when it says `content: redacted` or `content: full`.")
        return
    yield Text(f"Asked ({kept.front})", _pretty(kept.request_text), "json")
    yield Text("Answered", _pretty(kept.answer_text) or "nothing was sent", "json")
    if kept.error is not None:
        yield Note(kept.error, "bad")
    gone = "What was asked and answered is gone for good then; the record stays."
    yield Action("Delete the content", f"/api/requests/{request_id}/content", gone, tone="bad", method="DELETE")


def _pretty(text: str) -> str:
    """JSON with line breaks; anything else, as a stream's bytes are, as it is."""
    try:
        return msgspec.json.format(text)
    except msgspec.DecodeError:
        return text


def _versions(record: Record, decided: _Again) -> Text:
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
