"""The process that benchmarks models: ``python -m turnout.build.bench SPEC``; the same work in the foreground is ``turnout bench``."""

import asyncio
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from setproctitle import setproctitle
from sqlalchemy.exc import SQLAlchemyError

from turnout.build.bench_spec import LEASE, SUITES, BenchSpec, lease_of
from turnout.build.bench_suite import known_calibration
from turnout.build.ledger import open_ledger
from turnout.build.process import say
from turnout.build.snapshots import Means as Parts
from turnout.build.snapshots import snapshot
from turnout.build.spec import Places
from turnout.cache.cache import open_cache
from turnout.checks.checker import Checker
from turnout.clock import Clock, SystemClock
from turnout.errors import Unusable
from turnout.execute.board import Board
from turnout.execute.sessions import Sessions
from turnout.journal.writer import SegmentJournal
from turnout.metrics import Metrics
from turnout.providers.transport import HttpTransport
from turnout.serve.own import Question, ask_own
from turnout.serve.worker import Gateway
from turnout.store.leases import Lease
from turnout.store.ledger import Ledger, in_words
from turnout.suites.frozen import Frozen
from turnout.suites.grading import CaseGrader
from turnout.suites.plan import Price, longest, price
from turnout.suites.run import Means, Show, play
from turnout.tickets.desk import Desk
from turnout.types.caching import CacheStore
from turnout.types.money import PicoDollars
from turnout.types.suite import BENCH, Asked, Run, RunState
from turnout.view import CurrentView, ViewStore

PART = 4
"""A benchmark takes this part (1 / 4) of what a credential's limits allow: the rest is for those who wait for answers."""
RENEW_EVERY, TICK = 15.0, 1.0
"""Seconds between two words that a run is still ours, and between looks at what time alone changes."""


class Taken(Exception):
    """Another process works on this run."""


def main() -> None:
    """Until the run is over or somebody says stop, by SIGTERM or by going away: whoever finds it waiting goes on with it."""
    spec = msgspec.json.decode(sys.argv[1], type=BenchSpec)
    setproctitle("turnout: bench")
    try:
        uvloop.run(_until_told(spec))
    except Taken:
        return
    except (Unusable, OSError, SQLAlchemyError) as reason:
        say("bench", f"run {spec.run}: {in_words(reason)}")
        sys.exit(1)


async def _until_told(spec: BenchSpec) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    lifeline = sys.stdin.fileno()

    def orphaned() -> None:
        loop.remove_reader(lifeline)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_reader(lifeline, orphaned)  # a pipe that only whoever began us holds
    ledger = open_ledger(Path(spec.data_dir), spec.store)
    try:
        await go_on(ledger, Path(spec.data_dir), spec.run, stop)
    finally:
        ledger.close()


async def go_on(
    ledger: Ledger,
    data_dir: Path,
    run_id: str,
    stop: asyncio.Event,
    *,
    show: Show = lambda _run, _results: None,
    interrupted: RunState = "waiting",
) -> Run:
    """Ask what the run has no answers to. A run whose cases are gone has failed, and its row says so.

    Raises:
        Taken: another process has it.
        Unusable: there is no such run, or no view to ask by.
        OSError, sqlalchemy.exc.SQLAlchemyError: disk or ledger refuse; the run goes on from what it has, another time.
    """
    clock = SystemClock()
    lease = ledger.lease(lease_of(run_id), f"{socket.gethostname()}:{os.getpid()}", clock, LEASE)
    if not await asyncio.to_thread(lease.take):
        raise Taken(run_id)
    keeping = asyncio.create_task(_keep(lease, stop))
    try:
        run = ledger.bench.get(run_id)
        if run is None:
            raise Unusable(f"there is no benchmark run {run_id}; `turnout bench list` shows those there are")
        frozen = Frozen(data_dir / SUITES)
        run = msgspec.structs.replace(
            run, calibration=run.calibration or known_calibration(ledger.bench, run.judge, run.labels, clock.now())
        )
        try:
            suite = frozen.get(run.suite_hash)
            labels = frozen.labels(run.labels).pairs if run.labels is not None and run.calibration is None else ()
        except Unusable as gone:
            ledger.bench.note(msgspec.structs.replace(run, state="failed", note=str(gone), ended=clock.now()))
            raise
        async with workshop(data_dir, clock) as gateway:
            grader = CaseGrader(gateway.grader.checker, threshold=suite.threshold)
            means = Means(ledger.bench, Models(gateway, run), grader, clock, stop, show, interrupted, labels=labels)
            return await play(run, suite, means)
    finally:
        keeping.cancel()
        with suppress(SQLAlchemyError):
            await asyncio.to_thread(lease.release)


