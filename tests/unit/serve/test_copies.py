"""Requests that nobody made."""

import asyncio

from turnout.cache.tee import TeeSink
from turnout.ports import Serving
from turnout.serve.copies import NoClient


async def test_no_client_takes_everything_and_never_leaves() -> None:
    """An answer made anew has no client, and is kept all the same."""
    tee = TeeSink(NoClient(), 10)
    gone = asyncio.ensure_future(tee.wait_gone())
    tee.begin(Serving("sim/small", "cheapest", 1, None))
    await tee.send(b"1")
    await asyncio.sleep(0)

    assert tee.body == b"1"
    assert not gone.done()
    gone.cancel()
