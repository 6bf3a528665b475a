"""Identical questions under way at once: one is asked, the others wait for its answer. Per worker, bounded."""

import asyncio
from typing import Self

from turnout.cache.entry import Entry
from turnout.errors import ClientGone
from turnout.ports import Sink

MOST_WAITING = 10_000
"""Clients that wait for another's answer, all questions together; more are served as if there was no flight."""

_HEIRS = 2


class Lead:
    """The duty to answer a question that others may wait for. As a context manager it cannot be left undone."""

    def __init__(self, flight: "_Flight | None") -> None:
        self._flight = flight

    def land(self, entry: Entry | None) -> None:
        """Hand the answer to who waits. None: there is none to hand on, and others go and ask. Only the first call counts."""
        flight, self._flight = self._flight, None
        if flight is not None:
            flight.land(entry)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.land(None)


class Flights:
    """The questions under way, by their exact digests: of one tenant each."""

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self._flights: dict[bytes, _Flight] = {}
        self._most_waiting = most_waiting
        self.waiting = 0

    def claim(self, exact: bytes) -> Lead | None:
        """The lead, without waiting: None when the question is under way already."""
        if exact in self._flights:
            return None
        flight = self._flights[exact] = _Flight(self._flights, exact)
        return Lead(flight)

    async def take(self, exact: bytes, client: Sink, within: float) -> Entry | Lead:
        """The answer another one got, or the lead. The first to come has the lead at once, without giving the loop away.

        Raises:
            TimeoutError: nobody had an answer ``within`` so many seconds.
            ClientGone: the client left meanwhile.
        """
        lead = self.claim(exact)
        if lead is not None:
            return lead
        if self.waiting >= self._most_waiting:
            return Lead(None)
        return await self._wait(self._flights[exact], client, within)

    async def _wait(self, flight: "_Flight", client: Sink, within: float) -> Entry | Lead:
        turn: asyncio.Future[Entry | Lead] = asyncio.get_running_loop().create_future()
        gone = asyncio.ensure_future(client.wait_gone())
        flight.waiting[turn] = None
        self.waiting += 1
        try:
            done, _ = await asyncio.wait((turn, gone), timeout=within, return_when=asyncio.FIRST_COMPLETED)
            if gone in done:
                raise ClientGone
            if turn not in done:
                raise TimeoutError
            return turn.result()
        except BaseException:
            flight.leave(turn)
            raise
        finally:
            self.waiting -= 1
            gone.cancel()


class _Flight:
    """One question under way. Each lead that brings nothing lets two of those who wait go and ask.

    One by one would make the last of a hundred wait a hundred times; all at once would be the herd this is to prevent.
    """

    def __init__(self, flights: "dict[bytes, _Flight]", exact: bytes) -> None:
        self._flights = flights
        self._exact = exact
        self._leads = 1
        self.waiting: dict[asyncio.Future[Entry | Lead], None] = {}

    def land(self, entry: Entry | None) -> None:
        self._leads -= 1
        if entry is not None:
            self._tell_all(entry)
        else:
            self._promote()
        if not self._leads:
            self._flights.pop(self._exact, None)

    def leave(self, turn: "asyncio.Future[Entry | Lead]") -> None:
        """It waits no more. If it had just been given the lead, that goes to the next."""
        self.waiting.pop(turn, None)
        if turn.done() and not turn.cancelled() and isinstance(result := turn.result(), Lead):
            result.land(None)

    def _tell_all(self, entry: Entry) -> None:
        waiting, self.waiting = self.waiting, {}
        for turn in waiting:
            turn.set_result(entry)

    def _promote(self) -> None:
        for _ in range(min(_HEIRS, len(self.waiting))):
            turn = next(iter(self.waiting))
            del self.waiting[turn]
            self._leads += 1
            turn.set_result(Lead(self))
