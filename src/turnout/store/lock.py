"""What releases decided, as one row of the ledger that is changed by compare-and-set (types.lock)."""

import msgspec
from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.dialects import postgresql, sqlite

from turnout.store.schema import lock as table
from turnout.types.lock import Lock

_ROW = 1
_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(Lock).decode


class LockStore:
    """A part of the ledger (:attr:`Ledger.lock`). Raises sqlalchemy.exc.SQLAlchemyError from every method."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    def read(self, connection: Connection | None = None) -> Lock:
        """The latest, within the caller's transaction if there is one; revision 0 before the first."""
        if connection is None:
            with self._engine.connect() as own:
                return self.read(own)
        found = connection.execute(select(table.c.content).where(table.c.n == _ROW)).scalar()
        return Lock() if found is None else _decode(found)

    def revision(self) -> int:
        """The latest one's alone: cheap enough for every second."""
        with self._engine.connect() as connection:
            return connection.execute(select(table.c.revision).where(table.c.n == _ROW)).scalar() or 0

    def put(self, connection: Connection, lock: Lock, actor: str, now: float) -> bool:
        """Replace the revision before this one, within the caller's transaction; False: that is no longer the latest, and it stays."""
        row = {"revision": lock.revision, "at": now, "actor": actor, "content": _encode(lock)}
        if lock.revision == 1:
            one = self._insert(table).values(n=_ROW, **row).on_conflict_do_nothing()
            return connection.execute(one.returning(table.c.n)).first() is not None
        wanted = update(table).where(table.c.n == _ROW, table.c.revision == lock.revision - 1)
        return connection.execute(wanted.values(row)).rowcount == 1
