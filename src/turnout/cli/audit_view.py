"""What `turnout audit` found, as people and programs read it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from turnout.audit.chain import Finding
from turnout.audit.checkpoint import NOTES
from turnout.types.money import usd

if TYPE_CHECKING:
    from turnout.reports.inventory import Inventory, Served

SHOWN = 100
"""Findings on the screen; JSON has them all."""
_HEAD = ("route", "model", "policy", "first", "last", "requests", "cost")
_GIVING_WAY, _NARROW = frozenset({"route", "first", "last"}), 5
"""Columns of the inventory that fold where there is little room, down to so many characters: a day, or a time."""


class Verdict(msgspec.Struct, frozen=True):
    """``entries`` and ``checkpoints`` that were looked at; of the ``requests``, ``unproven`` were recorded by an earlier version.

    ``hours`` of them are in the chain, ``late`` of these changed after they were closed and were closed anew, as late records do;
    ``open`` requests wait for their hour's closing. None: requests were not looked at.
    """

    findings: tuple[Finding, ...]
    entries: int
    checkpoints: int
    requests: int | None = None
    unproven: int = 0
    hours: int = 0
    late: int = 0
    open: int = 0

    @property
    def ok(self) -> bool:
        return all(finding.what in NOTES for finding in self.findings)


def tell(verdict: Verdict, *, as_json: bool) -> None:
    if as_json:
        print(msgspec.json.format(msgspec.json.encode({"ok": verdict.ok, **msgspec.structs.asdict(verdict)})).decode())
        return
    for finding in verdict.findings[:SHOWN]:
        print(
            f"{'note' if finding.what in NOTES else 'FOUND'}: {finding.where}: {finding.what.replace('_', ' ')}: {finding.text}"
        )
    if len(verdict.findings) > SHOWN:
        print(f"and {len(verdict.findings) - SHOWN} more; --json lists them all")
    for line in _summary(verdict):
        print(line)


def _summary(verdict: Verdict) -> list[str]:
    said = [f"chain: {verdict.entries} entries, compared with {_count(verdict.checkpoints, 'checkpoint')}"]
    if verdict.requests is not None:
        said.append(
            f"requests: {verdict.requests} looked at, in {_count(verdict.hours, 'closed hour')} ({verdict.late} closed anew), "
            f"{verdict.open} not closed yet, {verdict.unproven} unproven"
        )
    wrong = sum(finding.what not in NOTES for finding in verdict.findings)
    said.append("nothing was changed" if verdict.ok else f"{_count(wrong, 'finding')}: something was changed")
    return said


def table(found: "Inventory", period: str) -> None:
    """The inventory for people, and below it who put its policy versions in force."""
    if not found.served:
        print(f"nothing was served in {period}")
        return
    rows = [_HEAD, *map(_row, found.served)]
    console = Console()
    console.width = max(console.width, _least(rows))
    title = f"Models that served in {period} (UTC)"
    shown = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
    for name in _HEAD:
        right = name in {"policy", "requests", "cost"}
        shown.add_column(name, justify="right" if right else "left", overflow="fold", no_wrap=name not in _GIVING_WAY)
    for row in rows[1:]:
        shown.add_row(*row)
    console.print(shown)
    for line in {line.policy: line for line in sorted(found.served, key=lambda line: line.policy)}.values():
        since = (
            f"{_moment(line.since)} by {line.actor}, entry {line.entry or '-'}"
            if line.since is not None
            else "a time that is not known"
        )
        print(f"policy {line.policy}: in force from {since}{f': {line.note}' if line.note else ''}")


def _row(line: "Served") -> tuple[str, ...]:
    unpriced = f"\n+ {line.unpriced} unknown" if line.unpriced else ""
    cost = f"${usd(line.cost):.6f}{unpriced}"
    return (
        line.route or "-", line.model, str(line.policy), _moment(line.first), _moment(line.last), f"{line.requests:,}", cost
    )  # fmt: skip


def _least(rows: "list[tuple[str, ...]]") -> int:
    """The width at which names of models, and numbers, are whole: they are copied from there, so that the others give way."""
    widest = (max(cell_len(line) for cell in column for line in cell.split("\n")) for column in zip(*rows, strict=True))
    return sum(_NARROW if name in _GIVING_WAY else width for name, width in zip(_HEAD, widest, strict=True)) + 2 * (
        len(_HEAD) - 1
    )


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%m-%d %H:%M}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
