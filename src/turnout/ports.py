"""The seams: what the floors above ask of the world, in as few methods as will do. Real parts and fakes implement them."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from turnout.types.entry import Entry
from turnout.types.money import PicoDollars


class Outgoing(msgspec.Struct, frozen=True):
    """An upstream request, complete. ``url`` absolute; ``headers`` as they go on the wire, credentials included: never log one.

    ``model`` is whom it is for, ``provider/model``: no transport needs it, drills do.
    """

    method: str
    url: str
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes = b""
    proxy: str | None = None
    ca_file: str | None = None
    model: str = ""

    def __repr__(self) -> str:
        return f"Outgoing({self.method} {self.url}, {len(self.body)} bytes)"


class Incoming(Protocol):
    """An upstream response whose headers have come. Header names are lower case."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises ProviderFault (Unavailable on a reset, Broken on a body cut short)."""
        ...

    async def close(self) -> None:
        """Done with it, read to the end or not: the connection is reused if clean, dropped otherwise. Safe to call twice."""
        ...


class Transport(Protocol):
    """The narrow way out. One instance per worker."""

    async def send(self, request: Outgoing, *, connect_timeout: float) -> Incoming:
        """Return once the response's headers are there. Cancelling it cancels the upstream call.

        Raises:
            TimedOut: no connection within ``connect_timeout`` seconds (the wait for headers is bounded by the caller).
            Unavailable: refused, reset, TLS failure, or not HTTP.
        """
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


class Serving(msgspec.Struct, frozen=True):
    """What is known when the answer begins; the front writes its headers from it.

    ``attempts`` counts upstream calls so far; ``cost`` covers them all, None when unknown, as it is while a stream runs.
    ``warnings`` are the stated changes of a translation. ``ticket`` is there when people have the request.
    """

    model: str
    reason: str
    attempts: int
    cost: PicoDollars | None
    warnings: tuple[str, ...] = ()
    status: int = 200
    ticket: str | None = None


class Sink(Protocol):
    """The client, as the answer flows to it. Nothing is written before :meth:`begin`; a whole answer is one :meth:`send`."""

    def begin(self, serving: Serving) -> None:
        """The answer is committed to: status and headers, which leave with the first bytes. Raises ClientGone."""
        ...

    async def send(self, data: bytes) -> None:
        """Return when there is room for more. Raises ClientGone."""
        ...

    async def wait_gone(self) -> None:
        """Return when the client has left. Called only for requests that take a while; cancelled when they end."""
        ...


class Journal(Protocol):
    """Where records go without anyone waiting."""

    def append(self, entry: Entry) -> None:
        """Buffered; on disk within 100 ms, fsynced by a background thread."""
        ...

    async def append_durably(self, entry: Entry) -> None:
        """Return when the record is fsynced. Raises OSError when it cannot be."""
        ...

    def close(self) -> None:
        """Flush, fsync, stop."""
        ...
