from collections.abc import Iterator
from pathlib import Path

import pytest

from turnout.store.ledger import Ledger


@pytest.fixture
def ledger(store_url: str) -> Iterator[Ledger]:
    """An empty one, on each kind of database."""
    opened = Ledger(store_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Ledger]:
    """One in the file ``ledger.db`` of the test's directory, for what only a file can show."""
    opened = Ledger(tmp_path / "ledger.db")
    yield opened
    opened.close()
