"""Benchmarks in the ledger: runs, and each answer with its judgement. A run that was killed goes on with the cases that have none."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec
from sqlalchemy import Engine, and_, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from turnout.store.schema import bench_results, bench_runs, contents, requests
from turnout.types.content import Content
from turnout.types.judge import Calibration
from turnout.types.suite import Result, Run, RunState

OPEN: tuple[RunState, ...] = ("waiting", "running")
_AT_ONCE = 300
"""Keys in one statement: databases bound its parameters."""

_T = TypeVar("_T")

_encode = msgspec.json.Encoder().encode
_run = msgspec.json.Decoder(Run).decode
_result = msgspec.json.Decoder(Result).decode


class Kept(msgspec.Struct, frozen=True):
    """A request whose content is kept, as sampling wants to know of it. ``model`` answered it."""

    id: str
    at: float
    route: str
    task: str | None
    band: str | None
    model: str | None


class BenchStore:
    """A part of the ledger (:attr:`Ledger.bench`). Raises sqlalchemy.exc.SQLAlchemyError from every method.

    Whoever holds the lease of a run is the only one who writes of it, so that nothing is compared before it is set.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    def begin(self, run: Run) -> bool:
        """A run that is to be; False: one of this id is known, and stays as it is."""
        one = self._insert(bench_runs).values(_row(run)).on_conflict_do_nothing()
        with self._engine.begin() as connection:
            return connection.execute(one.returning(bench_runs.c.id)).first() is not None

    def note(self, run: Run) -> None:
        """How far it is now."""
        wanted = self._insert(bench_runs).values(_row(run))
        changes = {name: wanted.excluded[name] for name in ("suite", "state", "release", "content")}
        with self._engine.begin() as connection:
            connection.execute(wanted.on_conflict_do_update(index_elements=["id"], set_=changes))

    def get(self, run_id: str) -> Run | None:
        with self._engine.connect() as connection:
            found = connection.execute(select(bench_runs.c.content).where(bench_runs.c.id == run_id)).scalar()
        return None if found is None else _run(found)

    def list(
        self,
        limit: int = 100,
        *,
        suite: str | None = None,
        release: str | None = None,
        states: Collection[RunState] = (),
        since: float | None = None,
    ) -> tuple[Run, ...]:
        """Latest first: of a suite, of a release, in one of these states, begun from ``since`` (unix seconds) on."""
        wanted = select(bench_runs.c.content).order_by(bench_runs.c.at.desc(), bench_runs.c.id.desc()).limit(limit)
        if suite is not None:
            wanted = wanted.where(bench_runs.c.suite == suite)
        if release is not None:
            wanted = wanted.where(bench_runs.c.release == release)
        if states:
            wanted = wanted.where(bench_runs.c.state.in_(states))
        if since is not None:
            wanted = wanted.where(bench_runs.c.at >= since)
        with self._engine.connect() as connection:
            return tuple(_run(content) for content in connection.execute(wanted).scalars())

    def calibration(self, judge: str, labels: str, since: float) -> Calibration | None:
        """The latest that came of holding this judge against these labels (their hash), from ``since`` on.

        One that labels without a verdict made fall short is no word on the judge: its provider may have been down.
        """
        found = (run.calibration for run in self.list(1_000, since=since) if (run.judge, run.labels) == (judge, labels))
        known = [each for each in found if each is not None and each.at >= since and (each.gates or not each.failed)]
        return max(known, key=lambda each: each.at, default=None)

    def unsettled(self, since: float) -> tuple[Run, ...]:
        """What a day's budget is counted by: runs begun from ``since`` on, and those that are not over."""
        here = or_(bench_runs.c.at >= since, bench_runs.c.state.in_(OPEN))
        with self._engine.connect() as connection:
            return tuple(_run(content) for content in connection.execute(select(bench_runs.c.content).where(here)).scalars())

    def put(self, results: Sequence[Result]) -> int:
        """Store these, all or none; what is known already stays as it is. How many are new."""
        if not results:
            return 0
        rows = [
            {"run": one.run, "case": one.case, "model": one.model, "repeat": one.repeat, "at": one.at, "content": _encode(one)}
            for one in results
        ]
        wanted = self._insert(bench_results).values(rows).on_conflict_do_nothing().returning(bench_results.c.case)
        with self._engine.begin() as connection:
            return len(connection.execute(wanted).all())

    def results(self, run_id: str) -> tuple[Result, ...]:
        """In the order they came."""
        return tuple(self._results([run_id]))

    def discard(self, run_id: str, rounds: Collection[tuple[str, int]]) -> None:
        """Forget these (case, repeat): they were asked of a provider that was down, and are to be asked again."""
        with self._engine.begin() as connection:
            for some in _batches(rounds, _AT_ONCE):
                them = or_(*(and_(bench_results.c.case == case, bench_results.c.repeat == repeat) for case, repeat in some))
                connection.execute(delete(bench_results).where(bench_results.c.run == run_id, them))

    def of_model(self, model: str, suite: str, suite_hash: str, limit: int = 20) -> tuple[tuple[Run, tuple[Result, ...]], ...]:
        """What the model made of this very suite: the latest runs that are over first, each with the model's results."""
        runs = [
            run
            for run in self.list(limit * 5, suite=suite, states=("done", "stopped"))
            if run.suite_hash == suite_hash and model in run.models
        ][:limit]
        found: dict[str, list[Result]] = {run.id: [] for run in runs}
        for result in self._results(list(found), model):
            found[result.run].append(result)
        return tuple((run, tuple(found[run.id])) for run in runs)

    def latest(self, model: str, suite: str, suite_hash: str) -> tuple[Result, ...]:
        """The newest answers of the model to each case of this very suite, all repeats of the run they are from."""
        found: dict[str, tuple[Result, ...]] = {}
        for _, results in self.of_model(model, suite, suite_hash):
            cases: dict[str, list[Result]] = {}
            for result in results:
                cases.setdefault(result.case, []).append(result)
            for case, answers in cases.items():
                found.setdefault(case, tuple(answers))
        return tuple(result for answers in found.values() for result in answers)

    def kept(self, routes: Collection[str], since: float, limit: int) -> tuple[Kept, ...]:
        """Requests of these routes whose content is kept, that a model answered, latest first. No copies, no drills."""
        c = requests.c
        wanted = (
            select(c.id, c.at, c.route, c.task, c.band, c.model)
            .join(contents, contents.c.request_id == c.id)
            .where(c.at >= since, c.route.in_(routes), c.outcome == "ok", c.copy_of.is_(None), c.drill.is_(None))
            .order_by(c.at.desc(), c.id.desc())
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return tuple(Kept(*row) for row in connection.execute(wanted))

    def contents(self, ids: Collection[str]) -> dict[str, Content]:
        """Of these requests, as far as it is kept."""
        columns = [contents.c[name] for name in Content.__struct_fields__]
        found: dict[str, Content] = {}
        with self._engine.connect() as connection:
            for some in _batches(ids, _AT_ONCE):
                rows = connection.execute(select(*columns).where(contents.c.request_id.in_(some)))
                found.update((row.request_id, Content(*row)) for row in rows)
        return found

    def _results(self, runs: Sequence[str], model: str | None = None) -> Iterator[Result]:
        r = bench_results.c
        with self._engine.connect() as connection:
            for some in _batches(runs, _AT_ONCE):
                wanted = select(r.content).where(r.run.in_(some)).order_by(r.at, r.case, r.repeat, r.model)
                if model is not None:
                    wanted = wanted.where(r.model == model)
                yield from (_result(content) for content in connection.execute(wanted).scalars())


def _row(run: Run) -> dict[str, object]:
    return {
        "id": run.id, "at": run.at, "suite": run.suite, "state": run.state, "release": run.release, "content": _encode(run),
    }  # fmt: skip


def _batches(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    whole = list(items)
    return (whole[start : start + size] for start in range(0, len(whole), size))
