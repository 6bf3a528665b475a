"""A ledger and what pages are made from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dashboard import sources
from tests.support.records import NOW
from tests.support.release_stories import happened
from turnout.clock import ManualClock
from turnout.control.pages.sources import Sources
from turnout.store.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.db")
    yield opened
    opened.close()


@pytest.fixture
def made_from(ledger: Ledger, tmp_path: Path) -> Sources:
    """At the moment NOW, with nothing in the ledger."""
    return sources(ledger, tmp_path, ManualClock(NOW))


@pytest.fixture(scope="session")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sources]:
    """At the moment NOW, with releases in every phase. Only to be looked at."""
    folder = tmp_path_factory.mktemp("stories")
    told = Ledger(folder / "ledger.db")
    happened(folder, told, NOW)
    yield sources(told, folder, ManualClock(NOW))
    told.close()
