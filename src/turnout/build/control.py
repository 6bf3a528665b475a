"""The control process: takes the journal into the ledger, keeps the view current, answers for both."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec
import uvicorn
import uvloop
from setproctitle import setproctitle
from sqlalchemy.exc import SQLAlchemyError

from turnout.build.ledger import open_ledger
from turnout.build.process import Server, chore, end_with_supervisor, say
from turnout.build.spec import ControlSpec, Places
from turnout.catalog.load import Catalog, load_catalog
from turnout.clock import Clock, SystemClock
from turnout.config.load import Loaded, load
from turnout.config.reload import FileWatch
from turnout.config.secret import Secret, resolve
from turnout.config.settings import Settings, differing
from turnout.content.seal import Keyring, keyring
from turnout.control.app import control_app
from turnout.control.audit_api import audit_routes
from turnout.control.audit_keeper import AuditKeeper
from turnout.control.contents import ContentDesk, content_routes
from turnout.control.drills import drill_routes, keep_drilling
from turnout.control.health import health_routes
from turnout.control.history import History
from turnout.control.ingest import IngestReport, ingest_once, keep_ingesting
from turnout.control.page_api import page_routes
from turnout.control.pages.sources import Sources
from turnout.control.policy_api import policy_routes
from turnout.control.publish import Publisher
from turnout.control.tickets import Tickets, keep_collecting
from turnout.control.token import admin_token
from turnout.errors import ConfigProblems, Unusable
from turnout.store.ledger import Ledger, in_words
from turnout.store.policies import PolicyVersion
from turnout.tickets.spool import Spool
from turnout.view import ViewStore

NOTICE_EVERY = 0.1
"""Seconds between looks at the policy file: one stat each."""
REFRESH_EVERY = 2.0
"""Seconds between looks at whether traffic moved the mix."""
AUDIT_EVERY, DRILL_EVERY, SIGN_EVERY = 10.0, 1.0, 600.0
"""Seconds between looks at which hours are over, which drill runs, and whether a day has passed since the chain was signed."""
TIDY_EVERY = 6 * 3600.0
"""Seconds between looks for views that nothing needs: such a look may read all of the ledger."""


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
    clock, data_dir, catalog = SystemClock(), Path(spec.data_dir), load_catalog()
    publish, ledger = publisher(data_dir, spec.store, clock, catalog)
    policy = PolicyKeeper(spec.config, partial(read_policy, spec.config, spec.served_on, clock, catalog), publish)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, policy.ask)
    ingested = Ingested()
    audit = AuditKeeper(ledger.audit, data_dir, clock)
    tickets = Tickets(Spool(data_dir / Places.tickets), ledger.tickets, clock, audit.trail)
    health, journal = data_dir / Places.health, data_dir / Places.journal
    views = ViewStore(data_dir / Places.views)
    history = History(ledger, views)
    contents = ContentDesk(ledger.contents, partial(_content_keys, publish), audit.trail)
    sources = Sources(
        ledger, clock, data_dir, health, journal, views, history, audit, lambda: ingested.report, contents.open
    )  # fmt: skip
    app = control_app(
        ledger,
        admin_token(data_dir),
        {spec.host, *spec.hosts},
        clock=clock,
        ingested=lambda: ingested.report,
        tickets=tickets,
        more=(
            *page_routes(sources),
            *drill_routes(data_dir, clock),
            *health_routes(health, clock),
            *policy_routes(publish, history),
            *content_routes(contents),
            *audit_routes(ledger, audit, clock),
        ),
    )
    server = Server(
        uvicorn.Config(
            app,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
    )
    end_with_supervisor(server)
    chores = [
        chore("control", partial(keep_ingesting, journal, ledger, ingested.add)),
        chore("control", policy.keep),
        chore(
            "control", partial(_every, REFRESH_EVERY, publish.refresh, "the view could not be refreshed, the present one stays")
        ),
        chore("control", partial(_every, TIDY_EVERY, publish.clean, "unused views could not be deleted")),
        chore("control", partial(_every, AUDIT_EVERY, audit.look, "the audit trail waits")),
        chore("control", partial(_every, DRILL_EVERY, audit.watch_drills, "the audit trail does not hold which drill runs")),
        chore("control", partial(_every, SIGN_EVERY, audit.daily, "the audit trail was not signed")),
        chore("control", partial(keep_collecting, tickets)),
        chore("control", partial(keep_drilling, data_dir, clock, partial(say, "control"))),
        chore("control", partial(_every, TIDY_EVERY, tickets.clean, "old tickets could not be deleted")),
    ]
    try:
        await server.serve(sockets=[socket.socket(fileno=spec.fd)])
    finally:
        for task in chores:
            task.cancel()
        await asyncio.gather(*chores, return_exceptions=True)
        try:
            ingest_once(journal, ledger)
        except (OSError, SQLAlchemyError) as error:
            say("control", f"the journal keeps what the ledger could not take: {in_words(error)}")
        ledger.close()


class Ingested:
    """What ingest did since the start."""

    def __init__(self) -> None:
        self.report = IngestReport()

    def add(self, report: IngestReport) -> None:
        self.report += report


class PolicyKeeper:
    """Takes up each change of the policy file, or says why not and keeps the old. SIGHUP asks for it even without a change."""

    def __init__(self, config: str | None, read: Callable[[], Loaded], publish: Publisher) -> None:
        self._config = config
        self._read = read
        self._publish = publish
        self._watch = FileWatch(Path(config)) if config else None
        self._asked = False
        self._said = ""
        self._settings: Settings | None = None  # as first read: what this process was started with, or nearly
        self._waiting: tuple[str, ...] = ()
        self._overruled = 0

    def ask(self) -> None:
        """Read the file again, and say what came of it."""
        self._asked = True

    async def keep(self) -> None:
        due = True  # what changed while nobody looked counts too
        while True:
            await asyncio.sleep(NOTICE_EVERY)
            changed = self._changed()
            due = due or changed or self._asked
            if due and not changed:  # half of a file may be a valid policy too: it is read once it stood still for a look
                due = not await self._take_up()

    def _changed(self) -> bool:
        return self._watch is not None and self._watch.changed()

    async def _take_up(self) -> bool:
        """False when it must be tried again."""
        before = self._publish.base.version if self._publish.base else 0
        try:
            loaded = await asyncio.to_thread(self._read)
            if self._changed():
                return False
            version = await asyncio.to_thread(self._publish.adopt, loaded, self._config or "environment")
            restored = await asyncio.to_thread(self._publish.overruled)
        except ConfigProblems as refused:
            if self._changed():
                return False
            say("control", f"{self._config or 'the environment'}: refused, the policy in force stays:\n{refused}")
        except (OSError, SQLAlchemyError) as error:
            why = in_words(error)
            if why != self._said:  # it is tried again all the time, and told once
                say("control", f"the new policy could not be published, trying again: {why}")
            self._said = why
            return False
        else:
            if version != before:
                say("control", f"policy {version} is in force")
            elif self._asked:
                say("control", f"policy {version} stays in force: nothing about it changed")
            self._say_what_waits(loaded.settings)
            self._say_what_was_brought_back(restored)
        self._asked, self._said = False, ""
        return True

    def _say_what_was_brought_back(self, found: PolicyVersion | None) -> None:
        """Whoever reads the file would take it for what is in force."""
        if found is not None and found.version != self._overruled:
            say(
                "control",
                f"policy {found.version} is in force, which brought back version {found.restores} ({found.actor}: {found.note}); "
                f"{self._config or 'the environment'} says what it said before, and is taken up as soon as it changes",
            )
        self._overruled = found.version if found is not None else 0

    def _say_what_waits(self, settings: Settings) -> None:
        """Addresses and directories are not the policy's: they are those of the start until the next one."""
        self._settings = self._settings or settings
        waiting = differing(self._settings, settings)
        if waiting and (waiting != self._waiting or self._asked):
            say("control", f"{', '.join(waiting)}: changed in the file, and in force after a restart of turnout serve")
        self._waiting = waiting


def _content_keys(publish: Publisher) -> Keyring:
    """Of the policy in force, as far as they can be had."""
    refs = publish.base.policy.content_keys if publish.base is not None else ()
    found = (resolve(ref, os.environ) for ref in refs)
    return keyring(secret.reveal() for secret in found if isinstance(secret, Secret))


async def _every(seconds: float, work: Callable[[], object], otherwise: str) -> None:
    """Do it again and again, in a thread; a disk or ledger that refuses is named, and what that means is said."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await asyncio.to_thread(work)
        except (OSError, SQLAlchemyError, Unusable) as error:
            say("control", f"{otherwise}: {in_words(error)}")


if __name__ == "__main__":
    main()
