"""The decision log as lines of JSON, one a request: what was known, on which versions, what was chosen, what came of it. No content."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import select

from turnout.store.audit import AuditStore
from turnout.store.rows import DbRow, record_of
from turnout.store.schema import attempts, requests
from turnout.types.money import usd
from turnout.types.record import Attempt, Record

ERASED = ("traits.session", "traits.headers", "attempts.detail")
"""Left out: they may name a person, or quote what was asked."""
_AT_ONCE = 500

Decider = Callable[[str], int | None]
"""The version of the code that decided on a view, by the view's hash; None where its file is gone."""


def decision_log(store: AuditStore, since: float, until: float, origin: str, decider: Decider) -> Iterator[bytes]:
    """Of the requests that arrived from ``since`` to before ``until``, in order of arrival.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the ledger cannot be read.
    """
    known: dict[str, int | None] = {}
    for record, fingerprint in _records(store, since, until):
        if record.view not in known:
            known[record.view] = decider(record.view)
        yield msgspec.json.encode(_line(record, fingerprint, origin, known[record.view]))


def _records(store: AuditStore, since: float, until: float) -> Iterator[tuple[Record, bytes | None]]:
    wanted = select(requests).where(requests.c.at >= since, requests.c.at < until).order_by(requests.c.at, requests.c.id)
    with store.connect() as connection, store.connect() as beside:
        for rows in connection.execution_options(yield_per=_AT_ONCE).execute(wanted).partitions(_AT_ONCE):
            tried: dict[str, list[Any]] = {}
            ids = [row.id for row in rows]
            for row in beside.execute(select(attempts).where(attempts.c.request_id.in_(ids)).order_by(attempts.c.n)):
                tried.setdefault(row.request_id, []).append(row)
            yield from ((record_of(row, tried.get(row.id, ())), _fingerprint(row)) for row in rows)


def _fingerprint(row: DbRow) -> bytes | None:
    found: bytes | None = row.digest
    return found


def _line(record: Record, fingerprint: bytes | None, origin: str, decider: int | None) -> dict[str, object]:
    return {
        "decision_id": record.id,
        "timestamp": f"{datetime.fromtimestamp(record.at, UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        "labels": {"app": "turnout", "id": origin, "worker": record.worker},
        "versions": {"policy": record.policy, "view": record.view, "decider": decider},
        "traits": _traits(record),
        "route": record.route,
        "reason": record.reason,
        "chosen": record.model,
        "plan": record.plan,
        "seed": str(record.seed),
        "left_out": record.skipped,
        "attempts": [_attempt(each) for each in record.attempts],
        "outcome": {"result": record.outcome, "code": record.code, "status": record.status, "duration_ms": record.duration_ms},
        "cost_usd": None if record.cost is None else usd(record.cost),
        "drill": record.drill,
        "ticket": record.ticket,
        "copy_of": record.copy_of,
        "fingerprint": fingerprint.hex() if fingerprint is not None else None,
        "erased": ERASED,
    }


def _traits(record: Record) -> dict[str, object] | None:
    if record.traits is None:
        return None
    fields = msgspec.structs.asdict(record.traits)
    return {name: _named(value) for name, value in fields.items() if f"traits.{name}" not in ERASED}


def _attempt(attempt: Attempt) -> dict[str, object]:
    fields = msgspec.structs.asdict(attempt)
    shown = {name: _named(value) for name, value in fields.items() if name != "cost" and f"attempts.{name}" not in ERASED}
    return {**shown, "cost_usd": None if attempt.cost is None else usd(attempt.cost)}


def _named(value: object) -> object:
    return msgspec.structs.asdict(value) if isinstance(value, msgspec.Struct) else value
