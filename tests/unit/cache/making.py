"""Questions, keys and entries as tests want them."""

import json
from typing import Any

from turnout.cache.entry import Entry, Key
from turnout.cache.keys import fingerprint
from turnout.dialects.dialect import Ask
from turnout.dialects.registry import DIALECTS
from turnout.types.money import PicoDollars
from turnout.types.reply import Usage

CHAT = DIALECTS["openai-chat"]
MESSAGES = DIALECTS["anthropic-messages"]
NOW = 1_700_000_000.0
LIFE = 100.0


def chat(text: str = "What is the capital of France?", **fields: Any) -> Ask:
    return CHAT.ask(json.dumps({"model": "auto", "messages": [{"role": "user", "content": text}], **fields}).encode())


def messages(text: str = "What is the capital of France?", **fields: Any) -> Ask:
    body = {"model": "auto", "max_tokens": 100, "messages": [{"role": "user", "content": text}], **fields}
    return MESSAGES.ask(json.dumps(body).encode())


def key(ask: Ask | None = None, route: str = "support", tenant: str | None = "web", *, similar: bool = True) -> Key:
    found = fingerprint(ask or chat(), route, tenant, similar=similar)
    assert found is not None
    return found


def entry(of: Key | None = None, body: bytes = b"Paris", *, made: float = NOW, until: float = NOW + LIFE) -> Entry:
    of = of or key()
    usage, cost = Usage(input=10, output=1), PicoDollars(7_000_000)
    return Entry(of.exact, of.shape, body, "sim/small", "cheapest", usage, cost, made, until, near=of.near, wording=of.wording)
