"""The world's catalogs under ``/api/catalog``, measured quality under ``/api/matrix``, benchmarks under ``/api/benchmarks``, and alerts."""

from collections.abc import Callable
from typing import Annotated, Protocol

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from turnout.clock import Clock
from turnout.control.guard import refusal, speaker
from turnout.control.openapi import described
from turnout.control.release_api import Word
from turnout.control.wire import as_json, read_call, read_query
from turnout.errors import Unusable
from turnout.store.ledger import Ledger
from turnout.types.alert import Alert
from turnout.types.matrix import Cell
from turnout.types.release import CatalogEvent
from turnout.types.suite import Run
from turnout.watch.keep import Watch
from turnout.watch.sight import Refreshed


class Watching(Protocol):
    """Who looks at the catalogs."""

    read_again: Callable[[], None]

    def watch(self, actor: str | None = None) -> Refreshed | None: ...

    def watcher(self) -> Watch: ...


class EventsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``window`` in seconds."""

    window: Annotated[float, msgspec.Meta(gt=0, le=1e10)] = 90 * 86_400.0
    model: str | None = None


class RecentQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100


def catalog_routes(watching: Watching, ledger: Ledger, clock: Clock) -> list[Route]:
    api = _CatalogApi(watching, ledger, clock)
    return [
        Route("/api/catalog/events", api.events),
        Route("/api/catalog/refresh", api.refresh, methods=["POST"]),
        Route("/api/catalog/events/{id}/accept", api.accept, methods=["POST"]),
        Route("/api/catalog/events/{id}/dismiss", api.dismiss, methods=["POST"]),
        Route("/api/matrix", api.matrix),
        Route("/api/benchmarks", api.benchmarks),
        Route("/api/alerts", api.alerts),
    ]


class _CatalogApi:
    """What fetches or writes runs in a thread."""

    def __init__(self, watching: Watching, ledger: Ledger, clock: Clock) -> None:
        self._clock = clock
        self._watching = watching
        self._ledger = ledger

    @described(
        "what changed in the world's catalogs, latest first", query=EventsQuery, answers={"events": tuple[CatalogEvent, ...]}
    )
    def events(self, request: Request) -> Response:
        query = read_query(request, EventsQuery)
        since = self._clock.now() - query.window
        return as_json({"events": self._ledger.catalog_events.since(since, model=query.model)})

    @described("looks at all sources now", body=Word, answers=Refreshed)
    async def refresh(self, request: Request) -> Response:
        return await _said(request, await read_call(request, Word), self._refresh)

    @described("takes an event that waits for a person", body=Word, answers={"events": tuple[CatalogEvent, ...]})
    async def accept(self, request: Request) -> Response:
        def accept(actor: str, note: str) -> Response:
            found = self._watching.watcher().accept([request.path_params["id"]], actor, note)
            self._watching.read_again()
            return _settled(request, found)

        return await _said(request, await read_call(request, Word), accept)

    @described("says no to an event that waits for a person", body=Word, answers={"events": tuple[CatalogEvent, ...]})
    async def dismiss(self, request: Request) -> Response:
        def dismiss(actor: str, note: str) -> Response:
            return _settled(request, self._watching.watcher().dismiss([request.path_params["id"]], actor, note))

        return await _said(request, await read_call(request, Word), dismiss)

    @described("measured quality by model, task and band", answers={"cells": tuple[Cell, ...]})
    def matrix(self, _: Request) -> Response:
        return as_json({"cells": self._ledger.cells.all()})

    @described("benchmarks, latest first", query=RecentQuery, answers={"benchmarks": tuple[Run, ...]})
    def benchmarks(self, request: Request) -> Response:
        return as_json({"benchmarks": self._ledger.bench.list(read_query(request, RecentQuery).limit)})

    @described("what people were told, latest first", query=RecentQuery, answers={"alerts": tuple[Alert, ...]})
    def alerts(self, request: Request) -> Response:
        return as_json({"alerts": self._ledger.alerts.list(read_query(request, RecentQuery).limit)})

    def _refresh(self, actor: str, _: str) -> Response:
        found = self._watching.watch(actor)
        if found is None:
            return refusal(409, "not_now", "the policy names no sources: release.sources")
        return as_json(found)


async def _said(request: Request, word: Word, do: Callable[[str, str], Response]) -> Response:
    try:
        return await run_in_threadpool(do, speaker(request, word.by), word.note)
    except Unusable as why:
        return refusal(409, "not_now", str(why))


def _settled(request: Request, found: tuple[CatalogEvent, ...]) -> Response:
    if not found:
        return refusal(404, "not_found", f"no event {request.path_params['id']} waits for anybody's word")
    return as_json({"events": found})
