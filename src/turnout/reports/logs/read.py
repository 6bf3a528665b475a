"""Logs as calls, one after the other: which shape each file has is told by its rows; an id that comes again is dirty."""

from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from itertools import chain, islice
from typing import Protocol

from turnout.errors import Unusable
from turnout.reports.logs import langfuse, litellm, openai
from turnout.reports.logs.call import Call, Dirty
from turnout.reports.logs.columns import KNOWN, Columns
from turnout.reports.logs.columns import NAME as COLUMNS
from turnout.reports.logs.columns import knows as columns_know
from turnout.reports.logs.fields import Bad, Row
from turnout.reports.logs.source import Found, Log, Seen, masked, rows

FORMATS = (litellm.NAME, langfuse.NAME, openai.NAME, COLUMNS)
LOOKED_AT = 50
"""Rows that say what shape a file has."""


class Calls(Protocol):
    """How one shape reads a row."""

    def __call__(self, row: Row, file: str, line: int, *, texts: bool) -> Iterator[Call]: ...


_KNOWS: Mapping[str, Callable[[Row], bool]] = {
    litellm.NAME: litellm.knows, langfuse.NAME: langfuse.knows, openai.NAME: openai.knows, COLUMNS: columns_know,
}  # fmt: skip


class Reader:
    """Reads logs. ``passed`` counts rows that are no calls (a tracer's spans), ``formats`` is the shape of each file read.

    Ids are remembered as eight bytes each, about 100 with the table they are in: a million rows take 100 MB.
    """

    def __init__(self, *, shape: str | None = None, mapping: Mapping[str, str] | None = None) -> None:
        self._shape = shape
        self._mapping = dict(mapping or {})
        self._ids: dict[bytes, tuple[int, int]] = {}
        self.rows = 0
        self.passed = 0
        self.formats: dict[str, str] = {}

    def calls(self, logs: list[Log], seen: Seen, *, texts: bool = True) -> Iterator[Call | Dirty]:
        """Every row as a call or dirty. ``texts``: what was asked is wanted too. ``seen`` is told the bytes read of all files.

        Raises:
            Unusable: a file is no log of a known shape.
        """
        done = 0
        for index, log in enumerate(logs):
            found = rows(log, lambda at, done=done: seen(done + at))  # type: ignore[misc]  # a default is how a loop's value is kept
            first = list(islice(found, LOOKED_AT))
            read = self._reading(log, first)
            for row in chain(first, found):
                yield from self._row(row, log.name, index, read, texts=texts)
            done += log.size

    def _reading(self, log: Log, first: list[Found]) -> Calls:
        name = self._shape or self._detected(log, [row.value for row in first if row.value is not None])
        self.formats[log.name] = name
        if name == COLUMNS:
            return Columns(self._mapping).calls
        return {litellm.NAME: litellm.calls, langfuse.NAME: langfuse.calls, openai.NAME: openai.calls}[name]

    def _detected(self, log: Log, values: list[dict[str, object]]) -> str:
        if self._mapping or not values:  # nothing to tell it by: whatever comes is dirty
            return COLUMNS
        votes = {name: sum(map(knows, values)) for name, knows in _KNOWS.items()}
        best = max(FORMATS, key=lambda name: (votes[name] * 2 > len(values), votes[name] > 0, -FORMATS.index(name)))
        if not votes[best]:
            names = ", ".join(list(values[0])[:8])
            raise Unusable(
                f"{log.name} is no log of a known shape: its rows have {names}. Say which column is which, "
                f"--map model=COLUMN,cost=COLUMN (of {', '.join(KNOWN)}), or which shape it is, --format {'|'.join(FORMATS)}"
            )
        return best

    def _row(self, row: Found, file: str, index: int, read: Calls, *, texts: bool) -> Iterator[Call | Dirty]:
        self.rows += 1
        if row.value is None:
            yield Dirty(file, row.line, row.why, row.excerpt)
            return
        found = False
        try:
            for call in read(row.value, file, row.line, texts=texts):
                found = True
                yield self._once(call, index)
        except Bad as bad:
            yield Dirty(file, row.line, str(bad), _fields(row.value))
            return
        except RecursionError:
            yield Dirty(file, row.line, "nested too deeply", _fields(row.value))
            return
        self.passed += not found

    def _once(self, call: Call, index: int) -> Call | Dirty:
        if call.id is None:
            return call
        key = blake2b(call.id.encode(errors="surrogatepass"), digest_size=8).digest()
        earlier = self._ids.setdefault(key, (index, call.line))
        if earlier == (index, call.line):
            return call
        where = f"line {earlier[1]}" if earlier[0] == index else f"line {earlier[1]} of an earlier file"
        return Dirty(call.file, call.line, f"duplicate of {where}: the same id", "id")

    def forget(self) -> None:
        """Before the same files are read again."""
        self._ids.clear()
        self.rows = self.passed = 0


def _fields(row: Row) -> str:
    return masked(", ".join(f'"{name}":' for name in row))
