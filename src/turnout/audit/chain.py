"""The chain of everything that changed what the router does: each entry carries the hash of the one before it.

The hash of an entry is the SHA-256, in hex, of ``turnout-audit-1``, a newline, and the JSON array
``[seq, at, kind, actor, payload, prev]`` without spaces, in UTF-8; ``payload`` is itself JSON text with sorted keys, and is hashed as a
string. A chain begins with an entry of kind ``origin``, or, where its past was deleted, of kind ``checkpoint``; both name its origin.
"""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Literal, Protocol

import msgspec

from turnout.audit.kinds import CHECKPOINT, ORIGIN

FIRST = "0" * 64
"""What the first entry names as the hash before it."""
_PREFIX = b"turnout-audit-1\n"
_encode = msgspec.json.Encoder(order="deterministic").encode

What = Literal["changed", "replaced", "missing", "out_of_order", "foreign_start"]


class Entry(msgspec.Struct, frozen=True):
    """``at`` is unix seconds; ``payload`` canonical JSON, without personal data: what is deleted one day must not be in here."""

    seq: int
    at: float
    kind: str
    actor: str
    payload: str
    prev: str
    hash: str


class Finding(msgspec.Struct, frozen=True):
    """Something that is not as it was written. ``where`` names the entry, request, hour or checkpoint."""

    what: str
    where: str
    text: str


class Trail(Protocol):
    """Where whoever changes what the router does says so."""

    def add(self, kind: str, actor: str, payload: Mapping[str, object]) -> Entry:
        """Raises sqlalchemy.exc.SQLAlchemyError."""
        ...


def canonical(payload: Mapping[str, object]) -> str:
    """JSON text with sorted keys and no spaces."""
    return _encode(payload).decode()


def hash_of(seq: int, at: float, kind: str, actor: str, payload: str, prev: str) -> str:
    return sha256(_PREFIX + _encode([seq, at, kind, actor, payload, prev])).hexdigest()


def append(before: Entry | None, at: float, kind: str, actor: str, payload: Mapping[str, object]) -> Entry:
    """The entry that follows ``before`` (None: it is the first)."""
    seq, prev, text = (before.seq + 1, before.hash, canonical(payload)) if before else (1, FIRST, canonical(payload))
    return Entry(seq, at, kind, actor, text, prev, hash_of(seq, at, kind, actor, text, prev))


def read(entry: Entry) -> dict[str, object]:
    """What its payload says; nothing where somebody made it unreadable, which verification names."""
    try:
        found = msgspec.json.decode(entry.payload)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def origin_of(first: Entry) -> str | None:
    """Which store's chain begins with this entry."""
    found = read(first).get("origin") if first.kind in {ORIGIN, CHECKPOINT} else None
    return found if isinstance(found, str) else None


def verify(entries: Iterable[Entry], before: Entry | None = None) -> Iterator[Finding]:
    """What is wrong with a chain, entry by entry; ``before`` is the last one that was looked at, of a chain that is read in parts."""
    for entry in entries:
        if before is None:
            yield from _start(entry)
        elif entry.seq <= before.seq:
            yield _finding("out_of_order", entry, f"comes after entry {before.seq}")
        elif entry.seq > before.seq + 1:
            yield _missing(before.seq, entry.seq)
        elif entry.prev != before.hash:
            yield from _unlinked(before, entry)
        if not _is_whole(entry):
            yield _finding("changed", entry, "what it says does not have the hash that was written with it")
        before = entry


def _start(entry: Entry) -> Iterator[Finding]:
    if entry.kind == ORIGIN and entry.seq == 1 and entry.prev == FIRST and origin_of(entry):
        return
    if entry.kind == CHECKPOINT and origin_of(entry):
        signed = read(entry)
        if (signed.get("seq"), signed.get("head")) == (entry.seq - 1, entry.prev):
            return
    if entry.seq > 1:
        yield _missing(0, entry.seq)
    yield _finding(
        "foreign_start", entry, "a chain begins with its origin, or with the checkpoint that its past was deleted up to"
    )


def _unlinked(before: Entry, entry: Entry) -> Iterator[Finding]:
    """One of two was touched. An entry that does not have its own hash is named as changed, and nothing more need be said."""
    if _is_whole(before) and _is_whole(entry):
        yield _finding("replaced", before, f"entry {entry.seq} was written after another one")


def _is_whole(entry: Entry) -> bool:
    return hash_of(entry.seq, entry.at, entry.kind, entry.actor, entry.payload, entry.prev) == entry.hash


def _missing(last: int, found: int) -> Finding:
    gone = f"entry {last + 1}" if found == last + 2 else f"entries {last + 1} to {found - 1}"
    return Finding("missing", gone, f"the chain goes on with entry {found}")


def _finding(what: What, entry: Entry, text: str) -> Finding:
    return Finding(what, f"entry {entry.seq}", text)
