"""The audit trail under ``/api/audit``, and the inventory of models it vouches for."""

from typing import Annotated, Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from turnout.audit.chain import Entry, read
from turnout.audit.checkpoint import Checkpoint, written
from turnout.clock import Clock
from turnout.control.audit_keeper import AuditKeeper, Verification
from turnout.control.guard import refusal
from turnout.control.openapi import JSON, described
from turnout.control.wire import as_json, read_query
from turnout.reports.inventory import as_csv, as_dict, inventory, month
from turnout.store.ledger import Ledger

_TRAIL = {"origin": str | None, "public_key": str, "head": dict[str, Any] | None, "entries": tuple[dict[str, Any], ...]}


class AuditQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``before`` is the seq to page back from."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 50
    before: int | None = None
    kind: str | None = None


class InventoryQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    month: Annotated[str, msgspec.Meta(pattern=r"^[12]\d{3}-(0[1-9]|1[0-2])$")]
    format: Literal["json", "csv"] = "json"


def audit_routes(ledger: Ledger, keeper: AuditKeeper, clock: Clock) -> list[Route]:
    api = _AuditApi(ledger, keeper, clock)
    return [
        Route("/api/audit", api.page),
        Route("/api/audit/checkpoint", api.checkpoint),
        Route("/api/audit/checkpoint", api.make_checkpoint, methods=["POST"]),
        Route("/api/audit/verify", api.verified),
        Route("/api/inventory", api.inventory),
    ]


class _AuditApi:
    """Handlers are plain functions: they run in threads."""

    def __init__(self, ledger: Ledger, keeper: AuditKeeper, clock: Clock) -> None:
        self._ledger = ledger
        self._keeper = keeper
        self._clock = clock

    @described("the audit trail, latest first", query=AuditQuery, answers=_TRAIL)
    def page(self, request: Request) -> Response:
        query = read_query(request, AuditQuery)
        store = self._keeper.store
        entries = store.page(query.limit, before=query.before, kind=query.kind)
        head = store.latest()
        return as_json(
            {
                "origin": store.origin(),
                "public_key": self._keeper.public_key(),
                "head": None if head is None else {"seq": head.seq, "hash": head.hash, "at": head.at},
                "entries": [_shown(entry) for entry in entries],
            }
        )

    @described("the latest signed checkpoint", answers=Checkpoint)
    def checkpoint(self, _: Request) -> Response:
        """The latest one, as a file to be kept elsewhere."""
        latest = self._keeper.latest_checkpoint()
        if latest is None:
            return refusal(404, "not_found", "no checkpoint was made yet; POST here makes one")
        return _as_file(latest)

    @described("makes a checkpoint", answers=Checkpoint)
    def make_checkpoint(self, _: Request) -> Response:
        return _as_file(self._keeper.checkpoint("api:admin"))

    @described("how the daily check of the trail ended", answers={"last": Verification | None})
    def verified(self, _: Request) -> Response:
        """What the daily chore found; null before its first time."""
        return as_json({"last": self._keeper.verified})

    @described("which model served what in a month", query=InventoryQuery, media=(JSON, "text/csv"))
    def inventory(self, request: Request) -> Response:
        query = read_query(request, InventoryQuery)
        found = inventory(self._ledger, *month(query.month), self._clock.now())
        if query.format == "csv":
            name = f'attachment; filename="inventory-{query.month}.csv"'
            return Response(as_csv(found), media_type="text/csv", headers={"content-disposition": name})
        return as_json(as_dict(found))


def _shown(entry: Entry) -> dict[str, object]:
    return {**msgspec.structs.asdict(entry), "payload": read(entry)}


def _as_file(checkpoint: Checkpoint) -> Response:
    name = f'attachment; filename="checkpoint-{checkpoint.seq}.json"'
    return Response(written(checkpoint), media_type="application/json", headers={"content-disposition": name})
