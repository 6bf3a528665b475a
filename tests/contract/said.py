"""What an answer says, read from its JSON by other means than the dialects' own readers, to compare across dialects."""

from typing import Any

import msgspec

REASONS = {
    "stop": "stop", "end_turn": "stop", "stop_sequence": "stop", "length": "length", "max_tokens": "length",
    "tool_calls": "tool_calls", "function_call": "tool_calls", "tool_use": "tool_calls", "content_filter": "refused", "refusal": "refused",
}  # fmt: skip


class Said(msgspec.Struct):
    text: str = ""
    thought: str = ""
    calls: list[tuple[str, str, Any]] = []
    reason: str | None = None
    refused: bool = False  # in words of their own, as OpenAI tells it


def whole(dialect: str, answer: Any) -> Said:
    """Of a whole answer."""
    if dialect == "openai-chat":
        choice = answer["choices"][0]
        message = choice.get("message") or {}
        fold = _OpenAI()
        fold.delta(message)
        fold.reason = choice.get("finish_reason")
        return fold.said()
    fold = _Anthropic()
    for index, block in enumerate(answer["content"]):
        fold.block(index, block)
    fold.reason = answer["stop_reason"]
    return fold.said()


def streamed(dialect: str, events: list[Any]) -> Said:
    """Of a stream, from its events' data."""
    fold: Any = _OpenAI() if dialect == "openai-chat" else _Anthropic()
    for event in events:
        if isinstance(event, dict):
            fold.event(event)
    return fold.said()


class _OpenAI:
    def __init__(self) -> None:
        self.text = self.thought = ""
        self.calls: list[list[str]] = []
        self.numbers: dict[int | None, list[str]] = {}
        self.reason: str | None = None
        self.refused = False

    def event(self, event: dict[str, Any]) -> None:
        for choice in event.get("choices") or ():
            if choice.get("index", 0) == 0:
                self.delta(choice.get("delta") or {})
                self.reason = self.reason or choice.get("finish_reason")

    def delta(self, delta: dict[str, Any]) -> None:
        content = delta.get("content")
        for piece in content if isinstance(content, list) else [{"text": content or ""}]:
            self.text += piece.get("text") or ""
            self.thought += "".join(inner["text"] for inner in piece.get("thinking") or ())
        self.text += delta.get("refusal") or ""
        self.refused = self.refused or bool(delta.get("refusal"))
        self.thought += delta.get("reasoning_content") or delta.get("reasoning") or ""
        for call in delta.get("tool_calls") or (
            [{"id": "call_0", "function": delta["function_call"]}] if delta.get("function_call") else []
        ):
            id_ = f"call_{len(self.calls)}" if call.get("id") == "" else call.get("id")  # a call without an id is given one
            if id_ and id_ not in [known[0] for known in self.calls]:
                self.calls.append([id_, "", ""])
                self.numbers[call.get("index")] = self.calls[-1]
            at = self.calls[-1] if call.get("id") or call.get("index") is None else self.numbers[call["index"]]
            at[1] = at[1] or call["function"].get("name") or ""
            at[2] += call["function"].get("arguments") or ""

    def said(self) -> Said:
        calls = [(id_, name, parsed(arguments)) for id_, name, arguments in self.calls]
        return Said(self.text, self.thought, calls, REASONS.get(self.reason or "", "stop"), self.refused)


class _Anthropic:
    def __init__(self) -> None:
        self.text = self.thought = ""
        self.calls: dict[int, list[Any]] = {}
        self.reason: str | None = None

    def event(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "content_block_start":
                self.block(event["index"], event["content_block"])
            case "content_block_delta":
                delta = event["delta"]
                self.text += delta.get("text", "")
                self.thought += delta.get("thinking", "")
                if event["index"] in self.calls:
                    self.calls[event["index"]][2] += delta.get("partial_json", "")
            case "message_delta":
                self.reason = event["delta"]["stop_reason"]

    def block(self, index: int, block: dict[str, Any]) -> None:
        match block["type"]:
            case "text":
                self.text += block["text"]
            case "thinking":
                self.thought += block["thinking"]
            case "tool_use":
                arguments = msgspec.json.encode(block["input"]).decode() if block["input"] else ""
                self.calls[index] = [block["id"], block["name"], arguments]

    def said(self) -> Said:
        calls = [(id_, name, parsed(arguments)) for id_, name, arguments in self.calls.values()]
        return Said(self.text, self.thought, calls, REASONS.get(self.reason or "", "stop"))


def parsed(arguments: str) -> Any:
    """A call's arguments as values; none and empty ones are the same."""
    return msgspec.json.decode(arguments) if arguments.strip() else {}
