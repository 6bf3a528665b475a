"""Benchmarks from the control process: those that wait are begun one at a time, what was killed goes on, schedules come due."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from turnout.build.bench_spec import LEASE, SUITES, BenchSpec, lease_of
from turnout.build.bench_suite import suite_of, with_labels
from turnout.build.content_keys import opening_keys
from turnout.build.process import say
from turnout.build.spec import Places
from turnout.clock import Clock
from turnout.control.publish import Publisher
from turnout.errors import Unusable
from turnout.store.bench import OPEN
from turnout.store.ledger import Ledger, in_words
from turnout.suites.begin import Wish, begun
from turnout.suites.frozen import Frozen
from turnout.suites.schedule import SCHEDULE, Drift, Due, drift, due, incumbents, left_today
from turnout.types.policy import Policy
from turnout.types.seconds import DAY
from turnout.types.suite import Run, RunState
from turnout.view import ViewStore

LOOK_EVERY, SCHEDULE_EVERY = 2.0, 60.0
"""Seconds between looks for a run that waits, and for a schedule that is due."""
AFTER_A_CRASH = 60.0
"""Seconds for which a run whose process broke is left alone."""
ENDS_WITHIN = 10.0
RECENT, LASTS = 7 * DAY, 30 * DAY
"""Seconds after its end within which a run is news, and that it may have taken to that end."""
OVER: tuple[RunState, ...] = ("done", "stopped")
_End = tuple[str, float | None]
"""A run's id, and when it ended (unix seconds)."""


class Ended(NamedTuple):
    """A run that is over, and which of its models its provider has changed."""

    run: Run
    changed: tuple[Drift, ...]


def _nobody(_: Sequence[Ended]) -> None:
    """Who is told of ended runs, where nobody wants to know."""


class Benching(msgspec.Struct, frozen=True):
    """What it takes. ``config`` is the policy's file, from whose folder suites are read; ``leads`` says whether this process is the one to do it.

    ``ended`` is told, in a thread, of the runs that are over, oldest first, whoever played them; of those of the last days again after a start:
    what the process did not tell before it was killed is no less true.
    """

    data_dir: Path
    store: str
    config: str | None
    clock: Clock
    ledger: Ledger
    publish: Publisher
    leads: Callable[[], bool]
    ended: Callable[[Sequence[Ended]], None] = _nobody


async def keep_benching(bench: Benching) -> None:
    """Until cancelled; a run under way is then told to stop, and found waiting by whoever comes next."""
    asked, crashed, told, known = 0.0, dict[str, float](), "", set[_End]()
    while True:
        await asyncio.sleep(LOOK_EVERY)
        try:
            if not await asyncio.to_thread(bench.leads):
                continue
            if bench.clock.steady() - asked >= SCHEDULE_EVERY:
                asked = bench.clock.steady()
                await asyncio.to_thread(begin_scheduled, bench)
            now = bench.clock.now()
            left_alone = {run for run, at in crashed.items() if at > now - AFTER_A_CRASH}
            run = await asyncio.to_thread(next_run, bench.ledger, bench.clock, left_alone)
            if run is not None and await _played(bench, run) != 0:
                crashed[run.id] = bench.clock.now()
            known |= await asyncio.to_thread(tell_ended, bench, known)
            told = ""
        except (OSError, SQLAlchemyError) as error:
            why = in_words(error)
            if why != told:  # it is tried again all the time, and told once
                say("control", f"benchmarks wait: {why}")
            told = why


def next_run(ledger: Ledger, clock: Clock, left_alone: set[str] | frozenset[str] = frozenset()) -> Run | None:
    """The oldest that may begin now, or that somebody began and is gone: nobody holds its lease."""
    for run in reversed(ledger.bench.list(1_000, states=OPEN)):
        if run.id in left_alone or (run.due is not None and run.due > clock.now()):
            continue
        if ledger.lease(lease_of(run.id), "", clock, LEASE).holder() is None:
            return run
    return None


