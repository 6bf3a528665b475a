"""Feedback joined to the requests it is about, whichever comes first, and the one verdict of each request.

What holds depends on what was said, not on the order it came in: opinions have keys of which the latest holds (feedback.identity), and
each request's verdict is weighed anew (feedback.weigh) from all that is about it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Literal, TypeVar, get_args

import msgspec
from sqlalchemy import Connection, Engine, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from turnout.feedback.identity import is_later, key
from turnout.feedback.weigh import Verdict, may_judge, weigh
from turnout.store.rollups.marks import mark
from turnout.store.schema import feedback, requests
from turnout.types.feedback import Feedback
from turnout.types.record import Record

State = Literal["joined", "waiting", "foreign"]

AT_ONCE = 1_000
"""Opinions of one transaction."""
REACH = 1_000
"""The latest so many requests of a session are what is said of the session about."""
_IDS = 500
"""Of one query: SQLite takes some thousand, PostgreSQL plans a shorter list faster."""
_LOCK = 7_204_881
"""PostgreSQL's name for whoever joins feedback."""
_FIELDS = Feedback.__struct_fields__
_COLUMNS = [feedback.c[name] for name in _FIELDS]
_Item = TypeVar("_Item")


class Taken(msgspec.Struct, frozen=True):
    """What became of opinions; ``known`` were there already, or something later was."""

    joined: int = 0
    waiting: int = 0
    foreign: int = 0
    known: int = 0

    def __add__(self, other: "Taken") -> "Taken":
        return Taken(*(a + b for a, b in zip(msgspec.structs.astuple(self), msgspec.structs.astuple(other), strict=True)))


class Kept(msgspec.Struct, frozen=True):
    """An opinion in the ledger."""

    feedback: Feedback
    state: State


class FeedbackStore:
    """Of one ledger. Raises sqlalchemy.exc.SQLAlchemyError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, opinions: Iterable[Feedback]) -> Taken:
        """In transactions of ``AT_ONCE``, so that no ingest waits for all of an import."""
        taken, rest = Taken(), iter(opinions)
        while batch := list(islice(rest, AT_ONCE)):
            with self._engine.begin() as connection:
                hold(connection)
                taken += take(connection, batch)
        return taken

    def of_request(self, request_id: str) -> tuple[Kept, ...]:
        """What was said of a request and of its session, latest first."""
        with self._engine.connect() as connection:
            asked = _requests(connection, [request_id]).get(request_id)
            own = _said(connection, feedback.c.request_id == request_id, feedback.c.session.is_(None))
            of_session = [] if asked is None or asked.session is None else _said(connection, feedback.c.session == asked.session)
            about = [said for said in of_session if _covers(connection, said.feedback, asked)]
        return tuple(sorted([*own, *about], key=lambda said: -said.feedback.at))


def hold(connection: Connection) -> None:
    """Nobody else joins feedback until this transaction ends: a request and what is said of it must not pass each other unseen.

    To be called before anything else is written.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"select pg_advisory_xact_lock({_LOCK})")
    else:  # SQLite has one writer at a time; this is the shortest write
        connection.exec_driver_sql("update feedback set state = state where id = ''")


def take(connection: Connection, opinions: Sequence[Feedback]) -> Taken:
    """Store them, join them, and weigh anew what they are about; in the caller's transaction, which holds."""
    latest = _latest(opinions)
    known = {said.feedback.id: said.feedback for said in _by(connection, feedback.c.id, latest)}
    news = {id_: one for id_, one in latest.items() if id_ not in known or is_later(one, known[id_])}
    asked = _requests(connection, {one.request_id for one in news.values() if one.request_id is not None})
    states: dict[str, State] = {}
    touched: set[str] = set()
    due: set[str] = set()
    for id_, one in news.items():
        if one.request_id is not None:
            about = asked.get(one.request_id)
            states[id_] = "waiting" if about is None else "joined" if may_judge(one, about.caller) else "foreign"
            reached = [one.request_id] if states[id_] == "joined" else []
        else:
            reached = _reached(connection, one)
            states[id_] = "joined" if reached else "waiting"
            news[id_] = _placed(one, reached)
            if id_ in known:
                reached += _reached(connection, known[id_])
        (due if one.kind == "value" else touched).update(reached)
    _put(connection, news.values(), states)
    settle(connection, touched, due)
    joined, waiting, foreign = (sum(state == wanted for state in states.values()) for wanted in get_args(State))
    return Taken(joined, waiting, foreign, len(opinions) - len(news))


