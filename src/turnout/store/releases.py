"""Releases in the ledger: one row each, changed by compare-and-set, and the history of its steps (types.release)."""

from hashlib import sha256

import msgspec
from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from turnout.store.schema import release_steps, releases
from turnout.types.release import Phase, Release, Step

_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(Release).decode


class ReleaseFilters(msgspec.Struct, frozen=True):
    """Which releases to list; None means any. ``id`` is the first characters of one; ``before`` is unix seconds, to page back."""

    id: str | None = None
    route: str | None = None
    model: str | None = None
    event: str | None = None
    phase: Phase | None = None
    is_over: bool | None = None
    before: float | None = None


class ReleaseStore:
    """A part of the ledger (:attr:`Ledger.releases`). Raises sqlalchemy.exc.SQLAlchemyError from every method."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    def put(self, connection: Connection, release: Release) -> bool:
        """Add it (revision 0), or replace the revision before this one, within the caller's transaction.

        False: it is there already, or somebody has changed it meanwhile; what there is stays as it is.
        """
        status = release.status
        row = {"phase": status.phase, "is_over": release.is_over, "revision": release.revision, "content": _encode(release)}
        if release.revision == 0:
            fixed = {name: getattr(release, name) for name in ("id", "at", "event", "model", "route")}
            one = self._insert(releases).values(**fixed, **row).on_conflict_do_nothing()
            return connection.execute(one.returning(releases.c.id)).first() is not None
        wanted = update(releases).where(releases.c.id == release.id, releases.c.revision == release.revision - 1)
        return connection.execute(wanted.values(row)).rowcount == 1

    def get(self, release_id: str, connection: Connection | None = None) -> Release | None:
        """Within the caller's transaction if there is one."""
        if connection is None:
            with self._engine.connect() as own:
                return self.get(release_id, own)
        found = connection.execute(select(releases.c.content).where(releases.c.id == release_id)).scalar()
        return None if found is None else _decode(found)

    def open(self, connection: Connection | None = None) -> tuple[Release, ...]:
        """Those that are not over, oldest first: few, and found by an index of their own."""
        if connection is None:
            with self._engine.connect() as own:
                return self.open(own)
        wanted = select(releases.c.content).where(releases.c.is_over.is_(False)).order_by(releases.c.at, releases.c.id)
        return tuple(map(_decode, connection.execute(wanted).scalars()))

    def list(self, limit: int = 100, filters: ReleaseFilters = ReleaseFilters()) -> tuple[Release, ...]:  # noqa: B008  (frozen)
        """Newest first."""
        wanted = select(releases.c.content).order_by(releases.c.at.desc(), releases.c.id.desc()).limit(limit)
        for name in ("route", "model", "event", "phase", "is_over"):
            if (value := getattr(filters, name)) is not None:
                wanted = wanted.where(releases.c[name] == value)
        if filters.id is not None:
            wanted = wanted.where(releases.c.id.startswith(filters.id, autoescape=True))
        if filters.before is not None:
            wanted = wanted.where(releases.c.at < filters.before)
        with self._engine.connect() as connection:
            return tuple(map(_decode, connection.execute(wanted).scalars()))

    def rolled_back(self, model: str, route: str) -> tuple[Release, ...]:
        """The earlier releases of this model on this route that did harm, or that somebody took back, oldest first."""
        here = (releases.c.model == model, releases.c.route == route, releases.c.phase == "rolled_back")
        with self._engine.connect() as connection:
            rows = connection.execute(select(releases.c.content).where(*here).order_by(releases.c.at, releases.c.id))
            return tuple(map(_decode, rows.scalars()))

    def add_step(self, connection: Connection, step: Step, evidence: bytes | None = None, lock: int | None = None) -> Step:
        """Write the next line of a release's history, in the transaction that changes its row; returns it as it stands there.

        ``step.n`` is given here. ``evidence`` is kept beside it, under its SHA-256. ``lock`` is the revision of the lock that it made: until
        that is published no policy version can be named (:meth:`note_policy`).
        """
        last = select(func.max(release_steps.c.n)).where(release_steps.c.release == step.release)
        n = (connection.execute(last).scalar() or 0) + 1
        known = None if evidence is None else sha256(evidence).hexdigest()
        written = msgspec.structs.replace(step, n=n, evidence=known)
        policy = step.policy if lock is None else -lock  # below zero: the lock's revision that is yet to be published
        row = {**msgspec.structs.asdict(written), "policy": policy, "content": evidence}
        connection.execute(insert(release_steps), row)
        return written

    def note_policy(self, version: int, lock: int) -> None:
        """The policy version ``version`` carries this revision of the lock, and so the steps that led up to it."""
        waiting = (release_steps.c.policy < 0, release_steps.c.policy >= -lock)
        with self._engine.begin() as connection:
            connection.execute(update(release_steps).where(*waiting).values(policy=version))

    def steps(self, release_id: str) -> tuple[Step, ...]:
        """Its history, in order."""
        columns = [release_steps.c[name] for name in Step.__struct_fields__]
        wanted = select(*columns).where(release_steps.c.release == release_id).order_by(release_steps.c.n)
        with self._engine.connect() as connection:
            found = [Step(*row) for row in connection.execute(wanted)]
        return tuple(msgspec.structs.replace(step, policy=None) if (step.policy or 0) < 0 else step for step in found)

    def evidence(self, release_id: str, n: int) -> bytes | None:
        """What a step rested on, as JSON; None where it rested on nothing."""
        wanted = select(release_steps.c.content).where(release_steps.c.release == release_id, release_steps.c.n == n)
        with self._engine.connect() as connection:
            found: bytes | None = connection.execute(wanted).scalar()
        return found
