"""The ledger: takes records in once each, answers questions about them. One writer (the control process), many readers."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Table, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, IntegrityError, OperationalError, SQLAlchemyError

from turnout.clock import Clock
from turnout.errors import Unusable
from turnout.store import feedback, queries, summary
from turnout.store.alerts import AlertStore
from turnout.store.audit import AuditStore
from turnout.store.bench import BenchStore
from turnout.store.catalog_events import CatalogEventStore
from turnout.store.cells import CellStore
from turnout.store.contents import Contents
from turnout.store.digests import digest
from turnout.store.engine import make_engine, said
from turnout.store.leases import Lease
from turnout.store.lock import LockStore
from turnout.store.policies import PolicyStore
from turnout.store.quality import QualityStore
from turnout.store.queries import Filters, Found, ObservedLatency, RequestLine
from turnout.store.releases import ReleaseStore
from turnout.store.retention import Deleted, clean
from turnout.store.rollups.cells import Period, Slice
from turnout.store.rollups.keep import RollUp, Rollups
from turnout.store.rollups.marks import mark, minutes
from turnout.store.rows import Values, attempt_row, record_of, request_row, unit_of
from turnout.store.schema import attempts, contents, journal_offsets, refused, requests, rollups_due, views
from turnout.store.summary import Summary
from turnout.store.tickets import TicketStore
from turnout.store.trials import TrialStore
from turnout.store.upgrade import prepare
from turnout.types.content import Content
from turnout.types.entry import Entry
from turnout.types.feedback import Feedback
from turnout.types.record import Record

# What is wrong with a record, as against what is wrong with the database.
_BAD_RECORD = (OverflowError, UnicodeError, DataError, IntegrityError)
_TOO_LONG_FOR_AN_INDEX = "54000"
"""PostgreSQL's ``program_limit_exceeded``, which its driver takes for an operational error."""


class PublishedView(msgspec.Struct, frozen=True):
    """A view that was in force from ``at`` (unix seconds) on, with the number of its policy version."""

    hash: str
    policy: int
    at: float
    note: str


def in_words(error: Exception) -> str:
    """What the database or the disk said, in one short line: SQLAlchemy's own text is a page of SQL."""
    said = str(getattr(error, "orig", None) or error) or type(error).__name__
    return said.splitlines()[0][:300]


