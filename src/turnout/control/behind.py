"""How far the ledger is behind what the workers have written down."""

from pathlib import Path

import msgspec

from turnout.journal.reader import segments
from turnout.store.ledger import Ledger


class Behind(msgspec.Struct, frozen=True):
    """``waiting`` bytes of the journal are not in the ledger, the oldest of them since ``seconds``; both 0 when all is in."""

    waiting: int = 0
    seconds: float = 0.0


def behind(journal: Path, ledger: Ledger, now: float) -> Behind:
    """At ``now`` (unix seconds). Raises OSError and sqlalchemy.exc.SQLAlchemyError."""
    waiting, oldest = 0, 0.0
    for path in segments(journal):
        try:
            status = path.stat()
        except FileNotFoundError:  # taken in while we looked
            continue
        unread = status.st_size - ledger.offset(path.stem)
        if unread > 0:
            waiting += unread
            oldest = max(oldest, now - status.st_mtime)
    return Behind(waiting, oldest)
