"""The hub's request: what every dialect can be read into and written from.

Same-dialect traffic never passes through here; it is relayed as bytes. Only a translation needs these types.
"""

from typing import Literal

import msgspec


class Citation(msgspec.Struct, frozen=True):
    """What a passage of an answer rests on. ``start`` and ``end`` count characters of the answer's text; ``quote`` is the source's words."""

    url: str | None = None
    title: str | None = None
    quote: str | None = None
    start: int | None = None
    end: int | None = None


class Text(msgspec.Struct, frozen=True, tag="text"):
    """Plain text. ``cache`` keeps a cache breakpoint of the source dialect, as its raw JSON text.

    ``signature`` seals the thinking before it, for providers that bind one to what follows.
    """

    text: str
    cache: str | None = None
    citations: tuple[Citation, ...] = ()
    signature: str | None = None


class Media(msgspec.Struct, frozen=True, tag="media"):
    """An image, audio, video or document: either ``data`` (base64) with ``media_type``, or a ``url``."""

    kind: Literal["image", "audio", "video", "document"]
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    detail: str | None = None
    name: str | None = None
    cache: str | None = None


class ToolCall(msgspec.Struct, frozen=True, tag="tool_call"):
    """A model's wish to call a tool. ``arguments`` is JSON text exactly as the model wrote it; ``signature`` as a text's."""

    id: str
    name: str
    arguments: str
    signature: str | None = None


class ToolResult(msgspec.Struct, frozen=True, tag="tool_result"):
    """What the tool with this call id answered."""

    call_id: str
    parts: "tuple[Text | Media, ...]"
    is_error: bool = False


class Reasoning(msgspec.Struct, frozen=True, tag="reasoning"):
    """A model's thinking. ``signature`` proves its origin to the provider that made it; ``redacted`` is its sealed form.

    ``id`` is the provider's name for it, where it has one.
    """

    text: str
    signature: str | None = None
    redacted: str | None = None
    id: str | None = None


class Refusal(msgspec.Struct, frozen=True, tag="refusal"):
    """The model declined, in its own words."""

    text: str


Part = Text | Media | ToolCall | ToolResult | Reasoning | Refusal


class Message(msgspec.Struct, frozen=True):
    """One turn. System prompts are messages too, so that their place in the conversation is kept."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    parts: tuple[Part, ...]
    name: str | None = None


class Tool(msgspec.Struct, frozen=True):
    """A function the model may call; ``schema`` is its parameters' JSON Schema."""

    name: str
    schema: msgspec.Raw
    description: str | None = None
    strict: bool | None = None


class ToolChoice(msgspec.Struct, frozen=True):
    """``name`` only with mode ``tool``."""

    mode: Literal["auto", "none", "required", "tool"]
    name: str | None = None


class ResponseFormat(msgspec.Struct, frozen=True):
    """``schema`` only with kind ``json_schema``."""

    kind: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    schema: msgspec.Raw | None = None
    strict: bool | None = None
    description: str | None = None


class ReasoningWish(msgspec.Struct, frozen=True):
    """How much thinking is asked for: an effort word, a token budget, or off."""

    effort: str | None = None
    budget_tokens: int | None = None
    enabled: bool = True


class Request(msgspec.Struct, frozen=True):
    """A request free of any wire. ``None`` means the caller said nothing and the provider's default holds."""

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tools: bool | None = None
    max_output: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    n: int | None = None
    response_format: ResponseFormat | None = None
    reasoning: ReasoningWish | None = None
    stream: bool = False
    user: str | None = None
    cache_key: str | None = None
