"""Anthropic Messages as it is on the wire: what we read of it. Everything else stays raw and is relayed."""

import msgspec

from turnout.dialects.body import ABSENT, Count, Name, Strays, Wire, given, mended


class Source(Wire):
    """Where an image or document comes from: ``base64``, ``url``, ``text``, ``file`` or ``content``."""

    type: str = ""
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    content: msgspec.Raw = ABSENT


class Block(Wire):
    """Any content block. ``content`` is raw, as server tools put objects there whose shape is their own.

    The ``source`` of a search result is a text.
    """

    type: str = "text"
    text: str | None = None
    source: Source | str | None = None
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = ABSENT
    caller: msgspec.Raw = ABSENT
    tool_use_id: str | None = None
    content: msgspec.Raw = ABSENT
    is_error: bool | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    title: str | None = None
    context: str | None = None
    citations: msgspec.Raw = ABSENT
    cache_control: msgspec.Raw = ABSENT


class Turn(Wire):
    role: str = ""
    content: str | list[Block | str] | None = None


class Tool(Wire):
    name: str = ""
    type: str | None = None
    description: str | None = None
    input_schema: msgspec.Raw = ABSENT
    strict: bool | None = None
    cache_control: msgspec.Raw = ABSENT


class Choose(Wire):
    type: str = ""
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Thinking(Wire):
    type: str = ""
    budget_tokens: int | None = None
    display: str | None = None


class Format(Wire):
    type: str = ""
    schema: msgspec.Raw = ABSENT


class OutputConfig(Wire):
    effort: str | None = None
    format: Format | None = None


class Body(msgspec.Struct, gc=False):
    """A request body. Fields in no need of reading are absent here and ride along raw."""

    model: Name
    messages: list[Turn | str]
    max_tokens: Count | None = None
    system: str | list[Block | str] | None = None
    stream: bool | None = None
    tools: list[Tool] | None = None
    tool_choice: Choose | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    output_format: Format | None = None
    metadata: msgspec.Raw = ABSENT
    cache_control: msgspec.Raw = ABSENT
    turnout: msgspec.Raw = ABSENT

    def format(self) -> Format | None:
        """The wanted JSON shape, under its present or its beta name."""
        return self.output_config.format if self.output_config and self.output_config.format else self.output_format


class Read(msgspec.Struct, frozen=True):
    """What ``Ask.parsed`` holds for this dialect."""

    body: Body
    fields: dict[str, msgspec.Raw]


_INNER = msgspec.json.Decoder(str | list[Block] | None)


def inner(raw: msgspec.Raw, strays: Strays) -> list[Block] | None:
    """The blocks within a tool's result or a document; None when they are not of a shape we know."""
    if not given(raw):
        return []
    try:
        content = _INNER.decode(raw)
    except msgspec.ValidationError as error:
        try:
            content = mended(raw, _INNER, Block, "messages.content.content.", strays, error)
        except msgspec.ValidationError:
            return None
    return [Block("text", content)] if isinstance(content, str) else content or []
