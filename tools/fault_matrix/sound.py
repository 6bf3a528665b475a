"""What a well provider says, in pieces, so that a fault can strike between any two of them.

It is written by hand: no code of the gateway has a part in it.
"""

import json
from typing import Any, Literal

import msgspec

Dialect = Literal["openai-chat", "anthropic-messages"]
DIALECTS: tuple[Dialect, ...] = ("openai-chat", "anthropic-messages")

Usage = dict[str, Any] | None


class Voice(msgspec.Struct, frozen=True):
    """Who speaks: the words, the name it gives itself, and the tokens it bills."""

    pieces: tuple[str, ...]
    model: str
    input: int
    output: int

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def price_usd(self) -> float:
        """At PRICE, which every model of the matrix has."""
        return (self.input * PRICE["input"] + self.output * PRICE["output"]) / 1e6


PRICE = {"input": 1.0, "output": 10.0}
"""USD per million tokens."""

PRIMARY = Voice(("One ", "two ", "three ", "four."), "primary-2026", 100, 7)
FALLBACK = Voice(("Well, ", "here ", "it ", "is."), "fallback-2026", 200, 9)


class Sound(msgspec.Struct, frozen=True):
    """One answer, as a stream's events and as a whole body."""

    prelude: bytes
    contents: tuple[bytes, ...]
    finish: bytes
    mark: bytes
    whole: bytes


def usage_of(dialect: Dialect, voice: Voice) -> dict[str, Any]:
    """The tokens, as this dialect counts them."""
    if dialect == "openai-chat":
        total = voice.input + voice.output
        return {"prompt_tokens": voice.input, "completion_tokens": voice.output, "total_tokens": total}
    return {"input_tokens": voice.input, "output_tokens": voice.output}


def sound(dialect: Dialect, voice: Voice, usage: Usage) -> Sound:
    """``usage`` None: it says nothing of its tokens."""
    return (_openai if dialect == "openai-chat" else _anthropic)(voice, usage)


def event(dialect: Dialect, value: Any, name: str = "") -> bytes:
    """A server-sent event; Anthropic's carry their name twice."""
    return named(name if dialect == "anthropic-messages" else "", json.dumps(value).encode())


def named(name: str, data: bytes) -> bytes:
    return (f"event: {name}\n".encode() if name else b"") + b"data: " + data + b"\n\n"


def _openai(voice: Voice, usage: Usage) -> Sound:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": voice.model}

    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        return event("openai-chat", {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    counted = b"" if usage is None else event("openai-chat", {**head, "choices": [], "usage": usage})
    whole = {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": voice.model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": voice.text}, "finish_reason": "stop"}],
        **({} if usage is None else {"usage": usage}),
    }  # fmt: skip
    return Sound(
        chunk({"role": "assistant", "content": ""}),
        tuple(chunk({"content": piece}) for piece in voice.pieces),
        chunk({}, "stop") + counted,
        b"data: [DONE]\n\n",
        json.dumps(whole).encode(),
    )


def _anthropic(voice: Voice, usage: Usage) -> Sound:
    def say(kind: str, **fields: Any) -> bytes:
        return event("anthropic-messages", {"type": kind, **fields}, kind)

    counted = {} if usage is None else {"usage": usage}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": voice.model}
    start: dict[str, Any] = {**message, "content": [], "stop_reason": None, "stop_sequence": None, **counted}
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    opened = say("content_block_start", index=0, content_block={"type": "text", "text": ""})
    return Sound(
        say("message_start", message=start) + opened + say("ping"),
        tuple(say("content_block_delta", index=0, delta={"type": "text_delta", "text": piece}) for piece in voice.pieces),
        say("content_block_stop", index=0) + say("message_delta", delta=end, **counted),
        say("message_stop"),
        json.dumps({**message, "content": [{"type": "text", "text": voice.text}], **end, **counted}).encode(),
    )
