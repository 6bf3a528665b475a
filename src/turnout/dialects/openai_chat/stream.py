"""A Chat Completions stream: watched while it is relayed, read into hub events, written from them."""

from typing import Any

import msgspec

from turnout.dialects import faults, sse
from turnout.dialects.body import ABSENT
from turnout.dialects.dialect import Seen
from turnout.dialects.openai_chat.reply import Call, Said, arguments_text, finish_of, word_for
from turnout.dialects.openai_chat.usage import read_usage, write_usage
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
from turnout.types.request import Text

DONE = b"[DONE]"  # some vendors put a blank after it
_NOTHING = frozenset({b"null", b'""', b"[]", b"{}"})
_ABOUT = frozenset({"role", "name", "channel"})
"""Delta fields that say who speaks, not what. Any other field with a value is content, also one nobody has heard of:
committing early loses a chance to fall back, committing late would hold the whole answer back."""


class _Groq(msgspec.Struct, gc=False):
    usage: msgspec.Raw = ABSENT


class _WatchedChoice(msgspec.Struct, gc=False):
    delta: dict[str, msgspec.Raw] | None = None
    finish_reason: str | None = None


class _Watched(msgspec.Struct, gc=False):
    choices: list[_WatchedChoice] | None = None
    model: str | None = None
    usage: msgspec.Raw = ABSENT
    x_groq: _Groq | None = None
    error: Any = None


class _ReadChoice(msgspec.Struct, gc=False):
    index: int = 0
    delta: Said | None = None
    finish_reason: str | None = None


class _Read(msgspec.Struct, gc=False):
    choices: list[_ReadChoice] | None = None
    id: str | None = None
    model: str | None = None
    usage: msgspec.Raw = ABSENT
    x_groq: _Groq | None = None
    error: Any = None


_WATCHED = msgspec.json.Decoder(_Watched)
_READ = msgspec.json.Decoder(_Read)


def _decode(data: bytes, decoder: Any) -> Any:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Broken(f"an event of the stream is not a chunk: {error}") from None


def _usage(chunk: _Watched | _Read) -> Usage | None:
    usage = read_usage(chunk.usage)
    return usage if usage is not None or chunk.x_groq is None else read_usage(chunk.x_groq.usage)


class Watch:
    """Watches relayed events. ``hide_usage``: the usage chunk is there only because we asked for it, so it stays with us."""

    def __init__(self, *, hide_usage: bool) -> None:
        self._hide_usage = hide_usage

    def concerns(self, block: bytes) -> bool:
        """Whether a block after the first content has an event to look at: told by its bytes, not by parsing.

        Quotes inside a model's text are escaped, so text cannot look like a key; a spelling with blanks is looked at in vain.
        """
        return (
            block.count(b'usage"') != block.count(b'"usage":null')
            or block.count(b'"finish_reason":') != block.count(b'"finish_reason":null')
            or b'"error"' in block
            or b"event: error" in block
            or DONE in block
        )

    def look(self, event: sse.ServerEvent, seen: Seen) -> bool:
        """Note what one event says; False when it is not for the client. Raises ProviderFault on an error event."""
        data = event.data
        if not data:
            return True
        if data.startswith(DONE):
            seen.ended = seen.content = True
            return True
        chunk: _Watched = _decode(data, _WATCHED)
        if chunk.error is not None:
            raise faults.in_reply(chunk.error)
        if event.event == b"error":
            raise faults.in_reply(msgspec.json.decode(data))
        if chunk.model:
            seen.model = chunk.model
        usage = _usage(chunk)
        if usage is not None:
            seen.usage = usage
        for choice in chunk.choices or ():
            if choice.finish_reason:
                seen.finish = finish_of(choice.finish_reason)
            if not seen.content and choice.delta is not None:
                seen.content = any(
                    name not in _ABOUT and bytes(value) not in _NOTHING for name, value in choice.delta.items()
                )  # fmt: skip
        return not (self._hide_usage and usage is not None and not chunk.choices)

    def complete(self, seen: Seen) -> bool:
        """Some vendors leave [DONE] out; a finish reason ends their stream as well."""
        return seen.ended or seen.finish is not None


