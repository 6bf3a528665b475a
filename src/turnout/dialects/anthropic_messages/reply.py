"""A whole Messages answer: checked when it is relayed, read into the hub, written from it."""

from collections.abc import Iterable
from typing import Any

import msgspec

from turnout.dialects import faults
from turnout.dialects.anthropic_messages.usage import read_usage, write_usage
from turnout.dialects.body import ABSENT, given, is_object, raw_text
from turnout.dialects.dialect import Seen
from turnout.errors import Broken
from turnout.types.reply import Choice, Finish, Reply, Usage
from turnout.types.request import Reasoning, Refusal, Text, ToolCall

_FINISHES: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "refusal",
}
_WORDS: dict[Finish, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "refusal": "refusal",
    "other": "end_turn",
}


class Block(msgspec.Struct, gc=False):
    """A block of an answer: text, thinking, a tool's use; others are read as having nothing the hub can hold."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = ABSENT


class _Answer(msgspec.Struct, gc=False):
    type: str = ""
    id: str | None = None
    model: str | None = None
    content: list[Block] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT


class _Outline(msgspec.Struct, gc=False):
    """What relaying looks at."""

    type: str = ""
    model: str | None = None
    content: list[msgspec.Raw] | None = None
    stop_reason: str | None = None
    usage: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT


_ANSWER = msgspec.json.Decoder(_Answer)
_OUTLINE = msgspec.json.Decoder(_Outline)


def finish_of(word: str | None) -> Finish | None:
    """The hub's word; None while the answer goes on."""
    return _FINISHES.get(word, "other") if word else None


def stop_reason(finish: Finish, stop_sequence: str | None, *, called: bool, refused: bool) -> str:
    """OpenAI ends a forced tool call, and a refusal in words, with ``stop``; here both have reasons of their own."""
    if finish == "stop":
        if called:
            return "tool_use"
        if refused:
            return "refusal"
        if stop_sequence is not None:
            return "stop_sequence"
    return _WORDS[finish]


def look(body: bytes, seen: Seen) -> None:
    """Check an answer that is relayed as it is. Raises ProviderFault."""
    answer = _decode(body, _OUTLINE)
    seen.finish = finish_of(answer.stop_reason)
    seen.usage = read_usage(answer.usage)
    seen.model = answer.model


def read_reply(body: bytes) -> Reply:
    """A whole answer. Raises Broken when it is not one."""
    answer = _decode(body, _ANSWER)
    parts = tuple(part for block in answer.content if (part := read_block(block)) is not None)
    choice = Choice(parts, finish_of(answer.stop_reason) or "other", answer.stop_sequence)
    return Reply(answer.id or "", answer.model or "", (choice,), read_usage(answer.usage))


def _decode(body: bytes, decoder: Any) -> Any:
    try:
        answer = decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Broken(f"the answer is not a message: {error}") from None
    if answer.type == "error" or (given(answer.error) and answer.type != "message"):
        raise faults.in_reply(msgspec.json.decode(answer.error) if given(answer.error) else {})
    if answer.type != "message" or answer.content is None:
        raise Broken("the answer is not of type message")
    return answer


def read_block(block: Block) -> Text | Reasoning | ToolCall | None:
    """The hub's part for a block; None for server tools and the like, which only a caller of this dialect can ask for."""
    match block.type:
        case "text":
            return Text(block.text or "")
        case "thinking":
            return Reasoning(block.thinking or "", block.signature)
        case "redacted_thinking":
            return Reasoning("", redacted=block.data)
        case "tool_use":
            return ToolCall(block.id or "", block.name or "", raw_text(block.input) or "{}")
        case _:
            return None


def write_reply(reply: Reply) -> bytes:
    """The answer as Anthropic would send it; only the first alternative has a place."""
    choice = reply.choices[0] if reply.choices else Choice((), "other")
    called = any(isinstance(part, ToolCall) for part in choice.parts)
    refused = any(isinstance(part, Refusal) for part in choice.parts)
    reason = stop_reason(choice.finish, choice.stop_sequence, called=called, refused=refused)
    return msgspec.json.encode({
        "id": reply.id or "msg_0",
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": list(write_parts(choice.parts)),
        "stop_reason": reason,
        "stop_sequence": choice.stop_sequence,
        "usage": write_usage(reply.usage if reply.usage is not None else Usage()),
    })  # fmt: skip


def write_parts(parts: Iterable[Text | Reasoning | Refusal | ToolCall]) -> Iterable[dict[str, Any]]:
    """Blocks of an answer. Arguments that are no JSON object are kept as text, for the caller to see what the model wrote."""
    for part in parts:
        match part:
            case Text(text=text) | Refusal(text=text):
                yield {"type": "text", "text": text}
            case Reasoning(text, signature, redacted):
                if redacted is not None:
                    yield {"type": "redacted_thinking", "data": redacted}
                else:
                    yield {"type": "thinking", "thinking": text, "signature": signature or ""}
            case ToolCall(id_, name, arguments):
                yield {"type": "tool_use", "id": id_, "name": name, "input": tool_input(arguments)}


def tool_input(arguments: str) -> Any:
    """A tool call's arguments as the object this dialect wants, as they were written."""
    if not arguments.strip():
        return {}
    return msgspec.Raw(arguments.encode()) if is_object(arguments) else {"arguments": arguments}
