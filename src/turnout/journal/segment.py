"""The segment's format: a header, then frames of one entry each. Pure: bytes in, entries out; no files here.

segment = b"TURNOUT" + version byte, frame*
frame   = marker, body length (u32 le), crc32 of the body (u32 le), body (msgpack: a Record is an array, any other entry a map that says its type)
"""

import struct
from itertools import islice
from typing import Any
from zlib import crc32

import msgspec

from turnout.types.content import Content
from turnout.types.entry import Entry
from turnout.types.feedback import Feedback
from turnout.types.record import Record

HEADER = b"TURNOUT\x01"
# 0xC1 is the one byte that msgpack never uses as a type and UTF-8 never contains: a reader that lost its place finds the next frame by it.
MARKER = b"\xc1TRN"
LARGEST_BODY = 64 * 1024 * 1024
KEPT = 1000
"""Characters of a text, and items of a list, that a record too large for a frame is written with."""

_FRAME = struct.Struct("<4sII")
_encode = msgspec.msgpack.Encoder().encode
_decode_record = msgspec.msgpack.Decoder(Record).decode
_decode_other = msgspec.msgpack.Decoder(Feedback | Content).decode
_MAPS = frozenset((*range(0x80, 0x90), 0xDE, 0xDF))
"""What a msgpack map begins with."""


class NotASegment(Exception):
    """The bytes do not begin with a segment's header, or with that of another version."""


class Scan(msgspec.Struct, frozen=True):
    """What a stretch of a segment held. Offsets and sizes in bytes.

    ``end`` is where reading goes on. ``damaged`` bytes before it were passed over because no whole frame was there, and
    ``unreadable`` frames because their body was intact but no entry. ``pending`` bytes after it are no whole frame: still being
    written where the writer lives, torn where it died. ``more`` says that the limit stopped the scan, not the data.
    """

    entries: tuple[Entry, ...]
    end: int
    damaged: int = 0
    unreadable: int = 0
    pending: int = 0
    more: bool = False


def frame(entry: Entry) -> bytes:
    """One entry, ready to append to a segment. One too large for a frame comes with its long texts and lists cut."""
    body = _encode(entry)
    if len(body) > LARGEST_BODY:
        body = _encode(_cut(msgspec.to_builtins(entry)))
    return _FRAME.pack(MARKER, len(body), crc32(body)) + body


def scan(data: bytes, start: int = 0, limit: int | None = None) -> Scan:
    """Read frames of ``data``, where ``data[0]`` is the segment's byte ``start``, up to ``limit`` entries.

    A frame that is damaged is passed over only once a whole frame follows it; before that it may just be unfinished.

    Raises:
        NotASegment: ``start`` is 0 and the header is not ours.
    """
    at = _after_header(data) if start == 0 else 0
    entries: list[Entry] = []
    damaged = unreadable = 0
    while at < len(data) and (limit is None or len(entries) < limit):
        body = _body(data, at)
        if body is None:
            found = _next_frame(data, at + 1)
            if found is None:
                break
            damaged += found - at
            at = found
            continue
        at += _FRAME.size + len(body)
        try:
            entries.append(_decode_other(body) if body[:1] and body[0] in _MAPS else _decode_record(body))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            unreadable += 1
    more = limit is not None and len(entries) >= limit and at < len(data)
    return Scan(tuple(entries), start + at, damaged, unreadable, 0 if more else len(data) - at, more)


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= KEPT else value[:KEPT] + "... (cut)"
    if isinstance(value, list | tuple):
        return [_cut(item) for item in value[:KEPT]]
    if isinstance(value, dict):
        return {_cut(name): _cut(item) for name, item in islice(value.items(), KEPT)}
    return value


def _after_header(data: bytes) -> int:
    """Where the first frame begins; 0 while the header itself is not all there."""
    if data.startswith(HEADER):
        return len(HEADER)
    if HEADER.startswith(data):
        return 0
    raise NotASegment


def _body(data: bytes, at: int) -> bytes | None:
    """The body of the frame at this place, None unless it is whole and intact."""
    start = at + _FRAME.size
    if start > len(data):
        return None
    marker, length, checksum = _FRAME.unpack_from(data, at)
    if marker != MARKER or length > LARGEST_BODY or start + length > len(data):
        return None
    body = data[start : start + length]
    return body if crc32(body) == checksum else None


def _next_frame(data: bytes, at: int) -> int | None:
    """Where the next whole frame begins."""
    found = data.find(MARKER, at)
    while found >= 0:
        if _body(data, found) is not None:
            return found
        found = data.find(MARKER, found + 1)
    return None
