"""A log file as rows: plain or gzip; JSON lines, JSON documents, CSV. Streamed: no more than one row is held."""

import codecs
import csv
import gzip
import io
import re
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec

from turnout.errors import Unusable

LONGEST = 16 * 1024 * 1024
"""Bytes of one row."""
CHUNK = 256 * 1024
SPANNED = 200  # lines that a quoted CSV cell may span: past that its quote was never closed
EXCERPT = 120
CANNOT_BE_READ = (EOFError, OSError, zlib.error)
_DECODER = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_TOKEN = re.compile(rb'"(?:[^"\\\n]++|\\.)*+"|["{}\[\]]')
_OPEN, _CLOSE = (b"{", b"["), (b"}", b"]")
_SHOWN = re.compile(r'"([A-Za-z_][\w.-]{0,39})"\s*:\s*(-?\d[\d.eE+-]{0,24}|true|false|null|NaN)?')

Seen = Callable[[int], None]
"""Told how many bytes of the file have been read."""


class Found(NamedTuple):
    """A row by its first line (from 1): ``value``, or None and ``why``."""

    line: int
    value: dict[str, Any] | None
    why: str = ""
    excerpt: str = ""


class Log(NamedTuple):
    """A log that can be read more than once. ``size`` in bytes, as it lies there."""

    name: str
    path: Path
    size: int


@contextmanager
def opened(names: list[str]) -> Iterator[list[Log]]:
    """The files of these names; ``-`` is standard input, which is kept in a private temporary file meanwhile, to be read twice.

    Raises:
        Unusable: one cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="turnout-audit-") as folder:
        logs: list[Log] = []
        for name in names:
            path = Path(name)
            try:
                if name == "-":
                    path = Path(folder) / "stdin"
                    with path.open("wb") as copy:
                        shutil.copyfileobj(sys.stdin.buffer, copy)
                elif not path.is_file():
                    there = path.exists()
                    raise OSError(2, "it is no file; logs are read twice: pipe them in and name -" if there else "no such file")
                with path.open("rb"):
                    logs.append(Log("standard input" if name == "-" else path.name, path, path.stat().st_size))
            except OSError as error:
                raise Unusable(f"{name} cannot be read: {error.strerror or error}") from error
        yield logs


def rows(log: Log, seen: Seen) -> Iterator[Found]:
    """Every row of a log. A file that breaks off, or is damaged, ends with a row that says so."""
    last = Found(0, None)
    with log.path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        file: IO[bytes] = gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[assignment]  # it reads as a file does

        def told() -> None:
            seen(raw.tell())

        try:
            for last in _rows(file, told):
                yield last
        except CANNOT_BE_READ as error:
            yield Found(last.line + 1, None, f"the file cannot be read on from here: {error}")
    seen(log.size)


def masked(raw: bytes | str) -> str:
    """Field names and numbers of a row that cannot be read: nothing that anybody wrote."""
    said = raw[:2_000].decode("utf-8", "replace") if isinstance(raw, bytes) else raw[:2_000]
    parts = (f"{name}: {figure}" if figure else name for name, figure in _SHOWN.findall(said))
    return ", ".join(parts)[:EXCERPT] or f"{len(raw)} bytes"


def _rows(file: IO[bytes], told: Callable[[], None]) -> Iterator[Found]:
    lines = _lines(file, told)
    head: list[tuple[int, bytes]] = []
    for line in lines:
        head.append(line)
        if line[1].strip() and len([each for each in head if each[1].strip()]) == 2:
            break
    begun = [each[1].strip() for each in head if each[1].strip()]
    if not begun:
        return
    if begun[0][:1] not in b"{[":
        yield from _csv_rows(_chained(head, lines))
    elif begun[0][:1] == b"[" or (_decoded(begun[0]) is None and len(begun) > 1 and begun[1][:1] not in b"{"):
        yield from _documents(_chained(head, lines))
    else:
        yield from _json_lines(_chained(head, lines))


def _chained(head: list[tuple[int, bytes]], rest: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    yield from head
    yield from rest


def _lines(file: IO[bytes], told: Callable[[], None]) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers. One longer than a chunk comes in pieces, which only JSON documents may have."""
    number, begins = 1, True
    while piece := file.readline(CHUNK if begins else LONGEST):
        if number == 1 and begins:
            piece = piece.removeprefix(codecs.BOM_UTF8)
        yield number, piece
        begins = True
        number += piece.endswith(b"\n")
        if number % 256 == 0 or len(piece) >= CHUNK:
            told()


def _joined(pieces: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes | None]]:
    """Whole lines; None for one that is longer than a row may be."""
    held: list[bytes] = []
    size = 0
    last = 0
    for number, piece in pieces:
        if held and number != last:
            yield last, b"".join(held)  # the last line of a file without an end of its own is yielded below
            held, size = [], 0
        last = number
        size += len(piece)
        if size <= LONGEST:
            held.append(piece)
        if piece.endswith(b"\n"):
            yield number, b"".join(held) if size <= LONGEST else None
            held, size = [], 0
    if size:
        yield last, b"".join(held) if size <= LONGEST else None


def _json_lines(pieces: Iterator[tuple[int, bytes]]) -> Iterator[Found]:
    for number, line in _joined(pieces):
        if line is None:
            yield Found(number, None, f"longer than {LONGEST >> 20} MiB")
        elif line.strip():
            yield _row(number, line, ends=not line.endswith(b"\n"))


