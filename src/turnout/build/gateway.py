"""A gateway process: one event loop, one app, on a socket that the supervisor opened."""

import asyncio
import contextlib
import gc
import os
import random
import socket
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import uvicorn
import uvloop
from setproctitle import setproctitle

from turnout.build.health import HealthWatch
from turnout.build.process import CANCEL_WITHIN, DRAIN_WITHIN, Server, chore, end_with_supervisor, say
from turnout.build.snapshots import Means, Snapshots
from turnout.build.spec import GatewaySpec, Places
from turnout.cache.cache import open_cache
from turnout.checks.checker import Checker
from turnout.clock import SystemClock
from turnout.dialects.registry import DIALECTS
from turnout.drill.worker import Drilling
from turnout.errors import TurnoutError, Unusable
from turnout.execute.board import Board
from turnout.execute.lookout import Lookout
from turnout.execute.sessions import Sessions
from turnout.front.app import App
from turnout.front.explain import explain
from turnout.front.guard import Guard
from turnout.front.protocol import BoundedProtocol
from turnout.journal.writer import SegmentJournal
from turnout.metrics import Metrics
from turnout.providers.transport import HttpTransport
from turnout.serve.graders import Grader
from turnout.serve.purse import Purse
from turnout.serve.worker import Gateway, Request, Snapshot
from turnout.tickets.desk import Desk
from turnout.types.checks import Check
from turnout.types.money import PicoDollars
from turnout.types.policy import Policy
from turnout.types.reply import Usage
from turnout.types.traits import Hints
from turnout.view import CurrentView, ViewStore

NOTICE_EVERY = 0.1
"""Seconds between looks at whether another view is current: one stat each."""
SAVE_EVERY = 1.0
"""Seconds between two savings of the counters for the other workers' scrapes."""
FIRST_VIEW_WITHIN = 10.0
"""Seconds to wait for a first view before giving up."""


def main() -> None:
    """``python -m turnout.build.gateway SPEC``."""
    spec = msgspec.json.decode(sys.argv[1], type=GatewaySpec)
    setproctitle(f"turnout: gateway {spec.index}")
    uvloop.run(serve(spec))


async def serve(spec: GatewaySpec) -> None:
    """Serve until SIGTERM or the supervisor's death, then let what is under way end."""
    clock, data_dir = SystemClock(), Path(spec.data_dir)
    views = CurrentView(ViewStore(data_dir / Places.views), data_dir / Places.views)
    transport, checker = HttpTransport(clock=clock), Checker()
    means = Means(transport, Board(random.random, spec.workers), checker.verify, clock, os.environ, spec.workers)
    snapshots = Snapshots(views, Drilling(data_dir, transport, clock), means)
    first = await _first(snapshots)
    (data_dir / Places.metrics).mkdir(exist_ok=True)
    metrics = Metrics(data_dir / Places.metrics / f"{spec.worker}.metrics")
    journal = SegmentJournal(data_dir / Places.journal, spec.worker, clock)
    cache = open_cache(first.view.policy.cache, data_dir, clock)
    desk = Desk(data_dir / Places.tickets, clock)
    grader = Grader(Purse(data_dir / Places.judged / f"{spec.worker}.json", spec.workers))
    gateway = Gateway(first, transport, journal, metrics, Sessions(), clock, spec.worker, cache, desk, grader=grader)
    app = App(gateway, Guard(spec.host, frozenset(spec.hosts), frozenset(spec.origins)), spec.max_body)
    server = _server(app)

    def charge(model: str, usage: Usage) -> PicoDollars | None:
        return gateway.snapshot.world.charge(model, usage)

    lookout = Lookout(means.board, transport, clock, charge)
    health = HealthWatch(gateway, snapshots.boards, lookout, data_dir / Places.health / f"{spec.worker}.json")

    def draining() -> None:
        app.draining = True
        gateway.desk.let_go()
        lookout.stop()

    end_with_supervisor(server, draining)
    watch = JournalWatch(journal, metrics, spec.worker)
    _warm(gateway)
    await checker.warm(_held_back(first.view.policy))
    _settle()
    chores = [
        chore(spec.worker, partial(_notice, snapshots, gateway, data_dir, checker)),
        chore(spec.worker, partial(_save, metrics, watch)),
        chore(spec.worker, health.keep),
        chore(spec.worker, lookout.keep),
    ]
    try:
        await server.serve(sockets=[socket.socket(fileno=spec.fd)])
    finally:
        for task in (*chores, *gateway.behind):
            task.cancel()
        if gateway.behind:
            await asyncio.wait(gateway.behind, timeout=CANCEL_WITHIN)  # each writes its record
        await gateway.grader.close(CANCEL_WITHIN)
        await gateway.in_hand.settle(CANCEL_WITHIN)
        await transport.close()
        await checker.close()
        await gateway.cache.close()
        health.close()
        journal.close()
        watch.look()
        with contextlib.suppress(OSError):
            metrics.save()


