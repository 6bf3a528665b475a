"""A Messages stream: watched while it is relayed, read into hub events, written from them."""

from typing import Any

import msgspec

from turnout.dialects import faults, sse
from turnout.dialects.anthropic_messages.reply import Block, finish_of, read_block, stop_reason
from turnout.dialects.anthropic_messages.usage import Tally, write_usage
from turnout.dialects.body import ABSENT, given
from turnout.dialects.dialect import Seen
from turnout.errors import Broken
from turnout.types.reply import (
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
    UsageReported,
)
from turnout.types.request import Reasoning, Text, ToolCall


class _Delta(msgspec.Struct, gc=False):
    type: str = ""
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None


class _Message(msgspec.Struct, gc=False):
    id: str | None = None
    model: str | None = None
    usage: msgspec.Raw = ABSENT


class _Event(msgspec.Struct, gc=False):
    type: str = ""
    index: int = 0
    message: _Message | None = None
    content_block: Block | None = None
    delta: _Delta | None = None
    usage: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT


_EVENT = msgspec.json.Decoder(_Event)


def _decode(data: bytes) -> _Event:
    try:
        return _EVENT.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Broken(f"an event of the stream cannot be read: {error}") from None


def _is_content(event: _Event) -> bool:
    """A text or thinking block that only opens says nothing yet; any other block is already something."""
    if event.type == "content_block_start":
        block = event.content_block
        return block is not None and (block.type not in {"text", "thinking"} or bool(block.text or block.thinking))
    if event.type != "content_block_delta":
        return False
    delta = event.delta
    if delta is None or delta.type in {"text_delta", "thinking_delta", "signature_delta", "input_json_delta"}:
        return delta is not None and bool(delta.text or delta.thinking or delta.signature or delta.partial_json)
    return True


class Watch:
    """Watches relayed events."""

    def __init__(self) -> None:
        self._tally = Tally()

    def concerns(self, block: bytes) -> bool:
        """Whether a block after the first content has an event to look at: quotes inside a model's text are escaped."""
        return b'"message_' in block or b'"error"' in block

    def look(self, event: sse.ServerEvent, seen: Seen) -> bool:
        """Note what one event says. Raises ProviderFault on an error event."""
        if not event.data:
            return True
        said = _decode(event.data)
        if said.type == "error" or event.event == b"error":
            raise faults.in_reply(msgspec.json.decode(said.error) if given(said.error) else {})
        if said.type == "message_start" and said.message is not None:
            seen.model = said.message.model
            seen.usage = self._tally.add(said.message.usage)
        elif said.type == "message_delta":
            seen.usage = self._tally.add(said.usage) or seen.usage
            if said.delta is not None and said.delta.stop_reason:
                seen.finish = finish_of(said.delta.stop_reason)
        elif said.type == "message_stop":
            seen.ended = seen.content = True
        elif not seen.content:
            seen.content = _is_content(said)
        return True

    def complete(self, seen: Seen) -> bool:
        return seen.ended


class Reader:
    """A provider's stream as hub events."""

    def __init__(self) -> None:
        self._parser = sse.Parser()
        self._tally = Tally()
        self._slots: dict[int, int] = {}
        self._ended = False

    def feed(self, chunk: bytes) -> list[Event]:
        """Events completed by these bytes. Raises Broken when one cannot be read."""
        return self._read(self._parser.feed(chunk))

    def end(self) -> list[Event]:
        """What was still held. Raises Broken when the stream ended before it may."""
        found = self._read(self._parser.flush())
        if not self._ended:
            raise Broken("the stream was cut before its end")
        return found

    def _read(self, events: list[sse.ServerEvent]) -> list[Event]:
        found: list[Event] = []
        for event in events:
            try:
                self._event(_decode(event.data), found)
            except Broken as broken:
                if not found:
                    raise
                found.append(Failed("broken", broken.message))  # what came before it in the same bytes counts
                break
        return found

    def _event(self, said: _Event, found: list[Event]) -> None:
        match said.type:
            case "content_block_delta":
                self._delta(said, found)
            case "content_block_start":
                self._block(said, found)
            case "message_start":
                message = said.message or _Message()
                found.append(Started(message.id or "", message.model or ""))
                self._usage(message.usage, found)
            case "message_delta":
                finish = finish_of(said.delta.stop_reason) if said.delta is not None else None
                if said.delta is not None and finish is not None:
                    found.append(Finished(finish, stop_sequence=said.delta.stop_sequence))
                self._usage(said.usage, found)
            case "message_stop":
                self._ended = True
                found.append(Ended())
            case "error":
                fault = faults.in_reply(msgspec.json.decode(said.error) if given(said.error) else {})
                found.append(Failed(fault.kind or "error", fault.message))
            case _:
                pass

    def _usage(self, raw: msgspec.Raw, found: list[Event]) -> None:
        usage = self._tally.add(raw)
        if usage is not None:
            found.append(UsageReported(usage))

    def _block(self, said: _Event, found: list[Event]) -> None:
        """A block may open with content already in it, a redacted thought always does."""
        block = said.content_block
        part = read_block(block) if block is not None else None
        match part:
            case Text(text) if text:
                found.append(TextDelta(text))
            case Reasoning(text, signature, redacted) if text or signature or redacted:
                found.append(ReasoningDelta(text, signature or None, redacted))
            case ToolCall(id_, name, arguments):
                slot = self._slots[said.index] = len(self._slots)
                found.append(ToolCallStarted(slot, id_, name))
                if arguments != "{}":
                    found.append(ToolCallDelta(slot, arguments))
            case _:
                pass

    def _delta(self, said: _Event, found: list[Event]) -> None:
        delta = said.delta
        if delta is None:
            return
        if delta.text:
            found.append(TextDelta(delta.text))
        elif delta.partial_json:
            if said.index in self._slots:
                found.append(ToolCallDelta(self._slots[said.index], delta.partial_json))
        elif delta.thinking or delta.signature:
            found.append(ReasoningDelta(delta.thinking or "", delta.signature))


