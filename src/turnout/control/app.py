"""The control plane's HTTP face: a page, the JSON it is drawn from, and health."""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

import msgspec
from sqlalchemy.exc import DataError, SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from turnout.clock import Clock, SystemClock
from turnout.control.guard import Guard, People, refusal
from turnout.control.ingest import IngestReport
from turnout.control.openapi import described, openapi_route
from turnout.control.page_api import shell_routes
from turnout.control.ticket_api import ticket_routes
from turnout.control.tickets import Tickets
from turnout.control.wire import TooLarge, as_json, read_query
from turnout.store.ledger import Ledger, in_words
from turnout.store.queries import Filters
from turnout.types.money import usd

log = logging.getLogger(__name__)

_MONEY = frozenset({"cost", "baseline", "saved"})


class SummaryQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``window`` in seconds, 0 for everything."""

    window: Annotated[float, msgspec.Meta(ge=0, le=1e10)] = 3600.0


class ListQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 50
    route: str | None = None
    model: str | None = None
    task: str | None = None
    outcome: str | None = None
    before: float | None = None


def control_app(
    ledger: Ledger,
    token: str,
    hosts: Iterable[str],
    *,
    clock: Clock | None = None,
    ingested: Callable[[], IngestReport] = IngestReport,
    tickets: Tickets | None = None,
    more: Sequence[Route] = (),
    people: People = tuple,
) -> Starlette:
    """The ASGI app. ``hosts`` are names it may be called by besides loopback's; ``ingested`` is what ingest did since the start.

    Without ``tickets`` none are served. ``more`` are further routes: of pages, of drills, of health.
    ``people`` are those who may come in beside whoever has the token.
    """
    api = _Api(ledger, clock or SystemClock(), ingested)
    return Starlette(
        routes=[
            *shell_routes(),
            Route("/api/summary", api.summary),
            Route("/api/requests", api.requests),
            Route("/api/requests/{id}", api.request),
            *(ticket_routes(tickets) if tickets else ()),
            *more,
            openapi_route(),
            Route("/health/live", api.live),
            Route("/health/ready", api.ready),
        ],
        middleware=[Middleware(Guard, token=token, hosts=hosts, people=people)],
        exception_handlers={
            msgspec.DecodeError: _on_bad_call,
            UnicodeDecodeError: _on_bad_call,
            TooLarge: _on_large_call,
            OverflowError: _on_odd_value,  # SQLite's driver
            DataError: _on_odd_value,
            SQLAlchemyError: _on_store_away,
            OSError: _on_disk_away,
            404: _on_unknown_path,
            405: _on_wrong_method,
        },
    )


class _Api:
    """Handlers are plain functions: Starlette runs them in threads, so that a query never holds up the loop."""

    def __init__(self, ledger: Ledger, clock: Clock, ingested: Callable[[], IngestReport]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._ingested = ingested

    @described("totals, models, routes, latencies, and the state of the journal", query=SummaryQuery)
    def summary(self, request: Request) -> Response:
        query = read_query(request, SummaryQuery)
        now = self._clock.now()
        summary = self._ledger.summary(now - query.window if query.window else 0.0, now)
        shares = {name: [_dollars(share) for share in getattr(summary, name)] for name in ("models", "routes")}
        return as_json({"now": now, **_dollars(summary), **shares, "journal": self._ingested()})

    @described("the latest requests", query=ListQuery, answers={"requests": tuple[dict[str, Any], ...]})
    def requests(self, request: Request) -> Response:
        query = read_query(request, ListQuery)
        filters = Filters(query.route, query.model, query.task, query.outcome, query.before)
        return as_json({"requests": [_dollars(line) for line in self._ledger.recent(query.limit, filters)]})

    @described("one record with its attempts")
    def request(self, request: Request) -> Response:
        found = self._ledger.request(request.path_params["id"])
        if found is None:
            return refusal(404, "not_found", "no such request in the ledger; one of the last second may still be on its way")
        # Seeds have 63 bits and JavaScript's numbers 53: as text nobody rounds it.
        attempts = [_dollars(attempt) for attempt in found.attempts]
        return as_json({**_dollars(found), "seed": str(found.seed), "traits": _named(found.traits), "attempts": attempts})

    @described("that the process runs", answers={"status": str})
    async def live(self, _: Request) -> Response:
        return as_json({"status": "live"})

    @described("that the ledger answers", answers={"status": str})
    def ready(self, _: Request) -> Response:
        self._ledger.ping()
        return as_json({"status": "ready"})


def _named(value: object) -> object:
    """A value for JSON: structs by field names, however compactly they are journalled."""
    if not isinstance(value, msgspec.Struct):
        return value
    return {name: _named(item) for name, item in msgspec.structs.asdict(value).items()}


def _dollars(value: msgspec.Struct) -> dict[str, object]:
    """A value for JSON whose amounts of pico-dollars become dollars and say so in their name. Unknown stays null, never zero."""
    return dict(
        _in_dollars(name, item) if name in _MONEY else (name, item) for name, item in msgspec.structs.asdict(value).items()
    )


def _in_dollars(name: str, amount: int | None) -> tuple[str, float | None]:
    return f"{name}_usd", None if amount is None else usd(amount)


def _on_bad_call(_: Request, error: Exception) -> Response:
    return refusal(400, "invalid_request", str(error))


def _on_large_call(_: Request, error: Exception) -> Response:
    return refusal(413, "too_large", str(error))


def _on_odd_value(_: Request, error: Exception) -> Response:
    """A number that no column holds, a NUL that PostgreSQL has no place for: the caller's, and no sign of a ledger that is away."""
    return refusal(400, "invalid_request", f"no such value can be in the ledger: {in_words(error)}")


def _on_store_away(_: Request, error: Exception) -> Response:
    log.warning("the ledger does not answer: %s", in_words(error))
    return refusal(503, "overloaded", "the ledger does not answer; the control process' log says why")


def _on_disk_away(_: Request, error: Exception) -> Response:
    """What is kept in files; the store has its own word."""
    log.warning("a file cannot be used: %s", error)
    return refusal(503, "overloaded", "the disk refuses; the control process' log says why")


def _on_unknown_path(request: Request, _: Exception) -> Response:
    return refusal(404, "not_found", f"nothing is at {request.url.path}")


def _on_wrong_method(request: Request, error: Exception) -> Response:
    allowed = (error.headers or {}).get("Allow", "") if isinstance(error, HTTPException) else ""
    answer = refusal(405, "invalid_request", f"{request.url.path} takes {allowed}, not {request.method}")
    answer.headers["allow"] = allowed
    return answer
