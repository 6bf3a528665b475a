"""Answers that were given before: to whoever asks the same again, to those who ask it meanwhile, and where nothing else is left."""

from functools import partial
from typing import Literal

from msgspec.structs import replace

from turnout.cache.cache import Cache
from turnout.cache.entry import Hit, Key
from turnout.cache.flights import Lead
from turnout.cache.keys import fingerprint
from turnout.cache.replay import replay, serving
from turnout.cache.tee import TeeSink
from turnout.errors import ClientGone, Code, ProviderFault, TurnoutError
from turnout.execute.job import Execution
from turnout.ports import Sink
from turnout.serve.book import Book
from turnout.serve.copies import NoClient, copied, run_behind
from turnout.serve.hand import hand, may_be_told
from turnout.serve.plan import execute
from turnout.types.caching import Caching
from turnout.types.money import PicoDollars
from turnout.types.policy import CacheEnd, Route

KEPT_FOR_ENDS = Caching(ttl=0.0, keep=86_400.0)
"""A route without a cache of its own whose chain ends in one: what it answers is kept a day for that, and given for nothing else."""


class Given:
    """What one request has to do with the cache. ``key`` None: its answer must not be given again."""

    def __init__(self, book: Book, route: Route) -> None:
        self._book = book
        self._cache: Cache = book.gateway.cache
        self._route = route
        self.caching = route.cache or KEPT_FOR_ENDS
        self.key: Key | None = None
        ends = {end.kind for end in route.ends if isinstance(end, CacheEnd)}
        if route.cache is None and not ends:
            return  # nobody asked for anything to be kept
        similar = self.caching.match == "similar" or "similar" in ends
        request = book.request
        # With the policy's version in it, no answer outlives the rules it was made by.
        place = f"{route.name}@{book.snapshot.view.version}"
        self.key = fingerprint(request.ask, place, request.tenant, hints=request.hints, similar=similar)

    async def answer(self, client: Sink) -> None:
        """From what is kept, or made by a model and kept. The book says how it went."""
        book, key = self._book, self.key
        if key is None:
            await execute(book, client)
            return
        if self._route.cache is None:
            await self._make(key, client)
            return
        hit = await self._cache.lookup(key, self.caching, book.gateway.clock.now())
        if hit is not None and await self.give(hit, client):
            if hit.age == "stale":
                self._renew(key)
            return
        if book.drill is not None:
            await execute(book, client)  # nobody else is to get what was spoilt on purpose
            return
        try:
            turn = await self._cache.take(key, self.caching, client, within=self._left(), now=book.gateway.clock.now())
        except ClientGone:
            return  # the book has it: cancelled, without a call
        except TimeoutError:
            late = TurnoutError(Code.DEADLINE_EXCEEDED, "the same question was being answered, and took too long", retry=False)
            failed = Execution("failed", (), PicoDollars(0), error=late)
            if await may_be_told(book, failed):
                book.execution = failed
            return
        if isinstance(turn, Hit):
            if not await self.give(turn, client):
                await execute(book, client)
            return
        with turn:
            await self._make(key, client, turn)

    async def give(self, hit: Hit, client: Sink) -> bool:
        """The client gets this answer, in the form it wants. False: it was kept by a version that wrote it otherwise."""
        book, entry = self._book, hit.entry
        given = Execution(
            "ok", book.execution.attempts, book.execution.cost, entry.model, "cache", entry.usage, skipped=book.execution.skipped,
            saved=entry.cost,
        )  # fmt: skip
        assert self.key is not None, "what was found was sought"
        try:
            body = await replay(entry, self.key, book.request.ask, book.request.front)
        except ProviderFault:
            return False
        await hand(book, given, replace(serving(hit), attempts=len(given.attempts), cost=given.cost), body, client)
        return True

    async def last(self, kind: Literal["stale", "similar"]) -> Hit | None:
        """What is kept for the end of a chain."""
        if self.key is None:
            return None
        return await self._cache.last(self.key, self.caching, kind, self._book.gateway.clock.now())

    async def _make(self, key: Key, client: Sink, lead: Lead | None = None) -> None:
        """Have it answered, and keep the answer before others are told of it."""
        book, now = self._book, self._book.gateway.clock.now
        tee = TeeSink(client, self._cache.max_entry, partial(lead.land, None) if lead is not None else None)
        await execute(book, tee)
        done = book.execution
        if done.outcome != "ok" or book.drill is not None:
            return
        entry = await self._cache.entry(
            key, self.caching, tee, book.request.front, usage=done.usage, cost=done.cost, now=now()
        )  # fmt: skip
        if entry is not None:
            await self._cache.keep(entry, now())
        if lead is not None:
            lead.land(entry)

    def _left(self) -> float:
        """Seconds to the request's deadline."""
        book = self._book
        assert book.decided is not None, "it was decided before"
        return max(book.request.arrived + book.decided.plan.deadline - book.gateway.clock.steady(), 0.0)

    def _renew(self, key: Key) -> None:
        """A stale answer was given: make it anew, once, while nobody waits."""
        lead = self._cache.flights.claim(key.exact)
        if lead is not None and not run_behind(self._book, self._renewal(key, lead)):
            lead.land(None)

    async def _renewal(self, key: Key, lead: Lead) -> None:
        book = copied(self._book)
        with lead:
            try:
                await Given(book, self._route)._make(key, NoClient(), lead)
            finally:
                book.close()
