"""The policy's history in the ledger: a row for each version, written together with its place in the audit chain."""

import msgspec
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.dialects import postgresql, sqlite

from turnout.store.schema import policies


class PolicyVersion(msgspec.Struct, frozen=True):
    """A policy that was put in force ``at`` (unix seconds) by ``actor``. ``base`` is the hash of its file (turnout.view).

    ``restores`` is the earlier version that this one brought back, where it did.
    """

    version: int
    at: float
    base: str
    actor: str
    note: str
    restores: int | None = None


_COLUMNS = [policies.c[name] for name in PolicyVersion.__struct_fields__]


class PolicyStore:
    """A part of the ledger (:attr:`Ledger.policies`). Raises sqlalchemy.exc.SQLAlchemyError from every method."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    def put(self, connection: Connection, version: PolicyVersion) -> bool:
        """Note it within the caller's transaction; False when this number is known already, and stays as it is."""
        one = self._insert(policies).values(msgspec.structs.asdict(version)).on_conflict_do_nothing()
        return connection.execute(one.returning(policies.c.version)).first() is not None

    def latest(self) -> int:
        """The highest number; 0 before the first."""
        with self._engine.connect() as connection:
            return connection.execute(select(func.max(policies.c.version))).scalar() or 0

    def list(self, limit: int = 100) -> tuple[PolicyVersion, ...]:
        """Latest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(*_COLUMNS).order_by(policies.c.version.desc()).limit(limit))
            return tuple(PolicyVersion(*row) for row in rows)

    def get(self, version: int) -> PolicyVersion | None:
        with self._engine.connect() as connection:
            row = connection.execute(select(*_COLUMNS).where(policies.c.version == version)).first()
        return None if row is None else PolicyVersion(*row)

    def before(self, version: int) -> PolicyVersion | None:
        """The one that was in force before it."""
        wanted = select(*_COLUMNS).where(policies.c.version < version).order_by(policies.c.version.desc()).limit(1)
        with self._engine.connect() as connection:
            row = connection.execute(wanted).first()
        return None if row is None else PolicyVersion(*row)
