"""From the policy's file to a view in force: for the supervisor before anything starts, and for the control process from then on."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from turnout.build.ledger import open_ledger
from turnout.build.spec import Places
from turnout.catalog.accepted import DIRECTORY
from turnout.catalog.load import Catalog, load_catalog
from turnout.clock import Clock
from turnout.config.load import Loaded, load
from turnout.control.publish import Publisher
from turnout.learn.refresh import measured
from turnout.store.ledger import Ledger
from turnout.view import ViewStore


def catalog_of(data_dir: Path) -> Catalog:
    """What is shipped, with what was accepted of refreshes laid over it."""
    return load_catalog(accepted=data_dir / DIRECTORY)


def read_policy(config: str | None, served_on: str, clock: Clock, catalog: Callable[[], Catalog]) -> Loaded:
    """The policy as it stands in its file, or as the environment's keys imply; it must fit the address that is served on.

    ``catalog`` is asked each time: a refresh may have changed it.

    Raises:
        ConfigProblems: every problem at once.
    """
    today = datetime.fromtimestamp(clock.now(), UTC).date()
    return load(Path(config) if config else None, os.environ, catalog(), today, served_on)


def publisher(data_dir: Path, store: str, clock: Clock, catalog: Catalog) -> tuple[Publisher, Ledger]:
    """What turns policies into views, and the ledger that numbers them. Raises OSError, Unusable."""
    ledger = open_ledger(data_dir, store)
    tasks = {task: dict(skills) for task, skills in catalog.tasks.items()}
    return Publisher(ViewStore(data_dir / Places.views), ledger, clock, tasks, measured), ledger