class Ledger:
    """Opens or makes the store at a path or SQLAlchemy URL. Raises sqlalchemy.exc.SQLAlchemyError from every method."""

    def __init__(self, where: Path | str) -> None:
        """Raises Unusable when what is there cannot be opened, or was made by another version."""
        self._engine = make_engine(where)
        try:
            prepare(self._engine)
        except (SQLAlchemyError, Unusable) as error:
            self._engine.dispose()
            if isinstance(error, Unusable):
                raise
            raise Unusable(f"the ledger {self.name} cannot be opened: {in_words(error)}") from error
        self._statements = _Statements(self._engine)
        self.tickets = TicketStore(self._engine)
        self.alerts = AlertStore(self._engine)
        self._rollups = Rollups(self._engine)
        self.contents = Contents(self._engine)
        self.feedback = feedback.FeedbackStore(self._engine)
        self.quality = QualityStore(self._engine)
        self.audit = AuditStore(self._engine)
        self.policies = PolicyStore(self._engine)
        self.catalog_events = CatalogEventStore(self._engine)
        self.releases = ReleaseStore(self._engine)
        self.trials = TrialStore(self._engine)
        self.lock = LockStore(self._engine)
        self.bench = BenchStore(self._engine)
        self.cells = CellStore(self._engine)

    @property
    def name(self) -> str:
        """What it is called in a message; holds no password."""
        return said(self._engine.url)

    @property
    def is_shared(self) -> bool:
        """Whether other machines' processes may work with it too."""
        return self._engine.dialect.name != "sqlite"

    def close(self) -> None:
        self._engine.dispose()

    def ping(self) -> None:
        """Raises when the store does not answer."""
        with self._engine.connect() as connection:
            connection.execute(select(1))

    def lease(self, name: str, holder: str, clock: Clock, seconds: float) -> Lease:
        """The right to do a piece of work, which one of many processes has."""
        return Lease(self._engine, name, holder, clock, seconds)

    def oldest(self) -> float | None:
        """The first arrival that is kept, unix seconds."""
        with self._engine.connect() as connection:
            return connection.execute(select(func.min(requests.c.at))).scalar()

    def size(self) -> int:
        """Bytes that it takes, its log apart."""
        sqlite_size = "select page_count * page_size from pragma_page_count(), pragma_page_size()"
        with self._engine.connect() as connection:
            query = "select pg_database_size(current_database())" if self.is_shared else sqlite_size
            return int(connection.exec_driver_sql(query).scalar_one())

    def due(self) -> int:
        """How many minutes are to be summed again."""
        with self._engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(rollups_due)).scalar_one()

    def clean(self, now: float, keep: float, content_keep: float | None = None) -> Iterator[Deleted]:
        """Delete what is older than ``keep`` seconds; a step of the iteration is one short transaction (store.retention)."""
        return clean(self._engine, now, keep, content_keep)

    def ingest(self, entries: Sequence[Entry], segment: str, offset: int) -> int:
        """Store entries and, in the same transaction, that ``segment`` has been read up to ``offset`` bytes.

        A request has one row, from the record with its highest edition, in whatever order and how often they come. Later
        editions have at least the attempts of earlier ones.
        Returns how many entries the store could not take; they are kept in the table ``refused``.
        """
        try:
            with self._engine.begin() as connection:
                self._store(connection, entries)
                self._advance(connection, segment, offset)
        except (*_BAD_RECORD, OperationalError) as error:
            if not _is_the_record(error):
                raise
            return self._ingest_one_by_one(entries, segment, offset)
        return 0

    def offset(self, segment: str) -> int:
        """How many bytes of this segment are in the ledger."""
        with self._engine.connect() as connection:
            found = connection.execute(select(journal_offsets.c.offset).where(journal_offsets.c.segment == segment)).scalar()
        return found or 0

    def forget(self, segment: str) -> None:
        """The segment is gone: its offset is of no more use."""
        with self._engine.begin() as connection:
            connection.execute(delete(journal_offsets).where(journal_offsets.c.segment == segment))

    def note_view(self, view: PublishedView) -> None:
        """Remember a published view; one that is known already stays as it is."""
        with self._engine.begin() as connection:
            connection.exec_driver_sql(self._statements.view, msgspec.structs.astuple(view))

    def views(self, limit: int = 100) -> tuple[PublishedView, ...]:
        """Latest first."""
        wanted = select(*(views.c[name] for name in PublishedView.__struct_fields__))
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(views.c.at.desc(), views.c.policy.desc()).limit(limit))
            return tuple(PublishedView(*row) for row in rows)

    def latest_policy(self) -> int:
        """The highest policy version that was ever published; 0 before the first."""
        with self._engine.connect() as connection:
            return connection.execute(select(func.max(views.c.policy))).scalar() or 0

    def views_used(self) -> frozenset[str]:
        """Hashes of all views that recorded requests were decided on. Reads the whole table: not for a request to wait for."""
        with self._engine.connect() as connection:
            return frozenset(connection.execute(select(requests.c.view).distinct()).scalars())

    def request(self, request_id: str) -> Record | None:
        """The record as it was journalled."""
        with self._engine.connect() as connection:
            found = connection.execute(select(requests).where(requests.c.id == request_id)).first()
            if found is None:
                return None
            tried = connection.execute(select(attempts).where(attempts.c.request_id == request_id).order_by(attempts.c.n))
            return record_of(found, tried.all())

    def between(self, since: float, until: float, *, drill: str | None = None) -> tuple[Record, ...]:
        """The records of the requests that arrived from ``since`` to before ``until`` (unix seconds), in order of arrival.

        Those of one drill only, if it is named.
        """
        here = [requests.c.at >= since, requests.c.at < until, *([requests.c.drill == drill] if drill is not None else [])]
        tried: dict[str, list[Any]] = {}
        with self._engine.connect() as connection:
            found = connection.execute(select(requests).where(*here).order_by(requests.c.at)).all()
            wanted = select(attempts).join(requests, attempts.c.request_id == requests.c.id).where(*here).order_by(attempts.c.n)
            for row in connection.execute(wanted):
                tried.setdefault(row.request_id, []).append(row)
        return tuple(record_of(row, tried.get(row.id, ())) for row in found)

    def recent(self, limit: int, filters: Filters = Filters()) -> tuple[RequestLine, ...]:  # noqa: B008  (frozen)
        """Newest first; what a search finds at its first go."""
        return self.search(limit, filters).lines

    def search(self, limit: int, filters: Filters = Filters()) -> Found:  # noqa: B008  (frozen)
        """Newest first, and where to go on. Raises ValueError on a filter that is none."""
        with self._engine.connect() as connection:
            return queries.search(connection, filters, limit)

    def worst(self, how: queries.Worst, since: float, until: float, limit: int = 10) -> tuple[RequestLine, ...]:
        """Examples of what goes wrong in a window: the slowest, the dearest, the latest that failed or that somebody rejected."""
        with self._engine.connect() as connection:
            return queries.worst(connection, how, since, until, limit)

    def summary(self, since: float, now: float) -> Summary:
        """Totals of the requests that arrived from ``since`` on (unix seconds): from sums if that is long ago, else exactly so."""
        standing = self._rollups.standing(since, now) if now - since > summary.FROM_ROWS_S else None
        with self._engine.connect() as connection:
            if standing is None:
                return summary.from_rows(connection, since, now)
            return summary.from_slices(connection, *standing, now)

    def slices(self, since: int, until: int, period: Period) -> tuple[Slice, ...]:
        """Sums over each minute, hour or day that begins from ``since`` to before ``until`` and had requests, in order (store.rollups.sums)."""
        return self._rollups.slices(since, until, period)

    def roll_up(self, now: float, most: int = 24) -> RollUp:
        """Make those sums anew whose requests have changed, oldest first, of at most so many hours. For one process at a time."""
        return self._rollups.roll_up(now, most)

    def latency_by_model(self, since: float) -> dict[str, ObservedLatency]:
        """What each model's successful attempts took."""
        with self._engine.connect() as connection:
            return queries.latency_by_model(connection, since)

    def usual_ms(self, route: str, since: float) -> float | None:
        """How long nearly all answers of a route take; None where too few came from ``since`` (unix seconds) on."""
        with self._engine.connect() as connection:
            return queries.usual_ms(connection, route, since)

    def _store(self, connection: Connection, entries: Sequence[Entry]) -> None:
        asked: list[Values] = []
        tried: list[Values] = []
        kept: list[Values] = []
        opinions = [entry for entry in entries if isinstance(entry, Feedback)]
        records = [entry for entry in entries if isinstance(entry, Record)]
        feedback.hold(connection)
        for entry in entries:
            if isinstance(entry, Record):
                calls = [attempt_row(entry, n, attempt) for n, attempt in enumerate(entry.attempts)]
                row = request_row(entry)
                asked.append((*row, digest(row, calls), unit_of(entry)))
                tried += calls
            elif isinstance(entry, Content):
                kept.append(msgspec.structs.astuple(entry))
        for statement, rows in (
            (self._statements.attempt, tried), (self._statements.request, asked), (self._statements.content, kept),
        ):  # fmt: skip
            if rows:
                connection.exec_driver_sql(statement, rows)
        if records:
            mark(connection, minutes(record.at for record in records))
            feedback.join(connection, records)
        if opinions:
            feedback.take(connection, opinions)

    def _advance(self, connection: Connection, segment: str, offset: int) -> None:
        connection.exec_driver_sql(self._statements.offset, (segment, offset))

    def _ingest_one_by_one(self, entries: Sequence[Entry], segment: str, offset: int) -> int:
        """The slow way, once a batch holds an entry that the store does not take."""
        unfit = 0
        with self._engine.begin() as connection:
            # First, as SQLite's driver begins a transaction with a write, not with a savepoint: each would be one of its own.
            self._advance(connection, segment, offset)
            for entry in entries:
                try:
                    with connection.begin_nested():
                        self._store(connection, [entry])
                except (*_BAD_RECORD, OperationalError) as error:
                    if not _is_the_record(error):
                        raise
                    unfit += 1
                    connection.exec_driver_sql(self._statements.refuse, (segment, _reason(error), _as_it_came(entry)))
        return unfit


