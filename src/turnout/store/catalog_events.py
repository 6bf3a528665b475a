"""What differed between two looks at the world's catalogs: a row for each event, of which only the state ever changes."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.dialects import postgresql, sqlite

from turnout.store.schema import catalog_events
from turnout.types.release import CatalogEvent, EventState

_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(CatalogEvent).decode
_COLUMNS = (catalog_events.c.content, catalog_events.c.state)


class CatalogEventStore:
    """A part of the ledger (:attr:`Ledger.catalog_events`). Raises sqlalchemy.exc.SQLAlchemyError from every method."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    def put(self, connection: Connection, events: Iterable[CatalogEvent]) -> frozenset[str]:
        """Note them within the caller's transaction; the ids of those that are news.

        A known one stays as it is, but for one that was over: the sources say it again.
        """
        fresh = set()
        for event in events:
            row = {
                "id": event.id, "at": event.at, "kind": event.kind, "model": event.model, "state": event.state, "content": _encode(event),
            }  # fmt: skip
            added = self._insert(catalog_events).values(row)
            again = {name: added.excluded[name] for name in ("at", "state", "content")}
            added = added.on_conflict_do_update(index_elements=["id"], set_=again, where=catalog_events.c.state == "dismissed")
            if connection.execute(added.returning(catalog_events.c.id)).first() is not None:
                fresh.add(event.id)
        return frozenset(fresh)

    def settle(
        self,
        connection: Connection,
        ids: Iterable[str],
        state: EventState,
        at: float,
        detail: str = "",
        *,
        confirmed: bool = False,
    ) -> int:
        """Say within the caller's transaction what became of events that waited; how many did. Those that did not wait stay as they are.

        It is news from then on (``at``, unix seconds), however long ago it was noticed.
        """
        waiting = catalog_events.c.state.in_(("noted", "quarantined"))
        count = 0
        for event_id in ids:
            row = connection.execute(select(*_COLUMNS).where(catalog_events.c.id == event_id, waiting)).first()
            if row is not None:
                event = _event(row)
                said = "; ".join(part for part in (event.detail, detail) if part)
                event = msgspec.structs.replace(
                    event, state=state, detail=said, confirmed=event.confirmed or confirmed, settled=at
                )
                changed = update(catalog_events).where(catalog_events.c.id == event_id, waiting)
                count += connection.execute(changed.values(at=at, state=state, content=_encode(event))).rowcount
        return count

    def get(self, event_id: str) -> CatalogEvent | None:
        with self._engine.connect() as connection:
            row = connection.execute(select(*_COLUMNS).where(catalog_events.c.id == event_id)).first()
        return None if row is None else _event(row)

    def since(
        self, at: float, *, model: str | None = None, state: EventState | None = None, limit: int = 1000
    ) -> tuple[CatalogEvent, ...]:
        """Those that were noticed or settled from ``at`` (unix seconds) on, latest first."""
        wanted = select(*_COLUMNS).where(catalog_events.c.at >= at)
        if model is not None:
            wanted = wanted.where(catalog_events.c.model == model)
        if state is not None:
            wanted = wanted.where(catalog_events.c.state == state)
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(catalog_events.c.at.desc(), catalog_events.c.id).limit(limit))
            return tuple(_event(row) for row in rows)

    def ids(self, at: float, state: EventState) -> tuple[str, ...]:
        """All that came into a state from ``at`` (unix seconds) on, in that order."""
        wanted = select(catalog_events.c.id).where(catalog_events.c.at >= at, catalog_events.c.state == state)
        with self._engine.connect() as connection:
            return tuple(connection.execute(wanted.order_by(catalog_events.c.at, catalog_events.c.id)).scalars())


def _event(row: Sequence[Any]) -> CatalogEvent:
    return msgspec.structs.replace(_decode(row[0]), state=row[1])
