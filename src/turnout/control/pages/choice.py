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
            " or ".join(sorted(step.on)) if n > 1 else "always",
            step.reason,
            ", ".join(map(check_name, step.checks)) or NOTHING,
        )
        for n, step in enumerate(decision.plan.steps, 1)
    )
    yield Table("plan", "The plan", (Column("Step", "count"), Column("Model"), Column("After"), Column("Reason"), Column("Checks")), plan, "No step.")  # fmt: skip
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
    """How it differs from the one that was taken: what the route goes by first, then the cost."""
    if chosen is None:
        return NOTHING
    if candidate.model == chosen.model:
        return "it was"
    differs = [_by_score(candidate, chosen, decision.scored_by)]
    if decision.scored_by != "expense_usd":
        differs.append(_by_cost(candidate, chosen))
    return "; ".join(filter(None, differs)) or f"equal, and {decision.reason} decided"


def _by_score(candidate: Candidate, chosen: Candidate, scored_by: ScoredBy) -> str:
    if not (isfinite(candidate.score) and isfinite(chosen.score)):
        return "its p95 is not known" if isfinite(chosen.score) else ""
    gap = candidate.score - chosen.score
    if scored_by == "quality":
        return f"{abs(gap):.2f} {'better' if gap > 0 else 'worse'}" if gap else ""
    if scored_by == "expense_usd":
        return _dearer(gap)
    return f"{abs(gap):,.0f} ms {'slower' if gap > 0 else 'faster'}" if gap else ""


def _by_cost(candidate: Candidate, chosen: Candidate) -> str:
    if candidate.cost is None or chosen.cost is None:
        return "its price is not known" if candidate.cost is None else ""
    return _dearer((candidate.cost - chosen.cost) / PICO_PER_USD)


def _dearer(dollars: float) -> str:
    return f"${abs(dollars):.2g} {'dearer' if dollars > 0 else 'cheaper'}" if dollars else ""