def _is_the_record(error: Exception) -> bool:
    return isinstance(error, _BAD_RECORD) or getattr(getattr(error, "orig", None), "sqlstate", None) == _TOO_LONG_FOR_AN_INDEX


def _reason(error: Exception) -> str:
    """In characters that any database has a place for."""
    said_of_it = f"{type(error).__name__}: {in_words(error)}"
    return said_of_it.encode("ascii", "backslashreplace").decode().replace("\0", "\\x00")


def _as_it_came(entry: Entry) -> bytes:
    try:
        return msgspec.msgpack.encode(entry)
    except (UnicodeError, OverflowError):  # it did not come from a journal, which could not have held it
        return repr(entry).encode("utf-8", "backslashreplace")


class _Statements:
    """The writes, compiled once to the driver's own text: a batch then costs tuples, not statements.

    An upsert reads ``insert ... on conflict``, which SQLite and PostgreSQL share.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.request = self._insert(requests, ["id"], replace=True, rising=True, without={"verdict", "verdict_by"})
        self.attempt = self._insert(attempts, ["request_id", "n"], replace=True, rising=True)
        self.offset = self._insert(journal_offsets, ["segment"], replace=True)
        self.content = self._insert(contents, ["request_id"], replace=True)
        self.view = self._insert(views, ["hash"], replace=False)
        self.refuse = self._insert(refused, ["n"], replace=False, without={"n"})

    def _insert(
        self,
        table: Table,
        key: list[str],
        *,
        replace: bool,
        rising: bool = False,
        without: frozenset[str] | set[str] = frozenset(),
    ) -> str:
        """``rising``: a row is replaced by one of a higher edition only."""
        insert = (postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert)(table)
        columns = [column.name for column in table.columns if column.name not in without]
        if replace:
            others = {name: insert.excluded[name] for name in columns if name not in key}
            insert = insert.on_conflict_do_update(
                index_elements=key, set_=others, where=table.c.edition < insert.excluded.edition if rising else None
            )
        else:
            insert = insert.on_conflict_do_nothing(index_elements=key)
        return str(insert.compile(dialect=self._engine.dialect, column_keys=columns))
