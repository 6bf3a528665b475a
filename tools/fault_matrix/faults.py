"""The faults: what each does, when it can strike, and why not at other times."""

import gzip
import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from tools.fault_matrix.sound import PRIMARY, Dialect, Usage, event, named, usage_of
from tools.fault_matrix.upstream import Said, Strike, Wire, chunk, stream_head, whole_head

PHASES: Mapping[str, str] = {
    "connect": "before the request was taken: name, TCP, TLS",
    "headers": "the request was taken, no whole head of an answer has come",
    "prelude": "the head has come with status 200, and of a stream the events that come before content (role, `message_start`, ping)",
    "first content": "in the same bytes as the first content event",
    "middle": "after two content events, or half of a whole body",
    "end": "all content, the finish reason and the usage have come, but not the end mark (`[DONE]`, `message_stop`) or a body's last byte",
    "after the end": "the end mark has come, the HTTP body has not ended",
}
STREAM_ONLY = ("first content", "after the end")
"""A whole answer is one piece: its first content is its body, and with the last byte it is over."""

BODY = ("prelude", "first content", "middle", "end", "after the end")
OPEN = ("prelude", "first content", "middle", "end")
LARGE = 33 * 2**20
"""Bytes: more than one event may have."""
LARGE_WHOLE = 65 * 2**20
"""Bytes: more than a whole answer may have."""


class Limits(msgspec.Struct, frozen=True):
    """Seconds; all differ, so that the time tells which one ended an attempt."""

    connect: float = 0.8
    first_token: float = 1.6
    idle: float = 1.8
    total: float = 2.0
    deadline: float = 5.0


USUAL = Limits()
HURRIED = Limits(deadline=0.6)
ROOMY = Limits(connect=20.0, first_token=20.0, idle=20.0, total=20.0, deadline=60.0)


class Fault(msgspec.Struct, frozen=True):
    """``phases`` in which it can strike a stream, ``whole`` those of a whole answer (None: the same, as far as it has them).

    ``absent`` says why in no others. ``places``: where the provider is, by phase, if not at the usual place.
    """

    name: str
    meaning: str
    strike: Strike
    phases: tuple[str, ...]
    absent: str
    places: Mapping[str, str] = {}
    limits: Limits = USUAL
    whole: tuple[str, ...] | None = None
    usage: Callable[[Dialect], Usage] = lambda dialect: usage_of(dialect, PRIMARY)
    model: str = PRIMARY.model

    def when(self, asked: str) -> tuple[str, ...]:
        """The phases of an answer asked for so."""
        if asked == "whole" and self.whole is not None:
            return self.whole
        return tuple(phase for phase in self.phases if asked == "stream" or phase not in STREAM_ONLY)


