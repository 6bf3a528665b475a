"""Who does a piece of work, where many could: one process at a time, until it lets go or is silent for too long."""

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from turnout.clock import Clock
from turnout.store.schema import leases


class Lease:
    """The right to do the work called ``name``, for ``seconds`` at a time. Raises sqlalchemy.exc.SQLAlchemyError from every method.

    Whoever holds it must be done with a step, or renew, before it ends: the next holder does not ask. Holders on several machines
    trust each other's clocks; ``seconds`` are to be many times what these differ by.
    """

    def __init__(self, engine: Engine, name: str, holder: str, clock: Clock, seconds: float) -> None:
        self._engine = engine
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
        self._name = name
        self._holder = holder
        self._clock = clock
        self._seconds = seconds

    def take(self) -> bool:
        """Have it, or have it for longer; False: somebody else has it."""
        now = self._clock.now()
        wanted = self._insert(leases).values(name=self._name, holder=self._holder, until=now + self._seconds)
        is_free = (leases.c.holder == self._holder) | (leases.c.until <= now)
        changes = {"holder": wanted.excluded.holder, "until": wanted.excluded.until}
        with self._engine.begin() as connection:
            statement = wanted.on_conflict_do_update(index_elements=["name"], set_=changes, where=is_free)
            return connection.execute(statement.returning(leases.c.holder)).first() is not None

    def renew(self) -> bool:
        """Have it for longer; False: it has ended, and what was begun under it is to be dropped."""
        now = self._clock.now()
        mine = (leases.c.name == self._name, leases.c.holder == self._holder, leases.c.until > now)
        with self._engine.begin() as connection:
            return connection.execute(update(leases).where(*mine).values(until=now + self._seconds)).rowcount == 1

    def release(self) -> None:
        """Let go of it, if it is held."""
        with self._engine.begin() as connection:
            connection.execute(delete(leases).where(leases.c.name == self._name, leases.c.holder == self._holder))

    def holder(self) -> str | None:
        """Who has it now."""
        with self._engine.connect() as connection:
            wanted = select(leases.c.holder).where(leases.c.name == self._name, leases.c.until > self._clock.now())
            found: str | None = connection.execute(wanted).scalar()
        return found
