"""The control process: takes the journal into the ledger, keeps the view current, answers for both."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
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
from turnout.build.content_keys import opening_keys
from turnout.build.control_metrics import scraped
from turnout.build.loop import Loop
from turnout.build.policy_keeper import PolicyKeeper
from turnout.build.process import Server, chore, end_with_supervisor, say
from turnout.build.publishing import catalog_of, publisher, read_policy
from turnout.build.spec import ControlSpec, Places
from turnout.clock import Clock, SystemClock
from turnout.config.load import Loaded
from turnout.content.seal import Keyring
from turnout.control.app import control_app
from turnout.control.audit_api import audit_routes
from turnout.control.audit_keeper import AuditKeeper
from turnout.control.catalog_api import catalog_routes
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
from turnout.control.release_api import release_routes
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


async def serve(spec: ControlSpec) -> None:
    """Until SIGTERM or the supervisor's death; what the journal holds by then is taken in first."""
    clock, data_dir = SystemClock(), Path(spec.data_dir)
    publish, ledger = publisher(data_dir, spec.store, clock, catalog_of(data_dir))
    house = _house(
        spec, clock, publish, ledger, partial(read_policy, spec.config, spec.served_on, clock, partial(catalog_of, data_dir))
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, house.policy.ask)
    server = _server(_app(house))
    end_with_supervisor(server)
    tasks = [chore("control", work) for work in chores(house)]
    try:
        await server.serve(sockets=[socket.socket(fileno=spec.fd)])
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        _leave(house)


def _house(spec: ControlSpec, clock: Clock, publish: Publisher, ledger: Ledger, read: Callable[[], Loaded]) -> House:
    data_dir = Path(spec.data_dir)
    audit = AuditKeeper(ledger.audit, data_dir, clock, spec.retention)
    tickets = Tickets(Spool(data_dir / Places.tickets), ledger.tickets, clock, audit.trail)
    telemetry = start(os.environ, clock, partial(say, "control"))
    lead = lead_of(ledger, f"{socket.gethostname()}:{data_dir.resolve()}", clock)  # whoever comes after it has its lease at once
    loop = Loop(spec, clock, ledger, publish, lead.holds)
    policy = PolicyKeeper(spec.config, read, publish, loop.desk.human_edit)
    loop.read_again = policy.ask
    return House(spec, data_dir, clock, ledger, publish, policy, audit, tickets, telemetry, Ingested(), lead, loop)


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
        people=lambda: house.publish.base.policy.people if house.publish.base is not None else (),
        more=(
            *page_routes(seen_from),
            *drill_routes(data_dir, clock),
            *health_routes(health, clock),
            *policy_routes(house.publish, history, house.loop.relock),
            *release_routes(house.loop.desk, ledger, house.loop.opener.by_hand),
            *catalog_routes(house.loop, ledger, clock),
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
    """Of the policy in force."""
    return opening_keys(publish.base.policy, os.environ) if publish.base is not None else Keyring(())


if __name__ == "__main__":
    main()