class Reader:
    """A provider's stream as hub events."""

    def __init__(self) -> None:
        self._parser = sse.Parser()
        self._started = self._ended = False
        self._finished: set[int] = set()
        self._slots: dict[tuple[int, int], int] = {}
        self._ids: dict[tuple[int, int], str] = {}
        self._next: dict[int, int] = {}

    def feed(self, chunk: bytes) -> list[Event]:
        """Events completed by these bytes. Raises Broken when one cannot be read."""
        return self._read(self._parser.feed(chunk))

    def end(self) -> list[Event]:
        """What was still held. Raises Broken when the stream ended before it may."""
        found = self._read(self._parser.flush())
        if not (self._ended or self._finished):
            raise Broken("the stream was cut before its end")
        if not self._ended:
            found.append(Ended())
        return found

    def _read(self, events: list[sse.ServerEvent]) -> list[Event]:
        found: list[Event] = []
        for event in events:
            if event.data.startswith(DONE):
                self._ended = True
                found.append(Ended())
                continue
            try:
                self._chunk(event, found)
            except Broken as broken:
                if not found:
                    raise
                found.append(Failed("broken", broken.message))  # what came before it in the same bytes counts
                break
        return found

    def _chunk(self, event: sse.ServerEvent, found: list[Event]) -> None:
        chunk: _Read = _decode(event.data, _READ)
        if event.event == b"error" or chunk.error is not None:
            fault = faults.in_reply(msgspec.json.decode(event.data) if chunk.error is None else chunk.error)
            found.append(Failed(str(fault.status or fault.kind or "error"), fault.message))
            return
        if not self._started and (chunk.id or (chunk.choices and chunk.choices[0].delta)):
            self._started = True
            found.append(Started(chunk.id or "", chunk.model or ""))
        for choice in chunk.choices or ():
            if choice.delta is not None:
                self._delta(choice.index, choice.delta, found)
            finish = finish_of(choice.finish_reason)
            if finish is not None and choice.index not in self._finished:
                self._finished.add(choice.index)
                found.append(Finished(finish, choice.index))
        usage = _usage(chunk)
        if usage is not None:
            found.append(UsageReported(usage))

    def _delta(self, index: int, said: Said, found: list[Event]) -> None:
        found.extend(
            TextDelta(part.text, index) if isinstance(part, Text) else ReasoningDelta(part.text, index=index)
            for part in said.spoken()
        )
        if said.refusal:
            found.append(RefusalDelta(said.refusal, index))
        for call in said.calls():
            self._call(index, call, found)

    def _call(self, index: int, call: Call, found: list[Event]) -> None:
        """Mistral numbers no calls, Gemini gives all of them the number 0 or no id: a new id, or a bare name, is a new call."""
        function = call.function
        latest = self._next.get(index, 0) - 1
        key = (index, call.index if call.index is not None else max(latest, 0))
        bare = not call.id and call.index is None and function is not None and bool(function.name)
        if (call.id and self._ids.get(key, call.id) != call.id) or bare:
            key = (index, latest + 1)
        if key not in self._slots:
            slot = self._next.get(index, 0)
            self._next[index] = slot + 1
            self._slots[key] = slot
            self._ids[key] = call.id or f"call_{slot}"
            found.append(ToolCallStarted(slot, self._ids[key], (function.name if function else None) or "", index))
        if function is not None and (arguments := arguments_text(function)):
            found.append(ToolCallDelta(self._slots[key], arguments, index))


class Writer:
    """Hub events as OpenAI's stream."""

    def __init__(self, *, include_usage: bool, created: int, model: str) -> None:
        self._include_usage = include_usage
        self._usage: Usage | None = None
        self._head: dict[str, Any] = {
            "id": "chatcmpl-0", "object": "chat.completion.chunk", "created": created, "model": model,
        }  # fmt: skip

    def write(self, event: Event) -> bytes:
        """Wire bytes of one event."""
        match event:
            case TextDelta(text, index):
                return self._delta({"content": text}, index)
            case ReasoningDelta(text=text, index=index):
                return self._delta({"reasoning_content": text}, index) if text else b""
            case ToolCallDelta(slot, arguments, index):
                return self._delta({"tool_calls": [{"index": slot, "function": {"arguments": arguments}}]}, index)
            case ToolCallStarted(slot, id_, name, index):
                call = {"index": slot, "id": id_, "type": "function", "function": {"name": name, "arguments": ""}}
                return self._delta({"tool_calls": [call]}, index)
            case Started(id_, model):
                self._head |= {"id": id_ or "chatcmpl-0", "model": model or self._head["model"]}
                return self._delta({"role": "assistant", "content": "", "refusal": None}, 0)
            case RefusalDelta(text, index):
                return self._delta({"refusal": text}, index)
            case Cited():
                return b""
            case Finished(finish, index):
                return self._delta({}, index, word_for(finish))
            case UsageReported(usage):
                self._usage = usage
                return b""
            case Failed(kind, message):
                return error_event(message, kind)
            case Ended():
                return self._end()

    def _delta(self, delta: dict[str, Any], index: int, finish: str | None = None) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self._chunk({"choices": [choice], "usage": None} if self._include_usage else {"choices": [choice]})

    def _chunk(self, tail: dict[str, Any]) -> bytes:
        return sse.event(msgspec.json.encode({**self._head, **tail}))

    def _end(self) -> bytes:
        end = sse.event(DONE)
        if not self._include_usage or self._usage is None:
            return end
        return self._chunk({"choices": [], "usage": write_usage(self._usage)}) + end


def error_event(message: str, kind: str, code: str | None = None) -> bytes:
    """The event on which OpenAI's SDK raises APIError."""
    return sse.event(msgspec.json.encode({"error": {"message": message, "type": kind, "param": None, "code": code}}))
