"""OpenAI Chat Completions as it is on the wire: what we read of it. Everything else stays raw and is relayed."""

import msgspec

from turnout.dialects.body import ABSENT, Count, Name, Wire


class ImageUrl(Wire):
    url: str
    detail: str | None = None


class InputAudio(Wire):
    data: str
    format: str = ""


class File(Wire):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class Part(Wire):
    type: str = "text"
    text: str | None = None
    image_url: ImageUrl | str | None = None
    input_audio: InputAudio | None = None
    video_url: ImageUrl | str | None = None
    file: File | None = None
    refusal: str | None = None
    cache_control: msgspec.Raw = ABSENT


class FunctionCall(Wire):
    name: str = ""
    arguments: msgspec.Raw = ABSENT


class CustomCall(Wire):
    name: str = ""
    input: str = ""


class Call(Wire):
    id: str | None = None
    type: str | None = None
    function: FunctionCall | None = None
    custom: CustomCall | None = None
    index: int | None = None
    cache_control: msgspec.Raw = ABSENT


class Turn(Wire):
    role: str = ""
    content: str | list[Part | str] | None = None
    name: str | None = None
    tool_calls: list[Call] | None = None
    function_call: FunctionCall | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    cache_control: msgspec.Raw = ABSENT


class Function(Wire):
    name: str = ""
    description: str | None = None
    parameters: msgspec.Raw = ABSENT
    strict: bool | None = None


class Tool(Wire):
    type: str | None = None
    function: Function | None = None
    custom: msgspec.Raw = ABSENT
    cache_control: msgspec.Raw = ABSENT


class Named(Wire):
    name: str = ""


class Choose(Wire):
    type: str = ""
    function: Named | None = None


class JsonSchema(Wire):
    name: str | None = None
    schema: msgspec.Raw = ABSENT
    strict: bool | None = None
    description: str | None = None


class Format(Wire):
    type: str = "text"
    json_schema: JsonSchema | None = None


class StreamOptions(msgspec.Struct, gc=False):
    include_usage: bool | None = None


class Body(msgspec.Struct, gc=False):
    """A request body. Fields in no need of reading are absent here and ride along raw."""

    model: Name
    messages: list[Turn | str]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[Tool] | None = None
    tool_choice: str | Choose | None = None
    parallel_tool_calls: bool | None = None
    functions: list[msgspec.Raw] | None = None
    function_call: str | Named | None = None
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    n: Count | None = None
    response_format: Format | None = None
    reasoning_effort: str | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    modalities: list[str] | None = None
    audio: msgspec.Raw = ABSENT
    user: str | None = None
    metadata: msgspec.Raw = ABSENT
    turnout: msgspec.Raw = ABSENT


class Read(msgspec.Struct, frozen=True):
    """What ``Ask.parsed`` holds for this dialect."""

    body: Body
    fields: dict[str, msgspec.Raw]
