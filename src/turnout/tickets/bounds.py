"""How much of a request a ticket keeps: enough for a person to answer it, never without end."""

import msgspec

from turnout.types.tickets import Said, Ticket

LARGEST_BODY = 1024 * 1024
"""Bytes."""
LONGEST_CONVERSATION = 500_000
"""Characters of all messages together."""


def bounded(ticket: Ticket) -> Ticket:
    """The ticket without what is too large: all of the body, or the oldest of the conversation. What was left out is said in it."""
    body, left_out = ticket.body, list(ticket.left_out)
    if body is not None and len(body) > LARGEST_BODY:
        left_out.append(f"the body: {len(body):,} bytes are more than {LARGEST_BODY:,}")
        body = None
    messages, cut = _latest(ticket.messages)
    if cut:
        left_out.append(f"the beginning of the conversation: {cut:,} characters of it")
    return msgspec.structs.replace(ticket, body=body, messages=messages, left_out=tuple(left_out))


def _latest(messages: tuple[Said, ...]) -> tuple[tuple[Said, ...], int]:
    """The end of the conversation, and how many characters come before it."""
    room, kept, cut = LONGEST_CONVERSATION, list[Said](), 0
    for said in reversed(messages):
        text = said.text if len(said.text) <= room else said.text[len(said.text) - room :]
        cut += len(said.text) - len(text)
        room -= len(text)
        if text or not said.text:
            kept.append(Said(said.role, text))
    return tuple(reversed(kept)), cut
