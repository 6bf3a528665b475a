"""A Messages request as a client sends it: read for routing, and relayed to a provider of the same dialect."""

from collections.abc import Iterable

import msgspec

from turnout.dialects import body as bodies
from turnout.dialects.anthropic_messages.wire import Block, Body, Read, Source, Turn, inner
from turnout.dialects.dialect import Ask
from turnout.dialects.headers import NO_HEADERS, ClientHeaders, relayed, switches
from turnout.types.models import Feature, Modality
from turnout.types.traits import Sketch

NAME = "anthropic-messages"

_HEADERS = (b"anthropic-beta", b"anthropic-version")
_BODY = msgspec.json.Decoder(Body)
_NEUTRAL = frozenset({"model", "messages", "system", "stream", "max_tokens", "temperature", "top_p", "metadata", "turnout"})
"""Fields that ask nothing beyond what every dialect has."""

# Bits as plain integers: an IntFlag's operators cost a microsecond each on the hot path.
_TEXT, _IMAGE, _DOCUMENT = int(Modality.TEXT), int(Modality.IMAGE), int(Modality.DOCUMENT)
_TOOLS, _CHOICE, _JSON_SCHEMA = int(Feature.TOOLS), int(Feature.TOOL_CHOICE), int(Feature.JSON_SCHEMA)
_REASONING, _STREAMING, _STOP = int(Feature.REASONING), int(Feature.STREAMING), int(Feature.STOP)


def ask(body: bytes, headers: ClientHeaders = NO_HEADERS) -> Ask:
    """Read a client's request. Raises TurnoutError ``invalid_request`` naming the field at fault."""
    own = relayed(headers, _HEADERS)
    parsed, fields, strays = bodies.read(body, _BODY)
    carries = strays.names
    turns = _Turns(strays)
    turns.read_system(parsed.system)
    turns.read(parsed.messages)
    if not fields.keys() <= _NEUTRAL:
        _settings(parsed, carries)
    if own:
        carries |= switches(own)
    metadata = bodies.strings_in(parsed.metadata)
    sketch = _sketch(parsed, fields, turns, bodies.told(carries))
    return Ask(NAME, body, Read(parsed, fields), sketch, bodies.hints_in(fields), metadata, own)


def relay(ask: Ask, upstream_model: str) -> bytes:
    """The client's own body with ``model`` and our key changed, nothing else: usage always comes with this dialect."""
    read: Read = ask.parsed
    return bodies.rewrite(read.fields, upstream_model)


def _sketch(body: Body, fields: bodies.Fields, turns: "_Turns", carries: frozenset[str]) -> Sketch:
    wanted = body.format()
    tool_bytes = len(bytes(fields["tools"])) if body.tools else 0
    if wanted is not None:
        tool_bytes += len(bytes(wanted.schema))
    # By position: msgspec looks for each name among all of them, which for so many costs as much as decoding the body.
    return Sketch(
        body.model,
        body.stream is True,
        "\n".join(turns.system),
        turns.last_user,
        tuple(turns.texts),
        len(body.messages),  # turns
        len(body.tools or ()),
        tool_bytes,
        turns.images,
        0,  # audio_bytes
        turns.document_bytes,
        _features(body),
        turns.input,
        _TEXT,  # output
        body.max_tokens,  # max_output
        1,  # n
        carries,
        turns.has_tool_results,
        turns.strays.size,  # unread_bytes
        turns.unsized_documents,
    )


def _features(body: Body) -> int:
    bits = _STREAMING if body.stream else 0
    if body.tools:
        bits |= _TOOLS
        if body.tool_choice is not None and body.tool_choice.type != "auto":
            bits |= _CHOICE
    if body.format() is not None:
        bits |= _JSON_SCHEMA
    if thinks(body):
        bits |= _REASONING
    if body.stop_sequences:
        bits |= _STOP
    return bits


def thinks(body: Body) -> bool:
    """Whether thinking, or a certain effort at it, is asked for."""
    asked = body.thinking is not None and body.thinking.type != "disabled"
    return asked or (body.output_config is not None and body.output_config.effort is not None)


def _settings(body: Body, carries: set[str]) -> None:
    """Names for what the settings ask beyond what every dialect has."""
    thinking, choice = body.thinking, body.tool_choice
    carries.update(name for name, asked in (
        ("top_k", body.top_k is not None),
        ("many_stops", len(body.stop_sequences or ()) > 4),
        ("stop_sequence", bool(body.stop_sequences)),
        ("reasoning_budget", thinking is not None and thinking.budget_tokens is not None),
        ("reasoning_display", thinking is not None and thinking.display is not None),
        ("reasoning_off", thinking is not None and thinking.type == "disabled"),
        ("cache_control", bodies.given(body.cache_control)),
    ) if asked)  # fmt: skip
    if choice is not None and choice.type not in {"auto", "any", "tool", "none"}:
        carries.add(f"tool_choice:{choice.type}")
    for tool in body.tools or ():
        if tool.type not in (None, "custom"):
            carries.add(f"tool_type:{tool.type}")
        if bodies.given(tool.cache_control):
            carries.add("cache_control")


