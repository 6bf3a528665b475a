"""Server-sent events under arbitrary byte splits: whole events cut out of a stream with their bytes kept, and read.

``id`` and ``retry`` serve reconnection, which no model provider offers, so they are relayed and not read.
Line ends are LF, CRLF or CR (https://html.spec.whatwg.org/multipage/server-sent-events.html).
"""

import re

import msgspec

from turnout.dialects import faults
from turnout.dialects.body import is_text
from turnout.errors import Broken

EVENT_LIMIT = 32 * 2**20
"""Bytes one event may have: images arrive as base64 in a single event, an endless line must not fill the memory."""

CONTENT_TYPE = "text/event-stream; charset=utf-8"

BOM = b"\xef\xbb\xbf"

_BLANK_LINE = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_ENDS = (b"\n\n", b"\n\r", b"\r\r")  # every blank line holds one of these; CRLF CRLF holds the second


class ServerEvent(msgspec.Struct, frozen=True, gc=False):
    """One event. ``raw`` is its bytes on the wire; ``data`` is empty for comments and the like, which dispatch nothing."""

    raw: bytes
    event: bytes
    data: bytes


class Splitter:
    """Lets only whole events through, bytes untouched."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> bytes:
        """The whole events completed by these bytes, possibly none. Raises Broken when one event grows past all bounds."""
        rest = self._rest
        if not rest:
            if chunk.endswith(b"\n\n"):
                return chunk
            cut = _last_end(chunk, 0)
            rest += chunk[cut:]
            return chunk[:cut]
        start = max(len(rest) - 2, 0)
        rest += chunk
        cut = _last_end(rest, start)
        if cut == 0 and len(rest) > EVENT_LIMIT:
            raise Broken(f"an event of more than {EVENT_LIMIT} bytes")
        ready = bytes(rest[:cut])
        del rest[:cut]
        return ready

    def flush(self) -> bytes:
        """What is left when the stream has ended: an event whose blank line never came, or nothing.

        Raises:
            ProviderFault: it is JSON: an error without a status, or a provider that answered whole what should stream.
        """
        rest = bytes(self._rest)
        self._rest.clear()
        if rest.lstrip().startswith(b"{"):
            raise faults.not_a_stream(rest)
        return rest


def _last_end(data: bytes | bytearray, start: int) -> int:
    """Index just past the last blank line at or after ``start``; 0 when there is none."""
    last = max(data.rfind(end, start) for end in _ENDS)
    if last < 0:
        return 0
    cut = last + 2
    if data[cut - 1] == 0x0D and data[cut : cut + 1] == b"\n":
        cut += 1
    return cut


def events(block: bytes) -> list[ServerEvent]:
    """The events of a block of whole ones, in order; their ``raw`` bytes joined are the block."""
    found: list[ServerEvent] = []
    start = 0
    for end in _BLANK_LINE.finditer(block):
        found.append(read(block[start : end.end()]))
        start = end.end()
    if start < len(block):
        found.append(read(block[start:]))
    return found


def read(raw: bytes) -> ServerEvent:
    """One event from its bytes."""
    if raw.startswith(b"data: ") and raw.find(b"\n") == len(raw) - 2 and b"\r" not in raw:
        return ServerEvent(raw, b"", raw[6:-2])
    name = b""
    data: list[bytes] = []
    for line in raw.removeprefix(BOM).splitlines():
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ")
    return ServerEvent(raw, name, b"\n".join(data))


class Parser:
    """Events as they are completed, those that dispatch nothing left out."""

    def __init__(self) -> None:
        self._splitter = Splitter()

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """Events completed by these bytes."""
        block = self._splitter.feed(chunk)
        return [event for event in events(block) if event.data] if block else []

    def flush(self) -> list[ServerEvent]:
        """The last event, when its blank line never came: some servers leave it out."""
        rest = self._splitter.flush()
        return [event for event in events(rest) if event.data] if rest else []


def event(data: bytes, name: bytes = b"") -> bytes:
    """An event for the wire; ``data`` must hold no line end."""
    return b"event: %b\ndata: %b\n\n" % (name, data) if name else b"data: %b\n\n" % data


class _Framing:
    """Server-sent events, as relaying looks at them."""

    def splitter(self) -> Splitter:
        return Splitter()

    def events(self, block: bytes) -> list[ServerEvent]:
        return events(block)

    def looks_sound(self, block: bytes) -> bool:
        """Every event ends as JSON does. One that broke off does not, and is cheaper found so than by parsing them all.

        Other line ends than LF are looked at: JSON spells its own as escapes, so a CR can only be one of the stream's.
        """
        return b"\r" not in block and block.count(b"}\n\n") == block.count(b"\n\n") and is_text(block)

    def is_readable(self, event: ServerEvent) -> bool:
        return is_text(event.raw)


FRAMING = _Framing()
