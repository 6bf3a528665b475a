"""Content codings. We never ask for one; a server that compresses all the same is understood."""

import zlib
from collections.abc import Sequence
from typing import Final

from turnout.errors import Broken

# What one step may grow to, so that a small hostile body cannot fill the memory.
STEP: Final = 256 * 1024
MEMBER: Final = b"\x1f\x8b"  # how each member of a gzip file begins


class Inflater:
    """gzip and deflate, step by step. ``more``: there is content to take without new data."""

    def __init__(self, coding: bytes) -> None:
        self._zlib = zlib.decompressobj(wbits=47)
        self._unsure = coding == b"deflate"  # some servers leave out the zlib frame that the name promises
        self._goes_on = coding != b"deflate"  # gzip may have several members (RFC 1952, section 2.2)
        self._started = False
        self._held = b""
        self.more = False

    @property
    def cut(self) -> bool:
        """It began and has not come to its end."""
        return self._started and not self._zlib.eof

    def feed(self, data: bytes) -> bytes:
        """At most STEP bytes of content, of one member. Raises Broken."""
        data, self._held, self.more = self._held + data, b"", False
        if self._zlib.eof and not self._begins_again(data):
            return b""
        self._started = self._started or bool(data)
        if self._unsure and data:
            self._unsure = False
            if data[0] & 0x0F != zlib.DEFLATED:
                self._zlib = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        try:
            content = self._zlib.decompress(data, STEP)
        except zlib.error as error:
            raise Broken("the provider's compressed answer cannot be read") from error
        self._held = self._zlib.unconsumed_tail or self._zlib.unused_data
        self.more = bool(self._held) if self._zlib.eof else len(content) == STEP
        return content

    def _begins_again(self, data: bytes) -> bool:
        """Whether another member follows the one that has ended; anything else there means nothing."""
        if self._goes_on and data in (b"", MEMBER[:1]):  # cannot be told yet
            self._held = data
            return False
        self._goes_on = self._goes_on and data.startswith(MEMBER)
        if self._goes_on:
            self._zlib = zlib.decompressobj(wbits=31)
        return self._goes_on


def inflater_for(headers: Sequence[tuple[bytes, bytes]]) -> Inflater | None:
    """One where the content coding is ours to undo; an unknown coding is left as it came."""
    for name, value in headers:
        if name == b"content-encoding":
            coding = value.strip().lower()
            return Inflater(coding) if coding in (b"gzip", b"x-gzip", b"deflate") else None
    return None


def plain_headers(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Without what described the compressed form."""
    return [header for header in headers if header[0] not in (b"content-encoding", b"content-length")]
