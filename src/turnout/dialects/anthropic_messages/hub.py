"""Messages requests to and from the hub."""

import re
from typing import Any

import msgspec

from turnout.dialects.anthropic_messages.reply import tool_input
from turnout.dialects.anthropic_messages.wire import Block, Body, Choose, Read, Source, Turn, inner
from turnout.dialects.anthropic_messages.wire import Tool as WireTool
from turnout.dialects.body import Strays, given, optional_text, present, raw_text, strings_in
from turnout.dialects.dialect import Ask
from turnout.errors import Code, TurnoutError
from turnout.types import request as hub
from turnout.types.request import Media, Message, Reasoning, Refusal, Request, Text, Tool, ToolCall, ToolResult

_NO_SCHEMA = msgspec.Raw(b'{"type":"object","properties":{}}')

DEFAULT_MAX_TOKENS = 4096
"""This dialect demands a figure; used when neither the caller nor the catalog names one."""

LEAST_BUDGET = 1024
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768, "max": 32768}

_BUDGET_MODELS = (
    "claude-3", "claude-opus-4-0", "claude-opus-4-1", "claude-opus-4-2", "claude-opus-4-5", "claude-opus-4@",
    "claude-sonnet-4-0", "claude-sonnet-4-2", "claude-sonnet-4-5", "claude-sonnet-4@", "claude-haiku-4-5",
)  # fmt: skip
"""Models that know thinking as a budget only; a list of the past that does not grow. Later ones take adaptive thinking."""

_ID = re.compile(r"[^a-zA-Z0-9_-]")


def to_hub(ask: Ask) -> Request:
    """Free the request of its wire. Raises TurnoutError where its turns have no meaning outside this dialect."""
    read: Read = ask.parsed
    body = read.body
    system = _parts(body.system) if body.system else ()
    messages = (Message("system", system),) if system else ()
    return Request(
        messages=messages + tuple(_message(turn, position) for position, turn in enumerate(body.messages)),
        tools=tuple(_tool(tool) for tool in body.tools or () if tool.type in (None, "custom")),
        tool_choice=_tool_choice(body.tool_choice),
        parallel_tools=_parallel(body.tool_choice),
        max_output=body.max_tokens,
        temperature=body.temperature,
        top_p=body.top_p,
        top_k=body.top_k,
        stop=tuple(body.stop_sequences or ()),
        response_format=_response_format(body),
        reasoning=_reasoning(body),
        stream=ask.sketch.stream,
        user=strings_in(body.metadata).get("user_id"),
    )


def _message(turn: Turn | str, position: int) -> Message:
    if isinstance(turn, str) or turn.role not in {"user", "assistant", "system"}:
        raise TurnoutError(
            Code.INVALID_REQUEST, f"messages[{position}]: not a message with a known role", param=f"messages[{position}]"
        )
    return Message(turn.role, _parts(turn.content or ()))  # type: ignore[arg-type]  # just checked


def _parts(content: Any) -> tuple[hub.Part, ...]:
    if isinstance(content, str):
        return (Text(content),)
    return tuple(part for block in content if (part := Text(block) if isinstance(block, str) else _part(block)) is not None)


def _part(block: Block) -> hub.Part | None:
    cache = optional_text(block.cache_control)
    match block.type:
        case "text":
            return Text(block.text or "", cache)
        case "image" | "document":
            return _media(block, cache)
        case "tool_use":
            return ToolCall(block.id or "", block.name or "", raw_text(block.input) or "{}")
        case "tool_result":
            blocks = inner(block.content, Strays(set())) or ()
            parts = tuple(part for item in blocks if isinstance(part := _part(item), Text | Media))
            return ToolResult(block.tool_use_id or "", parts, bool(block.is_error))
        case "thinking":
            return Reasoning(block.thinking or "", block.signature)
        case "redacted_thinking":
            return Reasoning("", redacted=block.data)
        case _:
            return None


def _media(block: Block, cache: str | None) -> Media | None:
    source = block.source
    kind: Any = block.type
    if not isinstance(source, Source):
        return None
    return Media(kind, source.media_type, source.data, source.url, name=block.title, cache=cache)


def _tool(tool: WireTool) -> Tool:
    return Tool(tool.name, tool.input_schema if given(tool.input_schema) else _NO_SCHEMA, tool.description, tool.strict)


def _tool_choice(choice: Choose | None) -> hub.ToolChoice | None:
    match choice.type if choice is not None else None:
        case "tool" if choice is not None:
            return hub.ToolChoice("tool", choice.name)
        case "any":
            return hub.ToolChoice("required")
        case "auto":
            return hub.ToolChoice("auto")
        case "none":
            return hub.ToolChoice("none")
        case _:
            return None


def _parallel(choice: Choose | None) -> bool | None:
    return None if choice is None or choice.disable_parallel_tool_use is None else not choice.disable_parallel_tool_use


def _response_format(body: Body) -> hub.ResponseFormat | None:
    wanted = body.format()
    return hub.ResponseFormat("json_schema", schema=wanted.schema, strict=True) if wanted is not None else None


def _reasoning(body: Body) -> hub.ReasoningWish | None:
    effort = body.output_config.effort if body.output_config is not None else None
    thinking = body.thinking
    if thinking is None:
        return hub.ReasoningWish(effort) if effort is not None else None
    if thinking.type == "disabled":
        return hub.ReasoningWish(effort, enabled=False)
    return hub.ReasoningWish(effort, thinking.budget_tokens)


