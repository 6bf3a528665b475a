"""What pages are made from."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from turnout.clock import Clock
from turnout.control.ingest import IngestReport
from turnout.store.ledger import Ledger


class Sources(msgspec.Struct, frozen=True):
    """``health`` and ``journal`` are where workers leave what they see, and what they recorded; ``ingested`` what ingest did since the start."""

    ledger: Ledger
    clock: Clock
    data_dir: Path
    health: Path
    journal: Path
    ingested: Callable[[], IngestReport] = IngestReport
