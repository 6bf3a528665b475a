"""Where slices are kept: written as one value each, read with what was read before."""

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock
from typing import TypeVar
from zlib import compress, decompress

import msgspec
from sqlalchemy import Connection, and_, bindparam, case, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from turnout.store.rollups.cells import Period, Slice
from turnout.store.schema import rollups

REMEMBERED = 80_000
"""Cells and calls of slices that stay decoded: a week of hours with 400 of them each. About a kilobyte each with what they were summed by."""

_JUST_AFTER_S = 1e-3
_Sums = TypeVar("_Sums", bound=msgspec.Struct)
_MOST = 2**63 - 1
"""What the database's own integers hold; in pico-dollars, nine million dollars."""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Slice).decode


class Shelf:
    """The table ``rollups``. A slice that was read stays in memory until it is written again, or others push it out."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[Period, int], tuple[float, Slice]] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def read(self, connection: Connection, since: int, until: int, period: Period) -> tuple[Slice, ...]:
        """The slices that begin from ``since`` to before ``until``, in order; none where nothing happened."""
        here = and_(rollups.c.period == period, rollups.c.start >= since, rollups.c.start < until)
        made = dict(connection.execute(select(rollups.c.start, rollups.c.made).where(here)).all())
        found = self._recall(period, made)
        if missing := made.keys() - found.keys():
            lacking = and_(here, rollups.c.start >= min(missing), rollups.c.start <= max(missing))
            for start, when, body in connection.execute(select(rollups.c.start, rollups.c.made, rollups.c.slice).where(lacking)):
                if start in missing:
                    found[start] = _decode(decompress(body))
                    self._remember(when, found[start])
        return tuple(found[start] for start in sorted(found))

    def write(self, connection: Connection, slices: Sequence[Slice], now: float) -> None:
        """In place of what was there. A slice of nothing is taken away."""
        empty = [{"p": one.period, "s": one.start} for one in slices if not (one.cells or one.calls)]
        rows = [
            {"period": one.period, "start": one.start, "made": now, "slice": compress(_written(one), 1)}
            for one in slices
            if one.cells or one.calls
        ]
        if rows:
            insert = (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(rollups)
            # Rising whatever the clock does: it tells whoever remembers a slice that it is another one now.
            later = case((insert.excluded.made > rollups.c.made, insert.excluded.made), else_=rollups.c.made + _JUST_AFTER_S)
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=["period", "start"], set_={"made": later, "slice": insert.excluded.slice}
                ),
                rows,
            )
        if empty:
            connection.execute(
                delete(rollups).where(rollups.c.period == bindparam("p"), rollups.c.start == bindparam("s")), empty
            )

    def _recall(self, period: Period, made: dict[int, float]) -> dict[int, Slice]:
        with self._lock:
            found = {}
            for start, when in made.items():
                known = self._known.get((period, start))
                if known is not None and known[0] == when:
                    self._known.move_to_end((period, start))
                    found[start] = known[1]
            return found

    def _remember(self, made: float, one: Slice) -> None:
        with self._lock:
            old = self._known.pop((one.period, one.start), None)
            self._known[one.period, one.start] = (made, one)
            self._size += _size(one) - (_size(old[1]) if old else 0)
            while self._size > REMEMBERED and len(self._known) > 1:
                _, (_, oldest) = self._known.popitem(last=False)
                self._size -= _size(oldest)


def _written(one: Slice) -> bytes:
    """A mistaken price may sum up to more than 64 bits: written as the most they hold, so that one such minute does not hold up all sums."""
    try:
        return _encode(one)
    except OverflowError:
        sums = {name: [(key, _capped(of)) for key, of in getattr(one, name)] for name in ("cells", "calls", "tags")}
        return _encode(msgspec.structs.replace(one, **sums))


def _capped(sums: _Sums) -> _Sums:
    much = {name: _MOST for name in sums.__struct_fields__ if isinstance(value := getattr(sums, name), int) and value > _MOST}
    return msgspec.structs.replace(sums, **much)


def _size(one: Slice) -> int:
    return len(one.cells) + len(one.calls)