async def _played(bench: Benching, run: Run) -> int:
    """A process of its own does it: what it needs of processor and memory is taken from nobody who answers. Its exit code."""
    spec = BenchSpec(str(bench.data_dir), bench.store, run.id)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "turnout.build.bench", msgspec.json.encode(spec).decode()),
        stdin=asyncio.subprocess.PIPE,  # its end tells the process that we are gone
        start_new_session=True,
    )
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(ENDS_WITHIN):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def tell_ended(bench: Benching, known: Collection[_End]) -> set[_End]:
    """Tell of the runs that are over and not ``known``, and say which these were. One that went on after its end ends again."""
    base = bench.publish.base
    if base is None:
        return set()
    since = bench.clock.now() - RECENT
    over = [run for run in bench.ledger.bench.list(1_000, states=OVER, since=since - LASTS) if (run.ended or run.at) >= since]
    fresh = sorted((run for run in over if (run.id, run.ended) not in known), key=lambda run: run.ended or run.at)
    if fresh:
        latest = {
            (model, run.suite_hash): run.id for run in fresh for model in run.models
        }  # drift is seen by the latest run of all
        margin = base.policy.release.spec.margins.quality
        models = [[model for model in run.models if latest[model, run.suite_hash] == run.id] for run in fresh]
        bench.ended([Ended(run, drifted(bench.ledger, run, of, margin)) for run, of in zip(fresh, models, strict=True)])
    return {(run.id, run.ended) for run in fresh}


def drifted(ledger: Ledger, run: Run, models: Sequence[str], margin: float) -> tuple[Drift, ...]:
    """Those of ``models`` that do otherwise on the same cases than in all runs before this one."""
    histories = ((model, ledger.bench.of_model(model, run.suite, run.suite_hash)) for model in models)
    found = (drift(model, history, margin) for model, history in histories)
    return tuple(each for each in found if each is not None and each.run == run.id)


def begin_scheduled(bench: Benching) -> tuple[Run, ...]:
    """Have the runs wait whose time has come, as far as the day's budget goes. What cannot be is said, and tried again at the next look.

    Raises:
        OSError, sqlalchemy.exc.SQLAlchemyError
    """
    base = bench.publish.base
    if base is None or not any(suite.schedule is not None for suite in base.policy.suites):
        return ()
    policy, now = base.policy, bench.clock.now()
    longest = max(suite.schedule or 0.0 for suite in policy.suites)
    known = bench.ledger.bench.list(1_000, since=now - longest - DAY)
    models = {suite.name: incumbents(policy, suite.routes) for suite in policy.suites}
    started = (_begun(bench, one, policy, now) for one in due(policy.suites, known, models, now))
    return tuple(run for run in started if run is not None)


def _begun(bench: Benching, one: Due, policy: Policy, now: float) -> Run | None:
    left = left_today(policy.release.budget, bench.ledger.bench.unsettled(now - now % DAY), now)
    budget = min(one.suite.budget, left)
    if budget <= 0:  # nothing is spent unasked
        return None
    frozen, views = Frozen(bench.data_dir / SUITES), ViewStore(bench.data_dir / Places.views)
    base = Path(bench.config).parent if bench.config else Path()
    try:
        suite = suite_of(one.suite, base, frozen, bench.ledger.bench, opening_keys(policy, os.environ), now)
        current = views.current()
        if current is None:
            return None
        wish = Wish(one.models, budget, SCHEDULE, repeats=one.suite.repeats, judge=one.suite.judge)
        wish = with_labels(wish, suite, one.suite, base, bench.ledger.bench, now)
        run, _ = begun(wish, suite, views.load(current).slots, now, bench.clock.seed())
    except Unusable as reason:
        say("control", f"the scheduled benchmark of suite {one.suite.name} was not begun: {reason}")
        return None
    frozen.keep(suite, wish.labels)
    bench.ledger.bench.begin(run)
    return run
