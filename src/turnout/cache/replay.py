"""A kept answer for a client that asks again, in the form that client wants."""

import msgspec

from turnout.cache.entry import Entry, Hit, Key
from turnout.dialects.collect import events_of, read_answer
from turnout.dialects.dialect import Ask, Dialect
from turnout.errors import ProviderFault
from turnout.ports import Serving
from turnout.types.money import PicoDollars
from turnout.types.reply import Reply
from turnout.types.request import Refusal

_WHOLE = frozenset({"stop", "tool_calls"})


def replay(entry: Entry, key: Key, ask: Ask, front: Dialect) -> bytes:
    """Its bytes: the very same for the same form; otherwise a whole answer as a stream, or the other way round.

    Raises:
        ProviderFault: the entry cannot be read. None that was :func:`worth_keeping` is such a one.
    """
    if entry.shape == key.shape:
        return entry.body
    reply = read_answer(front, entry.body, stream=bool(entry.shape))
    if reply.usage is None and entry.usage is not None:
        reply = msgspec.structs.replace(reply, usage=entry.usage)  # of a client that did not want to see it
    if not key.shape:
        return front.write_reply(reply)
    writer = front.writer(ask)
    return b"".join([writer.write(event) for event in events_of(reply)])


def serving(hit: Hit) -> Serving:
    """What its headers say: nobody was called and nothing was paid. An answer that is not the plain one says what it is."""
    warnings = hit.entry.warnings
    if hit.age != "fresh":
        warnings = (*warnings, "cache:stale")
    if hit.likeness < 1.0:
        warnings = (*warnings, "cache:similar")
    return Serving(hit.entry.model, "cache", 0, PicoDollars(0), warnings)


def worth_keeping(front: Dialect, body: bytes, *, stream: bool) -> bool:
    """Whether an answer that reached its client says all it has to: not cut at a limit, filtered, refused or empty."""
    try:
        reply = read_answer(front, body, stream=stream)
    except ProviderFault:
        return False
    return bool(reply.choices) and _is_whole(reply)


def _is_whole(reply: Reply) -> bool:
    return all(
        choice.finish in _WHOLE and choice.parts and not any(isinstance(part, Refusal) for part in choice.parts)
        for choice in reply.choices
    )
