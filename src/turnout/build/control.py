"""The control process: takes the journal into the ledger, keeps the view current, answers for both."""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import uvicorn
import uvloop
from setproctitle import setproctitle
from sqlalchemy.exc import SQLAlchemyError

from turnout.build.spec import ControlSpec, Places
from turnout.catalog.load import load_catalog
from turnout.clock import Clock, SystemClock
from turnout.config.load import Loaded, load
from turnout.config.reload import FileWatch
from turnout.control.app import control_app
from turnout.control.ingest import IngestReport, ingest_once, keep_ingesting
from turnout.control.publish import Publisher
from turnout.control.token import admin_token
from turnout.errors import ConfigProblems
from turnout.store.ledger import Ledger
from turnout.view import ViewStore

NOTICE_EVERY = 0.1
"""Seconds between looks at the policy file: one stat each."""
REFRESH_EVERY = 2.0
"""Seconds between looks at whether traffic moved the mix."""


def main() -> None:
    """``python -m turnout.build.control SPEC``."""
    spec = msgspec.json.decode(sys.argv[1], type=ControlSpec)
    setproctitle("turnout: control")
    uvloop.run(serve(spec))


def read_policy(config: str | None, clock: Clock) -> Loaded:
    """The policy as it stands in its file, or as the environment's keys imply.

    Raises:
        ConfigProblems: every problem at once.
    """
    today = datetime.fromtimestamp(clock.now(), UTC).date()
    return load(Path(config) if config else None, os.environ, load_catalog(), today)


def publisher(data_dir: Path, store: str, clock: Clock) -> tuple[Publisher, Ledger]:
    """What turns policies into views, and the ledger that numbers them."""
    ledger = Ledger(data_dir / Places.ledger if store == "sqlite" else store)
    tasks = {task: dict(skills) for task, skills in load_catalog().tasks.items()}
    return Publisher(ViewStore(data_dir / Places.views), ledger, clock, tasks), ledger


async def serve(spec: ControlSpec) -> None:
    """Until SIGTERM; what the journal holds by then is taken in first."""
    clock, data_dir = SystemClock(), Path(spec.data_dir)
    publish, ledger = publisher(data_dir, spec.store, clock)
    hup = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hup.set)
    tally = Tally()
    app = control_app(ledger, admin_token(data_dir), {spec.host, *spec.hosts}, clock=clock, ingested=lambda: tally.report)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=spec.host,
            port=spec.port,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
    )
    journal = data_dir / Places.journal
    chores = [
        asyncio.create_task(keep_ingesting(journal, ledger, tally.add)),
        asyncio.create_task(_keep_policy(spec, publish, clock, hup)),
        asyncio.create_task(_keep_view(publish)),
    ]
    try:
        await server.serve()
    finally:
        for chore in chores:
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)
        ingest_once(journal, ledger)
        ledger.close()


class Tally:
    """What ingest did since the start."""

    def __init__(self) -> None:
        self.report = IngestReport()

    def add(self, report: IngestReport) -> None:
        self.report += report


async def _keep_policy(spec: ControlSpec, publish: Publisher, clock: Clock, hup: asyncio.Event) -> None:
    """Take up each change of the policy file, or say why not and keep the old."""
    watch = FileWatch(Path(spec.config)) if spec.config else None
    while True:
        await asyncio.sleep(NOTICE_EVERY)
        if not hup.is_set() and not (watch is not None and watch.changed()):
            continue
        hup.clear()
        try:
            before = publish.base.version if publish.base else 0
            version = publish.adopt(read_policy(spec.config, clock), spec.config or "environment")
        except ConfigProblems as refused:
            _say(f"{spec.config}: refused, the policy in force stays:\n{refused}")
        except (OSError, SQLAlchemyError) as error:
            _say(f"the new policy could not be published: {error}")
        else:
            if version != before:
                _say(f"policy {version} is in force")


async def _keep_view(publish: Publisher) -> None:
    while True:
        await asyncio.sleep(REFRESH_EVERY)
        try:
            await asyncio.to_thread(publish.refresh)
        except (OSError, SQLAlchemyError) as error:
            _say(f"the view could not be refreshed, the present one stays: {error}")


def _say(text: str) -> None:
    print(f"turnout: control: {text}", file=sys.stderr, flush=True)  # noqa: T201 - a process without a logger speaks on stderr


if __name__ == "__main__":
    main()
