"""Deliveries of the same dialect on both sides: the provider's bytes reach the client as they are, watched on the way."""

from collections.abc import Callable
from typing import Protocol

from turnout.dialects import sse
from turnout.dialects.body import is_text
from turnout.dialects.dialect import Seen
from turnout.errors import Broken, ProviderFault


class Watch(Protocol):
    """What a dialect knows about its stream's events."""

    def concerns(self, block: bytes) -> bool:
        """Whether this block of whole events, after the first content, holds one to look at."""
        ...

    def look(self, event: sse.ServerEvent, seen: Seen) -> bool:
        """Note what one event says; False when it is not for the client. Raises ProviderFault on an error event."""
        ...

    def complete(self, seen: Seen) -> bool:
        """Whether the stream may end here."""
        ...


class Splitter(Protocol):
    """Cuts whole events out of bytes that are split anywhere."""

    def feed(self, chunk: bytes) -> bytes: ...

    def flush(self) -> bytes: ...


class Framing(Protocol):
    """How a stream's events follow each other on the wire."""

    def splitter(self) -> Splitter: ...

    def events(self, block: bytes) -> list[sse.ServerEvent]:
        """Those of a block of whole ones; their ``raw`` bytes joined are the block."""
        ...

    def looks_sound(self, block: bytes) -> bool:
        """Whether a glance at a block after the first content finds nothing broken in it."""
        ...

    def is_readable(self, event: sse.ServerEvent) -> bool:
        """Whether a client's SDK could take the event's bytes for text, if text they must be."""
        ...


class RelayedStream:
    """Whole events pass. Each is looked at until the first content; after it only those whose bytes say that they matter or broke."""

    def __init__(self, watch: Watch, framing: Framing = sse.FRAMING) -> None:
        self.seen = Seen()
        self._watch = watch
        self._framing = framing
        self._splitter = framing.splitter()
        self._fault: ProviderFault | None = None

    def feed(self, chunk: bytes) -> bytes:
        if self._fault is not None:
            raise self._fault
        block = self._splitter.feed(chunk)
        if not block or (self.seen.content and self._framing.looks_sound(block) and not self._watch.concerns(block)):
            return block
        return self._look(block)

    def end(self) -> bytes:
        if self._fault is not None:
            raise self._fault
        rest = self._splitter.flush()
        out = self._look(rest) if rest else b""
        if self._fault is not None:
            raise self._fault
        if not self._watch.complete(self.seen):
            raise Broken("the stream was cut before its end")
        self.seen.content = True
        return out

    def _look(self, block: bytes) -> bytes:
        found = self._framing.events(block)
        kept: list[bytes] = []
        for event in found:
            try:
                if not self._framing.is_readable(event):
                    raise Broken("an event of the stream is not UTF-8")
                if self._watch.look(event, self.seen):
                    kept.append(event.raw)
            except ProviderFault as fault:
                if not (kept and self.seen.content):
                    raise
                self._fault = fault  # the content before it in the same block still belongs to the client
                break
        return block if len(kept) == len(found) else b"".join(kept)


class RelayedWhole:
    """Held until complete and found to be an answer, then handed on as it is."""

    def __init__(self, look: Callable[[bytes, Seen], None]) -> None:
        self.seen = Seen()
        self._look = look
        self._chunks: list[bytes] = []

    def feed(self, chunk: bytes) -> bytes:
        self._chunks.append(chunk)
        return b""

    def end(self) -> bytes:
        body = b"".join(self._chunks)
        if not is_text(body):
            raise Broken("the answer is not UTF-8")
        self._look(body, self.seen)
        self.seen.content = self.seen.ended = True
        return body
