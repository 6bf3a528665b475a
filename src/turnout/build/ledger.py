"""Where the ledger of a Turnout is, from what its settings say."""

import os
from collections.abc import Mapping
from pathlib import Path

from turnout.build.spec import Places
from turnout.config.store import DEFAULT, store_url
from turnout.errors import Problem, Unusable
from turnout.store.ledger import Ledger


def ledger_place(data_dir: Path, store: str, env: Mapping[str, str] = os.environ) -> Path | str:
    """The file or URL that ``store.url`` stands for. Raises Unusable: the place of a secret that is not there, or no store's URL."""
    found = store_url(store, env)
    if isinstance(found, Problem):
        raise Unusable(f"store.url: {found.text()}")
    return data_dir / Places.ledger if found == DEFAULT else found


def open_ledger(data_dir: Path, store: str, env: Mapping[str, str] = os.environ) -> Ledger:
    """Raises Unusable."""
    return Ledger(ledger_place(data_dir, store, env))
