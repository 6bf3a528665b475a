"""The page Policy: every version, what each changed and for whom, two of them compared, and the way back."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated

import msgspec

from turnout.audit.diff import Change, Field, sentences
from turnout.control.history import NoSuchVersion, Shown
from turnout.control.pages import blocks
from turnout.control.pages.blocks import (
    Action,
    Block,
    Cell,
    Column,
    Figure,
    Figures,
    NoSuchThing,
    Note,
    Page,
    Search,
    Section,
    Table,
    Text,
)
from turnout.control.pages.seen import NOTHING, spend
from turnout.control.pages.sources import Sources
from turnout.store.policies import PolicyVersion
from turnout.store.rollups import sums
from turnout.store.rollups.cells import Cell as Sum

MOST = 200


Version = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class PolicyAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With an ``id``: that version, compared ``against`` another, the one before it unless said."""

    id: Version | None = None
    against: Version | None = None
    window: str = ""
    zone: str = "UTC"


def policy(asked: PolicyAsked, sources: Sources) -> Page:
    """Raises NoSuchThing."""
    history, now = sources.history, sources.clock.now()
    versions = history.list(MOST)
    in_force = versions[0].version if versions else None
    if asked.id is None:
        return Page("policy", "Policy", (Section(tuple(_list(versions, sources, now)), wide=True),), now)
    try:
        shown = history.show(asked.id)
        changes = shown.changes if asked.against is None else history.diff(asked.against, asked.id)
    except NoSuchVersion as reason:
        raise NoSuchThing(str(reason)) from reason
    return Page("policy", f"Policy {asked.id}", tuple(_one(asked, shown, changes, in_force, sources)), now)


def _list(versions: tuple[PolicyVersion, ...], sources: Sources, now: float) -> Iterable[Block]:
    by_version = _served(sources, now)
    columns = (
        Column("Version"), Column("In force from", "time"), Column("By"), Column("Why"), Column("Requests", "count"), Column("Cost", "usd"),
        Column("Unknown price", "count"), Column("Verdict", "percent"),
    )  # fmt: skip
    rows = [
        (
            Cell(str(version.version), "good" if n == 0 else "plain", f"/policy/{version.version}", note="" if n else "in force"),
            version.at, version.actor, _why(version) or NOTHING, *_did(version.version, by_version),
        )
        for n, version in enumerate(versions)
    ]  # fmt: skip
    oldest = min((version.version for version in versions), default=0)
    known = {version.version for version in versions}
    if len(versions) < MOST:
        # What requests were decided on before versions were kept, or where their rows are another ledger's.
        others = sorted((number for number in by_version if number not in known), reverse=True)
        rows += [(str(number), NOTHING, NOTHING, "nothing is kept of it", *_did(number, by_version)) for number in others]
    note = f"The latest {MOST}; older ones are listed by turnout policy list." if len(versions) == MOST and oldest > 1 else ""
    empty = "No policy was ever in force: `turnout serve --config turnout.yaml` begins the first."
    yield Table("versions", "Versions", columns, tuple(rows), empty, note)


def _served(sources: Sources, now: float) -> Mapping[int, Sum]:
    """What requests came to, by the version they were decided on."""
    window = sums.window("400d", now)
    found = sums.cells(sources.ledger.slices(window.since, window.until, window.period), "policy")
    return {group[0]: cell for group, cell in found.items()}


def _did(version: int, by_version: Mapping[int, Sum]) -> tuple[Cell | float | str, ...]:
    """Requests, what they cost and how many cost something unknown besides, and their mean verdict."""
    cell = by_version.get(version, Sum())
    unknown = Cell(cell.unpriced, "warn" if cell.unpriced else "plain")
    return (
        Cell(cell.requests, link=_requests(version)),
        cell.cost,
        unknown,
        cell.verdicts / cell.graded if cell.graded else NOTHING,
    )


def _requests(version: int) -> str:
    return f"/decisions?window=400d&policy={version}"


def _why(version: PolicyVersion) -> str:
    return f"brings back {version.restores}: {version.note}" if version.restores is not None else version.note


def _one(
    asked: PolicyAsked, shown: Shown, changes: tuple[Change, ...], in_force: int | None, sources: Sources
) -> Iterator[Section]:
    version = shown.version
    against = asked.against if asked.against is not None else shown.previous
    is_in_force = version.version == in_force
    yield Section((_facts(shown, sources, is_in_force=is_in_force), Text("The note to whom it concerns", shown.note)), wide=True)
    yield Section(tuple(_different(version.version, against, changes, sources)), "What is different", wide=True)
    if not is_in_force:
        yield Section((_way_back(version),), "Go back")


def _facts(shown: Shown, sources: Sources, *, is_in_force: bool) -> Figures:
    version, entry = shown.version, shown.entry
    cell = _served(sources, sources.clock.now()).get(version.version, Sum())
    return Figures(
        (
            Figure("Version", str(version.version), "text", "in force" if is_in_force else "no longer in force", "good" if is_in_force else "plain"),
            Figure("In force from", version.at, "time"),
            Figure("By", version.actor, "text", _why(version)),
            Figure("Audit entry", NOTHING if entry is None else str(entry), "text", link=None if entry is None else f"/audit/{entry}"),
            Figure("Requests", cell.requests, "count", "decided on it", link=_requests(version.version)),
            spend("Cost", cell.cost, cell.unpriced),
        )
    )  # fmt: skip


def _different(version: int, against: int | None, changes: tuple[Change, ...], sources: Sources) -> Iterator[Block]:
    others = tuple(str(one.version) for one in sources.history.list(MOST) if one.version != version)
    if others:
        chosen = "" if against is None else str(against)
        yield Search(
            (blocks.Field("against", "Compared with", chosen, tuple(dict.fromkeys((*others, *([chosen] if chosen else []))))),)
        )
    if against is None:
        yield Note("It is the first of which anything is kept: there is nothing to compare it with.")
        return
    said = sentences(changes)
    if not said:
        yield Note(f"Nothing differs from version {against}.", "good")
        return
    rows = tuple((sentence,) for sentence in said[:MOST])
    note = f"and {len(said) - MOST:,} more" if len(said) > MOST else ""
    yield Table("changes", f"Against version {against}, in words", (Column("Change"),), rows, "", note)
    yield Text(f"Against version {against}, in full", "\n".join(_diff(changes)), "diff")


def _way_back(version: PolicyVersion) -> Action:
    confirm = f"Version {version.version} becomes a new version and is in force at once, for all requests from then on."
    fields = (blocks.Field("note", "Why"), blocks.Field("by", "Your name"))
    return Action(
        f"Put version {version.version} in force again", f"/api/policies/{version.version}/restore", confirm, {}, fields, "bad"
    )


def _diff(changes: Iterable[Change]) -> Iterator[str]:
    marks = {"added": "+", "removed": "-", "changed": " "}
    for change in changes:
        yield f"{marks[change.how]} {change.thing} {change.name}"
        for field in change.fields:
            yield from _field(field)


def _field(field: Field) -> Iterator[str]:
    if field.before is None and field.after is None:
        yield f"      {field.name}: changed, and not shown"
    if field.before is not None:
        yield f"-     {field.name}: {field.before}"
    if field.after is not None:
        yield f"+     {field.name}: {field.after}"
