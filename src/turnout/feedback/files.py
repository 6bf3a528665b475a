"""Feedback in files: JSON lines, or CSV whose columns are the fields. A line that cannot be read stops no other."""

import csv
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Literal

import msgspec

from turnout.feedback.read import FIELDS

Format = Literal["csv", "jsonl"]
LONGEST_LINE = 1024 * 1024
"""Bytes."""
LONGEST_CELL = 131_072
"""Characters of a cell of a CSV file."""
_COLUMNS = (*FIELDS, "tenant")
_WORDS = {"true": True, "false": False}


class NoHeader(ValueError):
    """A CSV file whose first line does not name its columns."""


class Line(msgspec.Struct, frozen=True):
    """Line ``n`` of a file, from 1: an item to be read, or what is ``wrong`` with it."""

    n: int
    item: dict[str, Any] | None = None
    wrong: str | None = None


def format_of(name: str, begins: bytes) -> Format:
    """By the file's name, or else by its first character."""
    if name.lower().endswith(".csv"):
        return "csv"
    if name.lower().endswith((".jsonl", ".ndjson", ".json")):
        return "jsonl"
    return "jsonl" if begins.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")) else "csv"


def read_lines(file: BinaryIO, kind: Format) -> Iterator[Line]:
    """The file's lines but empty ones, as they are read. Raises NoHeader, OSError."""
    return _from_csv(file) if kind == "csv" else _from_json(file)


def _from_json(file: BinaryIO) -> Iterator[Line]:
    for n, line in enumerate(_raw(file), 1):
        if not line.strip():
            continue
        if len(line) > LONGEST_LINE:
            yield Line(n, wrong=f"longer than {LONGEST_LINE:,} bytes")
            continue
        try:
            item = msgspec.json.decode(line.removeprefix(b"\xef\xbb\xbf"))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            yield Line(n, wrong=f"not JSON: {error}")
            continue
        yield Line(n, item) if isinstance(item, dict) else Line(n, wrong="not a JSON object")


def _raw(file: BinaryIO) -> Iterator[bytes]:
    """Lines; of one that is too long only so much that this shows."""
    while line := file.readline(LONGEST_LINE + 1):
        rest = line
        while len(rest) > LONGEST_LINE and not rest.endswith(b"\n"):
            rest = file.readline(LONGEST_LINE + 1)
        yield line


def _from_csv(file: BinaryIO) -> Iterator[Line]:
    csv.field_size_limit(LONGEST_CELL)  # the process's own: whoever reads another kind of file says its own too
    rows = csv.reader(line.removeprefix(b"\xef\xbb\xbf").decode(errors="surrogateescape") for line in _raw(file))
    columns = _header(next(rows, []))
    while True:
        begins = rows.line_num + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield Line(begins, wrong=f"not CSV: {error}")
            continue
        if row is None:
            return
        if len(row) > len(columns):
            yield Line(begins, wrong=f"has {len(row)} cells for {len(columns)} columns")
        elif any(row):
            yield Line(begins, {name: _READ.get(name, str)(cell) for name, cell in zip(columns, row, strict=False) if cell})


def _header(columns: list[str]) -> list[str]:
    names = [column.strip() for column in columns]
    unknown = [name for name in names if name not in _COLUMNS]
    if unknown or "kind" not in names or len(set(names)) < len(names):
        wrong = (
            f'unknown column "{unknown[0][:60]}"' if unknown else "no column kind" if "kind" not in names else "a column twice"
        )
        raise NoHeader(f"the first line must name the columns, of {', '.join(_COLUMNS)}: {wrong}")
    return names


def _cell(text: str) -> object:
    """A number where it is one."""
    try:
        return float(text)
    except ValueError:
        return _WORDS.get(text.strip().lower(), text)


_READ: dict[str, Callable[[str], object]] = {"value": _cell, "at": _cell}
