"""The sim's own token count: four bytes a token. Stable and plain on purpose; it is what the sim bills, not an estimate of anything."""

from turnout.types.request import Media, Message, Part, Refusal, Request, Text, ToolCall, ToolResult

PER_MESSAGE = 4
PER_MEDIA = 300


def count(text: str) -> int:
    """Tokens of a text; 0 only for no text."""
    return (len(text.encode("utf-8", "surrogatepass")) + 3) // 4


def clip(text: str, tokens: int) -> str:
    """The first ``tokens`` tokens of a text, never half a character."""
    return text.encode("utf-8", "surrogatepass")[: max(0, tokens) * 4].decode("utf-8", "ignore")


def count_message(message: Message) -> int:
    return PER_MESSAGE + sum(map(_count_part, message.parts))


def count_tools(request: Request) -> int:
    """Tool definitions and the response schema."""
    total = sum(count(tool.name) + count(tool.description or "") + len(bytes(tool.schema)) // 4 for tool in request.tools)
    wanted = request.response_format
    return total + (len(bytes(wanted.schema)) // 4 if wanted and wanted.schema else 0)


def _count_part(part: Part) -> int:
    match part:
        case Text() | Refusal():
            return count(part.text)
        case Media():
            return PER_MEDIA
        case ToolCall():
            return count(part.name) + count(part.arguments)
        case ToolResult():
            return sum(map(_count_part, part.parts))
        case _:  # Reasoning of earlier turns is not read again
            return 0
