"""Measured quality in the ledger: the cells, and what they are made of, the verdicts on requests and the mix of a route's traffic."""

from collections.abc import Collection, Iterable, Sequence

import msgspec
from sqlalchemy import Engine, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from turnout.store.rows import DbRow
from turnout.store.schema import attempts, cells, requests
from turnout.types.feedback import Source
from turnout.types.matrix import Basis, Cell
from turnout.types.money import PicoDollars
from turnout.types.traits import Band, Traits

MOST_JUDGED = 50_000
"""The latest so many judged requests are read at a time: enough for every cell that traffic fills, and read in a quarter of a second."""
MOST_MIXED = 50_000
"""The latest so many requests say what a route's traffic is."""

MOST_ASKED = 2_000
"""The latest so many requests of a route say what is asked of it."""

_traits = msgspec.msgpack.Decoder(Traits).decode
_encode = msgspec.json.Encoder().encode
_cell = msgspec.json.Decoder(Cell).decode


class Judged(msgspec.Struct, frozen=True, gc=False):
    """A request that somebody judged, as its first model's doing. ``held``: a check refused that model's answer, and ``verdict`` is of another's.

    ``version`` is what the provider called the model. ``ms`` is the first call's own time; ``cost`` None: unknown.
    """

    at: float
    model: str
    task: str
    band: Band | None
    verdict: float
    by: Source
    held: bool
    version: str | None
    cost: PicoDollars | None
    ms: float


class Part(msgspec.Struct, frozen=True):
    """Requests of one route, task and band that one model answered; ``cost`` of those whose cost is known."""

    route: str
    task: str | None
    band: Band | None
    model: str
    requests: int
    cost: PicoDollars


class CellStore:
    """A part of the ledger (:attr:`Ledger.cells`). Raises sqlalchemy.exc.SQLAlchemyError from every method."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    def all(self) -> tuple[Cell, ...]:
        """By model, task and band."""
        order = (cells.c.model, cells.c.task, cells.c.band, cells.c.basis)
        with self._engine.connect() as connection:
            return tuple(_cell(content) for content in connection.execute(select(cells.c.content).order_by(*order)).scalars())

    def put(self, made: Iterable[Cell]) -> None:
        """Each in place of the one there was of its kind."""
        rows = [_row(cell) for cell in made]
        if not rows:
            return
        one = self._insert(cells)
        changes = {name: one.excluded[name] for name in ("at", "content")}
        with self._engine.begin() as connection:
            connection.execute(one.on_conflict_do_update(index_elements=["model", "task", "band", "basis"], set_=changes), rows)

    def replace(self, basis: Basis, made: Iterable[Cell]) -> None:
        """These are all there are of this basis now."""
        rows = [_row(cell) for cell in made if cell.basis == basis]
        with self._engine.begin() as connection:
            connection.execute(delete(cells).where(cells.c.basis == basis))
            if rows:
                connection.execute(self._insert(cells), rows)

    def forget(self, known: Iterable[Cell]) -> None:
        """Those that are still as they were when they were read."""
        c = cells.c
        with self._engine.begin() as connection:
            for cell in known:
                mine = (c.model == cell.model) & (c.task == cell.task) & (c.band == (cell.band or "")) & (c.basis == cell.basis)
                connection.execute(delete(cells).where(mine, c.at == cell.at))

    def judged(self, since: float, by: Collection[Source], limit: int = MOST_JUDGED) -> tuple[Judged, ...]:
        """What these sources said of requests that arrived from ``since`` (unix seconds) on, latest first.

        A request counts for the model that tried first: if that answered, or a check refused what it had answered. What came by way of a
        failure, from a cache or in a drill says nothing of how good a model is.
        """
        r, a = requests.c, attempts.c
        wanted = (
            select(r.at, a.model, r.task, r.band, r.verdict, r.verdict_by, a.fault, a.upstream_model, a.cost_pico, a.ended_ms - a.started_ms)
            .select_from(requests.join(attempts, (a.request_id == r.id) & (a.n == 0)))
            .where(r.verdict.is_not(None), r.at >= since, r.verdict_by.in_(sorted(by)), r.task.is_not(None), r.drill.is_(None))
            .where((a.fault.is_(None) & (a.model == r.model)) | (a.fault == "check_failed"))
            .order_by(r.at.desc())
            .limit(limit)
        )  # fmt: skip
        with self._engine.connect() as connection:
            return tuple(_judged(row) for row in connection.execute(wanted))

    def mix(self, since: float, route: str | None = None) -> tuple[Part, ...]:
        """Of what the traffic consists, by route, task, band and the model that answered: of the latest requests from ``since`` on."""
        r = requests.c
        latest = select(r.route, r.task, r.band, r.model, r.cost_pico).where(
            r.at >= since, r.outcome == "ok", r.model.is_not(None), r.route.is_not(None), r.copy_of.is_(None), r.drill.is_(None),
            *([r.route == route] if route is not None else []),
        ).order_by(r.at.desc()).limit(MOST_MIXED).subquery()  # fmt: skip
        of = (latest.c.route, latest.c.task, latest.c.band, latest.c.model)
        summed = select(*of, func.count(), func.coalesce(func.sum(latest.c.cost_pico), 0)).group_by(*of)
        with self._engine.connect() as connection:
            found = [_part(row) for row in connection.execute(summed)]
        return tuple(sorted(found, key=lambda part: (part.route, -part.requests, part.model, part.task or "", part.band or "")))

    def traits(self, since: float, route: str, limit: int = MOST_ASKED) -> tuple[Traits, ...]:
        """What the latest requests of a route were, from ``since`` on."""
        r = requests.c
        wanted = select(r.traits).where(
            r.at >= since, r.route == route, r.traits.is_not(None), r.copy_of.is_(None), r.drill.is_(None)
        ).order_by(r.at.desc()).limit(limit)  # fmt: skip
        with self._engine.connect() as connection:
            return tuple(_traits(content) for content in connection.execute(wanted).scalars())


def serving(parts: Sequence[Part]) -> dict[str, str]:
    """By route the model that answers most of it; none where no model answers half."""
    total: dict[str, int] = {}
    by_model: dict[tuple[str, str], int] = {}
    for part in parts:
        total[part.route] = total.get(part.route, 0) + part.requests
        by_model[part.route, part.model] = by_model.get((part.route, part.model), 0) + part.requests
    return {route: model for (route, model), n in sorted(by_model.items()) if 2 * n > total[route]}


def _judged(row: DbRow) -> Judged:
    at, model, task, band, verdict, by, fault, version, cost, ms = row
    return Judged(at, model, task, band, verdict, by, fault is not None, version, cost, ms)


def _part(row: DbRow) -> Part:
    route, task, band, model, n, cost = row
    return Part(route, task, band, model, n, PicoDollars(int(cost)))


def _row(cell: Cell) -> dict[str, object]:
    key = {"model": cell.model, "task": cell.task, "band": cell.band or "", "basis": cell.basis}
    return {**key, "at": cell.at, "content": _encode(cell)}
