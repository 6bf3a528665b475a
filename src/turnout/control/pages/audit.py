"""The page Audit: everything that changed what the router does, how it is proved, and which model served what under whose approval."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from turnout.audit.chain import Entry, read
from turnout.control.audit_keeper import Verification
from turnout.control.pages.blocks import (
    Action,
    Block,
    Cell,
    Column,
    Field,
    Figure,
    Figures,
    Note,
    Page,
    Search,
    Section,
    Table,
    Text,
    Tone,
)
from turnout.control.pages.seen import NOTHING, name_of
from turnout.control.pages.sources import Sources
from turnout.reports.inventory import Inventory, inventory, month

PER_PAGE = 50
MONTHS = 13
KINDS = (
    "",
    "policy",
    "keys",
    "catalog",
    "decisions",
    "drill",
    "ticket",
    "content_deleted",
    "retention",
    "checkpoint",
    "start",
    "pruned",
)
_SHORT = 160


class AuditAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With an ``id`` (a seq): that entry. ``before`` pages back; ``month`` (2026-11) is the inventory's."""

    id: int | None = None
    kind: str = ""
    before: int | None = None
    month: str = ""
    window: str = ""
    zone: str = "UTC"


def audit(asked: AuditAsked, sources: Sources) -> Page:
    """Raises NoSuchThing."""
    now = sources.clock.now()
    entries = sources.audit.store.page(PER_PAGE, before=asked.before, kind=asked.kind or None)
    if asked.id is not None:
        entry = sources.audit.store.get(asked.id)
        found = (_whole(entry),) if entry is not None else (Note(f"There is no entry {asked.id}.", "warn"),)
        return Page("audit", f"Audit entry {asked.id}", (Section(tuple(found), wide=True),), now)
    sections = (
        Section((_proof(sources), *_findings(sources.audit.verified)), wide=True),
        Section(tuple(_entries(asked, entries)), wide=True),
        Section(tuple(_inventory(asked, sources, now)), "Which model served what", wide=True),
    )
    return Page("audit", "Audit", sections, now)


def _proof(sources: Sources) -> Figures:
    keeper = sources.audit
    head, signed, verified = keeper.store.latest(), keeper.latest_checkpoint(), keeper.verified
    state = "not yet" if verified is None else "whole" if verified.ok else f"{len(verified.findings)} findings"
    tone: Tone = "plain" if verified is None else "good" if verified.ok else "bad"
    return Figures(
        (
            Figure("Entries", keeper.store.count(), "count", "each holds the hash of the one before it"),
            Figure("Head", NOTHING if head is None else head.hash[:16], "code", NOTHING if head is None else f"entry {head.seq}"),
            Figure("Last checkpoint", NOTHING if signed is None else signed.at, "text" if signed is None else "time", "keep a copy elsewhere: it proves what was there by then"),
            Figure("Last verified", NOTHING if verified is None else verified.at, "text" if verified is None else "time", state, tone),
            Figure("Public key", keeper.public_key(), "code", "of the checkpoints' signatures"),
        )
    )  # fmt: skip


def _findings(verified: Verification | None) -> Iterable[Block]:
    if verified is not None:
        for finding in verified.findings:
            yield Note(f"{finding.what}: {finding.where}: {finding.text}", "warn" if verified.ok else "bad")
    yield Note(
        "The chain and the rows it speaks of are verified by the command, also against a checkpoint that was kept elsewhere.",
        command="turnout audit verify",
    )
    yield Action("Sign a checkpoint now", "/api/audit/checkpoint")


def _entries(asked: AuditAsked, entries: tuple[Entry, ...]) -> Iterable[Block]:
    yield Search((Field("kind", "Kind", asked.kind, KINDS),))
    columns = (
        Column("Entry", "count"),
        Column("Time", "time"),
        Column("Kind"),
        Column("By"),
        Column("What"),
        Column("Hash", "code"),
    )
    rows = tuple(
        (Cell(entry.seq, link=f"/audit/{entry.seq}"), entry.at, entry.kind, entry.actor, _short(entry.payload), entry.hash[:12])
        for entry in entries
    )
    query = f"kind={asked.kind}&" if asked.kind else ""
    more = f"/audit?{query}before={entries[-1].seq}" if len(entries) == PER_PAGE else None
    yield Table("entries", "The trail", columns, rows, "Nothing of this kind happened yet.", more=more)


def _short(payload: str) -> str:
    return payload if len(payload) <= _SHORT else f"{payload[:_SHORT]}\u2026"


def _whole(entry: Entry) -> Text:
    said = {**msgspec.structs.asdict(entry), "payload": read(entry)}
    return Text(f"{entry.kind} by {entry.actor}", msgspec.json.format(msgspec.json.encode(said)).decode(), "json")


def _inventory(asked: AuditAsked, sources: Sources, now: float) -> Iterable[Block]:
    months = _months(now)
    chosen = asked.month if asked.month in months else months[0]
    yield Search((Field("month", "Month", chosen, months),))
    yield _served(inventory(sources.ledger, *month(chosen), now))


def _months(now: float) -> tuple[str, ...]:
    day, found = datetime.fromtimestamp(now, UTC).replace(day=1), []
    for _ in range(MONTHS):
        found.append(f"{day:%Y-%m}")
        day = (day - timedelta(days=1)).replace(day=1)
    return tuple(found)


def _served(found: Inventory) -> Table:
    columns = (
        Column("Route"), Column("Model"), Column("Policy"), Column("First", "time"), Column("Last", "time"), Column("Requests", "count"),
        Column("Cost", "usd"), Column("In force by"), Column("Why"), Column("Audit entry"),
    )  # fmt: skip
    rows = tuple(
        (
            name_of(line.route), Cell(line.model, series=line.model), Cell(str(line.policy), link=f"/policy/{line.policy}"), line.first, line.last,
            line.requests, Cell(line.cost, note=f"+ {line.unpriced:,} unknown" if line.unpriced else ""), line.actor or NOTHING, line.note or NOTHING,
            NOTHING if line.entry is None else Cell(str(line.entry), link=f"/audit/{line.entry}"),
        )
        for line in found.served
    )  # fmt: skip
    return Table("inventory", "Inventory of models", columns, rows, "No model served anything in this month.")
