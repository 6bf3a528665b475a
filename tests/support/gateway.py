"""The data plane in this process: the real front, spine and policy; the transport and the journal are the test's."""

import asyncio
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from tests.support.fake_exchange import Answered, FakeExchange
from turnout.build.snapshots import Means, snapshot
from turnout.cache.cache import open_cache
from turnout.catalog.load import load_catalog
from turnout.checks.checker import Checker
from turnout.clock import Clock, SystemClock
from turnout.config.load import load
from turnout.decide.compiled import compile_view
from turnout.execute.board import Board
from turnout.execute.sessions import Sessions
from turnout.front.app import App
from turnout.front.guard import Guard
from turnout.metrics import Metrics
from turnout.ports import Transport
from turnout.serve.worker import Gateway
from turnout.sim.policy import ROUTES, Ports, policy_yaml
from turnout.sim.profile import default_fleet
from turnout.tickets.desk import Desk
from turnout.types.caching import CacheStore
from turnout.types.record import Record
from turnout.types.view import Base, Overlay

TODAY = date(2026, 11, 23)
ASK = {"model": "auto", "messages": [{"role": "user", "content": "What is the capital of France?"}]}


class FakeJournal:
    """Keeps what it is given. ``durable`` waits for ``open``; ``disk`` is what the disk says instead of taking a record."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.durable: list[Record] = []
        self.open = asyncio.Event()
        self.open.set()
        self.disk: OSError | None = None

    def append(self, record: Record) -> None:
        msgspec.msgpack.encode(record)  # as the real one does at once: what cannot be written down shows here
        self.records.append(record)

    async def append_durably(self, record: Record) -> None:
        await self.open.wait()
        if self.disk is not None:
            raise self.disk
        self.durable.append(record)

    def close(self) -> None:
        pass


class House(msgspec.Struct):
    """A worker's parts, put together as the gateway process does."""

    app: App
    gateway: Gateway
    journal: FakeJournal


def house(
    directory: Path, transport: Transport, *, sim_port: int = 1, routes: str = ROUTES, more: str = "", clock: Clock | None = None
) -> House:
    """The sim's policy (``more`` is further YAML) over this transport."""
    file = directory / "turnout.yaml"
    file.write_text(policy_yaml(default_fleet(time_scale=0), Ports(sim=sim_port), routes=routes) + more)
    catalog, clock = load_catalog(), clock or SystemClock()
    loaded = load(file, {}, catalog, TODAY)
    tasks = {task: dict(skills) for task, skills in catalog.tasks.items()}
    view = compile_view(Base(1, loaded.policy, loaded.models, tasks), Overlay("base", TODAY), "view")
    journal = FakeJournal()
    means = Means(transport, Board(), Checker().verify, clock, {})
    cache, desk = open_cache(CacheStore(), directory, clock), Desk(directory / "tickets", clock)
    gateway = Gateway(snapshot(view, means), transport, journal, Metrics(), Sessions(), clock, "test", cache, desk)
    return House(App(gateway, Guard("127.0.0.1"), 1_000_000), gateway, journal)


def start(
    app: App,
    path: str,
    body: dict[str, Any] | bytes,
    *,
    method: str = "POST",
    on_write: Callable[[bytes], None] = lambda _: None,
    **headers: str,
) -> tuple["asyncio.Task[None]", Answered]:
    """Send a request; the answer fills as it comes. ``on_write`` sees each piece of it first and may raise."""
    named = {"host": "127.0.0.1", "content-type": "application/json", **{key.replace("_", "-"): headers[key] for key in headers}}
    sent = {name.encode(): value.encode("latin-1") for name, value in named.items()}
    whole = body if isinstance(body, bytes) else json.dumps(body).encode()
    exchange = FakeExchange(path, whole, sent, method=method, on_write=on_write)
    return asyncio.ensure_future(app(exchange)), exchange.answered


async def ask(app: App, path: str, body: dict[str, Any] | bytes, **options: Any) -> Answered:
    """Send a request and have its whole answer."""
    task, answered = start(app, path, body, **options)
    await task
    return answered
