"""A request's conversation as people and judges read it."""

from turnout.errors import TurnoutError
from turnout.serve.worker import Request
from turnout.types.request import Message, Text
from turnout.types.tickets import Said


def said(request: Request) -> tuple[Said, ...]:
    """The conversation as text; none where only its own provider understands it: the body is there."""
    try:
        messages = request.front.to_hub(request.ask).messages
    except TurnoutError:
        return ()
    return tuple(Said(message.role, _text(message)) for message in messages)


def _text(message: Message) -> str:
    return "\n".join(part.text for part in message.parts if isinstance(part, Text))
