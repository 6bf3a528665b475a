"""A chain, or a part of it, as a file: a line of JSON that says what it is, then a line for each entry. It can be verified anywhere."""

from collections.abc import Collection, Iterable, Iterator
from typing import Literal

import msgspec

from turnout.audit.chain import Entry, Finding
from turnout.audit.checkpoint import Checkpoint, verify


class Header(msgspec.Struct, frozen=True):
    """Of which store, signed with which key; ``after`` (seq and hash) is what the first entry follows, ``last`` what the last one is."""

    turnout: Literal["audit-1"]
    origin: str
    public_key: str
    after: tuple[int, str] | None
    last: tuple[int, str] | None


class NotAnExport(Exception):
    """The file is not one that `turnout audit export` wrote."""


def lines(header: Header, entries: Iterable[Entry]) -> Iterator[bytes]:
    yield msgspec.json.encode(header)
    for entry in entries:
        yield msgspec.json.encode(entry)


class Export:
    """A file's lines, read one by one. ``entries`` counts those that went by."""

    def __init__(self, text: Iterable[bytes]) -> None:
        """Raises NotAnExport."""
        self._lines = iter(text)
        self.entries = 0
        self._last: Entry | None = None
        self._unreadable: list[Finding] = []
        try:
            self.header = msgspec.json.decode(next(self._lines, b""), type=Header)
        except msgspec.DecodeError as error:
            raise NotAnExport(f"its first line is not that of an export: {error}") from error

    def findings(self, checkpoints: Collection[Checkpoint], keys: Collection[str]) -> Iterator[Finding]:
        """What is wrong with it. Without ``keys`` its own is believed, which somebody who wrote all of it anew has changed too."""
        after = self.header.after
        before = None if after is None else Entry(after[0], 0.0, "", "", "", "", after[1])
        yield from verify(
            self._entries(), checkpoints, keys or (self.header.public_key,), before=before, origin=self.header.origin
        )
        yield from self._unreadable
        ends = None if self._last is None else (self._last.seq, self._last.hash)
        if ends != self.header.last:
            says = f"entry {self.header.last[0]}" if self.header.last else "nothing"
            yield Finding(
                "truncated",
                "the file",
                f"it says that it ends with {says}, and ends with {f'entry {ends[0]}' if ends else 'nothing'}",
            )

    def _entries(self) -> Iterator[Entry]:
        for number, line in enumerate(self._lines, 2):
            if not line.strip():
                continue
            try:
                self._last = msgspec.json.decode(line, type=Entry)
            except msgspec.DecodeError as error:
                self._unreadable.append(Finding("unreadable", f"line {number}", f"it is no entry any more: {error}"))
                continue
            self.entries += 1
            yield self._last
