"""The page Audit: everything that changed what the router does, how it is proved, and which model served what under whose approval."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import quote, urlencode

import msgspec

from turnout.audit.chain import Entry, read
from turnout.audit.kinds import KINDS
from turnout.control.pages.blocks import (
    Action,
    Block,
    Cell,
    Column,
    Field,
    Figure,
    Figures,
    NoSuchThing,
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
_SHORT = 200
_HASH = re.compile(r"[0-9a-f]{32,}|\S{40,}")
"""What nobody reads in a list: hashes, keys, signatures."""
_LARGEST = 2**31 - 1


class AuditAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With an ``id`` (a seq): that entry. ``before`` pages back; ``month`` (2026-11) is the inventory's."""

    id: Annotated[int, msgspec.Meta(ge=0, le=_LARGEST)] | None = None
    kind: str = ""
    before: Annotated[int, msgspec.Meta(ge=0, le=_LARGEST)] | None = None
    month: Annotated[str, msgspec.Meta(pattern=r"^(\d{4}-(0[1-9]|1[0-2]))?$")] = ""
    window: str = ""
    zone: str = "UTC"

    def __post_init__(self) -> None:
        if self.kind and self.kind not in KINDS:
            raise ValueError(f"`kind`: nothing of kind {self.kind!r} is ever written; there are {', '.join(KINDS)}")


def audit(asked: AuditAsked, sources: Sources) -> Page:
    """Raises NoSuchThing."""
    now = sources.clock.now()
    if asked.id is not None:
        return Page("audit", f"Audit entry {asked.id}", (Section(tuple(_one(asked.id, sources)), wide=True),), now)
    sections = (
        Section((_proof(sources), *_findings(sources)), wide=True),
        Section(tuple(_entries(asked, sources)), wide=True),
        Section(tuple(_inventory(asked, sources, now)), "Which model served what", wide=True),
    )
    return Page("audit", "Audit", sections, now)


def _one(seq: int, sources: Sources) -> Iterable[Block]:
    store = sources.audit.store
    entry = store.get(seq)
    if entry is None:
        first, last = store.first(), store.latest()
        there = f"the chain has {first.seq} to {last.seq}" if first is not None and last is not None else "the chain is empty"
        raise NoSuchThing(f"there is no entry {seq}; {there}")
    around = ((name, store.get(place)) for name, place in (("Before", seq - 1), ("After", seq + 1)))
    links = tuple(
        Figure(name, f"{one.seq} {one.kind}", "text", link=f"/audit/{one.seq}") for name, one in around if one is not None
    )
    yield Figures(
        (
            Figure("Kind", entry.kind, "text", link="/audit?" + urlencode({"kind": entry.kind})),
            Figure("At", entry.at, "time"),
            Figure("By", entry.actor, "text"),
            *_subject(entry),
            *links,
        )
    )
    said = {**msgspec.structs.asdict(entry), "payload": read(entry)}
    yield Text("As it was written", msgspec.json.format(msgspec.json.encode(said)).decode(), "json")


def _subject(entry: Entry) -> Iterable[Figure]:
    """The way to what it speaks of."""
    said = read(entry)
    for field, page in (("version", "policy"), ("drill", "drills"), ("ticket", "queues"), ("request", "decisions")):
        if isinstance(value := said.get(field), str | int):
            yield Figure(field.capitalize(), str(value), "code", link=f"/{page}/{quote(str(value), safe='')}")


def _proof(sources: Sources) -> Figures:
    keeper = sources.audit
    head, signed, verified = keeper.store.latest(), keeper.latest_checkpoint(), keeper.verified
    state = "not yet" if verified is None else "whole" if verified.ok else _counted(len(verified.findings), "findings")
    tone: Tone = "plain" if verified is None else "good" if verified.ok else "bad"
    return Figures(
        (
            Figure("Entries", keeper.store.count(), "count", "each holds the hash of the one before it"),
            Figure("Head", NOTHING if head is None else head.hash[:12], "code", NOTHING if head is None else f"entry {head.seq}"),
            Figure("Last checkpoint", NOTHING if signed is None else signed.at, "text" if signed is None else "time", "keep a copy elsewhere: it proves what was there by then"),
            Figure("Last verified", NOTHING if verified is None else verified.at, "text" if verified is None else "time", state, tone),
        )
    )  # fmt: skip


