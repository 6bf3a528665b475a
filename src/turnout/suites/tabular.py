"""Cases as rows: JSON lines, a JSON list, or CSV with a line of names. Each row keeps the line it began on."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from turnout.errors import Problem, Unusable

LARGEST_FILE = 64 * 2**20
"""Bytes."""
LONGEST_LINE = 2**20
"""Characters of a line of JSON, or of a cell."""
MOST_CASES = 10_000

_BOM = "\ufeff"


class Row(msgspec.Struct, frozen=True):
    """``line`` from 1; ``where`` says more where a line is not enough."""

    line: int
    item: dict[str, Any]
    where: str = ""


def text_of(path: Path) -> str:
    """The file's text. Raises Unusable saying what to do."""
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise Unusable(f"{path} has {size:,} bytes, and at most {LARGEST_FILE:,} are read; split it into several suites")
        return path.read_bytes().decode().removeprefix(_BOM)
    except FileNotFoundError:
        raise Unusable(f"{path} is not there; it is looked for beside the policy file") from None
    except UnicodeDecodeError as odd:
        line = path.read_bytes()[: odd.start].count(b"\n") + 1
        raise Unusable(f"{path}:{line}  not UTF-8; save the file as UTF-8") from None
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}") from None


def json_rows(text: str) -> Iterator[Row | Problem]:
    """An object a line; or one list of objects, whose rows are then all on the line the list begins on."""
    if text.lstrip().startswith("["):
        yield from _listed(text)
        return
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        if len(line) > LONGEST_LINE:
            yield Problem("", number, f"longer than {LONGEST_LINE:,} characters")
            continue
        found = _parsed(line, number)
        if isinstance(found, Problem):
            yield found
        elif isinstance(found, dict):
            yield Row(number, found)
        else:
            yield Problem("", number, "not an object", 'write one case a line: {"input": "...", "expected": "..."}')


def csv_rows(text: str) -> Iterator[Row | Problem]:
    """Cells under their names; empty ones are not there, ``{`` and ``[`` begin JSON, and ``metadata.task`` is inside ``metadata``."""
    csv.field_size_limit(LONGEST_LINE)  # the process's own: whoever reads another kind of file says its own too
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    names: list[str] | None = None
    while True:
        begins = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield Problem("", begins, f"not CSV: {error}", "put cells with quotes, commas or line ends in double quotes")
            return  # a quote that never closes has swallowed the rest
        if cells is None:
            return
        if not any(map(str.strip, cells)):
            continue
        if names is None:
            names = [cell.strip() for cell in cells]
            if len(set(names)) < len(names):
                yield Problem("", begins, "two columns have one name")
                return
        elif len(cells) > len(names):
            yield Problem("", begins, f"has {len(cells)} cells for {len(names)} columns")
        else:
            yield _row(begins, names, cells)


def _row(line: int, names: list[str], cells: list[str]) -> Row | Problem:
    item: dict[str, Any] = {}
    for name, cell in zip(names, cells, strict=False):
        if not cell.strip():
            continue
        value = _cell(name, cell, line)
        if isinstance(value, Problem):
            return value
        outer, _, inner = name.replace("__metadata:", "metadata.").partition(".")
        if inner and outer == "metadata":
            item.setdefault("metadata", {})[inner] = value
        else:
            item[name] = value
    return Row(line, item)


_STRUCTURED = frozenset(
    {"messages", "metadata", "graders", "assert", "tools", "tool_choice", "response_format", "body", "request", "inputs"}
)
_NUMBERS = frozenset({"temperature", "top_p", "max_tokens", "max_completion_tokens", "seed", "threshold"})


def _cell(name: str, cell: str, line: int) -> Any:
    """Text, but for columns that cannot be text alone."""
    if name in _NUMBERS or (name in _STRUCTURED and cell.lstrip().startswith(("{", "["))):
        found = _parsed(cell, line)
        return found._replace(path=name) if isinstance(found, Problem) else found
    return cell


def _listed(text: str) -> Iterator[Row | Problem]:
    line = text[: len(text) - len(text.lstrip())].count("\n") + 1
    found = _parsed(text, line)
    if isinstance(found, Problem):
        yield found
        return
    for index, item in enumerate(found):
        yield Row(line, item) if isinstance(item, dict) else Problem(f"[{index}]", line, "not an object")


def _parsed(text: str, line: int) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        return Problem("", line, f"not JSON: {error}"[:200], "one complete JSON value a line")
