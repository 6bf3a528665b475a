"""Work that would hold up others, done where it does not."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

LARGE = 16_000
"""Bytes from which a thread is worth its own cost: about a millisecond of work."""

rest = partial(time.sleep, 0.0005)
"""What a thread does now and then, so that it does not keep the interpreter: whoever wants it would wait five milliseconds each time."""


async def aside(size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """At once where there is little to do, else in a thread."""
    return work(*args, **kwargs) if size < LARGE else await asyncio.to_thread(work, *args, **kwargs)
