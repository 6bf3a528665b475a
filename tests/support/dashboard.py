"""What pages are made from, and what a test asks of a page."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.support.records import NOW, attempt, record
from turnout.clock import Clock
from turnout.control.audit_keeper import AuditKeeper
from turnout.control.history import History
from turnout.control.pages.blocks import Block, Cell, Chart, Figure, Figures, Page, Table
from turnout.control.pages.sources import Sources
from turnout.store.ledger import Ledger
from turnout.types.record import Record
from turnout.view import ViewStore


def sources(ledger: Ledger, directory: Path, clock: Clock, **changes: Any) -> Sources:
    """Of a data directory that has nothing in it yet."""
    for name in ("health", "journal"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    views = ViewStore(directory / "views")
    made = {
        "ledger": ledger, "clock": clock, "data_dir": directory, "health": directory / "health", "journal": directory / "journal",
        "views": views, "history": History(ledger, views), "audit": AuditKeeper(ledger.audit, directory, clock), **changes,
    }  # fmt: skip
    return Sources(**made)


def filled(ledger: Ledger, records: Iterable[Record], now: float = NOW) -> None:
    """With these, and with the sums over them."""
    ledger.ingest(list(records), "segment", 1)
    while ledger.roll_up(now).left:
        pass


def varied(count: int = 60) -> list[Record]:
    """Requests of two policies, several models, routes and outcomes, over some hours before NOW; some of unknown price, one a copy."""
    models = ("anthropic/claude-haiku-4-5", "openai/gpt-5-mini", "local/llama-3.2")
    made: list[Record] = []
    for n in range(count):
        model, cost = models[n % 3], None if n % 17 == 5 else 1_000_000_007 * (n + 1)
        failed = n % 13 == 4
        calls = (attempt(model=model, cost=cost, fault="unavailable" if failed else None, started_ms=1.0, ended_ms=20.0 + n),)
        made.append(
            record(
                n, at=NOW - 300.0 * n - 1, route=("code", "support")[n % 2], model=model, outcome="failed" if failed else "ok",
                policy=3 if n > count // 2 else 4, cost=cost, baseline=9_000_000_000_000, attempts=calls, duration_ms=20.0 + n,
                reason="fallback" if n % 10 == 7 else "cheapest", copy_of="req-1" if n == count - 1 else None,
            )
        )  # fmt: skip
    return made


def blocks(page: Page) -> Iterator[Block]:
    for section in page.sections:
        yield from section.blocks


def figure(page: Page, name: str) -> Figure:
    return next(one for block in blocks(page) if isinstance(block, Figures) for one in block.figures if one.name == name)


def table(page: Page, ident: str) -> Table:
    return next(block for block in blocks(page) if isinstance(block, Table) and block.id == ident)


def chart(page: Page, ident: str) -> Chart:
    return next(block for block in blocks(page) if isinstance(block, Chart) and block.id == ident)


def values(row: Iterable[Cell | float | str | None]) -> list[float | str | None]:
    return [cell.value if isinstance(cell, Cell) else cell for cell in row]
