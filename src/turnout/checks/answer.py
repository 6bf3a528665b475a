"""What a check reads, and what it finds."""

import msgspec

from turnout.types.reply import Choice, Reply
from turnout.types.request import Refusal, Text, ToolCall


class Answer(msgspec.Struct, frozen=True):
    """The first choice of a reply. ``tool_calls`` are names with the JSON text of their arguments; ``schema`` is what the request asked for."""

    text: str
    finish: str | None = None
    tool_calls: tuple[tuple[str, str], ...] = ()
    schema: str | None = None


class Failed(msgspec.Struct, frozen=True):
    """The check that an answer failed, by its name, and what was wrong where."""

    check: str
    detail: str


def answer_of(reply: Reply, schema: str | None = None) -> Answer:
    """A reply as checks read it: thinking is left out, declining in the dialect's own field is a finish of ``refusal``."""
    choice = reply.choices[0] if reply.choices else Choice((), "other")
    parts = choice.parts
    return Answer(
        "".join(part.text for part in parts if isinstance(part, Text | Refusal)),
        "refusal" if any(isinstance(part, Refusal) for part in parts) else choice.finish,
        tuple((part.name, part.arguments) for part in parts if isinstance(part, ToolCall)),
        schema,
    )
