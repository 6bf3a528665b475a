"""A Chat Completions request as a client sends it: read for routing, and relayed to a provider of the same dialect."""

import msgspec

from turnout.dialects import body as bodies
from turnout.dialects.dialect import Ask
from turnout.dialects.headers import NO_HEADERS, ClientHeaders, relayed, switches
from turnout.dialects.openai_chat.wire import Body, Call, Choose, File, Format, Part, Read, Turn
from turnout.types.models import Feature, Modality
from turnout.types.traits import Sketch

NAME = "openai-chat"

_HEADERS = (b"openai-beta",)  # not the client's own organization or project: the credential is ours
_BODY = msgspec.json.Decoder(Body)
_SILENT = msgspec.Raw(b'{"include_usage":true}')
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NEUTRAL = frozenset(
    {"model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "top_p", "user", "turnout"}
)
"""Fields that ask nothing beyond what every dialect has, as long as no other stands beside them."""

# Bits as plain integers: an IntFlag's operators cost a microsecond each on the hot path.
_TEXT, _IMAGE, _AUDIO = int(Modality.TEXT), int(Modality.IMAGE), int(Modality.AUDIO)
_VIDEO, _DOCUMENT = int(Modality.VIDEO), int(Modality.DOCUMENT)
_TOOLS, _PARALLEL, _CHOICE = int(Feature.TOOLS), int(Feature.PARALLEL_TOOLS), int(Feature.TOOL_CHOICE)
_FORMATS = {"json_schema": int(Feature.JSON_SCHEMA), "json_object": int(Feature.JSON_MODE)}
_REASONING, _STREAMING, _LOGPROBS = int(Feature.REASONING), int(Feature.STREAMING), int(Feature.LOGPROBS)
_SEED, _STOP, _N = int(Feature.SEED), int(Feature.STOP), int(Feature.N)


def ask(body: bytes, headers: ClientHeaders = NO_HEADERS) -> Ask:
    """Read a client's request. Raises TurnoutError ``invalid_request`` naming the field at fault."""
    own = relayed(headers, _HEADERS)
    parsed, fields, strays = bodies.read(body, _BODY)
    carries = strays.names
    turns = _Turns(strays)
    turns.read(parsed.messages)
    if not fields.keys() <= _NEUTRAL:
        _settings(parsed, turns)
    if own:
        carries |= switches(own)
    sketch = _sketch(parsed, fields, turns, bodies.told(carries))
    return Ask(NAME, body, Read(parsed, fields), sketch, bodies.hints_in(fields), bodies.strings_in(parsed.metadata), own)


def relay(ask: Ask, upstream_model: str, quirks: frozenset[str] = frozenset()) -> bytes:
    """The client's own body with ``model``, our key and (when streaming) the usage switch changed, nothing else."""
    read: Read = ask.parsed
    if not ask.sketch.stream or "no_stream_usage" in quirks or wants_usage(read.body):
        return bodies.rewrite(read.fields, upstream_model)
    options = read.fields.get("stream_options")
    if options is None or read.body.stream_options is None:
        return bodies.rewrite(read.fields, upstream_model, stream_options=_SILENT)
    merged = {**_OBJECT.decode(options), "include_usage": msgspec.Raw(b"true")}
    return bodies.rewrite(read.fields, upstream_model, stream_options=msgspec.Raw(msgspec.json.encode(merged)))


def wants_usage(body: Body) -> bool:
    """Whether the client itself asked for the usage chunk of a stream."""
    return body.stream_options is not None and bool(body.stream_options.include_usage)


def _sketch(body: Body, fields: bodies.Fields, turns: "_Turns", carries: frozenset[str]) -> Sketch:
    tools, functions = body.tools, body.functions
    tool_bytes = len(bytes(fields["tools"])) if tools else 0
    if functions:
        tool_bytes += len(bytes(fields["functions"]))
    if body.response_format is not None:
        tool_bytes += len(bytes(fields["response_format"]))
    output = _TEXT
    for modality in body.modalities or ():
        output |= _AUDIO if modality == "audio" else _IMAGE if modality == "image" else 0
    # By position: msgspec looks for each name among all of them, which for so many costs as much as decoding the body.
    return Sketch(
        body.model,
        body.stream is True,
        "\n".join(turns.system),
        turns.last_user,
        tuple(turns.texts),
        turns.count,  # turns
        (len(tools) if tools else 0) + (len(functions) if functions else 0),  # tools
        tool_bytes,
        turns.images,
        turns.audio_bytes,
        turns.document_bytes,
        _features(body),
        turns.input,
        output,
        body.max_completion_tokens if body.max_completion_tokens is not None else body.max_tokens,  # max_output
        body.n or 1,
        carries,
        turns.has_tool_results,
        turns.strays.size,  # unread_bytes
        turns.unsized_documents,
    )


def _features(body: Body) -> int:
    bits = _STREAMING if body.stream else 0
    if body.tools:
        bits |= _TOOLS
        if body.parallel_tool_calls:
            bits |= _PARALLEL
        if body.tool_choice is not None and body.tool_choice != "auto":
            bits |= _CHOICE
    if body.functions:
        bits |= _TOOLS
        if body.function_call not in (None, "auto"):
            bits |= _CHOICE
    if body.response_format is not None:
        bits |= _FORMATS.get(body.response_format.type, 0)
    if body.reasoning_effort is not None and body.reasoning_effort != "none":
        bits |= _REASONING
    if body.logprobs:
        bits |= _LOGPROBS
    if body.seed is not None:
        bits |= _SEED
    if body.stop:
        bits |= _STOP
    if body.n is not None and body.n > 1:
        bits |= _N
    return bits


def _settings(body: Body, turns: "_Turns") -> None:
    """Names for what the settings ask beyond what every dialect has. Neutral values ask nothing."""
    carries = turns.carries
    carries.update(name for name, asked in (
        ("logprobs", body.logprobs or body.top_logprobs),
        ("n", body.n is not None and body.n > 1),
        ("seed", body.seed is not None),
        ("penalties", body.frequency_penalty or body.presence_penalty),
        ("temperature_over_1", body.temperature is not None and body.temperature > 1),
        ("media_output", bodies.given(body.audio) or (body.modalities and set(body.modalities) - {"text"})),
        ("functions", body.functions or body.function_call),
        ("metadata", bodies.given(body.metadata) and bytes(body.metadata) != b"{}"),
    ) if asked)  # fmt: skip
    if body.stop and any(not text.strip() for text in ([body.stop] if isinstance(body.stop, str) else body.stop)):
        carries.add("whitespace_stop")
    if body.response_format is not None:
        carries |= _carried_format(body.response_format)
    if body.reasoning_effort is not None:
        carries |= _carried_reasoning(body, turns)
    for tool in body.tools or ():
        if tool.function is None:
            carries.add(f"tool_type:{tool.type}")
        if bodies.given(tool.cache_control):
            carries.add("cache_control")
    if isinstance(body.tool_choice, Choose) and body.tool_choice.function is None:
        carries.add(f"tool_choice:{body.tool_choice.type}")


def _carried_format(wanted: Format) -> set[str]:
    if wanted.type == "text":
        return set()
    if wanted.type == "json_schema" and wanted.json_schema is not None:
        return set() if wanted.json_schema.strict else {"loose_json_schema"}
    return {"json_mode" if wanted.type == "json_object" else f"response_format:{wanted.type}"}


def _carried_reasoning(body: Body, turns: "_Turns") -> set[str]:
    """Thinking binds a provider that is strict about it: no other temperature, no forced tool, room above its least budget."""
    if body.reasoning_effort == "none":
        return set()
    found = set()
    if body.temperature not in (None, 1):
        found.add("reasoning_temperature")
    if body.tools and body.tool_choice not in (None, "auto", "none"):
        found.add("reasoning_tool_choice")
    room = body.max_completion_tokens or body.max_tokens
    if room is not None and room <= 1024:
        found.add("reasoning_small_output")
    if turns.ends_in_tool_result:
        found.add("late_tool_reasoning")
    return found


class _Turns:
    """One pass over the messages: the texts to count, the media, and what else they hold."""

    def __init__(self, strays: bodies.Strays) -> None:
        self.texts: list[str] = []
        self.system: list[str] = []
        self.strays = strays
        self.carries = strays.names
        self.last_user = ""
        self.count = self.images = self.audio_bytes = self.document_bytes = self.unsized_documents = 0
        self.input = _TEXT
        self.has_tool_results = self.ends_in_tool_result = False

    def read(self, messages: list[Turn | str]) -> None:
        for turn in messages:
            if isinstance(turn, str):  # no provider takes it; the one asked says so in its own words
                self.texts.append(turn)
                self.carries.add("message:string")
                continue
            content = turn.content
            if isinstance(content, str):
                self.texts.append(content)
                text = content
            else:
                text = self._parts(content) if content else ""
            self._place(turn, text)
        last = messages[-1] if messages else None
        if isinstance(last, Turn):
            self.ends_in_tool_result = last.role == "tool"
            if last.role == "assistant":
                self.carries.add("trailing_assistant")

    def _place(self, turn: Turn, text: str) -> None:
        role = turn.role
        if role == "user":
            self.last_user = text
        elif role in {"system", "developer"}:
            if self.count:
                self.carries.add("late_system")
            self.system.append(text)
            self.count -= 1
        elif role == "tool":
            self.has_tool_results = True
            if not turn.tool_call_id:
                self.carries.add("unnamed_tool_call")
        elif role == "assistant":
            self._assistant(turn)
        else:
            self.has_tool_results = self.has_tool_results or role == "function"
            self.carries.add(f"role:{role}")
        self.count += 1
        if turn.name is not None and role != "tool":
            self.texts.append(turn.name)
            self.carries.add("message_name")
        if bodies.given(turn.cache_control):
            self.carries.add("cache_control")

    def _assistant(self, turn: Turn) -> None:
        for call in turn.tool_calls or ():
            self._call(call)
        if turn.function_call is not None:
            self.texts += (turn.function_call.name, bodies.raw_text(turn.function_call.arguments))
            self.carries.add("functions")
        if turn.reasoning_content:
            self.texts.append(turn.reasoning_content)
            self.carries.add("reasoning_text")
        if turn.refusal:
            self.texts.append(turn.refusal)
            self.carries.add("refusal")

    def _call(self, call: Call) -> None:
        if call.function is None:
            if call.custom is not None:
                self.texts += (call.custom.name, call.custom.input)
            self.carries.add(f"tool_type:{call.type}")
            return
        if not call.id:
            self.carries.add("unnamed_tool_call")
        if bodies.given(call.cache_control):
            self.carries.add("cache_control")
        arguments = bodies.raw_text(call.function.arguments)
        self.texts += (call.function.name, arguments)
        if arguments.strip() and not bodies.is_object(arguments):
            self.carries.add("broken_tool_arguments")

    def _parts(self, parts: list[Part | str]) -> str:
        texts: list[str] = []
        for part in parts:
            if isinstance(part, str):
                texts.append(part)
            elif part.type == "text":
                texts.append(part.text or "")
            else:
                self._media(part)
            if isinstance(part, Part) and bodies.given(part.cache_control):
                self.carries.add("cache_control")
        self.texts += texts
        return "\n".join(texts)

    def _media(self, part: Part) -> None:
        if part.text:
            self.texts.append(part.text)
        if part.image_url is not None:
            self.images += 1
            self.input |= _IMAGE
            if not isinstance(part.image_url, str) and part.image_url.detail not in (None, "auto"):
                self.carries.add("image_detail")
        elif part.input_audio is not None:
            self.audio_bytes += len(part.input_audio.data) * 3 // 4
            self.input |= _AUDIO
            self.carries.add("audio")
        elif part.file is not None:
            self._file(part.file)
        elif part.video_url is not None:
            self.input |= _VIDEO
            self.carries.add("video")
        elif part.refusal is not None:
            self.texts.append(part.refusal)
            self.carries.add("refusal")
        else:
            self.carries.add(f"part:{part.type}")

    def _file(self, file: File) -> None:
        self.input |= _DOCUMENT
        data = file.file_data or ""
        if not data.startswith("data:application/pdf;base64,"):
            self.carries.add("file_reference")
        if data and not data.startswith("http"):
            self.document_bytes += len(data) * 3 // 4
        else:
            self.unsized_documents += 1
        self.strays.size += len(file.filename or "")