def _findings(sources: Sources) -> Iterable[Block]:
    verified = sources.audit.verified
    if verified is not None:
        for finding in verified.findings:
            yield Note(f"{finding.what}: {finding.where}: {finding.text}", "warn" if verified.ok else "bad")
    yield Note(
        "The chain and the rows it speaks of are verified by the command, also against a checkpoint that was kept elsewhere.",
        command="turnout audit verify",
    )
    yield Note(
        "The checkpoints are signed by the key whose public part is this. Keep it elsewhere, with them.",
        command=sources.audit.public_key(),
    )
    yield Action("Sign a checkpoint now", "/api/audit/checkpoint")


def _entries(asked: AuditAsked, sources: Sources) -> Iterable[Block]:
    found = sources.audit.store.page(PER_PAGE + 1, before=asked.before, kind=asked.kind or None)
    entries = found[:PER_PAGE]
    yield Search((Field("kind", "Kind", asked.kind, ("", *KINDS)), *_kept(asked, "month")))
    columns = (
        Column("Entry", "count"),
        Column("Time", "time"),
        Column("Kind"),
        Column("By"),
        Column("What"),
        Column("Hash", "code"),
    )
    rows = tuple(
        (Cell(entry.seq, link=f"/audit/{entry.seq}"), entry.at, entry.kind, entry.actor, _in_words(entry), entry.hash[:12])
        for entry in entries
    )
    said = {name: value for name in ("kind", "month") if (value := getattr(asked, name))}
    more = "/audit?" + urlencode({**said, "before": entries[-1].seq}) if len(found) > PER_PAGE else None
    empty = "Nothing of this kind is in the trail. It begins with the first start of the router, and holds whatever changed what it does."
    yield Table("entries", "The trail", columns, rows, empty, more=more)


def _kept(asked: AuditAsked, name: str) -> Iterable[Field]:
    """A filter of the page's other form: what one changes leaves the other as it was."""
    if value := getattr(asked, name):
        yield Field(name, name.capitalize(), value)


def _in_words(entry: Entry) -> str:
    """What it says in short: hashes and what is long are on the entry's own page."""
    said = []
    for name, value in read(entry).items():
        if isinstance(value, list):
            said += [_counted(len(value), name)] if value else []
        elif isinstance(value, int) or (isinstance(value, str) and value and not _HASH.fullmatch(value)):
            said.append(f"{name} {value}")
    words = ", ".join(said) or NOTHING
    return words if len(words) <= _SHORT else f"{words[:_SHORT]}\u2026"


def _counted(number: int, names: str) -> str:
    return f"{number:,} {names.removesuffix('s') if number == 1 else names}"


def _inventory(asked: AuditAsked, sources: Sources, now: float) -> Iterable[Block]:
    months = _months(now)
    chosen = asked.month or months[0]
    yield Search((Field("month", "Month", chosen, tuple(dict.fromkeys((*months, chosen)))), *_kept(asked, "kind")))
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
            Cell(line.requests, note=f"+ {line.copies:,} copies" if line.copies else ""), Cell(line.cost, note=f"+ {line.unpriced:,} unknown" if line.unpriced else ""), line.actor or NOTHING, line.note or NOTHING,
            NOTHING if line.entry is None else Cell(str(line.entry), link=f"/audit/{line.entry}"),
        )
        for line in found.served
    )  # fmt: skip
    return Table(
        "inventory",
        "Inventory of models",
        columns,
        rows,
        "No model served anything in this month. What is older than the sums of days are kept is gone.",
    )
