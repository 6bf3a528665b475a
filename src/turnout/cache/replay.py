"""A kept answer for a client that asks again, in the form that client wants."""

import asyncio

import msgspec

from turnout.cache.entry import Entry, Hit, Key
from turnout.dialects.collect import collect, events_of, read_answer
from turnout.dialects.dialect import Ask, Dialect
from turnout.errors import ProviderFault
from turnout.ports import Serving
from turnout.types.money import PicoDollars
from turnout.types.reply import Event, Reply
from turnout.types.request import Refusal

SLICE = 16 * 1024
"""Bytes of a stream that are read before others have their turn: under a millisecond."""

_WHOLE = frozenset({"stop", "tool_calls"})


async def replay(entry: Entry, key: Key, ask: Ask, front: Dialect) -> bytes:
    """Its bytes: the very same for the same form; otherwise a whole answer as a stream, or the other way round.

    Raises:
        ProviderFault: the entry cannot be read. None that was :func:`worth_keeping` is such a one.
    """
    if entry.shape == key.shape:
        return entry.body
    reply = await _read(front, entry.body, stream=bool(entry.shape))
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


async def worth_keeping(front: Dialect, body: bytes, *, stream: bool) -> bool:
    """Whether an answer that reached its client says all it has to: not cut at a limit, filtered, refused or empty."""
    try:
        reply = await _read(front, body, stream=stream)
    except ProviderFault:
        return False
    return bool(reply.choices) and _is_whole(reply)


async def _read(front: Dialect, body: bytes, *, stream: bool) -> Reply:
    """Raises ProviderFault when it is no whole answer."""
    if not stream or len(body) <= SLICE:
        return read_answer(front, body, stream=stream)
    reader = front.reader()
    events: list[Event] = []
    for at in range(0, len(body), SLICE):
        events += reader.feed(body[at : at + SLICE])
        await asyncio.sleep(0)
    return collect([*events, *reader.end()])


def _is_whole(reply: Reply) -> bool:
    return all(
        choice.finish in _WHOLE and choice.parts and not any(isinstance(part, Refusal) for part in choice.parts)
        for choice in reply.choices
    )
