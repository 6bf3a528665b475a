"""What is kept of trials beside their releases: their units, how far their evidence is folded, and how it looked over time."""

import msgspec
from sqlalchemy import Connection, Engine, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from turnout.store import exposures
from turnout.store.exposures import Cut, Unit
from turnout.store.schema import trial_points, trial_states
from turnout.types.evidence import Evidence, Exposure

MOST_POINTS = 500
"""Of one trial: when there are more, every second one goes. A chart has no more pixels."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Evidence).decode


class TrialState(msgspec.Struct, frozen=True):
    """The fold of what arrived before ``upto`` (unix seconds): ``units`` of them. ``state`` is for whoever folded it."""

    upto: float
    units: int
    state: bytes


class TrialStore:
    """A part of the ledger (:attr:`Ledger.trials`). Raises sqlalchemy.exc.SQLAlchemyError from every method."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    def units(self, release_id: str, began: float, cut: Cut, longest: float, limit: int) -> list[Unit]:
        """Of a release's trial, what is not in ``cut``, in order of arrival (store.exposures)."""
        with self._engine.connect() as connection:
            return exposures.units(connection, release_id, began, cut, longest, limit)

    def pairs(self, release_id: str, began: float, limit: int) -> list[Exposure]:
        """Of a release's mirror: originals and their copies (store.exposures)."""
        with self._engine.connect() as connection:
            return exposures.pairs(connection, release_id, began, limit)

    def state(self, release_id: str) -> TrialState | None:
        columns = [trial_states.c[name] for name in TrialState.__struct_fields__]
        with self._engine.connect() as connection:
            row = connection.execute(select(*columns).where(trial_states.c.release == release_id)).first()
        return None if row is None else TrialState(*row)

    def keep_state(self, release_id: str, state: TrialState) -> None:
        row = msgspec.structs.asdict(state)
        one = self._insert(trial_states).values(release=release_id, **row)
        with self._engine.begin() as connection:
            connection.execute(one.on_conflict_do_update(index_elements=["release"], set_=row))

    def drop_state(self, connection: Connection, release_id: str) -> None:
        """Within the caller's transaction: the trial is over, or begins anew."""
        connection.execute(delete(trial_states).where(trial_states.c.release == release_id))

    def add_point(self, release_id: str, evidence: Evidence) -> None:
        """How it looked at that moment."""
        row = {"release": release_id, "at": evidence.at, "content": _encode(evidence)}
        of_it = trial_points.c.release == release_id
        with self._engine.begin() as connection:
            connection.execute(self._insert(trial_points).values(row).on_conflict_do_nothing())
            if connection.execute(select(func.count()).select_from(trial_points).where(of_it)).scalar_one() > MOST_POINTS:
                moments = connection.execute(select(trial_points.c.at).where(of_it).order_by(trial_points.c.at)).scalars().all()
                connection.execute(delete(trial_points).where(of_it, trial_points.c.at.in_(moments[1:-1:2])))

    def points(self, release_id: str) -> tuple[Evidence, ...]:
        """In order of time."""
        wanted = select(trial_points.c.content).where(trial_points.c.release == release_id).order_by(trial_points.c.at)
        with self._engine.connect() as connection:
            return tuple(map(_decode, connection.execute(wanted).scalars()))

    def latest(self, release_id: str) -> Evidence | None:
        """The last of them."""
        last = (
            select(trial_points.c.content).where(trial_points.c.release == release_id).order_by(trial_points.c.at.desc()).limit(1)
        )
        with self._engine.connect() as connection:
            found = connection.execute(last).scalar()
        return None if found is None else _decode(found)