async def lead(wire: Wire, said: Said, then: bytes = b"", *, framed: bool = True) -> None:
    """Everything that comes before the phase; ``then`` follows it, in the same bytes as the first content."""
    answer, tail = said.sound, chunk(then) if then and said.stream and framed else then
    if said.phase == "headers":
        pieces = []
    elif not said.stream:
        body = answer.whole
        cut = {"prelude": 0, "middle": len(body) // 2, "end": len(body) - 1}[said.phase]
        pieces = [whole_head(len(body)), body[:cut]]
    else:
        contents = list(map(chunk, answer.contents))
        pieces = [stream_head() + chunk(answer.prelude)]
        if said.phase == "first content":
            tail = contents[0] + tail
        if said.phase == "middle":
            pieces += contents[:2]
        if said.phase in ("end", "after the end"):
            pieces += [*contents, chunk(answer.finish)]
        if said.phase == "after the end":
            pieces.append(chunk(answer.mark))
    await wire.send(*filter(None, (*pieces, tail)))


async def silence(wire: Wire, said: Said) -> None:
    await lead(wire, said)
    await wire.hold()


async def reset(wire: Wire, said: Said) -> None:
    await lead(wire, said)
    await wire.reset()


async def closed(wire: Wire, said: Said) -> None:
    await lead(wire, said)
    wire.close()


async def truncated(wire: Wire, said: Said) -> None:
    if said.stream:
        await lead(wire, said, b"0\r\n\r\n", framed=False)
    else:
        body = {"prelude": b"", "middle": said.sound.whole[: len(said.sound.whole) // 2], "end": said.sound.whole[:-1]}[
            said.phase
        ]
        await wire.send(whole_head(len(body)) + body)


async def drip(wire: Wire, said: Said) -> None:
    await lead(wire, said)
    if said.phase == "headers":
        rest = whole_head(1, b"x-padding: %b\r\n" % (b"x" * 500))
    elif not said.stream:
        rest = said.sound.whole[len(said.sound.whole) // 2 :]
    else:
        rest = chunk(b": slow\n\n") if said.phase == "after the end" else chunk(said.sound.contents[2])
    await wire.drip(rest)


async def garbage(wire: Wire, said: Said) -> None:
    await lead(wire, said, b"\x16\x03this is neither HTTP\x00nor a chunk's size\r\n\r\n", framed=False)
    await wire.hold()


async def huge_head(wire: Wire, said: Said) -> None:
    fields = b"".join(b"x-padding-%d: %b\r\n" % (number, b"x" * 1000) for number in range(80))
    await wire.send(whole_head(len(said.sound.whole), fields) + said.sound.whole)


async def finish_well(wire: Wire, said: Said, bad: bytes) -> None:
    """``bad`` stands in a stream that goes on as if nothing were wrong."""
    await lead(wire, said, bad)
    answer = said.sound
    rest = {"prelude": answer.contents, "first content": answer.contents[1:], "middle": answer.contents[2:], "end": ()}[
        said.phase
    ]
    ends = (answer.mark,) if said.phase == "end" else (answer.finish, answer.mark)
    await wire.send(*map(chunk, (*rest, *ends)), b"0\r\n\r\n")


async def invalid_json(wire: Wire, said: Said) -> None:
    if said.stream:
        name = "content_block_delta" if said.dialect == "anthropic-messages" else ""
        await finish_well(wire, said, named(name, b'{"type": "content_block_delta", "choices": [{"delta": {"content": "brok'))
    else:
        body = said.sound.whole.replace(b'"model"', b'"model', 1)
        await wire.send(whole_head(len(body)) + body)


async def invalid_utf8(wire: Wire, said: Said) -> None:
    """The text of one content has bytes that are no UTF-8."""
    if said.stream:
        answer = said.sound
        bad = answer.contents[0].replace(b"One ", b"\xff\xfe ")
        shifted = (
            said.sound if said.phase != "first content" else msgspec.structs.replace(answer, contents=(bad, *answer.contents[1:]))
        )
        await finish_well(wire, msgspec.structs.replace(said, sound=shifted), b"" if said.phase == "first content" else bad)
    else:
        body = said.sound.whole.replace(b"One ", b"\xff\xfe ")
        await wire.send(whole_head(len(body)) + body)


def error_inside(kind: str, message: str) -> Strike:
    async def strike(wire: Wire, said: Said) -> None:
        error = {"error": {"type": kind, "message": message}}
        value = error if said.dialect == "openai-chat" else {"type": "error", **error}
        if said.stream:
            await lead(wire, said, event(said.dialect, value, "error"))
            await wire.send(b"0\r\n\r\n")
        else:
            await _whole(wire, json.dumps(value).encode())

    return strike


def status(code: int, kind: str, message: str, more: bytes = b"") -> Strike:
    async def strike(wire: Wire, said: Said) -> None:
        error = {"error": {"type": kind, "message": message}}
        value = error if said.dialect == "openai-chat" else {"type": "error", **error}
        await _whole(wire, json.dumps(value).encode(), b"%d Said" % code, more)

    return strike


def page(code: bytes) -> Strike:
    async def strike(wire: Wire, _: Said) -> None:
        body = b"<!doctype html>\n<html>\n\n<h1>It works!</h1>\n\n<p>A proxy was here.\n</html>\n"
        await wire.send(whole_head(len(body), b"", b"text/html", code) + body)

    return strike


async def redirect(wire: Wire, _: Said) -> None:
    await _whole(wire, b"", b"302 Found", b"location: /elsewhere\r\n")


async def empty(wire: Wire, said: Said) -> None:
    kind = b"text/event-stream" if said.stream else b"application/json"
    await wire.send(whole_head(0, b"", kind))


async def other_shape(wire: Wire, said: Said) -> None:
    """Whole where a stream was asked for, a stream where a whole answer was."""
    answer = said.sound
    if said.stream:
        await _whole(wire, answer.whole)
    else:
        events = (answer.prelude, *answer.contents, answer.finish, answer.mark)
        await wire.send(stream_head() + b"".join(map(chunk, events)) + b"0\r\n\r\n")


async def well(wire: Wire, said: Said) -> None:
    """As asked; what is wrong is what it says of itself."""
    if said.stream:
        await finish_well(wire, msgspec.structs.replace(said, phase="prelude"), b"")
    else:
        await _whole(wire, said.sound.whole)


async def gzip_garbage(wire: Wire, said: Said) -> None:
    body, coding = b"this was never compressed" * 3, b"content-encoding: gzip\r\n"
    await wire.send(stream_head(coding) + chunk(body) + b"0\r\n\r\n" if said.stream else whole_head(len(body), coding) + body)


async def gzip_cut(wire: Wire, said: Said) -> None:
    """Compressed soundly, up to the middle; HTTP's own end comes."""
    answer, coding = said.sound, b"content-encoding: gzip\r\n"
    if said.stream:
        packed = gzip.compress(answer.prelude + b"".join(answer.contents[:2]))[:-8]  # without its checksum: it has not ended
        await wire.send(stream_head(coding) + chunk(packed), b"0\r\n\r\n")
    else:
        packed = gzip.compress(answer.whole)
        packed = packed[: len(packed) // 2]
        await wire.send(whole_head(len(packed), coding) + packed)


async def endless(wire: Wire, said: Said) -> None:
    """A body that is larger than anything an answer can be: one event, or one text."""
    block = b"x" * 2**20
    if said.stream:
        await lead(wire, said, b'data: {"choices": [], "type": "ping", "x": "')
        count, packed = LARGE // len(block), chunk(block)
    else:
        await wire.send(whole_head(2**40), said.sound.whole[:-1] + b', "x": "')
        count, packed = LARGE_WHOLE // len(block), block
    for _ in range(count):
        wire.writer.write(packed)
        await wire.writer.drain()
    await wire.hold()


async def bomb(wire: Wire, said: Said) -> None:
    """A small body that unpacks to a large one: members of one file, as gzip allows."""
    answer, coding, block = said.sound, b"content-encoding: gzip\r\n", gzip.compress(b"x" * 2**20)
    if said.stream:
        packed = gzip.compress(answer.prelude + b'data: {"x": "') + block * (LARGE // 2**20)
        await wire.send(stream_head(coding) + chunk(packed) + b"0\r\n\r\n")
    else:
        packed = gzip.compress(answer.whole[:-1] + b', "x": "') + block * (LARGE_WHOLE // 2**20)
        await wire.send(whole_head(len(packed), coding) + packed)


async def long_prelude(wire: Wire, said: Said) -> None:
    """More than is held back of a stream, and then an RST."""
    ping = (
        event("openai-chat", {"choices": []}) if said.dialect == "openai-chat" else event(said.dialect, {"type": "ping"}, "ping")
    )
    await lead(wire, said)
    await wire.send(chunk(ping * (70_000 // len(ping))))
    await wire.reset()


async def _whole(wire: Wire, body: bytes, code: bytes = b"200 OK", more: bytes = b"") -> None:
    await wire.send(whole_head(len(body), more, status=code) + body)


async def unasked(_: Wire, __: Said) -> None:
    raise AssertionError("this fault strikes before a request can be taken")


def usage_with(**changes: Any) -> Callable[[Dialect], Usage]:
    """By dialect (``openai``, ``anthropic``): figures that replace or join the true ones."""
    return lambda dialect: {**usage_of(dialect, PRIMARY), **changes[dialect.partition("-")[0]]}
