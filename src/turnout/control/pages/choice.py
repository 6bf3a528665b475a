"""Why a request went where it went: its decision made once more, from what was recorded of it."""

from collections.abc import Iterable
from math import isfinite
from typing import NamedTuple

import msgspec

from turnout.control.pages.blocks import Block, Cell, Column, Format, Note, Table
from turnout.control.pages.seen import NOTHING
from turnout.control.pages.sources import Sources
from turnout.replay import NotReplayable, Replayed, again
from turnout.types.checks import name_of as check_name
from turnout.types.decision import Candidate, Decision, ScoredBy
from turnout.types.money import PICO_PER_USD
from turnout.types.record import Record

_SCORES: dict[ScoredBy, tuple[str, Format]] = {
    "expense_usd": ("Weighed expense", "usd"), "latency_p95_ms": ("Weighed p95", "ms"), "quality": ("Weighed quality", "score"),
}  # fmt: skip


class Again(NamedTuple):
    """The decision made once more; None and why not, where it cannot be."""

    replayed: Replayed | None
    why_not: str


def decided_again(record: Record, sources: Sources) -> Again:
    try:
        return Again(again(record, sources.views), "")
    except NotReplayable as reason:
        return Again(None, str(reason))
    except (OSError, msgspec.MsgspecError) as error:
        return Again(None, f"its view cannot be read: {error}")


def choice(record: Record, decided: Again) -> Iterable[Block]:
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
    yield _candidates(decision)
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


def _candidates(decision: Decision) -> Table:
    name, unit = _SCORES[decision.scored_by]
    columns = (
        Column("Candidate"), Column("Quality", "score"), Column("p95", "ms"), Column("Expected cost", "usd"), Column(name, unit),
        Column("Chance", "percent"), Column("Why not first"),
    )  # fmt: skip
    first = decision.plan.steps[0].model if decision.plan.steps else None
    chosen = next((one for one in decision.candidates if one.model == first), None)
    rows = tuple(
        (
            Cell(one.model, series=one.model), one.quality, one.latency_p95_ms, one.cost, _score(one, decision.scored_by),
            Cell(one.probability, bar=one.probability), _why_not(one, chosen, decision),
        )
        for one in decision.candidates
    )  # fmt: skip
    return Table("candidates", "Could serve it", columns, rows, "No model could.", f"In the order of the route's objective; the first was taken as: {decision.reason}.")  # fmt: skip


def _score(candidate: Candidate, scored_by: ScoredBy) -> float | str:
    if not isfinite(candidate.score):
        return NOTHING
    return candidate.score * PICO_PER_USD if scored_by == "expense_usd" else candidate.score


def _why_not(candidate: Candidate, chosen: Candidate | None, decision: Decision) -> str:
    """What speaks against it beside the one that was taken; and what it would have saved."""
    if chosen is None:
        return NOTHING
    if candidate.model == chosen.model:
        return "it was"
    worse = _worse_by(candidate, chosen, decision.scored_by)
    why = f"{worse}" if worse else f"not worse by its weight: {decision.reason} decided"
    if candidate.cost is None or chosen.cost is None or candidate.cost >= chosen.cost or decision.scored_by == "expense_usd":
        return why
    return f"{why}; ${(chosen.cost - candidate.cost) / PICO_PER_USD:.2g} cheaper"


def _worse_by(candidate: Candidate, chosen: Candidate, scored_by: ScoredBy) -> str | None:
    if not isfinite(candidate.score):
        return "its p95 is not known"
    gap = candidate.score - chosen.score
    if scored_by == "quality":
        return f"{-gap:.2f} lower quality" if gap < 0 else None
    return None if gap <= 0 else f"${gap:.2g} dearer" if scored_by == "expense_usd" else f"{gap:,.0f} ms slower"
