"""Chat Completions requests to and from the hub."""

import base64
import binascii
from typing import Any

import msgspec

from turnout.dialects.body import given, joined, optional_text, present, raw_text
from turnout.dialects.dialect import Ask
from turnout.dialects.openai_chat.wire import Body, Choose, Part, Read, Turn
from turnout.dialects.openai_chat.wire import Tool as WireTool
from turnout.errors import Code, TurnoutError
from turnout.types import request as hub
from turnout.types.request import Media, Message, Reasoning, Refusal, Request, Text, Tool, ToolCall, ToolResult

_ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})
_NO_PARAMETERS = msgspec.Raw(b'{"type":"object","properties":{}}')

SMALL_BUDGET, MIDDLE_BUDGET = 2048, 8192
"""Tokens of thinking up to which a budget reads as low, and as medium, effort."""


def to_hub(ask: Ask) -> Request:
    """Free the request of its wire. Raises TurnoutError where its turns have no meaning outside this dialect."""
    read: Read = ask.parsed
    body = read.body
    return Request(
        messages=tuple(_message(turn, position) for position, turn in enumerate(body.messages)),
        tools=tuple(_tool(tool) for tool in body.tools or () if tool.function is not None),
        tool_choice=_tool_choice(body.tool_choice),
        parallel_tools=body.parallel_tool_calls,
        max_output=ask.sketch.max_output,
        temperature=body.temperature,
        top_p=body.top_p,
        stop=(body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ()),
        seed=body.seed,
        n=body.n,
        response_format=_response_format(body),
        reasoning=_reasoning(body.reasoning_effort),
        stream=ask.sketch.stream,
        user=body.user,
    )


def _message(turn: Turn | str, position: int) -> Message:
    if isinstance(turn, str) or turn.role not in _ROLES:
        raise TurnoutError(
            Code.INVALID_REQUEST, f"messages[{position}]: not a message with a known role", param=f"messages[{position}]"
        )
    cache = optional_text(turn.cache_control)
    parts: list[hub.Part] = [Reasoning(turn.reasoning_content)] if turn.reasoning_content else []
    if isinstance(turn.content, str):
        if turn.content or turn.role != "assistant":
            parts.append(Text(turn.content, cache))
    else:
        parts += (_part(part) for part in turn.content or ())
    if turn.refusal:
        parts.append(Refusal(turn.refusal))
    if turn.role == "tool":
        answered = tuple(part for part in parts if isinstance(part, Text | Media))
        return Message("tool", (ToolResult(turn.tool_call_id or "", answered),))
    for call in turn.tool_calls or ():
        if call.function is not None:
            parts.append(ToolCall(call.id or "", call.function.name, raw_text(call.function.arguments)))
    return Message(turn.role, tuple(parts), turn.name)  # type: ignore[arg-type]  # checked against _ROLES above


def _part(part: Part | str) -> hub.Part:
    if isinstance(part, str):
        return Text(part)
    cache = optional_text(part.cache_control)
    if part.image_url is not None:
        image = part.image_url
        url, detail = (image, None) if isinstance(image, str) else (image.url, image.detail)
        return _media("image", url, detail=detail, cache=cache)
    if part.video_url is not None:
        return _media("video", part.video_url if isinstance(part.video_url, str) else part.video_url.url, cache=cache)
    if part.input_audio is not None:
        return Media("audio", f"audio/{part.input_audio.format}", part.input_audio.data, cache=cache)
    if part.file is not None:
        return _media("document", part.file.file_data or "", name=part.file.filename, cache=cache)
    if part.refusal is not None:
        return Refusal(part.refusal)
    return Text(part.text or "", cache)


def _media(kind: Any, url: str, *, detail: str | None = None, name: str | None = None, cache: str | None = None) -> Media:
    """From a ``data:`` URL its bytes and type, any other as it is."""
    if not url.startswith("data:"):
        return Media(kind, url=url, detail=detail, name=name, cache=cache)
    head, comma, data = url[5:].partition(",")
    media_type, base64_mark, _ = head.partition(";base64")
    try:
        if not (comma and base64_mark):
            raise ValueError
        base64.b64decode(data[:64] if len(data) > 64 else data, validate=True)
    except (ValueError, binascii.Error):
        raise TurnoutError(Code.INVALID_REQUEST, f"a {kind} data URL is not base64") from None
    return Media(kind, media_type, data, detail=detail, name=name, cache=cache)


def _tool(tool: WireTool) -> Tool:
    function = tool.function
    assert function is not None
    return Tool(
        function.name,
        function.parameters if given(function.parameters) else _NO_PARAMETERS,
        function.description,
        function.strict,
    )


def _tool_choice(choice: str | Choose | None) -> hub.ToolChoice | None:
    if isinstance(choice, Choose):
        return hub.ToolChoice("tool", choice.function.name) if choice.function is not None else None
    return hub.ToolChoice(choice) if choice in {"auto", "none", "required"} else None  # type: ignore[arg-type]  # just checked


def _response_format(body: Body) -> hub.ResponseFormat | None:
    wanted = body.response_format
    if wanted is None:
        return None
    if wanted.type == "json_schema" and wanted.json_schema is not None:
        schema = wanted.json_schema
        return hub.ResponseFormat(
            "json_schema", schema.name, schema.schema if given(schema.schema) else None, schema.strict, schema.description
        )
    return hub.ResponseFormat("json_object" if wanted.type == "json_object" else "text")


