"""Alerts in the ledger: told once a day for each key, kept until every channel has them or has refused them for good."""

import json

import msgspec
from sqlalchemy import Connection, Engine, insert, select, update

from turnout.store.schema import alerts
from turnout.types.alert import Alert
from turnout.types.seconds import DAY

ONCE_IN = DAY
"""Seconds within which the same key is told once."""

_decode = msgspec.json.Decoder(Alert).decode


class Waiting(msgspec.Struct, frozen=True):
    """An alert that some channel still lacks. ``sent`` names those that are done with it, ``tries`` counts the rounds."""

    alert: Alert
    sent: frozenset[str]
    tries: int


class AlertStore:
    """A part of the ledger (:attr:`Ledger.alerts`). Raises sqlalchemy.exc.SQLAlchemyError from every method."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, alert: Alert) -> bool:
        """False: its key was told within the last day, or this very alert is there."""
        with self._engine.begin() as connection:
            return self.put(connection, alert)

    def put(self, connection: Connection, alert: Alert) -> bool:
        """The same within the caller's transaction: what happened and that it is told are written together."""
        known = select(alerts.c.id).where(
            ((alerts.c.key == alert.key) & (alerts.c.at > alert.at - ONCE_IN)) | (alerts.c.id == alert.id)
        )
        if connection.execute(known.limit(1)).first() is not None:
            return False
        content = msgspec.json.encode(alert)
        row = {"id": alert.id, "at": alert.at, "kind": alert.kind, "key": alert.key, "content": content}
        connection.execute(insert(alerts).values(**row, sent="[]", tries=0, due=alert.at))
        return True

    def due(self, now: float, limit: int = 50) -> tuple[Waiting, ...]:
        """The longest waiting first."""
        wanted = select(alerts).where(alerts.c.due.is_not(None), alerts.c.due <= now).order_by(alerts.c.due).limit(limit)
        with self._engine.connect() as connection:
            return tuple(
                Waiting(_decode(row.content), frozenset(json.loads(row.sent)), row.tries) for row in connection.execute(wanted)
            )

    def settle(self, alert_id: str, sent: frozenset[str], due: float | None) -> None:
        """How far it got; ``due`` is when the rest is tried again, None when nothing is left to do."""
        changes = {"sent": json.dumps(sorted(sent)), "due": due, "tries": alerts.c.tries + 1}
        with self._engine.begin() as connection:
            connection.execute(update(alerts).where(alerts.c.id == alert_id).values(changes))

    def list(self, limit: int = 100, since: float = 0.0) -> tuple[Alert, ...]:
        """Latest first."""
        wanted = select(alerts.c.content).where(alerts.c.at >= since).order_by(alerts.c.at.desc(), alerts.c.id).limit(limit)
        with self._engine.connect() as connection:
            return tuple(_decode(row.content) for row in connection.execute(wanted))