def from_hub(request: Request, upstream_model: str, max_output: int | None, quirks: frozenset[str]) -> bytes:
    """Write the request for a provider."""
    limit = request.max_output or max_output or DEFAULT_MAX_TOKENS
    thinking, effort = _write_reasoning(request, upstream_model, limit, quirks)
    body = present(
        model=upstream_model,
        max_tokens=limit,
        system=_write_system(request),
        messages=_write_messages(request),
        tools=[_write_tool(tool) for tool in request.tools] or None,
        tool_choice=_write_tool_choice(request),
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        stop_sequences=list(request.stop) or None,
        thinking=thinking,
        output_config=present(effort=effort, format=_write_format(request.response_format)) or None,
        metadata={"user_id": request.user} if request.user is not None else None,
        stream=True if request.stream else None,
    )
    return msgspec.json.encode(body)


def _write_reasoning(
    request: Request, model: str, limit: int, quirks: frozenset[str]
) -> tuple[dict[str, Any] | None, str | None]:
    """Thinking and effort. A budget is for models that know nothing newer, and has to stay below the answer's limit."""
    wish = request.reasoning
    if wish is None:
        return None, None
    if not wish.enabled:
        return {"type": "disabled"}, None
    if wish.budget_tokens is not None:
        return {"type": "enabled", "budget_tokens": wish.budget_tokens}, None
    if "budget_thinking" not in quirks and not any(name in model for name in _BUDGET_MODELS):
        return {"type": "adaptive"}, "low" if wish.effort == "minimal" else wish.effort
    if limit <= LEAST_BUDGET or _thoughts_are_missing(request):
        return None, None
    budget = _BUDGETS.get(wish.effort or "medium", _BUDGETS["medium"])
    return {"type": "enabled", "budget_tokens": max(min(budget, limit // 2), LEAST_BUDGET)}, None


def _thoughts_are_missing(request: Request) -> bool:
    """In a tool loop these models want to see their signed thoughts again, which a client of another dialect has not kept."""
    last = request.messages[-1] if request.messages else None
    return last is not None and any(isinstance(part, ToolResult) for part in last.parts)


def _write_system(request: Request) -> str | list[dict[str, Any]] | None:
    """System and developer prompts stand at the top here; requests with later ones are kept away by the feature table."""
    parts = [part for message in request.messages if message.role in {"system", "developer"} for part in message.parts]
    if len(parts) == 1 and isinstance(parts[0], Text) and parts[0].cache is None:
        return parts[0].text or None
    return [block for part in parts if (block := _write_part(part)) is not None] or None


def _write_messages(request: Request) -> list[dict[str, Any]]:
    """Results of parallel calls, and what the user adds, belong in one user turn."""
    turns: list[dict[str, Any]] = []
    results_open = False
    for message in request.messages:
        if message.role in {"system", "developer"}:
            continue
        blocks = [block for part in message.parts if (block := _write_part(part)) is not None]
        role = "assistant" if message.role == "assistant" else "user"
        if role == "user" and results_open:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
        results_open = message.role == "tool"
    for turn in turns:
        if len(turn["content"]) == 1 and turn["content"][0].keys() == {"type", "text"}:
            turn["content"] = turn["content"][0]["text"]
    return turns


def _write_part(part: hub.Part) -> dict[str, Any] | None:
    """A block; None for an empty text, which this dialect refuses, and for a thought nobody signed."""
    match part:
        case Text(text, cache):
            return _cached({"type": "text", "text": text}, cache) if text else None
        case Refusal(text):
            return {"type": "text", "text": text}
        case Media():
            return _write_media(part)
        case ToolCall(id_, name, arguments):
            return {"type": "tool_use", "id": _ID.sub("_", id_), "name": name, "input": tool_input(arguments)}
        case ToolResult(call_id, parts, is_error):
            blocks = [block for item in parts if (block := _write_part(item)) is not None]
            content: Any = blocks[0]["text"] if len(blocks) == 1 and blocks[0].keys() == {"type", "text"} else blocks
            result = {"type": "tool_result", "tool_use_id": _ID.sub("_", call_id), "content": content}
            return {**result, "is_error": True} if is_error else result
        case Reasoning(text, signature, redacted):
            if redacted is not None:
                return {"type": "redacted_thinking", "data": redacted}
            return {"type": "thinking", "thinking": text, "signature": signature} if signature is not None else None


def _cached(block: dict[str, Any], cache: str | None) -> dict[str, Any]:
    return {**block, "cache_control": msgspec.Raw(cache.encode())} if cache is not None else block


def _write_media(media: Media) -> dict[str, Any]:
    source = (
        {"type": "url", "url": media.url}
        if media.url is not None
        else {"type": "base64", "media_type": media.media_type, "data": media.data}
    )
    block: dict[str, Any] = {"type": media.kind, "source": source}
    if media.kind == "document" and media.name is not None:
        block["title"] = media.name
    return _cached(block, media.cache)


def _write_tool(tool: Tool) -> dict[str, Any]:
    return present(name=tool.name, description=tool.description, input_schema=tool.schema, strict=tool.strict)


def _write_tool_choice(request: Request) -> dict[str, Any] | None:
    """One call at a time is said on the choice here, so a choice is spelled out for it."""
    choice, parallel = request.tool_choice, request.parallel_tools
    if not request.tools or (choice is None and parallel is None):
        return None
    words = {"required": "any", "tool": "tool", "none": "none"}
    written = present(
        type=words.get(choice.mode, "auto") if choice is not None else "auto", name=choice.name if choice is not None else None
    )
    if parallel is not None and written["type"] != "none":
        written["disable_parallel_tool_use"] = not parallel
    return written


def _write_format(wanted: hub.ResponseFormat | None) -> dict[str, Any] | None:
    if wanted is None or wanted.kind != "json_schema":
        return None
    return present(type="json_schema", schema=wanted.schema)
