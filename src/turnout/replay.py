"""A recorded decision computed again, from nothing but the ledger's row and the stored view."""

from pathlib import Path

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from turnout.decide.decide import in_full
from turnout.decide.order import digest
from turnout.errors import TurnoutError, Unusable
from turnout.store.ledger import Ledger, in_words
from turnout.types.decision import Decision
from turnout.types.record import Record
from turnout.types.traits import Traits
from turnout.types.view import DECIDER_VERSION
from turnout.view import ViewStore


class NotReplayable(Exception):
    """There is nothing to recompute, and why."""


class Replayed(msgspec.Struct, frozen=True):
    """``recorded`` and ``digest`` name the plan then and now."""

    traits: Traits
    decision: Decision
    recorded: str
    digest: str

    @property
    def identical(self) -> bool:
        return self.recorded == self.digest


def recompute(request_id: str, place: Path | str, views: Path) -> Replayed:
    """Decide again as it was decided then.

    Raises:
        NotReplayable: no ledger to be read, no such request, a request that was refused, a view that is gone, or another
            version of the decider.
    """
    if isinstance(place, Path) and not place.exists():
        raise NotReplayable(f"there is no ledger at {place}")
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


def again(record: Record, views: ViewStore) -> Replayed:
    """Decide a recorded request again, from its traits, the stored view and the seed.

    Raises:
        NotReplayable: it was refused, its view is gone, or it is of another version of the decider.
    """
    if record.traits is None or record.route is None:
        raise NotReplayable(f"request {record.id} was refused ({record.code}) before anything was decided")
    try:
        view = views.load(record.view)
    except (FileNotFoundError, ValueError) as error:
        raise NotReplayable(f"its view cannot be loaded: {error}") from None
    if view.decider != DECIDER_VERSION:
        raise NotReplayable(f"it was decided by version {view.decider} of the decider; this is version {DECIDER_VERSION}")
    try:
        decision = in_full(view, record.traits, record.seed)
    except TurnoutError as refusal:
        raise NotReplayable(f"decided again it is refused: {refusal.message}") from None
    return Replayed(record.traits, decision, record.plan, digest(decision.route, decision.plan))
