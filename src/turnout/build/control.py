"""The control process: takes the journal into the ledger, keeps the view current, answers for both."""

import asyncio
import os
import signal
import socket
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec
import uvicorn
import uvloop
from setproctitle import setproctitle
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.routing import Route

from turnout.build.chores import House, Ingested, chores, lead_of
from turnout.build.control_metrics import scraped
from turnout.build.ledger import open_ledger
from turnout.build.policy_keeper import PolicyKeeper
from turnout.build.process import Server, chore, end_with_supervisor, say
from turnout.build.spec import ControlSpec, Places
from turnout.catalog.load import Catalog, load_catalog
from turnout.clock import Clock, SystemClock
from turnout.config.load import Loaded, load
from turnout.config.secret import Secret, resolve
from turnout.content.seal import Keyring, keyring
from turnout.control.app import control_app
from turnout.control.audit_api import audit_routes
from turnout.control.audit_keeper import AuditKeeper
from turnout.control.contents import ContentDesk, content_routes
from turnout.control.drills import drill_routes
from turnout.control.feedback_api import feedback_routes
from turnout.control.health import health_routes
from turnout.control.history import History
from turnout.control.ingest import ingest_once
from turnout.control.page_api import page_routes
from turnout.control.pages.sources import Sources
from turnout.control.policy_api import policy_routes
from turnout.control.publish import Publisher
from turnout.control.tickets import Tickets
from turnout.control.token import admin_token
from turnout.errors import Unusable
from turnout.store.ledger import Ledger, in_words
from turnout.telemetry.otlp import start
from turnout.tickets.spool import Spool
from turnout.view import ViewStore


def main() -> None:
    """``python -m turnout.build.control SPEC``."""
    spec = msgspec.json.decode(sys.argv[1], type=ControlSpec)
    setproctitle("turnout: control")
    try:
        uvloop.run(serve(spec))
    except Unusable as reason:
        say("control", str(reason))
        sys.exit(1)


def read_policy(config: str | None, served_on: str, clock: Clock, catalog: Catalog) -> Loaded:
    """The policy as it stands in its file, or as the environment's keys imply; it must fit the address that is served on.

    Raises:
        ConfigProblems: every problem at once.
    """
    today = datetime.fromtimestamp(clock.now(), UTC).date()
    return load(Path(config) if config else None, os.environ, catalog, today, served_on)


def publisher(data_dir: Path, store: str, clock: Clock, catalog: Catalog) -> tuple[Publisher, Ledger]:
    """What turns policies into views, and the ledger that numbers them. Raises OSError, Unusable."""
    ledger = open_ledger(data_dir, store)
    tasks = {task: dict(skills) for task, skills in catalog.tasks.items()}
    return Publisher(ViewStore(data_dir / Places.views), ledger, clock, tasks), ledger


async def serve(spec: ControlSpec) -> None:
    """Until SIGTERM or the supervisor's death; what the journal holds by then is taken in first."""
    clock, catalog = SystemClock(), load_catalog()
    publish, ledger = publisher(Path(spec.data_dir), spec.store, clock, catalog)
    policy = PolicyKeeper(spec.config, partial(read_policy, spec.config, spec.served_on, clock, catalog), publish)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, policy.ask)
    house = _house(spec, clock, publish, ledger)
    server = _server(_app(house))
    end_with_supervisor(server)
    tasks = [chore("control", work) for work in (policy.keep, *chores(house))]
    try:
        await server.serve(sockets=[socket.socket(fileno=spec.fd)])
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        _leave(house)


def _house(spec: ControlSpec, clock: Clock, publish: Publisher, ledger: Ledger) -> House:
    data_dir = Path(spec.data_dir)
    audit = AuditKeeper(ledger.audit, data_dir, clock)
    tickets = Tickets(Spool(data_dir / Places.tickets), ledger.tickets, clock, audit.trail)
    telemetry = start(os.environ, clock, partial(say, "control"))
    lead = lead_of(ledger, f"{socket.gethostname()}:{os.getpid()}", clock)
    return House(spec, data_dir, clock, ledger, publish, audit, tickets, telemetry, Ingested(), lead)


def _app(house: House) -> Starlette:
    """All that the control plane answers."""
    data_dir, ledger, clock, audit = house.data_dir, house.ledger, house.clock, house.audit
    health, views = data_dir / Places.health, ViewStore(data_dir / Places.views)
    history = History(ledger, views)
    contents = ContentDesk(ledger.contents, partial(_content_keys, house.publish), audit.trail)
    seen_from = Sources(
        ledger, clock, data_dir, health, data_dir / Places.journal, views, history, audit, lambda: house.ingested.report, contents.open
    )  # fmt: skip
    return control_app(
        ledger,
        admin_token(data_dir),
        {house.spec.host, *house.spec.hosts},
        clock=clock,
        ingested=lambda: house.ingested.report,
        tickets=house.tickets,
        more=(
            *page_routes(seen_from),
            *drill_routes(data_dir, clock),
            *health_routes(health, clock),
            *policy_routes(house.publish, history),
            *content_routes(contents),
            *audit_routes(ledger, audit, clock),
            *feedback_routes(ledger.feedback, clock),
            Route("/metrics", partial(scraped, house)),
        ),
    )


def _server(app: Starlette) -> Server:
    return Server(
        uvicorn.Config(
            app, ws="none", lifespan="off", access_log=False, log_config=None, server_header=False, timeout_graceful_shutdown=2
        )
    )  # fmt: skip


def _leave(house: House) -> None:
    """Let another one lead, and take in what the journal holds."""
    try:
        house.lead.release()
        ingest_once(house.data_dir / Places.journal, house.ledger, house.telemetry.take)
    except (OSError, SQLAlchemyError) as error:
        say("control", f"the journal keeps what the ledger could not take: {in_words(error)}")
    house.telemetry.close()
    house.ledger.close()


def _content_keys(publish: Publisher) -> Keyring:
    """Of the policy in force, as far as they can be had."""
    refs = publish.base.policy.content_keys if publish.base is not None else ()
    found = (resolve(ref, os.environ) for ref in refs)
    return keyring(secret.reveal() for secret in found if isinstance(secret, Secret))


if __name__ == "__main__":
    main()
