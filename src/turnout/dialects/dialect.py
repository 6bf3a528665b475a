"""What a dialect must know, in three small seams, and the two values they share."""

from typing import Any, Protocol

import msgspec

from turnout.dialects.headers import NO_HEADERS, ClientHeaders, Relayed
from turnout.errors import ProviderFault, TurnoutError
from turnout.types.reply import Event, Finish, Reply, Usage
from turnout.types.request import Request
from turnout.types.traits import Sketch

MODEL = "{model}"


class Ask(msgspec.Struct, frozen=True):
    """A client's request as read: its bytes, the dialect's own decoding of them, and the sketch routing needs.

    ``turnout`` is the body key of that name, ``metadata`` the dialect's own metadata as strings; both are only read here.
    ``headers`` are those of the client that belong to the dialect.
    """

    dialect: str
    body: bytes
    parsed: Any
    sketch: Sketch
    turnout: dict[str, Any] = {}
    metadata: dict[str, str] = {}
    headers: Relayed = ()


class Seen(msgspec.Struct):
    """What a delivery has seen of a reply so far. The one mutable value of this floor: its delivery writes it, the executor reads it."""

    content: bool = False
    finish: Finish | None = None
    usage: Usage | None = None
    model: str | None = None
    ended: bool = False


class Delivery(Protocol):
    """A provider's bytes in, the client's bytes out; the same seam for relayed and translated, whole and streamed answers."""

    seen: Seen

    def feed(self, chunk: bytes) -> bytes:
        """Bytes ready for the client: only whole events, possibly none. A whole answer yields nothing before :meth:`end`.

        Raises:
            ProviderFault: the reply carries an error event or cannot be read.
        """
        ...

    def end(self) -> bytes:
        """The upstream's body ended: the rest of the client's bytes.

        Raises:
            Broken: it ended before the protocol says it may.
        """
        ...


class EventReader(Protocol):
    """A provider's stream, as hub events."""

    def feed(self, chunk: bytes) -> list[Event]:
        """Events completed by these bytes, however they are split. Raises Broken when one cannot be read."""
        ...

    def end(self) -> list[Event]:
        """The bytes are over: what was still held, ``Ended`` at the latest now. Raises Broken when the stream was cut."""
        ...


class EventWriter(Protocol):
    """Hub events, as the client's stream."""

    def write(self, event: Event) -> bytes:
        """Wire bytes of one event; may be empty, as some events have no place in a dialect."""
        ...


class RequestSide(Protocol):
    """Requests, in and out."""

    def ask(self, body: bytes, headers: ClientHeaders = NO_HEADERS, path: str = "") -> Ask:
        """Read a client's body, and of its headers what belongs to the dialect.

        ``path`` is where it came in: some dialects name the model, and say that the answer is to stream, there.

        Raises:
            TurnoutError: ``invalid_request`` naming the field at fault.
        """
        ...

    def relay(self, ask: Ask, upstream_model: str, quirks: frozenset[str] = frozenset()) -> bytes:
        """The client's own bytes with only what we own changed: ``model``, our ``turnout`` key, the usage switch."""
        ...

    def to_hub(self, ask: Ask) -> Request:
        """Free the request of its wire."""
        ...

    def from_hub(self, request: Request, upstream_model: str, *, max_output: int | None, quirks: frozenset[str]) -> bytes:
        """Write the request for a provider. ``max_output`` is the model's limit, for dialects that demand a figure."""
        ...


class ReplySide(Protocol):
    """Replies, in and out."""

    def relay_reply(self, ask: Ask) -> Delivery:
        """The relayed form: same dialect on both sides."""
        ...

    def reader(self) -> EventReader: ...

    def writer(self, ask: Ask) -> EventWriter: ...

    def read_reply(self, body: bytes) -> Reply:
        """A whole answer. Raises Broken when it is not one."""
        ...

    def write_reply(self, reply: Reply) -> bytes: ...


class ErrorSide(Protocol):
    """Errors, in and out."""

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderFault:
        """Classify a provider's error answer, once: status first, the dialect's own words second; Retry-After kept."""
        ...

    def write_error(self, error: TurnoutError) -> bytes:
        """The body of an error answer, such that the official SDK raises the class it promises."""
        ...

    def error_event(self, error: TurnoutError) -> bytes:
        """The event that ends a stream which failed after its first content."""
        ...


class Dialect(RequestSide, ReplySide, ErrorSide, Protocol):
    """One wire protocol. ``name`` as the policy writes it.

    ``path``, ``stream_path`` and ``listing`` for its models are appended to a provider's base URL; :data:`MODEL` in them is the
    provider's id of the model. ``front`` is what its official SDK puts between a base URL's host and ``path``. ``stream_type`` is
    the content type of a stream.
    """

    name: str
    front: str
    path: str
    stream_path: str
    listing: str
    stream_type: str
