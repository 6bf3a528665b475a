"""What pages are made from."""

from collections.abc import Callable
from pathlib import Path

import msgspec
from starlette.routing import BaseRoute

from turnout.clock import Clock
from turnout.content.open import Opened
from turnout.control.audit_keeper import AuditKeeper
from turnout.control.history import History, NoSuchVersion
from turnout.control.ingest import IngestReport
from turnout.store.ledger import Ledger
from turnout.types.view import Base
from turnout.view import ViewStore


def nothing_kept(_: str) -> Opened | None:
    """Where content is not to be opened."""
    return None


class Sources(msgspec.Struct, frozen=True):
    """``health`` and ``journal`` are where workers leave what they see, and what they recorded; ``ingested`` what ingest did since the start.

    ``opened`` is a request's content, None where none is kept; it raises CannotOpen. ``routes`` are what the control
    plane serves at ``address``; both are known when a page is asked for.
    """

    ledger: Ledger
    clock: Clock
    data_dir: Path
    health: Path
    journal: Path
    views: ViewStore
    history: History
    audit: AuditKeeper
    ingested: Callable[[], IngestReport] = IngestReport
    opened: Callable[[str], Opened | None] = nothing_kept
    routes: tuple[BaseRoute, ...] = ()
    address: str = ""

    def in_force(self) -> Base | None:
        """The policy and the facts that are decided on; None before the first, or where its file cannot be read."""
        versions = self.history.list(1)
        try:
            return self.history.base(versions[0]) if versions else None
        except NoSuchVersion:
            return None