def _reasoning(effort: str | None) -> hub.ReasoningWish | None:
    if effort is None:
        return None
    return hub.ReasoningWish(enabled=False) if effort == "none" else hub.ReasoningWish(effort)


def from_hub(request: Request, upstream_model: str, quirks: frozenset[str]) -> bytes:
    """Write the request for a provider."""
    limit = "max_tokens" if "max_tokens_param" in quirks else "max_completion_tokens"
    body = present(
        model=upstream_model,
        messages=[turn for message in request.messages for turn in _turns(message)],
        tools=[_write_tool(tool) for tool in request.tools] or None,
        tool_choice=_write_tool_choice(request.tool_choice),
        parallel_tool_calls=request.parallel_tools if request.tools else None,
        temperature=request.temperature,
        top_p=request.top_p,
        stop=list(request.stop) or None,
        seed=request.seed,
        n=request.n,
        response_format=_write_format(request.response_format),
        reasoning_effort=_write_effort(request.reasoning),
        user=request.user,
    )
    if request.max_output is not None:
        body[limit] = request.max_output
    if request.stream:
        body["stream"] = True
        if "no_stream_usage" not in quirks:
            body["stream_options"] = {"include_usage": True}
    return msgspec.json.encode(body)


def _turns(message: Message) -> list[dict[str, Any]]:
    """Tool results are turns of their own here and must come before what the user adds to them."""
    turns = [
        {"role": "tool", "tool_call_id": part.call_id, "content": _content(part.parts)}
        for part in message.parts
        if isinstance(part, ToolResult)
    ]
    rest = tuple(part for part in message.parts if not isinstance(part, ToolResult))
    if message.role == "assistant":
        turns.append(_assistant(message, rest))
    elif rest or not turns:
        turns.append(present(role=message.role, content=_content(rest), name=message.name))
    return turns


def _assistant(message: Message, parts: tuple[hub.Part, ...]) -> dict[str, Any]:
    said = [part for part in parts if isinstance(part, Text)]
    turn = present(role="assistant", name=message.name, content=_content(tuple(said)) if said else None)
    # A signed thought is bound to the provider that signed it, and the feature table keeps such requests away.
    if thought := "".join(part.text for part in parts if isinstance(part, Reasoning) and part.signature is None):
        turn["reasoning_content"] = thought
    if refusal := "".join(part.text for part in parts if isinstance(part, Refusal)):
        turn["refusal"] = refusal
    calls = [part for part in parts if isinstance(part, ToolCall)]
    if calls:
        turn.setdefault("content", None)
        turn["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments or "{}"}}
            for call in calls
        ]
    return turn


def _content(parts: tuple[hub.Part, ...]) -> str | list[dict[str, Any]]:
    """Plain text stays a string, which every vendor takes."""
    if all(isinstance(part, Text) for part in parts) and len(parts) <= 1:
        return joined(parts)
    return [_write_part(part) for part in parts]


def _write_part(part: hub.Part) -> dict[str, Any]:
    if isinstance(part, Media):
        url = part.url if part.url is not None else f"data:{part.media_type};base64,{part.data}"
        if part.kind == "audio":
            return {
                "type": "input_audio",
                "input_audio": {"data": part.data, "format": (part.media_type or "").removeprefix("audio/")},
            }
        if part.kind == "document":
            return {"type": "file", "file": {"filename": part.name or "document.pdf", "file_data": url}}
        if part.kind == "video":
            return {"type": "video_url", "video_url": {"url": url}}
        return {"type": "image_url", "image_url": present(url=url, detail=part.detail)}
    if isinstance(part, Refusal):
        return {"type": "refusal", "refusal": part.text}
    return {"type": "text", "text": part.text if isinstance(part, Text) else ""}


def _write_tool(tool: Tool) -> dict[str, Any]:
    function = present(name=tool.name, description=tool.description, parameters=tool.schema, strict=tool.strict)
    return {"type": "function", "function": function}


def _write_tool_choice(choice: hub.ToolChoice | None) -> str | dict[str, Any] | None:
    if choice is None:
        return None
    return {"type": "function", "function": {"name": choice.name}} if choice.mode == "tool" else choice.mode


def _write_format(wanted: hub.ResponseFormat | None) -> dict[str, Any] | None:
    if wanted is None:
        return None
    if wanted.kind != "json_schema":
        return {"type": wanted.kind}
    schema = present(name=wanted.name or "answer", schema=wanted.schema, strict=wanted.strict, description=wanted.description)
    return {"type": "json_schema", "json_schema": schema}


def _write_effort(wish: hub.ReasoningWish | None) -> str | None:
    """Switching thinking off has no word that every model takes: it is left out, and the answer's warnings say so."""
    if wish is None or not wish.enabled:
        return None
    if wish.effort is not None or wish.budget_tokens is None:
        return wish.effort
    return "low" if wish.budget_tokens <= SMALL_BUDGET else "medium" if wish.budget_tokens <= MIDDLE_BUDGET else "high"
