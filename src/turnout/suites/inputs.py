"""What a case asks, in the spellings of other tools -> the openai-chat request it stands for. Pure."""

from collections.abc import Mapping
from typing import Any

from turnout.types.tickets import Said

WHOLE = ("body", "request")
ASKED = ("messages", "input", "prompt", "question", "inputs", "query")
"""Where the question stands; the first that is there."""
PARAMETERS = (
    "tools", "tool_choice", "parallel_tool_calls", "response_format", "temperature", "top_p", "max_tokens", "max_completion_tokens",
    "stop", "seed", "reasoning_effort",
)  # fmt: skip
_ROLES = ("system", "developer", "user", "assistant", "tool")


class BadInput(ValueError):
    """Says what is wrong; ``key`` is where, ``suggestion`` what to do."""

    def __init__(self, key: str, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.key = key
        self.message = message
        self.suggestion = suggestion


def body_of(item: Mapping[str, Any]) -> dict[str, Any]:
    """The request. Raises BadInput."""
    whole = next((key for key in WHOLE if item.get(key) is not None), None)
    if whole is not None:
        body = item[whole]
        if not isinstance(body, dict):
            raise BadInput(whole, "must be an openai-chat request", 'write {"messages": [...]}')
        return {key: value for key, value in body.items() if key not in ("model", "stream")} | {
            "messages": messages_of(body.get("messages"), f"{whole}.messages")
        }
    key = next((key for key in ASKED if item.get(key) is not None), None)
    if key is None:
        raise BadInput("input", "the case asks nothing", "write `input` (a text) or `messages` (a conversation)")
    messages = messages_of(item[key], key)
    system = item.get("system")
    if system is not None:
        if not isinstance(system, str):
            raise BadInput("system", "must be a text")
        messages = [{"role": "system", "content": system}, *messages]
    parameters = {name: item[name] for name in PARAMETERS if item.get(name) is not None}
    for name in ("tools", "stop"):
        if name == "tools" and name in parameters and not _is_tools(parameters[name]):
            raise BadInput(
                "tools",
                "must be a list of functions",
                'write [{"type": "function", "function": {"name": ..., "parameters": ...}}]',
            )
    if "response_format" in parameters and not isinstance(parameters["response_format"], dict):
        raise BadInput("response_format", "must be an object", 'write {"type": "json_object"}')
    return {"messages": messages, **parameters}


def messages_of(written: Any, key: str) -> list[dict[str, Any]]:
    """A text, a conversation, or an object that holds one of them. Raises BadInput."""
    if isinstance(written, str):
        if not written.strip():
            raise BadInput(key, "is empty")
        return [{"role": "user", "content": written}]
    if isinstance(written, dict):
        inner = next((name for name in ASKED if written.get(name) is not None), None)
        texts = [name for name, value in written.items() if isinstance(value, str)]
        inner = inner or (texts[0] if len(texts) == len(written) == 1 else None)
        if inner is None:
            raise BadInput(key, "holds no question", f"name it one of {', '.join(ASKED)}")
        return messages_of(written[inner], f"{key}.{inner}")
    if not isinstance(written, list) or not written:
        raise BadInput(key, "must be a text or a list of messages")
    for number, message in enumerate(written):
        _message(message, f"{key}[{number}]")
    if all(message["role"] in ("system", "developer") for message in written):
        raise BadInput(key, "nobody asks anything", "add a message of the role user")
    return list(written)


def said_of(body: Mapping[str, Any]) -> tuple[Said, ...]:
    """The conversation as judges read it."""
    return tuple(Said(str(message.get("role")), _text(message.get("content"))) for message in body.get("messages", ()))


def _message(message: Any, key: str) -> None:
    if not isinstance(message, dict) or message.get("role") not in _ROLES:
        raise BadInput(key, f"must be a message with a role of {', '.join(_ROLES)}", 'write {"role": "user", "content": "..."}')
    content = message.get("content")
    if not isinstance(content, str | list) and not (content is None and message.get("tool_calls")):
        raise BadInput(f"{key}.content", "must be a text or a list of parts")


def _is_tools(written: Any) -> bool:
    return isinstance(written, list) and all(
        isinstance(tool, dict) and isinstance(tool.get("function"), dict) and isinstance(tool["function"].get("name"), str)
        for tool in written
    )


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
    return content if isinstance(content, str) else ""
