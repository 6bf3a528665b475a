"""What is sealed of a request and its answer on its way to the journal: redacted where that is asked for, cut to a bound."""

from collections.abc import Callable

import msgspec

from turnout.content.body import cut, redacted
from turnout.content.open import Opened, close
from turnout.content.seal import ContentKey
from turnout.dialects.collect import collect
from turnout.dialects.dialect import Dialect
from turnout.errors import ProviderFault, TurnoutError
from turnout.serve.aside import LARGE, aside, rest
from turnout.serve.book import Book
from turnout.types.content import Content, Keeping
from turnout.types.reply import Event, Failed


class Unsealed(msgspec.Struct, frozen=True):
    """One request as it is to be kept: its body, what its client got of ``size`` bytes, and the error it got instead."""

    id: str
    at: float
    front: Dialect
    request: bytes
    answer: bytes
    size: int
    stream: bool
    model: str | None
    error: str | None


def keep(book: Book, keeping: Keeping, answer: bytes, size: int, error: TurnoutError | None) -> None:
    """Let the worker seal it when it has a moment; what cannot be kept is counted. ``answer`` is the beginning of ``size`` bytes."""
    request, key, counted = book.request, book.snapshot.sealing, book.gateway.metrics.add
    route = book.decided.route.name if book.decided is not None else ""
    if key is None:
        counted("turnout_content", (route, "no_key"))
        return
    said = f"{error.code}: {error.message}" if error is not None else None
    plain = Unsealed(
        request.id,
        request.at,
        request.front,
        request.ask.body,
        answer,
        size,
        request.ask.sketch.stream,
        book.execution.model,
        said,
    )
    taken = len(plain.request) + len(answer)
    if not book.gateway.in_hand.take(taken, _kept(book, route, plain, keeping, key)):
        counted("turnout_content", (route, "no_room"))


async def _kept(book: Book, route: str, plain: Unsealed, keeping: Keeping, key: ContentKey) -> None:
    gateway, size = book.gateway, len(plain.request) + len(plain.answer)
    try:
        content = await aside(size, sealed, plain, keeping, key, rest if size >= LARGE else None)
    except Exception as bug:  # noqa: BLE001 - the top of a task that nobody awaits; its text may hold content, its class does not
        gateway.metrics.broke(type(bug).__name__)
        gateway.metrics.add("turnout_content", (route, "broke"))
        return
    gateway.journal.append(content)
    gateway.metrics.add("turnout_content", (route, keeping))


def sealed(plain: Unsealed, keeping: Keeping, key: ContentKey, rest_: Callable[[], None] | None = None) -> Content:
    """As it goes to the journal. ``rest_`` is called now and then, so that others have their turn."""
    request, answer, stream, error = plain.request, plain.answer, plain.stream and bool(plain.answer), plain.error
    if keeping == "redacted":
        request = redacted(request, rest_)
        if stream:  # an address may lie across the pieces of a stream
            answer, stream = whole(plain.front, answer), False
        answer = redacted(answer, rest_) if answer else answer
        error = redacted(error.encode(), rest_).decode() if error is not None else None
    request, request_cut = cut(request)
    answer, answer_cut = cut(answer)
    unsent = max(plain.size - len(plain.answer), 0)
    opened = Opened(
        plain.front.name, request, answer, stream, plain.model, error, request_cut, answer_cut + unsent
    )  # fmt: skip
    return close(plain.id, plain.at, keeping, opened, key)


def whole(front: Dialect, streamed: bytes) -> bytes:
    """A stream as a whole answer in its own dialect; of one that broke off, what came."""
    reader, events = front.reader(), list[Event]()
    try:
        for piece in streamed.split(b"\n\n"):
            events += reader.feed(piece + b"\n\n")
        events += reader.end()
    except ProviderFault:
        pass
    return front.write_reply(collect(event for event in events if not isinstance(event, Failed)))
