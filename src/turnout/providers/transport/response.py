"""One answer, from its connection to its reader: the connection fills it, the reader empties it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol, Self

from turnout.errors import Broken, ProviderFault
from turnout.providers.transport.coding import Inflater, inflater_for, plain_headers

# Bytes held for a reader who does not read; beyond it the connection stops reading.
BUFFER: Final = 64 * 1024


class Source(Protocol):
    """What an answer asks of its connection."""

    def drained(self) -> None:
        """The reader has taken everything."""
        ...

    def abort(self) -> None:
        """The reader wants no more."""
        ...


class Response:
    """The Incoming of ports.py. ``status`` is 0 until the head has come."""

    __slots__ = ("_ended", "_fault", "_held", "_inflater", "_pieces", "_source", "_waiter", "headers", "status")

    def __init__(self, source: Source) -> None:
        self.status = 0
        self.headers: Sequence[tuple[bytes, bytes]] = ()
        self._source: Source | None = source  # None once the connection is no longer ours
        self._pieces: list[bytes] = []
        self._held = 0
        self._inflater: Inflater | None = None
        self._fault: ProviderFault | None = None
        self._ended = False
        self._waiter: asyncio.Future[None] | None = None

    def __repr__(self) -> str:
        return f"Response({self.status})"

    # The reader's side

    async def head(self) -> Self:
        """Return when the head is there."""
        while not self.status:
            if self._fault is not None:
                raise self._fault
            await self._news()
        self._inflater = inflater_for(self.headers)
        if self._inflater is not None:
            self.headers = plain_headers(self.headers)
        return self

    def chunks(self) -> AsyncIterator[bytes]:
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while True:
            inflates_on = self._inflater is not None and self._inflater.more
            if inflates_on:  # what was sent small may be large: let others have their turn between its steps
                asyncio.get_running_loop().call_soon(self.wake)
                await self._news()
            if self._pieces or inflates_on:
                if data := self._take():
                    return data
            elif self._fault is not None:
                raise self._fault
            elif self._ended:
                if self._inflater is not None and self._inflater.cut:
                    raise Broken("the provider's compressed answer was cut short")
                raise StopAsyncIteration
            else:
                await self._news()

    async def close(self) -> None:
        self._pieces.clear()
        if self._source is not None:
            self._drop("the answer was closed before its end")

    # The connection's side

    def arrived(self, pieces: list[bytes]) -> bool:
        """More of the body. True: enough is held, stop reading."""
        self._pieces += pieces
        for piece in pieces:
            self._held += len(piece)
        return self._held > BUFFER

    def wake(self) -> None:
        """There is news for the reader."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def end(self, fault: ProviderFault | None = None) -> None:
        """Nothing more will come. What is held is still read before ``fault`` is raised."""
        self._source = None
        self._fault = fault
        self._ended = True
        self.wake()

    async def _news(self) -> None:
        """Wait for the connection. A cancelled wait drops it: nobody is left who would read the rest."""
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        except asyncio.CancelledError:
            self._drop("reading the answer was cancelled")
            raise
        finally:
            self._waiter = None

    def _take(self) -> bytes:
        """Everything held, as one piece: where it was split on the wire means nothing."""
        pieces = self._pieces
        if self._inflater is not None and self._inflater.more:
            return self._inflater.feed(b"")
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._held = 0
        if self._source is not None:
            self._source.drained()
        return data if self._inflater is None else self._inflater.feed(data)

    def _drop(self, why: str) -> None:
        source, self._source = self._source, None
        if source is not None:
            source.abort()
            self.end(Broken(why))
