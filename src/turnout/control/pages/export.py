"""A page's tables as files, with exact numbers."""

import csv
import io
from decimal import Decimal

from turnout.control.pages.blocks import Cell, Column, Page, Table
from turnout.types.money import PICO_PER_USD

Value = float | str | None

_UNITS = {
    "usd": "USD",
    "ms": "ms",
    "us": "us",
    "percent": "share",
    "time": "unix s",
    "ago": "unix s",
    "per_s": "per s",
    "bytes": "bytes",
}
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A text that begins so would be run by a spreadsheet."""


def table_of(page: Page, table_id: str) -> Table | None:
    for section in page.sections:
        for block in section.blocks:
            if isinstance(block, Table) and block.id == table_id:
                return block
    return None


def as_csv(table: Table) -> str:
    """RFC 4180. An interval has two columns of its own; amounts are dollars to the pico-dollar."""
    file = io.StringIO()
    writer = csv.writer(file)
    ranged = [_is_ranged(table, place) for place in range(len(table.columns))]
    writer.writerow(
        _guarded(name) for column, wide in zip(table.columns, ranged, strict=True) for name in _names(column, wide=wide)
    )
    for row in table.rows:
        written: list[str] = []
        for column, cell, wide in zip(table.columns, row, ranged, strict=True):
            values = (cell.value, cell.low, cell.high) if isinstance(cell, Cell) else (cell, None, None)
            written.extend(_written(value, column) for value in (values if wide else values[:1]))
        writer.writerow(written)
    return file.getvalue()


def as_rows(table: Table) -> list[dict[str, object]]:
    """For JSON: a row by the names of its columns."""
    found: list[dict[str, object]] = []
    for row in table.rows:
        line: dict[str, object] = {}
        for column, cell in zip(table.columns, row, strict=True):
            line[column.name] = _exact(cell.value if isinstance(cell, Cell) else cell, column)
            if isinstance(cell, Cell) and cell.low is not None and cell.high is not None:
                line[f"{column.name} interval"] = [_exact(cell.low, column), _exact(cell.high, column)]
        found.append(line)
    return found


def _names(column: Column, *, wide: bool) -> list[str]:
    unit = _UNITS.get(column.format)
    name = f"{column.name} ({unit})" if unit else column.name
    return [name, f"{name} low", f"{name} high"] if wide else [name]


def _is_ranged(table: Table, place: int) -> bool:
    return any(isinstance(cell := row[place], Cell) and cell.low is not None for row in table.rows)


def _exact(value: Value, column: Column) -> object:
    """Amounts as text in dollars: as a JSON number a reader would round them."""
    return _dollars(value) if column.format == "usd" and isinstance(value, int | float) else value


def _written(value: Value, column: Column) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _guarded(value)
    return _dollars(value) if column.format == "usd" else repr(value)


def _dollars(pico: float) -> str:
    return f"{Decimal(pico) / PICO_PER_USD:f}"


def _guarded(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
