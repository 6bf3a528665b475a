"""The units of a trial, read from the requests' rows in the order of arrival: what its evidence is folded from (ADR 10).

A unit is a session's or a user's first request on the trial, or a request of neither. Copies, drills and cached answers are nobody's; what was
refused before a model was asked, and what is still under way, is left out.
"""

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Float, and_, bindparam, cast, exists, func, or_, select
from sqlalchemy.sql.expression import FromClause

from turnout.store.schema import requests
from turnout.types.evidence import Exposure
from turnout.types.money import PicoDollars

GOOD = 0.5
"""The verdict from which on an answer counts as good."""


class Cut(msgspec.Struct, frozen=True):
    """What has been dealt with: all that arrived before ``upto`` and had ended by ``ended`` (unix seconds).

    Two bounds, since a request is in the ledger when it has ended: one that takes long is dealt with when it is there.
    """

    upto: float
    ended: float

    def holds(self, at: float, ended: float) -> bool:
        return at < self.upto and ended <= self.ended


class Unit(msgspec.Struct, frozen=True, gc=False):
    """An exposure, and when its request had ended."""

    exposure: Exposure
    ended: float


def units(connection: Connection, trial: str, began: float, cut: Cut, longest: float, limit: int) -> list[Unit]:
    """Those that arrived since ``began`` and are not in ``cut``, in order of arrival, at most ``limit``.

    ``longest`` is how many seconds a request may take: nothing that arrived so much earlier than ``cut.upto`` is looked for.
    """
    given = {
        "trial": trial, "began": began, "upto": cut.upto, "ended": cut.ended, "late": max(began, cut.upto - longest), "most": limit,
    }  # fmt: skip
    return [_unit(row) for row in connection.execute(_WANTED, given)]


def pairs(connection: Connection, release: str, began: float, limit: int) -> list[Exposure]:
    """The latest ``limit`` mirrored requests since ``began``, in order of arrival: the original as control, its copy as the candidate's.

    Each pair is a block of one and one: both had the same chance (Turner, Ly and Grünwald's own design).
    """
    found = connection.execute(_MIRRORED, {"release": release, "began": began, "most": limit}).all()
    return [
        exposure for row in reversed(found) for exposure in (_half(row, "own_", candidate=False), _half(row, "", candidate=True))
    ]


def _ended(table: FromClause) -> ColumnElement[float]:
    return table.c.at + cast(table.c.duration_ms, Float) / 1000.0


def _counts(table: FromClause) -> ColumnElement[bool]:
    """It went to a model for a client."""
    return and_(
        table.c.side.in_(("candidate", "control")),
        table.c.drill.is_(None),
        table.c.copy_of.is_(None),
        or_(table.c.reason.is_(None), table.c.reason != "cache"),
        table.c.outcome != "rejected",
    )


_r, _earlier = requests.alias("r"), requests.alias("earlier")
_is_before = or_(_earlier.c.at < _r.c.at, and_(_earlier.c.at == _r.c.at, _earlier.c.id < _r.c.id))
_first = or_(
    _r.c.unit.is_(None),
    ~exists().where(
        _earlier.c.unit == _r.c.unit,
        _earlier.c.at <= _r.c.at,
        _earlier.c.at >= bindparam("began"),
        func.coalesce(_earlier.c.trial, "") == _r.c.trial,  # so that the unit's index is the one that is used, not the trial's
        _counts(_earlier),
        _is_before,
    ),
)
_SHOWN = ("at", "side", "propensity", "outcome", "first_token_ms", "verdict", "duration_ms", "cost_pico")
_WANTED = (
    select(*(_r.c[name] for name in _SHOWN), _ended(_r).label("ended"))
    .where(
        _r.c.trial == bindparam("trial"),
        _r.c.at >= bindparam("late"),
        or_(_r.c.at >= bindparam("upto"), _ended(_r) > bindparam("ended")),
        _r.c.propensity.is_not(None),
        _r.c.outcome != "begun",
        _counts(_r),
        _first,
    )
    .order_by(_r.c.at, _r.c.id)
    .limit(bindparam("most"))
)

_copy, _own = requests.alias("copy"), requests.alias("own")
_JUDGED = ("outcome", "first_token_ms", "verdict", "duration_ms", "cost_pico")
_MIRRORED = (
    select(_own.c.at, *(_copy.c[name] for name in _JUDGED), *(_own.c[name].label(f"own_{name}") for name in _JUDGED))
    .join(_own, _copy.c.copy_of == _own.c.id)
    .where(
        _copy.c.trial == bindparam("release"),
        _copy.c.side == "mirror",
        _copy.c.at >= bindparam("began"),
        *(table.c.outcome.not_in(("begun", "rejected")) for table in (_copy, _own)),
    )
    .order_by(_copy.c.at.desc(), _copy.c.id.desc())
    .limit(bindparam("most"))
)


def _unit(row: Any) -> Unit:
    candidate = row.side == "candidate"
    share = row.propensity if candidate else 1.0 - row.propensity
    return Unit(_exposure(row.at, candidate, share, row[3:8]), row.ended)


def _half(row: Any, prefix: str, *, candidate: bool) -> Exposure:
    return _exposure(row.at, candidate, 0.5, tuple(getattr(row, prefix + name) for name in _JUDGED))


def _exposure(at: float, candidate: bool, share: float, seen: Any) -> Exposure:  # noqa: FBT001 - a value of the row, not a switch
    """``seen`` in the order of ``_JUDGED``. Who leaves before the first word has waited too long; who leaves later has had an answer."""
    outcome, first_token_ms, verdict, ms, cost = seen
    ok = outcome == "ok" or (outcome == "cancelled" and first_token_ms is not None)
    good = None if verdict is None else verdict >= GOOD
    return Exposure(at, candidate, share, ok, good, ms, None if cost is None else PicoDollars(cost))