def _server(app: App) -> Server:
    """uvicorn's, with our own connections (ADR 6)."""
    return Server(
        uvicorn.Config(
            app,
            loop="uvloop",
            http=BoundedProtocol,
            interface="asgi3",  # the one that uvicorn hands on as it is: our protocol has its own way to call the app
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            date_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=DRAIN_WITHIN,
            backlog=2048,
        )
    )


def _warm(gateway: Gateway) -> None:
    """Decide once for nobody, so that the first request does not wait for what is compiled on first use."""
    front = DIALECTS["openai-chat"]
    ask = front.ask(b'{"model": "auto", "messages": [{"role": "user", "content": "hello"}]}')
    with contextlib.suppress(TurnoutError):
        explain(gateway, gateway.snapshot, Request("", 0, 0.0, 0.0, front, ask, Hints(), None))


def _settle() -> None:
    """What lives as long as the process is no work for the collector; what requests make dies by reference counts."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def _first(snapshots: Snapshots) -> Snapshot:
    async with asyncio.timeout(FIRST_VIEW_WITHIN):
        while (found := snapshots.poll()) is None:  # noqa: ASYNC110 - another process publishes it: there is no event to wait for
            await asyncio.sleep(0.02)
    return found


async def _notice(snapshots: Snapshots, gateway: Gateway, data_dir: Path, checker: Checker) -> None:
    """Take up each new view and drill by one assignment; a view that cannot be loaded leaves the old in force."""
    said = ""
    while True:
        await asyncio.sleep(NOTICE_EVERY)
        try:
            found = snapshots.poll()
            if found is not None:
                old, settings = gateway.cache, found.view.policy.cache
                if settings != gateway.snapshot.view.policy.cache:
                    gateway.cache = open_cache(settings, data_dir, gateway.clock)  # which may say that it cannot
                await checker.warm(_held_back(found.view.policy))
                gateway.snapshot = found
                if gateway.cache is not old:
                    await old.close()
        except (OSError, ValueError, LookupError, msgspec.MsgspecError, Unusable) as error:
            if str(error) != said:  # it is tried again all the time, and told once
                said = str(error)
                say(gateway.worker, f"the current view cannot be loaded, the old one stays: {error}")


def _held_back(policy: Policy) -> Iterator[Check]:
    """The checks that answers wait for."""
    for route in policy.routes:
        for arm in route.cascade:
            yield from arm.checks
        if route.trial is not None:
            yield from route.trial.checks


class JournalWatch:
    """Looks at the journal for the metrics, and tells a person when the disk begins to refuse it and when it takes it again."""

    def __init__(self, journal: SegmentJournal, metrics: Metrics, worker: str) -> None:
        self._journal = journal
        self._metrics = metrics
        self._worker = worker
        self._was_failing = False

    def look(self) -> None:
        state = self._journal.state
        failing = state.failing is not None
        self._metrics.note_journal(
            failing=failing, buffered=state.buffered, written_at_once=state.written_at_once, dropped=state.dropped
        )
        if failing and not self._was_failing:
            say(self._worker, f"the journal cannot be written, records wait in memory: {state.failing}")
        elif self._was_failing and not failing:
            say(self._worker, f"the journal is written again; {state.dropped} records were lost since the start")
        self._was_failing = failing


async def _save(metrics: Metrics, watch: JournalWatch) -> None:
    while True:
        watch.look()
        with contextlib.suppress(OSError):  # the journal's complaint about the same disk says it
            metrics.save()
        await asyncio.sleep(SAVE_EVERY)


if __name__ == "__main__":
    main()
