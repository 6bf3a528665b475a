"""A whole Chat Completions answer: checked when it is relayed, read into the hub, written from it."""

from collections.abc import Iterator
from typing import Any

import msgspec

from turnout.dialects import faults
from turnout.dialects.body import ABSENT
from turnout.dialects.dialect import Seen
from turnout.dialects.openai_chat.usage import read_usage, write_usage
from turnout.errors import Broken
from turnout.types.reply import Choice, Finish, Reply
from turnout.types.request import Reasoning, Refusal, Text, ToolCall

_FINISHES: dict[str, Finish] = {
    "stop": "stop", "end_turn": "stop", "eos": "stop", "length": "length", "max_tokens": "length", "model_length": "length",
    "tool_calls": "tool_calls", "function_call": "tool_calls", "content_filter": "content_filter",
}  # fmt: skip
_WORDS: dict[Finish, str] = {
    "stop": "stop", "length": "length", "tool_calls": "tool_calls", "content_filter": "content_filter",
    "refusal": "content_filter", "other": "stop",
}  # fmt: skip


class Piece(msgspec.Struct, gc=False):
    """A part of a list-shaped content: Mistral's thinking, and text."""

    type: str = "text"
    text: str | None = None
    thinking: "str | list[Piece] | None" = None


class Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | dict[str, msgspec.Raw] | None = None


class Call(msgspec.Struct, gc=False):
    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Said(msgspec.Struct, gc=False):
    """A message, or a stream's delta of one: vendors keep both in the same shape."""

    content: str | list[Piece] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None
    function_call: Function | None = None

    def calls(self) -> list[Call]:
        """Tool calls, the old single function call among them."""
        if self.function_call is not None:
            return [Call(0, "call_0" if self.function_call.name else None, self.function_call)]
        return self.tool_calls or []

    def spoken(self) -> Iterator[Reasoning | Text]:
        """Thinking and text, in order."""
        if thought := self.reasoning_content or self.reasoning:
            yield Reasoning(thought)
        if isinstance(self.content, str):
            if self.content:
                yield Text(self.content)
            return
        for piece in self.content or ():
            if piece.thinking:
                inner = piece.thinking if isinstance(piece.thinking, str) else "".join(p.text or "" for p in piece.thinking)
                yield Reasoning(inner)
            elif piece.text:
                yield Text(piece.text)


class _Choice(msgspec.Struct, gc=False):
    message: Said | None = None
    finish_reason: str | None = None


class _Answer(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    id: str | None = None
    model: str | None = None
    usage: msgspec.Raw = ABSENT
    error: Any = None


class _Outline(msgspec.Struct, gc=False):
    """What relaying looks at."""

    class Choice(msgspec.Struct, gc=False):
        finish_reason: str | None = None

    choices: list[Choice] | None = None
    model: str | None = None
    usage: msgspec.Raw = ABSENT
    error: Any = None


_ANSWER = msgspec.json.Decoder(_Answer)
_OUTLINE = msgspec.json.Decoder(_Outline)


def finish_of(word: str | None) -> Finish | None:
    """The hub's word; None while the answer goes on."""
    return _FINISHES.get(word, "other") if word else None


def word_for(finish: Finish) -> str:
    return _WORDS[finish]


def arguments_text(function: Function) -> str:
    """The arguments as JSON text, however they came."""
    value = function.arguments
    return value if isinstance(value, str) else msgspec.json.encode(value).decode() if value is not None else ""


def look(body: bytes, seen: Seen) -> None:
    """Check an answer that is relayed as it is. Raises ProviderFault."""
    answer = _decode(body, _OUTLINE)
    seen.finish = finish_of(answer.choices[0].finish_reason)
    seen.usage = read_usage(answer.usage)
    seen.model = answer.model


def read_reply(body: bytes) -> Reply:
    """A whole answer. Raises Broken when it is not one."""
    answer = _decode(body, _ANSWER)
    return Reply(
        answer.id or "", answer.model or "", tuple(_choice(choice) for choice in answer.choices or ()), read_usage(answer.usage)
    )


def _decode(body: bytes, decoder: Any) -> Any:
    try:
        answer = decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Broken(f"the answer is not a chat completion: {error}") from None
    if answer.error is not None:
        raise faults.in_reply(answer.error)
    if not answer.choices:
        raise Broken("the answer has no choices")
    return answer


def _choice(choice: _Choice) -> Choice:
    said = choice.message or Said()
    parts: list[Text | Reasoning | Refusal | ToolCall] = list(said.spoken())
    if said.refusal:
        parts.append(Refusal(said.refusal))
    for number, call in enumerate(said.calls()):
        if call.function is not None:
            parts.append(ToolCall(call.id or f"call_{number}", call.function.name or "", arguments_text(call.function)))
    return Choice(tuple(parts), finish_of(choice.finish_reason) or "other")


def write_reply(reply: Reply, created: int) -> bytes:
    """The answer as OpenAI would send it."""
    answer: dict[str, Any] = {
        "id": reply.id or "chatcmpl-0",
        "object": "chat.completion",
        "created": created,
        "model": reply.model,
        "choices": [_write_choice(index, choice) for index, choice in enumerate(reply.choices)],
    }
    if reply.usage is not None:
        answer["usage"] = write_usage(reply.usage)
    return msgspec.json.encode(answer)


def _write_choice(index: int, choice: Choice) -> dict[str, Any]:
    text = "".join(part.text for part in choice.parts if isinstance(part, Text))
    refusal = "".join(part.text for part in choice.parts if isinstance(part, Refusal))
    thought = "".join(part.text for part in choice.parts if isinstance(part, Reasoning))
    calls = [part for part in choice.parts if isinstance(part, ToolCall)]
    message: dict[str, Any] = {
        "role": "assistant",
        "content": text if text or not (calls or refusal) else None,
        "refusal": refusal or None,
    }
    if thought:
        message["reasoning_content"] = thought
    if calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}} for call in calls
        ]
    return {"index": index, "message": message, "logprobs": None, "finish_reason": word_for(choice.finish)}
