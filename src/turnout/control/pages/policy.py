"""The page Policy: every version, what each changed and for whom, two of them compared, and the way back."""

from collections.abc import Iterable, Iterator

import msgspec

from turnout.audit.diff import Change, Field, sentences
from turnout.control.history import History, NoSuchVersion, Shown
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
from turnout.control.pages.seen import NOTHING
from turnout.control.pages.sources import Sources
from turnout.store.policies import PolicyVersion
from turnout.store.rollups import sums

MOST = 200


class PolicyAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With an ``id``: that version, compared ``against`` another, the one before it unless said."""

    id: int | None = None
    against: int | None = None
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
    return Page("policy", f"Policy {asked.id}", tuple(_one(asked, shown, changes, in_force, history)), now)


def _list(versions: tuple[PolicyVersion, ...], sources: Sources, now: float) -> Iterable[Block]:
    window = sums.window("400d", now)
    by_version = sums.cells(sources.ledger.slices(window.since, window.until, window.period), "policy")
    columns = (
        Column("Version"), Column("In force from", "time"), Column("By"), Column("Why"), Column("Requests", "count"), Column("Cost", "usd"),
        Column("Verdict", "percent"),
    )  # fmt: skip
    rows = []
    for number, version in enumerate(versions):
        cell = by_version.get((version.version,))
        rows.append(
            (
                Cell(
                    str(version.version),
                    "good" if number == 0 else "plain",
                    f"/policy/{version.version}",
                    note="in force" if number == 0 else "",
                ),
                version.at,
                version.actor,
                _why(version),
                Cell(cell.requests if cell else 0, link=f"/decisions?window=400d&policy={version.version}"),
                cell.cost if cell else 0,
                cell.accepted / cell.graded if cell and cell.graded else NOTHING,
            )
        )
    yield Table(
        "versions",
        "Versions",
        columns,
        tuple(rows),
        "No policy was ever in force: `turnout serve --config turnout.yaml` begins the first.",
    )


def _why(version: PolicyVersion) -> str:
    return f"brings back {version.restores}: {version.note}" if version.restores is not None else version.note


def _one(
    asked: PolicyAsked, shown: Shown, changes: tuple[Change, ...], in_force: int | None, history: History
) -> Iterator[Section]:
    version = shown.version
    against = asked.against if asked.against is not None else shown.previous
    state = "in force" if version.version == in_force else "no longer in force"
    yield Section(
        (
            Figures(
                (
                    Figure("Version", str(version.version), "text", state, "good" if version.version == in_force else "plain"),
                    Figure("In force from", version.at, "time"),
                    Figure("By", version.actor, "text", _why(version)),
                    Figure("Audit entry", NOTHING if shown.entry is None else str(shown.entry), "text", link="/audit?kind=policy"),
                    Figure("Requests", "show", "text", link=f"/decisions?window=400d&policy={version.version}"),
                )
            ),
            Text("The note to whom it concerns", shown.note),
        ),
        wide=True,
    )  # fmt: skip
    others = tuple(str(one.version) for one in history.list(MOST) if one.version != version.version)
    compare = (
        Search((blocks.Field("against", "Compared with", "" if against is None else str(against), others),)) if others else None
    )
    said = sentences(changes)
    yield Section(
        (
            *((compare,) if compare else ()),
            *(Note(sentence) for sentence in said[:MOST]),
            Text(
                f"Against version {against}" if against is not None else "All of it",
                "\n".join(_diff(changes)) or "nothing differs",
                "diff",
            ),
        ),
        "What is different",
        wide=True,
    )
    if version.version != in_force:
        yield Section((_way_back(version),), "Go back")


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