class Writer:
    """Hub events as Anthropic's stream: blocks open and close one after the other, the reason to stop comes at the end."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._id = "msg_0"
        self._begun = self._called = self._refused = False
        self._usage = Usage()
        self._finished = Finished("other")
        self._open: tuple[str, int] | None = None
        self._index = -1
        self._slots: dict[int, int] = {}

    def write(self, event: Event) -> bytes:
        """Wire bytes of one event. The start waits for the event after it, which may tell the input's tokens."""
        if getattr(event, "index", 0):  # only the first alternative has a place
            return b""
        match event:
            case TextDelta(text):
                return self._piece("text", {"type": "text_delta", "text": text}) if text else b""
            case ToolCallDelta(slot, arguments):
                return self._tool_delta(slot, arguments)
            case ReasoningDelta(text, signature, redacted):
                return self._reasoning(text, signature, redacted)
            case ToolCallStarted(slot, id_, name):
                self._called = True
                head = self._block("tool_use", slot, {"type": "tool_use", "id": id_, "name": name, "input": {}})
                self._slots[slot] = self._index
                return head
            case RefusalDelta(text):
                self._refused = True
                return self._piece("text", {"type": "text_delta", "text": text}) if text else b""
            case Started(id_, model):
                self._id, self._model = id_ or self._id, model or self._model
                return b""
            case UsageReported(usage):
                self._usage = usage
                return self._begin()
            case Cited():
                return b""
            case Finished():
                self._finished = event
                return b""
            case Failed(kind, message):
                return error_event(kind, message)
            case Ended():
                return self._end()

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        message: dict[str, Any] = {
            "id": self._id, "type": "message", "role": "assistant", "model": self._model, "content": [],
            "stop_reason": None, "stop_sequence": None, "usage": write_usage(self._usage),
        }  # fmt: skip
        return _event("message_start", message=message)

    def _block(self, kind: str, slot: int, block: dict[str, Any]) -> bytes:
        """Open a block; the one before it ends here. The first is followed by a ping, as Anthropic does."""
        first = self._index < 0
        head = self._begin() + self._close()
        self._open = (kind, slot)
        self._index += 1
        head += _event("content_block_start", index=self._index, content_block=block)
        return head + _event("ping") if first else head

    def _close(self) -> bytes:
        if self._open is None:
            return b""
        self._open = None
        return _event("content_block_stop", index=self._index)

    def _piece(self, kind: str, delta: dict[str, Any]) -> bytes:
        head = b""
        if self._open != (kind, 0):
            head = self._block(
                kind, 0, {"type": "text", "text": ""} if kind == "text" else {"type": "thinking", "thinking": "", "signature": ""}
            )
        return head + _event("content_block_delta", index=self._index, delta=delta)

    def _reasoning(self, text: str, signature: str | None, redacted: str | None) -> bytes:
        if redacted is not None:
            return self._block("redacted_thinking", 0, {"type": "redacted_thinking", "data": redacted}) + self._close()
        out = self._piece("thinking", {"type": "thinking_delta", "thinking": text}) if text else b""
        if signature is not None:
            out += self._piece("thinking", {"type": "signature_delta", "signature": signature}) + self._close()
        return out

    def _tool_delta(self, slot: int, arguments: str) -> bytes:
        """By the block's own index, so that pieces of parallel calls may come in any order."""
        delta = {"type": "input_json_delta", "partial_json": arguments}
        return _event("content_block_delta", index=self._slots.get(slot, self._index), delta=delta)

    def _end(self) -> bytes:
        finished = self._finished
        reason = stop_reason(finished.finish, finished.stop_sequence, called=self._called, refused=self._refused)
        delta = {"stop_reason": reason, "stop_sequence": finished.stop_sequence}
        usage = write_usage(self._usage)
        del usage["service_tier"], usage["cache_creation"]
        head = self._begin() + self._close()
        return head + _event("message_delta", delta=delta, usage=usage) + _event("message_stop")


def _event(kind: str, **fields: Any) -> bytes:
    return sse.event(msgspec.json.encode({"type": kind, **fields}), kind.encode())


def error_event(kind: str, message: str) -> bytes:
    """The event on which Anthropic's SDK raises APIStatusError."""
    return _event("error", error={"type": kind, "message": message})
