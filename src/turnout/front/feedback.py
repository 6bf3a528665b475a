"""POST /v1/feedback: what callers think of answers, into the journal."""

import asyncio

from turnout.errors import Code, TurnoutError
from turnout.execute.executor import RECORD_WITHIN
from turnout.feedback.read import Speaker, read
from turnout.ports import Journal
from turnout.types.policy import Key

TAKEN = 202
"""The status: it is on disk, and will be joined to its request."""
AT_ONCE = 100
"""Opinions put into the journal before other requests have their turn."""


async def take(journal: Journal, body: bytes, key: Key | None, now: float) -> list[str]:
    """Their ids, when all are on disk. Whether there are such requests is not asked: the ledger knows, and it may be away.

    Raises:
        TurnoutError: ``invalid_request``; ``overloaded`` when the disk refuses. Then some may be kept, and sending all again doubles none.
    """
    opinions = read(body, Speaker("user", key.name if key is not None else None, now))
    try:
        async with asyncio.timeout(RECORD_WITHIN):
            for start in range(0, len(opinions), AT_ONCE):
                await asyncio.gather(*map(journal.append_durably, opinions[start : start + AT_ONCE]))
    except OSError:  # a TimeoutError is one too
        raise TurnoutError(Code.OVERLOADED, "the feedback could not be written down; send it again", retry=True) from None
    return [opinion.id for opinion in opinions]
