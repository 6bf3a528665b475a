"""Which question this is: a digest that is equal for equal questions of one tenant and for no others.

Equal are requests whose fields and their values are, whatever their order, blanks and escapes, as far as they bear on the answer. Left
out are the wire form that is asked for, our own key, and names of who asks; every other field counts, the unknown ones included. So
does how a number is spelled (``1`` and ``1.0``): at worst that is a call too many. Of a field that is there twice the last one counts,
as in what is relayed.
"""

from hashlib import blake2b
from typing import Any

import msgspec

from turnout.cache import similarity
from turnout.cache.entry import Key
from turnout.dialects.dialect import Ask
from turnout.types.traits import Hints

VERSION = 2
"""Of what is digested and of what an entry holds. Raise it when either changes: what is kept under another is never found."""

MOST_BODY = 256 * 1024
"""Bytes of a request worth looking at: more takes over a millisecond of every other request's time."""

FORM = ("stream", "stream_options")
"""How the answer is to be sent, not what it is to say."""
WHO_ASKS = frozenset({"user", "metadata", "safety_identifier", "prompt_cache_key"})
"""Names for the provider's accounting. ``service_tier`` and ``prompt_cache_retention`` are none: they are part of the question."""
WISHES = ("task", "complexity", "latency", "cost", "quality", "sensitivity")
"""Tags by which one route gives the same question to different models."""

_BEYOND = frozenset({
    "previous_response_id", "conversation", "container",  # a state that the provider holds
    "web_search_options", "search_parameters", "plugins", "mcp_servers",  # the world as it is just now
    "background", "audio",  # an answer that is fetched later, or names what expires
})  # fmt: skip
"""Fields that make an answer more, or less, than a function of the question."""
_OWN_TOOLS = (None, "function", "custom")
_EMPTY: tuple[Any, ...] = (None, False, [], {})


def fingerprint(ask: Ask, route: str, tenant: str | None, *, hints: Hints | None = None, similar: bool = False) -> Key | None:
    """The question's key; None when its answer must not be given again.

    ``tenant`` is the virtual key's name, None where there are none. With ``similar`` the key also says how the question is worded,
    if all that differs between two of them may be the last thing the user said.
    """
    question = _question(ask.body)
    if question is None:
        return None
    form = {name: value for name in FORM if (value := question.pop(name, None)) not in _EMPTY}
    shape = _canonical(form) if form.get("stream") else b""
    for name in WHO_ASKS:
        question.pop(name, None)
    question.pop("turnout", None)
    words = _take_last_words(question) if similar else None
    scope = _canonical((VERSION, tenant, route, ask.dialect, [(name.decode(), value.decode()) for name, value in ask.headers]))
    # What a translation could lose is never turned from one form into the other, so the form is part of such a question.
    rest = b"\n".join((scope, shape if ask.sketch.carries else b"", _canonical(_wishes(hints)), _canonical(question)))
    if words is None:
        return Key(_digest(rest), shape)
    exact = _digest(rest + b"\n" + _canonical(words))
    worded = similarity.read("\n".join(words))
    if worded is None:
        return Key(exact, shape)
    strict, wording = worded
    return Key(exact, shape, _digest(rest + b"\n" + _canonical((len(words), strict))), wording)


def _question(body: bytes) -> dict[str, Any] | None:
    """The request's own fields, decoded; None when it is too long, cannot be read, or asks for more than an answer."""
    if len(body) > MOST_BODY:
        return None
    try:
        question = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(question, dict) or any(question[name] not in _EMPTY for name in _BEYOND & question.keys()):
        return None
    if question.get("store") or not _tools_are_the_callers(question.get("tools")):
        return None
    return question


def _tools_are_the_callers(tools: Any) -> bool:
    """Tools that the caller runs: what one of the provider's own finds is of the moment."""
    return not tools or (
        isinstance(tools, list) and all(isinstance(tool, dict) and tool.get("type") in _OWN_TOOLS for tool in tools)
    )


def _take_last_words(question: dict[str, Any]) -> list[str] | None:
    """The last thing the user said, taken out of the question; None, and nothing taken, unless the conversation ends with it."""
    turns = question.get("messages")
    last = turns[-1] if isinstance(turns, list) and turns else None
    if not isinstance(last, dict) or last.get("role") != "user":
        return None
    content = last.get("content")
    if isinstance(content, str):
        last["content"] = ""
        return [content]
    if not isinstance(content, list):
        return None
    parts = [
        part for part in content if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)
    ]
    return [part.pop("text") for part in parts] or None


def _wishes(hints: Hints | None) -> Any:
    """What a caller's hints change of the answer: which models may give it and how good or cheap it is to be."""
    if hints is None:
        return None
    tags = {name: hints.tags[name] for name in WISHES if name in hints.tags and name not in hints.plain}
    return (tags, sorted(hints.models), hints.max_cost) if tags or hints.models or hints.max_cost is not None else None


def _canonical(value: Any) -> bytes:
    """As JSON without blanks, names sorted: no line's end in it, so lines of it are told apart."""
    return msgspec.json.encode(value, order="sorted")


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=32).digest()
