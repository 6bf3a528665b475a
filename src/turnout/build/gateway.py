"""A gateway process: one event loop, one ASGI app, on a socket that the supervisor opened."""

import asyncio
import gc
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import uvicorn
import uvloop
from setproctitle import setproctitle

from turnout.build.spec import GatewaySpec, Places
from turnout.catalog import rates
from turnout.clock import Clock, SystemClock
from turnout.config.secret import Secret, resolve
from turnout.decide.compiled import View
from turnout.execute.job import World
from turnout.execute.sessions import Sessions
from turnout.flow import Gateway, Snapshot
from turnout.front.app import App
from turnout.front.guard import Guard
from turnout.journal.writer import SegmentJournal
from turnout.metrics import Metrics
from turnout.ports import Transport
from turnout.providers.transport import HttpTransport
from turnout.providers.upstream import connect
from turnout.types.money import PicoDollars
from turnout.types.reply import Usage
from turnout.view import CurrentView, ViewStore

NOTICE_EVERY = 0.1
"""Seconds between looks at whether another view is current: one stat each."""
SAVE_EVERY = 1.0
"""Seconds between two savings of the counters for the other workers' scrapes."""
FIRST_VIEW_WITHIN = 10.0
"""Seconds to wait for a first view before giving up."""


def snapshot(view: View, transport: Transport, clock: Clock, env: Mapping[str, str]) -> Snapshot:
    """All that requests on this view are served with, credentials included."""

    def secret(ref: str) -> str | None:
        found = resolve(ref, env)
        return found.reveal() if isinstance(found, Secret) else None

    def charge(model: str, usage: Usage) -> PicoDollars | None:
        tiers = view.slots[model].tiers
        return None if tiers is None else rates.charge(tiers, usage)

    upstreams = connect(view.policy, view.facts.values(), secret, env)
    return Snapshot(view, World(transport, upstreams, clock, charge), {key.hash: key for key in view.policy.keys})


def main() -> None:
    """``python -m turnout.build.gateway SPEC``."""
    spec = msgspec.json.decode(sys.argv[1], type=GatewaySpec)
    setproctitle(f"turnout: gateway {spec.index}")
    uvloop.run(serve(spec))


async def serve(spec: GatewaySpec) -> None:
    """Serve until SIGTERM, then let what is under way end."""
    clock, data_dir = SystemClock(), Path(spec.data_dir)
    current = CurrentView(ViewStore(data_dir / Places.views), data_dir / Places.views)
    view = await _first(current)
    transport = HttpTransport(clock=clock)
    (data_dir / Places.metrics).mkdir(exist_ok=True)
    metrics = Metrics(data_dir / Places.metrics / f"{spec.worker}.metrics")
    journal = SegmentJournal(data_dir / Places.journal, spec.worker, clock)
    first = snapshot(view, transport, clock, os.environ)
    gateway = Gateway(first, transport, journal, metrics, Sessions(), clock, spec.worker)
    app = App(gateway, Guard(spec.host, frozenset(spec.hosts), frozenset(spec.origins)), spec.max_body)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            date_header=False,
            timeout_keep_alive=75,
            backlog=2048,
        )
    )
    _settle()
    chores = [asyncio.create_task(_notice(current, gateway)), asyncio.create_task(_save(metrics))]
    try:
        await server.serve(sockets=[socket.socket(fileno=spec.fd)])
    finally:
        app.draining = True
        for chore in chores:
            chore.cancel()
        await transport.close()
        journal.close()
        metrics.save()


def _settle() -> None:
    """What lives as long as the process is no work for the collector; what requests make dies by reference counts."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def _first(current: CurrentView) -> View:
    async with asyncio.timeout(FIRST_VIEW_WITHIN):
        while (view := current.poll()) is None:  # noqa: ASYNC110 - another process publishes it: there is no event to wait for
            await asyncio.sleep(0.02)
    return view


async def _notice(current: CurrentView, gateway: Gateway) -> None:
    """Take up each new view by one assignment; one that cannot be loaded leaves the old in force."""
    while True:
        await asyncio.sleep(NOTICE_EVERY)
        try:
            view = current.poll()
        except (OSError, ValueError, msgspec.DecodeError) as error:
            print(f"turnout: {gateway.worker}: the current view cannot be loaded, keeping the old one: {error}", file=sys.stderr)  # noqa: T201 - a process without a logger speaks on stderr
            continue
        if view is not None:
            gateway.snapshot = snapshot(view, gateway.transport, gateway.clock, os.environ)


async def _save(metrics: Metrics) -> None:
    while True:
        await asyncio.sleep(SAVE_EVERY)
        metrics.save()


if __name__ == "__main__":
    main()