class _Turns:
    """One pass over the system prompt and the messages: the texts to count, the media, and what else they hold."""

    def __init__(self, strays: bodies.Strays) -> None:
        self.texts: list[str] = []
        self.system: list[str] = []
        self.strays = strays
        self.carries = strays.names
        self.last_user = ""
        self.images = self.document_bytes = self.unsized_documents = 0
        self.input = _TEXT
        self.has_tool_results = False

    def read_system(self, system: str | list[Block | str] | None) -> None:
        if system is not None:
            self.system.append(self._text(system))

    def read(self, messages: list[Turn | str]) -> None:
        last = None
        for turn in messages:
            if isinstance(turn, str):  # no provider takes it; the one asked says so in its own words
                self.texts.append(turn)
                self.carries.add("message:string")
                continue
            text = self._text(turn.content) if turn.content is not None else ""
            last = turn.role
            if last == "user":
                self.last_user = text or self.last_user  # a turn of tool results alone leaves the user's last words standing
            elif last == "system":
                self.system.append(text)
                self.carries.add("late_system")
            elif last != "assistant":
                self.carries.add(f"role:{last}")
        if last == "assistant":
            self.carries.add("prefill")

    def _text(self, content: str | list[Block | str]) -> str:
        if isinstance(content, str):
            self.texts.append(content)
            return content
        texts: list[str] = []
        for block in content:
            if isinstance(block, str):
                texts.append(block)
            elif block.type == "text":
                texts.append(block.text or "")
                self._extras(block)
            else:
                self._block(block)
        self.texts += texts
        return "\n".join(texts)

    def _extras(self, block: Block) -> None:
        if bodies.given(block.cache_control):
            self.carries.add("cache_control")
        if bodies.given(block.citations) and (citations := bytes(block.citations)) not in (b"[]", b'{"enabled":false}'):
            self.carries.add("citations")
            self.strays.size += len(bodies.split_media(citations)[0])

    def _block(self, block: Block) -> None:
        self._extras(block)
        match block.type:
            case "image" | "document":
                self._media(block)
            case "tool_use":
                self.texts += (block.name or "", bodies.raw_text(block.input))
            case "tool_result":
                self._tool_result(block)
            case "thinking" | "redacted_thinking":
                self.texts.append(block.thinking or block.data or "")
                self.carries.add("reasoning_signature")
            case _:
                source = block.source if isinstance(block.source, str) else None
                said = (block.name, block.title, source, block.text, block.thinking, block.context, bodies.raw_text(block.input))
                self.texts += filter(None, said)
                self._shapeless(block.content)
                self.carries.add(f"block:{block.type}")

    def _tool_result(self, block: Block) -> None:
        self.has_tool_results = True
        if block.is_error:
            self.carries.add("tool_error")
        blocks = inner(block.content, self.strays)
        if blocks is None:
            self._shapeless(block.content)
            self.carries.add("block:tool_result")
        else:
            self._within(blocks, "tool_result_media")

    def _within(self, blocks: Iterable[Block], media: str) -> None:
        for block in blocks:
            if block.type == "text":
                self.texts.append(block.text or "")
                self._extras(block)
            else:
                self._block(block)
                if block.type in {"image", "document"}:
                    self.carries.add(media)

    def _shapeless(self, raw: msgspec.Raw) -> None:
        """What a tool of the provider's own says: its words are text, what it read is as good as a document."""
        if bodies.given(raw):
            words, media = bodies.split_media(bytes(raw))
            self.document_bytes += media * 3 // 4
            self.texts.append(words.decode() if media else bodies.raw_text(raw))

    def _media(self, block: Block) -> None:
        source = block.source if isinstance(block.source, Source) else Source()
        kind = source.type
        if block.type == "image":
            self.images += 1
            self.input |= _IMAGE
            if kind not in {"base64", "url"}:
                self.carries.add(f"image_source:{kind}")
            return
        self.input |= _DOCUMENT
        self._document(source)
        if kind != "base64":
            self.carries.add("document_url" if kind == "url" else f"document_source:{kind}")
        self.strays.size += len(block.title or "")
        if block.context is not None:
            self.texts.append(block.context)
            self.carries.add("document_context")

    def _document(self, source: Source) -> None:
        match source.type:
            case "base64":
                self.document_bytes += len(source.data or "") * 3 // 4
            case "text":
                self.texts.append(source.data or "")
            case "content" if (blocks := inner(source.content, self.strays)) is not None:
                self._within(blocks, "document_source:content")
            case "content":
                self._shapeless(source.content)
            case _:
                self.unsized_documents += 1