def _row(number: int, raw: bytes, *, ends: bool = False) -> Found:
    try:
        return Found(number, _DECODER.decode(raw))
    except msgspec.ValidationError:
        return Found(number, None, "no JSON object", masked(raw))
    except UnicodeError:
        return Found(number, None, "not UTF-8", masked(raw))
    except RecursionError:
        return Found(number, None, "nested too deeply", masked(raw))
    except msgspec.DecodeError as error:
        why = "not UTF-8" if "utf-8" in str(error).lower() else f"not JSON: {error}"
        return Found(number, None, f"broken off: the file ends in it ({why})" if ends else why, masked(raw))


def _decoded(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _documents(pieces: Iterator[tuple[int, bytes]]) -> Iterator[Found]:
    """Objects of an array, or standing one after the other, however they are spread over lines."""
    reading = _Documents()
    for number, piece in pieces:
        yield from reading.read(number, piece)
        if len(reading.held) > LONGEST:
            yield Found(reading.begun, None, f"longer than {LONGEST >> 20} MiB: give it as JSON lines")
            return
    if reading.held:
        yield Found(reading.begun, None, "broken off: the file ends in it", masked(bytes(reading.held)))


class _Documents:
    """Where the braces are. ``floor`` is the depth at which the wanted objects stand: 1 in an array, else 0.

    After one whose braces do not match, reading goes on at the next line that begins as the first object's line began.
    """

    def __init__(self) -> None:
        self.held = bytearray()
        self.begun = 0
        self._depth = self._floor = 0
        self._carry = b""
        self._opening: bytes | None = None

    def read(self, number: int, piece: bytes) -> Iterator[Found]:
        """The objects that end in this piece of line ``number``."""
        if self._lost(number, piece):
            yield Found(self.begun, None, "not JSON: its braces do not match", masked(bytes(self.held)))
            self.held.clear()
            self._depth = self._floor
        data, self._carry = self._carry + piece, b""
        at, stop = 0, len(data)
        for token in _TOKEN.finditer(data):
            mark = token.group()
            if mark == b'"' and not data.endswith(b"\n"):  # a text that goes on in the next piece
                self._carry, stop = data[token.start() :], token.start()
                break
            if mark in _OPEN:
                if self._depth == self._floor == 0 and mark == b"[":
                    self._floor = 1
                elif self._depth == self._floor and mark == b"{":
                    at, self.begun = token.start(), number
                    self._opening = self._opening or _prefix(piece)
                self._depth += 1
            elif mark in _CLOSE:
                self._depth = max(self._depth - 1, 0)
                if self._depth == self._floor and mark == b"}":
                    yield _row(self.begun, bytes(self.held) + data[at : token.end()])
                    self.held.clear()
                elif self._depth == 0:
                    self._floor = 0
        if self._depth > self._floor:
            self.held += data[at:stop]

    def _lost(self, number: int, piece: bytes) -> bool:
        inside = self._depth > self._floor and number != self.begun
        return inside and self._opening is not None and _prefix(piece) == self._opening


def _prefix(line: bytes) -> bytes | None:
    """A line's indent and the brace after it; None for a line that does not begin an object."""
    indent = len(line) - len(line.lstrip(b" \t"))
    return line[: indent + 1] if line[indent : indent + 1] == b"{" else None


def _csv_rows(pieces: Iterator[tuple[int, bytes]]) -> Iterator[Found]:
    records = _records(pieces)
    first = next(records, None)
    if first is None or first[1] is None:
        raise Unusable("this is no log: neither JSON nor a table with a header")
    delimiter = max(",;\t|", key=first[1].count)
    try:
        header = [name.strip() for name in next(csv.reader(io.StringIO(first[1], newline=""), delimiter=delimiter))]
    except (csv.Error, StopIteration):
        header = []
    if len(header) < 2:
        raise Unusable("this is no log: neither JSON nor a table with a header")
    for number, record in records:
        if record is None:
            yield Found(number, None, "not UTF-8, or a quote that is never closed")
            continue
        try:
            cells = next(csv.reader(io.StringIO(record, newline=""), delimiter=delimiter), [])
        except csv.Error as error:
            yield Found(number, None, f"not CSV: {error}")
            continue
        if len(cells) != len(header):
            yield Found(number, None, f"{len(cells)} columns where the header has {len(header)}")
        else:
            yield Found(number, dict(zip(header, cells, strict=True)))


def _records(pieces: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, str | None]]:
    """Lines put together until their quotes are closed. Where one never is, only its own line is lost."""
    csv.field_size_limit(LONGEST)
    waiting: list[tuple[int, bytes | None]] = []
    lines = _joined(pieces)
    while True:
        held: list[bytes] = []
        start, quotes = 0, 0
        taken: list[tuple[int, bytes | None]] = []
        while len(taken) < SPANNED:
            line = waiting.pop(0) if waiting else next(lines, None)
            if line is None:
                break
            if not held and (line[1] is None or not line[1].strip()):
                if line[1] is None:
                    yield line[0], None
                continue
            taken.append(line)
            start = start or line[0]
            held.append(line[1] or b"")
            quotes += held[-1].count(b'"')
            if quotes % 2 == 0:
                break
        if not taken:
            return
        if quotes % 2:
            waiting = taken[1:] + waiting
            yield start, None
            continue
        try:
            yield start, b"".join(held).decode()
        except UnicodeDecodeError:
            yield start, None