def join(connection: Connection, arrived: Sequence[Record]) -> None:
    """Records have come whose feedback may have been here before; in the caller's transaction, which holds."""
    waits, of_sessions = connection.exec_driver_sql(
        "select exists(select 1 from feedback where state = 'waiting'), exists(select 1 from feedback where session > '')"
    ).one()
    touched: set[str] = set()
    due: set[str] = set()
    met: list[Feedback] = []
    states: dict[str, State] = {}
    if waits:
        callers = {record.id: record.traits.caller if record.traits else None for record in arrived}
        for said in _by(connection, feedback.c.request_id, callers, waiting=True):
            one = said.feedback
            assert one.request_id is not None, "it was found by it"
            states[one.id] = "joined" if may_judge(one, callers[one.request_id]) else "foreign"
            met.append(one)
            if states[one.id] == "joined":
                (due if one.kind == "value" else touched).add(one.request_id)
    if of_sessions:
        news, weighed, moved = _of_sessions(connection, _by_session(arrived))
        states.update((one.id, "joined") for one in news)
        met += news
        touched |= weighed
        due |= moved
    _put(connection, met, states)
    settle(connection, touched, due)


def _of_sessions(
    connection: Connection, late: Mapping[str, Sequence[tuple[Record, str | None]]]
) -> tuple[list[Feedback], set[str], set[str]]:
    """What is said of sessions, and joins requests that came after it; the requests to weigh anew, and those that a value came to or left.

    A session may have been told any number of things: only those of its answers' worth (they have a few kinds) cost a query each.
    """
    news: list[Feedback] = []
    touched: set[str] = set()
    values: list[tuple[Feedback, tuple[float, str]]] = []
    for said in _by(connection, feedback.c.session, late):
        one = said.feedback
        about = [
            (record.at, record.id) for record, caller in late[one.session or ""] if record.at <= one.at and may_judge(one, caller)
        ]
        if not about:
            continue
        if one.kind == "value":
            values.append((one, max(about)))
            continue
        if one.verdict is not None:
            touched.update(_reached(connection, one, len(about)))  # and those that the late ones push out of reach
        if said.state != "joined":
            news.append(one)
    due: set[str] = set()
    stands = _requests(connection, {one.request_id for one, _ in values if one.request_id is not None})
    for one, latest in values:
        row = stands.get(one.request_id or "")
        if row is None or (row.at, row.id) < latest:
            due.update((latest[1],) if row is None else (latest[1], row.id))
            news.append(_placed(one, [latest[1]]))
    return news, touched, due


