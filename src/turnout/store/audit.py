"""The audit chain in the ledger: entries are added at its end, read in pages, and nothing else."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Engine, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from turnout.audit.chain import Entry, append, origin_of
from turnout.audit.kinds import CHECKPOINT, ORIGIN
from turnout.store.schema import audit

PAGE = 1000
TRIES = 50
"""Attempts to get the next place: others may be quicker, but each of them only once per entry of theirs."""

_Done = TypeVar("_Done")
_COLUMNS = [audit.c[name] for name in Entry.__struct_fields__]


class AuditStore:
    """A part of the ledger (:attr:`Ledger.audit`). Raises sqlalchemy.exc.SQLAlchemyError from every method."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def is_shared(self) -> bool:
        """Whether other Turnouts may write to this chain too."""
        return self._engine.dialect.name != "sqlite"

    def add(self, kind: str, actor: str, payload: Mapping[str, object], at: float) -> Entry:
        """Add an entry at the end, in a transaction of its own."""
        return self.within(lambda connection: self.append(connection, kind, actor, payload, at))

    def within(self, work: Callable[[Connection], _Done]) -> _Done:
        """Do it in one transaction, and all of it again when somebody else took the place at the chain's end meanwhile."""
        for left in reversed(range(TRIES)):
            try:
                with self._engine.begin() as connection:
                    return work(connection)
            except IntegrityError:
                if not left:
                    raise
        raise AssertionError("the last try returns or raises")

    def append(self, connection: Connection, kind: str, actor: str, payload: Mapping[str, object], at: float) -> Entry:
        """Add an entry within the caller's transaction; the first one of all is preceded by the chain's origin.

        Raises:
            IntegrityError: somebody else was quicker; the whole transaction is to be done again (:meth:`within`).
        """
        last = _last(connection) or _begin(connection, at)
        return _put(connection, append(last, _milli(at), kind, actor, payload))

    def add_upon(self, kind: str, actor: str, payload: Callable[[str | None, Entry], Mapping[str, object]], at: float) -> Entry:
        """Add an entry that speaks of the one before it; ``payload`` is made from the chain's origin and that entry."""

        def put(connection: Connection) -> Entry:
            last = _last(connection) or _begin(connection, at)
            return _put(connection, append(last, _milli(at), kind, actor, payload(_origin(connection), last)))

        return self.within(put)

    def origin(self) -> str | None:
        """The random id of this store, which its chain begins with; None before there is one."""
        with self._engine.connect() as connection:
            return _origin(connection)

    def first(self) -> Entry | None:
        with self._engine.connect() as connection:
            return _first(connection)

    def latest(self) -> Entry | None:
        """The chain's head."""
        with self._engine.connect() as connection:
            return _last(connection)

    def get(self, seq: int) -> Entry | None:
        with self._engine.connect() as connection:
            return _entry(connection.execute(select(*_COLUMNS).where(audit.c.seq == seq)).first())

    def count(self) -> int:
        with self._engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(audit)).scalar_one()

    def connect(self) -> Connection:
        """For those that read what entries speak of."""
        return self._engine.connect()

    @contextmanager
    def lenient(self) -> Iterator[Connection]:
        """One that also reads text which is none any more, as a byte of SQLite's file may have been changed."""
        with self._engine.connect() as connection:
            raw: Any = connection.connection.dbapi_connection
            if not hasattr(raw, "text_factory"):
                yield connection
                return
            raw.text_factory = partial(str, encoding="utf-8", errors="replace")
            try:
                yield connection
            finally:
                raw.text_factory = str

    def page(
        self, limit: int = PAGE, *, before: int | None = None, kind: str | None = None, payload: str | None = None
    ) -> tuple[Entry, ...]:
        """Latest first; ``before`` is the seq to page back from, ``payload`` a pattern of SQL's ``like``."""
        wanted = select(*_COLUMNS).order_by(audit.c.seq.desc()).limit(limit)
        if before is not None:
            wanted = wanted.where(audit.c.seq < before)
        if kind is not None:
            wanted = wanted.where(audit.c.kind == kind)
        if payload is not None:
            wanted = wanted.where(audit.c.payload.like(payload))
        with self._engine.connect() as connection:
            return tuple(Entry(*row) for row in connection.execute(wanted))

    def entries(self, *, kind: str | None = None, after: int = -1, last: int | None = None) -> Iterator[Entry]:
        """All of them in order, a page at a time; from behind the entry ``after`` up to the entry ``last``."""
        wanted = select(*_COLUMNS).order_by(audit.c.seq).limit(PAGE)
        if last is not None:
            wanted = wanted.where(audit.c.seq <= last)
        if kind is not None:
            wanted = wanted.where(audit.c.kind == kind)
        while True:
            with self.lenient() as connection:
                found = [Entry(*row) for row in connection.execute(wanted.where(audit.c.seq > after))]
            yield from found
            if len(found) < PAGE:
                return
            after = found[-1].seq

    def span(self, since: float, until: float) -> tuple[Entry | None, Entry | None]:
        """The first and the last entry from ``since`` to before ``until`` (unix seconds)."""
        wanted = select(*_COLUMNS).where(audit.c.at >= since, audit.c.at < until).limit(1)
        with self._engine.connect() as connection:
            first = _entry(connection.execute(wanted.order_by(audit.c.seq)).first())
            last = _entry(connection.execute(wanted.order_by(audit.c.seq.desc())).first())
        return first, last

    def prune(self, before: float) -> int:
        """Delete the entries before the latest checkpoint that was made before then (unix seconds); how many.

        The chain begins with that checkpoint's entry, whose signature speaks for what is gone.
        """
        with self._engine.begin() as connection:
            kept = connection.execute(
                select(func.max(audit.c.seq)).where(audit.c.kind == CHECKPOINT, audit.c.at < before)
            ).scalar()
            return connection.execute(delete(audit).where(audit.c.seq < kept)).rowcount if kept is not None else 0


class LedgerTrail:
    """The chain as those see it who have something to say (:class:`turnout.audit.chain.Trail`)."""

    def __init__(self, store: AuditStore, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now

    def add(self, kind: str, actor: str, payload: Mapping[str, object]) -> Entry:
        return self._store.add(kind, actor, payload, self._now())


def _begin(connection: Connection, at: float) -> Entry:
    return _put(connection, append(None, _milli(at), ORIGIN, "turnout", {"origin": secrets.token_hex(16)}))


def _origin(connection: Connection) -> str | None:
    first = _first(connection)
    return None if first is None else origin_of(first)


def _first(connection: Connection) -> Entry | None:
    return _entry(connection.execute(select(*_COLUMNS).order_by(audit.c.seq).limit(1)).first())


def _last(connection: Connection) -> Entry | None:
    return _entry(connection.execute(select(*_COLUMNS).order_by(audit.c.seq.desc()).limit(1)).first())


def _put(connection: Connection, entry: Entry) -> Entry:
    connection.execute(insert(audit), msgspec.structs.asdict(entry))
    return entry


def _entry(row: object) -> Entry | None:
    return None if row is None else Entry(*row)  # type: ignore[misc]  # a row is a tuple of the columns asked for


def _milli(at: float) -> float:
    return round(at, 3)
