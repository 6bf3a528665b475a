from collections.abc import Iterator

import pytest

from turnout.store.ledger import Ledger


@pytest.fixture
def ledger(store_url: str) -> Iterator[Ledger]:
    """An empty one, on each kind of database."""
    opened = Ledger(store_url)
    yield opened
    opened.close()
