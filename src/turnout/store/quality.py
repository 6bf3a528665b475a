"""What the ledger's rows say of the models' quality: signals in what people did next, and how often a choice was right."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import Engine, Float, and_, cast, select

from turnout.feedback.accuracy import ACCEPTABLE, Cheaper, share
from turnout.feedback.implicit import WITHIN, Turn, signals
from turnout.store.feedback import FeedbackStore, Taken
from turnout.store.schema import attempts, requests
from turnout.types.feedback import Feedback
from turnout.types.traits import Traits

LOOK_BACK = 600.0
"""Seconds that a request may take to come into the ledger, and still be seen as what followed another."""
MOST_TURNS = 20_000
"""The latest so many are looked at."""
MOST_LOOKED_AT = 20_000
"""The latest so many requests are searched for what cheaper models made of them."""
_decode_traits = msgspec.msgpack.Decoder(Traits).decode
_Row = Any


class QualityStore:
    """Of one ledger. Raises sqlalchemy.exc.SQLAlchemyError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def verdicts(self, since: float, until: float) -> dict[str, float]:
        """What is thought of each judged answer, 0..1, by the request's id, of those that arrived within (unix seconds)."""
        r = requests.c
        wanted = select(r.id, r.verdict).where(r.at >= since, r.at < until, r.verdict.is_not(None))
        with self._engine.connect() as connection:
            return {row.id: row.verdict for row in connection.execute(wanted)}

    def note_signals(self, now: float) -> Taken:
        """Keep what people did in the last minutes as feedback. Any number of times: the same again changes nothing."""
        return FeedbackStore(self._engine).take(self.signals(now - LOOK_BACK - WITHIN))

    def signals(self, since: float) -> Iterator[Feedback]:
        """On the answers of the sessions that had requests since then (unix seconds)."""
        with self._engine.connect() as connection:
            rows = connection.execute(_TURNS.where(requests.c.at >= since)).all()
        for (_, caller), turns in groupby(sorted(rows, key=_whose), key=lambda row: (row.session, row.caller)):
            yield from signals([_turn(row) for row in turns], caller)

    def cheaper(self, since: float, until: float, **where: str) -> tuple[Cheaper, ...]:
        """How often a cheaper model would have done, by route and task; where nothing is known of it there is none.

        Of the requests that arrived from ``since`` to before ``until`` (unix seconds), and of more than ``MOST_LOOKED_AT`` the latest: enough
        for an interval, and read in a twentieth of a second. ``where`` is by ``route``, ``model`` (that served), ``task``.
        """
        found: dict[tuple[str | None, str | None], dict[str, bool]] = {}
        asked = [requests.c[name] == value for name, value in where.items()]
        with self._engine.connect() as connection:
            within = select(requests.c.at).where(requests.c.at >= since, requests.c.at < until).order_by(requests.c.at.desc())
            since = connection.execute(within.offset(MOST_LOOKED_AT - 1).limit(1)).scalar() or since
            here, copied = (and_(table.c.at >= since, table.c.at < until) for table in (requests, _copies))
            for query in (_COPIES.where(copied, *asked), _ARMS.where(here, *asked)):
                for row in connection.execute(query):
                    known = found.setdefault((row.route, row.task), {})
                    known[row.id] = known.get(row.id, False) or row.verdict >= ACCEPTABLE
        shares = ((of, share(sum(known.values()), len(known))) for of, known in found.items())
        return tuple(Cheaper(*of, each) for of, each in shares if each is not None)


def _whose(row: _Row) -> tuple[str, str, bool]:
    return row.session, row.caller or "", row.caller is None


_TURNS = (
    select(
        *(requests.c[name] for name in ("id", "at", "duration_ms", "outcome", "route", "model", "caller", "session", "traits")),
        requests.c.turn_before,
        requests.c.turn,
    )
    .where(
        requests.c.session.is_not(None), requests.c.turn.is_not(None), requests.c.copy_of.is_(None), requests.c.drill.is_(None)
    )
    .order_by(requests.c.at.desc())
    .limit(MOST_TURNS)
)


def _turn(row: _Row) -> Turn:
    asked = None if row.traits is None else _decode_traits(row.traits).model
    names_a_model = asked not in {None, "auto", row.route}
    return Turn(
        request_id=row.id,
        at=row.at,
        ended=row.at + row.duration_ms / 1_000,
        before=row.turn_before,
        message=row.turn,
        answered=row.outcome == "ok",
        served=row.model,
        asked=asked if names_a_model else None,
    )


_copies = requests.alias("copies")
_COPIES = (
    select(requests.c.id, requests.c.route, requests.c.task, _copies.c.verdict)
    .select_from(_copies)
    .join(requests, requests.c.id == _copies.c.copy_of)
    .where(
        _copies.c.verdict.is_not(None),
        _copies.c.model != requests.c.model,
        _copies.c.cost_pico < requests.c.cost_pico,
    )
)
"""What cheaper models made of the same requests. The copies' times bound it: only they have an index that leads to the others."""

_ARMS = (
    select(requests.c.id, requests.c.route, requests.c.task, cast(0.0, Float).label("verdict"))
    .join(attempts, attempts.c.request_id == requests.c.id)
    .where(
        attempts.c.fault == "check_failed",
        attempts.c.reason == "cascade",
        attempts.c.model != requests.c.model,
        requests.c.outcome == "ok",
        requests.c.copy_of.is_(None),
    )
)
"""Answers of a cascade's cheaper models that a check refused, where a dearer one then answered."""