async def _keep(lease: Lease, stop: asyncio.Event) -> None:
    """Have it for longer; whoever lost it must stop, as another one may go on. A store that is away for a moment is no loss yet."""
    while True:
        await asyncio.sleep(RENEW_EVERY)
        with suppress(SQLAlchemyError):
            if not await asyncio.to_thread(lease.renew):
                stop.set()


@asynccontextmanager
async def workshop(data_dir: Path, clock: Clock) -> AsyncIterator[Gateway]:
    """A worker's parts without a front: the view in force, the policy's credentials and limits, a journal of its own.

    Raises:
        Unusable: nothing is in force yet, or it cannot be read.
    """
    os.umask(0o077)
    views = CurrentView(ViewStore(data_dir / Places.views), data_dir / Places.views)
    try:
        view = views.poll()
    except (OSError, ValueError, LookupError, msgspec.MsgspecError) as odd:
        raise Unusable(f"the view in force cannot be read: {odd}") from odd
    if view is None:
        raise Unusable(
            f"no policy is in force in {data_dir}: begin with `turnout serve`, or name the policy's file with --config"
        )
    transport, checker = HttpTransport(clock=clock), Checker()
    parts = Parts(transport, Board(random.random, PART), checker.verify, clock, os.environ, PART)
    worker = f"bench-{os.getpid()}"
    journal = SegmentJournal(data_dir / Places.journal, worker, clock)
    cache, desk = open_cache(CacheStore(), data_dir, clock), Desk(data_dir / Places.tickets, clock)
    gateway = Gateway(snapshot(view, parts), transport, journal, Metrics(), Sessions(), clock, worker, cache, desk)
    ticking = asyncio.create_task(_tick(parts.board, clock))
    try:
        yield gateway
    finally:
        ticking.cancel()
        await gateway.grader.close(TICK)
        await transport.close()
        await checker.close()
        await asyncio.to_thread(journal.close)


async def _tick(board: Board, clock: Clock) -> None:
    while True:
        await asyncio.sleep(TICK)
        board.tick(clock.steady())


class Models:
    """How a run asks: as everybody is asked, recorded as the run's."""

    def __init__(self, gateway: Gateway, run: Run) -> None:
        self._gateway = gateway
        self._run = run
        self._slots = gateway.snapshot.view.slots

    def longest(self, model: str, body: Mapping[str, Any]) -> int:
        return longest(body, self._slots[model]) if model in self._slots else 1

    def price(self, model: str, body: Mapping[str, Any], task: str | None, longest: int) -> Price | None:
        if model not in self._slots:  # taken out of the policy since the run began: nobody is called
            return Price(PicoDollars(0), PicoDollars(0))
        return price(self._slots[model], body, task, longest)

    async def ask(self, model: str, body: Mapping[str, Any], task: str | None, longest: int, most: PicoDollars | None) -> Asked:
        tags = {"bench": self._run.suite, **({"task": task} if task else {})}
        question = Question(model, body, longest, tags, f"{BENCH}{self._run.id}", max_cost=most)
        return await ask_own(self._gateway, self._gateway.snapshot, question)


if __name__ == "__main__":
    main()
