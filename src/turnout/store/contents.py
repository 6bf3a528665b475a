"""What was asked and answered, sealed, where a route keeps it: found by its request, deleted apart from everything else."""

from sqlalchemy import ColumnElement, Engine, delete, func, select

from turnout.store.retention import BATCH, delete_some
from turnout.store.schema import contents, requests
from turnout.types.content import Content

_ALL = [contents.c[name] for name in Content.__struct_fields__]


class Contents:
    """A part of the ledger (:attr:`Ledger.contents`). Raises sqlalchemy.exc.SQLAlchemyError from every method.

    Each deletion goes on until nothing is left to delete, a batch in a transaction, and returns how many it deleted.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, request_id: str) -> Content | None:
        with self._engine.connect() as connection:
            found = connection.execute(select(*_ALL).where(contents.c.request_id == request_id)).first()
        return None if found is None else Content(*found)

    def keys(self) -> dict[str, int]:
        """The names of the keys that contents are sealed with, and how many with each. Reads the whole table."""
        counted = select(contents.c.key, func.count()).group_by(contents.c.key)
        with self._engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(counted)}

    def delete_request(self, request_id: str) -> int:
        return self._delete(contents.c.request_id == request_id)

    def delete_before(self, moment: float) -> int:
        """Of requests that arrived before then (unix seconds)."""
        return self._delete(contents.c.at < moment)

    def delete_session(self, session: str, caller: str | None = None) -> int:
        """Of a session; with ``caller``, of that virtual key's requests in it only: two callers may use one word."""
        theirs = select(requests.c.id).where(requests.c.session == session)
        if caller is not None:
            theirs = theirs.where(requests.c.caller == caller)
        return self._delete(contents.c.request_id.in_(theirs))

    def delete_caller(self, caller: str) -> int:
        """Of a virtual key's requests. Nothing finds these at once, so all contents are gone through, in the order of their key."""
        deleted, last = 0, ""
        while (upto := self._end_of_batch(last)) is not None:
            here = (contents.c.request_id > last, contents.c.request_id <= upto)
            theirs = select(requests.c.id).where(requests.c.id == contents.c.request_id, requests.c.caller == caller).exists()
            with self._engine.begin() as connection:
                deleted += connection.execute(delete(contents).where(*here, theirs)).rowcount
            last = upto
        return deleted

    def _end_of_batch(self, last: str) -> str | None:
        batch = select(contents.c.request_id).where(contents.c.request_id > last).order_by(contents.c.request_id).limit(BATCH)
        with self._engine.connect() as connection:
            end: str | None = connection.execute(select(func.max(batch.subquery().c.request_id))).scalar()
        return end

    def _delete(self, where: ColumnElement[bool]) -> int:
        deleted = 0
        while True:
            with self._engine.begin() as connection:
                done = delete_some(connection, contents.c.request_id, where, limit=BATCH)
            deleted += done
            if done < BATCH:
                return deleted
