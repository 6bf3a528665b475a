"""The hub's reply: usage, finish, events. A whole answer is its events collected."""

from typing import Literal

import msgspec

from turnout.types.request import Citation, Reasoning, Refusal, Text, ToolCall

Finish = Literal["stop", "length", "tool_calls", "content_filter", "refusal", "other"]


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Disjoint buckets of tokens: every token is in exactly one, so that buckets sum to what was billed.

    ``input`` excludes cached reads and writes, audio and image input; ``output`` excludes reasoning, audio and image output
    (PRODUCT P1). Providers report overlapping figures; each dialect takes them apart.
    ``complete`` is False when a field the bill depends on was missing or the figures contradict each other.
    """

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    input_audio: int = 0
    input_image: int = 0
    output: int = 0
    reasoning: int = 0
    output_audio: int = 0
    output_image: int = 0
    complete: bool = True

    @property
    def total_input(self) -> int:
        """All tokens read by the model."""
        return self.input + self.cache_read + self.cache_write + self.cache_write_1h + self.input_audio + self.input_image

    @property
    def total_output(self) -> int:
        """All tokens written by the model, its thinking included."""
        return self.output + self.reasoning + self.output_audio + self.output_image


class Started(msgspec.Struct, frozen=True, tag="started"):
    """The prelude: the provider accepted and named the answer. Not content: nothing is committed by it."""

    id: str
    model: str


class TextDelta(msgspec.Struct, frozen=True, tag="text_delta"):
    text: str
    index: int = 0
    signature: str | None = None


class Cited(msgspec.Struct, frozen=True, tag="cited"):
    """The text so far rests on this source."""

    citation: Citation
    index: int = 0


class ReasoningDelta(msgspec.Struct, frozen=True, tag="reasoning_delta"):
    text: str = ""
    signature: str | None = None
    redacted: str | None = None
    index: int = 0
    id: str | None = None


class RefusalDelta(msgspec.Struct, frozen=True, tag="refusal_delta"):
    text: str
    index: int = 0


class ToolCallStarted(msgspec.Struct, frozen=True, tag="tool_call_started"):
    """``slot`` numbers parallel calls of one choice from 0."""

    slot: int
    id: str
    name: str
    index: int = 0
    signature: str | None = None


class ToolCallDelta(msgspec.Struct, frozen=True, tag="tool_call_delta"):
    slot: int
    arguments: str
    index: int = 0


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    """``stop_sequence`` names the one that ended the answer, where the dialect says."""

    finish: Finish
    index: int = 0
    stop_sequence: str | None = None


class UsageReported(msgspec.Struct, frozen=True, tag="usage"):
    usage: Usage


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The provider reported an error inside a reply it had already accepted."""

    kind: str
    message: str


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """The stream's own end mark ([DONE], message_stop). A stream that stops without it was cut."""


Event = (
    Started
    | TextDelta
    | Cited
    | ReasoningDelta
    | RefusalDelta
    | ToolCallStarted
    | ToolCallDelta
    | Finished
    | UsageReported
    | Failed
    | Ended
)


class Choice(msgspec.Struct, frozen=True):
    """One finished alternative (there is more than one only when ``n`` was asked for)."""

    parts: tuple[Text | Reasoning | Refusal | ToolCall, ...]
    finish: Finish
    stop_sequence: str | None = None


class Reply(msgspec.Struct, frozen=True):
    """A whole answer."""

    id: str
    model: str
    choices: tuple[Choice, ...]
    usage: Usage | None = None
