"""Which model served what, when, under which policy version, and who put that in force: a period's inventory of models."""

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from math import ceil

import msgspec

from turnout.audit.kinds import POLICY
from turnout.store.ledger import Ledger
from turnout.store.policies import PolicyVersion
from turnout.store.retention import HOURS_KEPT
from turnout.store.rollups.cells import Cell, Slice
from turnout.types.money import PicoDollars, usd
from turnout.types.seconds import DAY, HOUR

_SPARE = 2 * DAY


class Served(msgspec.Struct, frozen=True):
    """What one model did for one route under one policy version.

    It served from ``first`` to ``last`` (unix seconds, to the inventory's resolution). ``requests`` got its answer, ``copies`` nobody
    waited for. ``cost`` is the known cost of all; ``unpriced`` answers cost something unknown besides. ``actor`` put the version in force at
    ``since`` for the reason ``note``; ``entry`` is that act's place in the audit chain. None: nothing is known of it.
    """

    route: str | None
    model: str
    policy: int
    first: float
    last: float
    requests: int
    copies: int
    cost: PicoDollars
    unpriced: int
    actor: str | None = None
    since: float | None = None
    note: str | None = None
    entry: int | None = None


class Inventory(msgspec.Struct, frozen=True):
    """Of the requests that arrived from ``since`` to before ``until``; times of a line are right to ``resolution`` seconds."""

    since: float
    until: float
    resolution: int
    served: tuple[Served, ...]


def inventory(ledger: Ledger, since: int, until: int, now: float) -> Inventory:
    """From the sums over hours, or over days where those over hours are gone. ``since`` and ``until`` are days' first seconds (UTC).

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the ledger cannot be read.
    """
    period = HOUR if since >= now - HOURS_KEPT + _SPARE else DAY
    served = tally(ledger.slices(since, until, period))
    numbers = {line.policy for line in served}
    around = {*numbers, *(number + 1 for number in numbers)}
    versions = {number: found for number in around if (found := ledger.policies.get(number)) is not None}
    entries = {number: _entry(ledger, number) for number in numbers & versions.keys()}
    approved = (_approved(line, versions.get(line.policy), entries.get(line.policy)) for line in served)
    return Inventory(since, until, period, tuple(_within(line, versions.get(line.policy + 1), period) for line in approved))


def tally(slices: Iterable[Slice]) -> list[Served]:
    """By route, model and policy version, in the order of their first request."""
    cells: dict[tuple[str | None, str, int], list[tuple[Slice, Cell]]] = {}
    for one in slices:
        for key, cell in one.cells:
            if key.model is not None:
                cells.setdefault((key.route, key.model, key.policy), []).append((one, cell))
    lines = [
        Served(
            *key,
            first=min(float(one.start) for one, _ in found),
            last=max(min(one.start + one.period, max(one.latest, one.start)) for one, _ in found),
            requests=sum(cell.requests for _, cell in found),
            copies=sum(cell.copies for _, cell in found),
            cost=PicoDollars(sum(cell.cost for _, cell in found)),
            unpriced=sum(cell.unpriced for _, cell in found),
        )
        for key, found in cells.items()
    ]
    return sorted(lines, key=lambda line: (line.first, line.route or "", line.model, line.policy))


def month(text: str) -> tuple[int, int]:
    """The first second of ``2026-11`` and of the month after it, UTC. Raises ValueError."""
    begins = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
    after = begins.replace(year=begins.year + begins.month // 12, month=begins.month % 12 + 1)
    return int(begins.timestamp()), int(after.timestamp())


def as_csv(found: Inventory) -> str:
    """A line each, with a head; cost in USD, times as ISO 8601 in UTC."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(
        (
            "route",
            "model",
            "policy",
            "first",
            "last",
            "requests",
            "copies",
            "cost_usd",
            "unpriced",
            "actor",
            "since",
            "note",
            "entry",
        )
    )
    for line in found.served:
        rows.writerow(
            (
                _plain(line.route), _plain(line.model), line.policy, _iso(line.first), _iso(line.last), line.requests, line.copies,
                f"{usd(line.cost):.12f}", line.unpriced, _plain(line.actor), _iso(line.since), _plain(line.note), line.entry,
            )
        )  # fmt: skip
    return text.getvalue()


def as_dict(found: Inventory) -> dict[str, object]:
    """For JSON: costs in USD, and said so in their name."""
    lines = [{**msgspec.structs.asdict(line), "cost_usd": usd(line.cost)} for line in found.served]
    for line in lines:
        del line["cost"]
    return {**msgspec.structs.asdict(found), "served": lines}


def _entry(ledger: Ledger, version: int) -> int | None:
    found = ledger.audit.page(1, kind=POLICY, payload=f'%"version":{version}}}')
    return found[0].seq if found else None


def _approved(line: Served, version: PolicyVersion | None, entry: int | None) -> Served:
    if version is None:
        return line
    first = max(line.first, version.at)  # its slice began before it was in force
    return msgspec.structs.replace(line, first=first, actor=version.actor, since=version.at, note=version.note, entry=entry)


def _within(line: Served, after: PolicyVersion | None, period: int) -> Served:
    """Its last slice may go on under the version ``after`` it; what was decided on it later than that is in a later slice."""
    begins = (ceil(line.last) - 1) // period * period
    return msgspec.structs.replace(line, last=after.at) if after is not None and begins <= after.at < line.last else line


def _plain(text: str | None) -> str:
    """A spreadsheet takes what begins like a formula for one."""
    return "" if text is None else f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r", "\n"} else text


def _iso(at: float | None) -> str:
    return "" if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
