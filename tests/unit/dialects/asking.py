"""Requests to ask with, in the fewest words."""

from typing import Any

import msgspec

from turnout.dialects.dialect import Ask, Delivery
from turnout.dialects.registry import DIALECTS
from turnout.errors import ProviderFault

OPENAI = DIALECTS["openai-chat"]
ANTHROPIC = DIALECTS["anthropic-messages"]


def chat(*messages: dict[str, Any], **fields: Any) -> Ask:
    """A Chat Completions request; without messages, a greeting."""
    turns = list(messages) or [{"role": "user", "content": "hi"}]
    return OPENAI.ask(msgspec.json.encode({"model": "m", "messages": turns, **fields}))


def message(*messages: dict[str, Any], **fields: Any) -> Ask:
    """A Messages request; without messages, a greeting."""
    turns = list(messages) or [{"role": "user", "content": "hi"}]
    return ANTHROPIC.ask(msgspec.json.encode({"model": "m", "max_tokens": 100, "messages": turns, **fields}))


def to_anthropic(
    ask: Ask, model: str = "claude-sonnet-5", max_output: int | None = None, quirks: frozenset[str] = frozenset()
) -> Any:
    """The body that an Anthropic provider would get for a Chat Completions request."""
    return msgspec.json.decode(ANTHROPIC.from_hub(OPENAI.to_hub(ask), model, max_output=max_output, quirks=quirks))


def to_openai(ask: Ask, *quirks: str) -> Any:
    """The body that an OpenAI provider would get for a Messages request."""
    return msgspec.json.decode(OPENAI.from_hub(ANTHROPIC.to_hub(ask), "gpt", max_output=None, quirks=frozenset(quirks)))


def run(delivery: Delivery, *chunks: bytes) -> bytes:
    """All that a delivery gives the client."""
    return b"".join([*(delivery.feed(chunk) for chunk in chunks), delivery.end()])


def fault_of(delivery: Delivery, *chunks: bytes) -> ProviderFault:
    """The fault a delivery ends in."""
    try:
        run(delivery, *chunks)
    except ProviderFault as fault:
        return fault
    raise AssertionError("no fault")
