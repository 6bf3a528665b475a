"""Recorded decisions computed again, from nothing but the ledger's rows and the stored views."""

import random
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Literal, Protocol

import msgspec
from msgspec.structs import replace
from sqlalchemy.exc import SQLAlchemyError

from turnout.decide.compiled import View
from turnout.decide.decide import decide, in_full
from turnout.decide.mirror import mirrored
from turnout.decide.order import digest
from turnout.errors import TurnoutError, Unusable
from turnout.store.ledger import Ledger, in_words
from turnout.store.queries import Filters
from turnout.types.decision import NOT_DRAWN, Decision, Drawn
from turnout.types.record import Record
from turnout.types.traits import Traits
from turnout.types.view import DECIDER_VERSION
from turnout.view import ViewStore

_PAGE, _VIEWS = 1000, 32


class NotReplayable(Exception):
    """There is nothing to recompute, and why."""


class Undecided(NotReplayable):
    """It was refused before anything was decided: nothing is missing."""


class Views(Protocol):
    """Where views are loaded from."""

    def load(self, view_hash: str) -> View:
        """Raises FileNotFoundError, ValueError."""


class Replayed(msgspec.Struct, frozen=True):
    """``recorded`` and ``digest`` name the plan then and now, ``drawn`` is the arm of a trial as it was recorded."""

    traits: Traits
    decision: Decision
    recorded: str
    digest: str
    drawn: Drawn

    @property
    def identical(self) -> bool:
        return self.recorded == self.digest and self.drawn == self.decision.drawn

    @property
    def difference(self) -> str:
        """What differs, in words: the plan, or else what was drawn. Empty where they are identical."""
        if self.recorded != self.digest:
            return f"recorded plan {self.recorded}, recomputed {self.digest}"
        return "" if self.identical else f"recorded {_told(self.drawn)}, recomputed {_told(self.decision.drawn)}"


def recompute(request_id: str, place: Path | str, views: Path) -> Replayed:
    """Decide again as it was decided then.

    Raises:
        NotReplayable: no ledger to be read, no such request, a request that was refused, a view that is gone, or another
            version of the decider.
    """
    if isinstance(place, Path) and not place.exists():
        raise NotReplayable(
            f"there is no ledger at {place}; name its data directory with --data-dir, or the policy with --config"
        )
    try:
        ledger = Ledger(place)
    except Unusable as reason:
        raise NotReplayable(str(reason)) from None
    try:
        record = ledger.request(request_id)
    except SQLAlchemyError as error:
        raise NotReplayable(f"the ledger {ledger.name} cannot be read: {in_words(error)}") from None
    finally:
        ledger.close()
    if record is None:
        raise NotReplayable(f'no request "{request_id}" in {ledger.name} (the ledger lags by a fraction of a second)')
    return again(record, ViewStore(views))


class Retold(msgspec.Struct, frozen=True):
    """One of many. ``why`` is empty where it is ``identical``."""

    id: str
    at: float
    result: Literal["identical", "differs", "impossible", "undecided"]
    why: str = ""


def chosen(
    ledger: Ledger, since: float | None, until: float | None, last: int | None = None, sample: int | None = None
) -> list[str]:
    """The ids of the requests of a time (unix seconds), newest first: the ``last`` so many, of these a random ``sample``.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the ledger does not answer.
    """
    found: list[str] = []
    cursor: str | None = None
    while last is None or len(found) < last:
        part = ledger.search(
            _PAGE if last is None else min(_PAGE, last - len(found)), Filters(since=since, until=until, cursor=cursor)
        )
        found += [line.id for line in part.lines]
        cursor = part.more
        if cursor is None:
            break
    return found if sample is None or sample >= len(found) else random.sample(found, sample)


def retell(ledger: Ledger, views: ViewStore, ids: Iterable[str]) -> Iterator[Retold]:
    """Decide each again, one after the other.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the ledger does not answer.
    """
    remembered = _Remembered(views)
    for id_ in ids:
        record = ledger.request(id_)
        if record is not None:  # else retention took it since it was chosen
            yield _retold(record, remembered)


def _retold(record: Record, views: Views) -> Retold:
    try:
        replayed = again(record, views)
    except Undecided as reason:
        return Retold(record.id, record.at, "undecided", str(reason))
    except NotReplayable as reason:
        return Retold(record.id, record.at, "impossible", str(reason))
    if replayed.identical:
        return Retold(record.id, record.at, "identical")
    return Retold(record.id, record.at, "differs", replayed.difference)


def _told(drawn: Drawn) -> str:
    """The arm of a trial in words."""
    likely = "" if drawn.propensity is None else f", drawn with probability {drawn.propensity:g}"
    return f"{drawn.side} of {drawn.trial}{likely}" if drawn.trial is not None else f"on no trial{likely}"


class _Remembered:
    """Most of many requests were decided on few views, and each takes milliseconds to compile."""

    def __init__(self, views: ViewStore) -> None:
        self.load = lru_cache(maxsize=_VIEWS)(views.load)


def again(record: Record, views: Views) -> Replayed:
    """Decide a recorded request again, from its traits, the stored view and the seed.

    Raises:
        NotReplayable: it was refused (Undecided), its view is gone, or it is of another version of the decider.
    """
    if record.traits is None or record.route is None or not record.plan:
        raise Undecided(f"request {record.id} was refused ({record.code}) before anything was decided")
    try:
        view = views.load(record.view)
    except (FileNotFoundError, ValueError) as error:
        raise NotReplayable(f"its view cannot be loaded: {error}") from None
    if view.decider != DECIDER_VERSION:
        raise NotReplayable(f"it was decided by version {view.decider} of the decider; this is version {DECIDER_VERSION}")
    try:
        decision = in_full(view, record.traits, record.seed)
        if record.copy_of is not None:
            decision = _of_copy(decision, view, record)
    except TurnoutError as refusal:
        raise NotReplayable(f"decided again it is refused: {refusal.message}") from None
    drawn = Drawn(record.trial, record.side, record.propensity)
    return Replayed(record.traits, decision, record.plan, digest(decision.route, decision.plan), drawn)


def _of_copy(decision: Decision, view: View, record: Record) -> Decision:
    """A copy shares its original's plan and is on no trial; only a mirror's is asked of another model."""
    assert record.traits is not None, "it was decided"
    decision = replace(decision, drawn=NOT_DRAWN)
    if record.side != "mirror":
        return decision
    copy = mirrored(view, decide(view, record.traits, record.seed), record.traits, record.seed)
    return decision if copy is None else replace(decision, reason=copy.reason, plan=copy.plan, drawn=copy.drawn)
