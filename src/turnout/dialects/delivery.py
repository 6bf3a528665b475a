"""One answer on its way from a provider to the client: relayed or translated, whole or streamed, behind one seam."""

from turnout.dialects import faults
from turnout.dialects.dialect import Ask, Delivery, Dialect, EventReader, EventWriter, Seen
from turnout.errors import ProviderFault
from turnout.types.reply import Ended, Event, Failed, Finished, Reply, Started, UsageReported


def deliver(front: Dialect, back: Dialect, ask: Ask) -> Delivery:
    """The delivery of ``ask``'s answer from a provider that speaks ``back`` to a client that speaks ``front``."""
    if front.name == back.name:
        return front.relay_reply(ask)
    if ask.sketch.stream:
        return TranslatedStream(back.reader(), front.writer(ask))
    return TranslatedWhole(front, back)


class TranslatedStream:
    """Each provider event becomes the client's events at once."""

    def __init__(self, reader: EventReader, writer: EventWriter) -> None:
        self.seen = Seen()
        self._reader = reader
        self._writer = writer
        self._fault: ProviderFault | None = None

    def feed(self, chunk: bytes) -> bytes:
        if self._fault is not None:
            raise self._fault
        return self._write(self._reader.feed(chunk))

    def end(self) -> bytes:
        if self._fault is not None:
            raise self._fault
        out = self._write(self._reader.end())
        if self._fault is not None:
            raise self._fault
        self.seen.content = True
        return out

    def _write(self, events: list[Event]) -> bytes:
        out: list[bytes] = []
        for event in events:
            if isinstance(event, Failed):
                fault = faults.reported(event.kind, event.message)
                if not (out and self.seen.content):
                    raise fault
                self._fault = fault  # the content before it still belongs to the client
                break
            note(self.seen, event)
            out.append(self._writer.write(event))
        return b"".join(out)


class TranslatedWhole:
    """Held until complete, read into the hub, written for the client."""

    def __init__(self, front: Dialect, back: Dialect) -> None:
        self.seen = Seen()
        self._front = front
        self._back = back
        self._chunks: list[bytes] = []

    def feed(self, chunk: bytes) -> bytes:
        self._chunks.append(chunk)
        return b""

    def end(self) -> bytes:
        reply: Reply = self._back.read_reply(b"".join(self._chunks))
        self.seen.finish = reply.choices[0].finish if reply.choices else None
        self.seen.usage = reply.usage
        self.seen.model = reply.model or None
        self.seen.content = self.seen.ended = True
        return self._front.write_reply(reply)


def note(seen: Seen, event: Event) -> None:
    """What a hub event says about the reply as a whole. Only events that carry an answer's parts are content."""
    if isinstance(event, Started):
        seen.model = event.model or None
    elif isinstance(event, Finished):
        seen.finish = event.finish
    elif isinstance(event, UsageReported):
        seen.usage = event.usage
    elif isinstance(event, Ended):
        seen.ended = seen.content = True
    else:
        seen.content = True