def settle(connection: Connection, touched: Collection[str], due: Collection[str] = ()) -> None:
    """Weigh what is said of these requests, and mark the minutes of those whose verdict changes, and of those that are ``due``."""
    starts: set[int] = set()
    for ids in _batches(sorted({*touched, *due}), _IDS):
        asked = _requests(connection, ids)
        own: dict[str, list[Feedback]] = {}
        for said in _by(connection, feedback.c.request_id, ids):
            if said.state == "joined":
                own.setdefault(said.feedback.request_id or "", []).append(said.feedback)
        of_session = _about_sessions(connection, {row.session for row in asked.values() if row.session is not None})
        changed: dict[Verdict, list[str]] = {}
        for row in asked.values():
            said_of_session = [one for one, reach in of_session.get(row.session, ()) if _is_within(one, reach, row)]
            verdict = weigh(own.get(row.id, ()), said_of_session)
            if (verdict.verdict, verdict.by) != (row.verdict, row.verdict_by):
                changed.setdefault(verdict, []).append(row.id)
            elif row.id not in due:
                continue
            starts.add(int(row.at // 60) * 60)
        for verdict, of in changed.items():  # there are few verdicts, and many requests that have them
            connection.execute(
                update(requests).where(requests.c.id.in_(of)).values(verdict=verdict.verdict, verdict_by=verdict.by)
            )
    if starts:
        mark(connection, starts)


def _latest(opinions: Iterable[Feedback]) -> dict[str, Feedback]:
    """By key, which is what the ledger calls them: an id of a caller's own could be another's, too."""
    latest: dict[str, Feedback] = {}
    for one in opinions:
        id_ = key(one)
        named = msgspec.structs.replace(one, id=id_)
        if id_ not in latest or is_later(named, latest[id_]):
            latest[id_] = named
    return latest


def _placed(one: Feedback, reached: Sequence[str]) -> Feedback:
    """A value of a session's is worth something once: it belongs to the latest request, as if it had been said of that."""
    return msgspec.structs.replace(one, request_id=reached[0]) if one.kind == "value" and reached else one


def _put(connection: Connection, opinions: Iterable[Feedback], states: Mapping[str, State]) -> None:
    rows = [{**msgspec.structs.asdict(one), "state": states[one.id]} for one in opinions]
    if not rows:
        return
    insert = (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(feedback)
    replaced = {column.name: insert.excluded[column.name] for column in feedback.columns if column.name != "id"}
    connection.execute(insert.on_conflict_do_update(index_elements=["id"], set_=replaced), rows)


_Row = Any  # of requests: id, at, caller, session, verdict, verdict_by
_Reach = tuple[float, str] | None
"""The place, by arrival and id, of the first request that is within reach of a session's opinion; None: all are."""


def _requests(connection: Connection, ids: Iterable[str]) -> dict[str, _Row]:
    columns = (requests.c[name] for name in ("id", "at", "caller", "session", "verdict", "verdict_by"))
    wanted = select(*columns).where(requests.c.id.in_(bindparam("ids", expanding=True)))
    return {row.id: row for some in _batches(ids, _IDS) for row in connection.execute(wanted, {"ids": some})}


def _said(connection: Connection, *where: Any) -> list[Kept]:
    rows = connection.execute(select(*_COLUMNS, feedback.c.state).where(*where))
    return [Kept(Feedback(*row[:-1]), row[-1]) for row in rows]


def _by(connection: Connection, column: Any, values: Iterable[str], *, waiting: bool = False) -> list[Kept]:
    """Those with one of these values; with ``waiting`` only those whose request has not come, which have an index of their own."""
    only = [feedback.c.state == "waiting"] if waiting else []
    return [said for some in _batches(values, _IDS) for said in _said(connection, column.in_(some), *only)]


def _about_sessions(connection: Connection, sessions: Collection[str]) -> dict[str | None, list[tuple[Feedback, _Reach]]]:
    """What says something of these sessions' answers, and how far back it goes."""
    found: dict[str | None, list[tuple[Feedback, _Reach]]] = {}
    for said in _by(connection, feedback.c.session, sessions):
        one = said.feedback
        if one.verdict is not None:
            found.setdefault(one.session, []).append((one, _reach(connection, one)))
    return found


def _latest_of_session(one: Feedback, *columns: Any) -> Any:
    """The requests that an opinion on a session may be about, latest first."""
    wanted = select(*columns).where(requests.c.session == one.session, requests.c.at <= one.at)
    if one.tenant is not None or one.source == "user":  # as may_judge has it
        wanted = wanted.where(requests.c.caller.is_not_distinct_from(one.tenant))
    return wanted.order_by(requests.c.at.desc(), requests.c.id.desc())


def _reached(connection: Connection, one: Feedback, more: int = 0) -> list[str]:
    """The requests within its reach, and ``more`` before them. What says nothing of answers belongs to the latest alone."""
    most = REACH if one.verdict is not None else 1
    return list(connection.execute(_latest_of_session(one, requests.c.id).limit(most + more)).scalars())


def _reach(connection: Connection, one: Feedback) -> _Reach:
    first = connection.execute(_latest_of_session(one, requests.c.at, requests.c.id).offset(REACH - 1).limit(1)).first()
    return None if first is None else (first.at, first.id)


def _is_within(one: Feedback, reach: _Reach, row: _Row) -> bool:
    return row.at <= one.at and may_judge(one, row.caller) and (reach is None or (row.at, row.id) >= reach)


def _covers(connection: Connection, one: Feedback, row: _Row) -> bool:
    return _is_within(one, _reach(connection, one), row)


def _by_session(arrived: Iterable[Record]) -> dict[str, list[tuple[Record, str | None]]]:
    """With their callers."""
    found: dict[str, list[tuple[Record, str | None]]] = {}
    for record in arrived:
        if record.traits is not None and record.traits.session is not None:
            found.setdefault(record.traits.session, []).append((record, record.traits.caller))
    return found


def _batches(values: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    rest = iter(values)
    while some := list(islice(rest, size)):
        yield some
