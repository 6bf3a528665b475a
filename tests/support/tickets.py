"""Tickets to hand over: a plain one, changed where a test cares."""

from typing import Any

import msgspec

from tests.support.records import NOW
from turnout.types.tickets import Said, Ticket, Tried

TICKET = Ticket(
    id="req-0",
    kind="human",
    at=NOW,
    route="support",
    tenant="web",
    front="openai-chat",
    task="customer_support",
    messages=(Said("system", "Be kind."), Said("user", "Where is my parcel?")),
    why="every model failed: openai/gpt-5 timeout",
    tried=(Tried("openai/gpt-5", "timeout", "no first token within 30 s"),),
    body=b'{"model": "auto", "messages": []}',
)


def ticket(n: int = 0, **changes: Any) -> Ticket:
    """The ``n``-th request, a second after the one before it."""
    return msgspec.structs.replace(TICKET, **{"id": f"req-{n}", "at": NOW + n, **changes})
