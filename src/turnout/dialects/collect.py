"""A reply in its other form: events collected into a whole answer, and a whole answer as events again."""

from collections.abc import Iterable, Iterator

import msgspec

from turnout.dialects import faults
from turnout.dialects.dialect import Dialect
from turnout.types.reply import (
    Choice,
    Cited,
    Ended,
    Event,
    Failed,
    Finish,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    Reply,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
    UsageReported,
)
from turnout.types.request import Reasoning, Refusal, Text, ToolCall

Part = Text | Reasoning | Refusal | ToolCall


def collect(events: Iterable[Event]) -> Reply:
    """The whole answer. Neighbouring deltas of one kind are one part, but for thoughts, which a signature or a seal ends.

    A choice that never finished has the finish ``other``; of several usages the last one counts.

    Raises:
        ProviderFault: one of the events reports a failure.
    """
    id_ = model = ""
    usage: Usage | None = None
    choices: dict[int, _Choice] = {}
    for event in events:
        match event:
            case Started(id_, model):
                pass
            case UsageReported(usage):
                pass
            case Failed(kind, message):
                raise faults.reported(kind, message)
            case Ended():
                pass
            case _:
                choices.setdefault(event.index, _Choice()).add(event)
    return Reply(id_, model, tuple(choices[index].whole() for index in sorted(choices)), usage)


def events_of(reply: Reply, piece: int | None = None) -> list[Event]:
    """The events of a stream that says the same; texts in deltas of ``piece`` characters, or each in one."""
    events: list[Event] = [Started(reply.id, reply.model)]
    for index, choice in enumerate(reply.choices):
        slot = 0
        for part in choice.parts:
            events += _part_events(part, index, slot, piece)
            slot += isinstance(part, ToolCall)
        events.append(Finished(choice.finish, index, choice.stop_sequence))
    if reply.usage is not None:
        events.append(UsageReported(reply.usage))
    return [*events, Ended()]


def read_answer(front: Dialect, delivered: bytes, *, stream: bool) -> Reply:
    """What a client of this dialect was given, as a reply. Its usage is None where the client did not ask a stream for it.

    Raises:
        ProviderFault: it is no whole answer, or reports a failure.
    """
    if not stream:
        return front.read_reply(delivered)
    reader = front.reader()
    return collect([*reader.feed(delivered), *reader.end()])


class _Choice:
    """One alternative while it is put together: each part is its first form and the texts that belong to it."""

    def __init__(self) -> None:
        self._parts: list[tuple[Part, list[str]]] = []
        self._calls: dict[int, list[str]] = {}
        self._finish: Finish = "other"
        self._stop_sequence: str | None = None

    def add(self, event: TextDelta | Cited | ReasoningDelta | RefusalDelta | ToolCallStarted | ToolCallDelta | Finished) -> None:
        match event:
            case TextDelta(text, signature=signature):
                texts = self._texts(Text(""))
                texts.append(text)
                if signature is not None:
                    self._parts[-1] = (msgspec.structs.replace(self._parts[-1][0], signature=signature), texts)
            case Cited(citation):
                texts = self._texts(Text(""))
                said = self._parts[-1][0]
                cited = said.citations if isinstance(said, Text) else ()
                self._parts[-1] = (Text("", citations=(*cited, citation)), texts)
            case RefusalDelta(text):
                self._texts(Refusal("")).append(text)
            case ReasoningDelta(text, signature, redacted, id=id_):
                self._texts(Reasoning("")).append(text)
                if (signature, redacted, id_) != (None, None, None):
                    self._parts[-1] = (Reasoning("", signature, redacted, id_), self._parts[-1][1])
            case ToolCallStarted(slot, id_, name, signature=signature):
                self._call(slot, id_, name, signature)
            case ToolCallDelta(slot, arguments):
                (self._calls.get(slot) or self._call(slot, "", "")).append(arguments)
            case Finished(finish, stop_sequence=stop_sequence):
                self._finish, self._stop_sequence = finish, stop_sequence

    def whole(self) -> Choice:
        return Choice(tuple(_joined(part, "".join(texts)) for part, texts in self._parts), self._finish, self._stop_sequence)

    def _texts(self, fresh: Text | Refusal | Reasoning) -> list[str]:
        """Those of the last part if more may be said in it, else of a new one."""
        last = self._parts[-1][0] if self._parts else None
        if last != fresh and not (isinstance(last, Text) and isinstance(fresh, Text) and last.signature is None):
            self._parts.append((fresh, []))
        return self._parts[-1][1]

    def _call(self, slot: int, id_: str, name: str, signature: str | None = None) -> list[str]:
        texts = self._calls[slot] = [""]
        self._parts.append((ToolCall(id_, name, "", signature), texts))
        return texts


def _joined(part: Part, text: str) -> Part:
    match part:
        case ToolCall():
            return msgspec.structs.replace(part, arguments=text)
        case _:
            return msgspec.structs.replace(part, text=text)


def _part_events(part: Part, index: int, slot: int, piece: int | None) -> Iterator[Event]:
    match part:
        case Text(text, citations=citations, signature=signature):
            if text or not signature:
                yield from (TextDelta(some, index) for some in _pieces(text, piece))
            yield from (Cited(citation, index) for citation in citations)
            if signature is not None:
                yield TextDelta("", index, signature)
        case Refusal(text):
            yield from (RefusalDelta(some, index) for some in _pieces(text, piece))
        case Reasoning(text, None, None, None):
            yield from (ReasoningDelta(some, index=index) for some in _pieces(text, piece))
        case Reasoning(text, signature, redacted, id_):
            if text:
                yield from (ReasoningDelta(some, index=index) for some in _pieces(text, piece))
            yield ReasoningDelta("", signature, redacted, index, id_)
        case ToolCall(id_, name, arguments, signature):
            yield ToolCallStarted(slot, id_, name, index, signature)
            if arguments:
                yield from (ToolCallDelta(slot, some, index) for some in _pieces(arguments, piece))


def _pieces(text: str, size: int | None) -> Iterator[str]:
    """At least one, as an empty text is said too."""
    step = size or len(text) or 1
    return (text[at : at + step] for at in range(0, len(text) or 1, step))
