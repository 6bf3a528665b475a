"""What child processes share: how they end (on a signal, or when their supervisor is gone, however that went), and what they do beside serving."""

import asyncio
import contextlib
import logging
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Coroutine, Iterator

import uvicorn

DRAIN_WITHIN = 30
"""Seconds that streams under way get to end after SIGTERM."""
CANCEL_WITHIN = 2.0
"""Seconds that requests which may not go on get to tell their clients and to be recorded."""
BEGUN_AGAIN_AFTER = 5.0
"""Seconds between a chore's breaking and its new beginning."""


class Server(uvicorn.Server):
    """uvicorn's server under signals of our own: its own raise the signal again at the end, which kills before the last things are done."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Until told to end and nothing is under way any more; what did not end in time is cancelled first."""
        logging.getLogger("uvicorn.error").addFilter(_is_news)
        await super().serve(sockets)
        under_way = set(self.server_state.tasks)
        for task in under_way:
            task.cancel()
        if under_way:
            await asyncio.wait(under_way, timeout=CANCEL_WITHIN)

    def end(self) -> None:
        """Take nothing new, let what is under way end."""
        self.should_exit = True

    def end_now(self) -> None:
        """Do not wait any longer."""
        self.should_exit = self.force_exit = True


def _is_news(record: logging.LogRecord) -> bool:
    """A request that was cancelled at the process's end is none: whoever ended the process knows, and a gateway names each itself."""
    return record.exc_info is None or not isinstance(record.exc_info[1], asyncio.CancelledError)


def end_with_supervisor(server: Server, draining: Callable[[], None] = lambda: None) -> None:
    """A first SIGTERM or SIGINT lets ``server`` end, a second one hurries it. ``draining`` is told at the first.

    Stdin is a pipe that only the supervisor holds: its end means that the supervisor was killed, and nobody else will ever stop us.
    """
    loop = asyncio.get_running_loop()

    def told() -> None:
        if server.should_exit:
            server.end_now()
        server.end()
        draining()

    def orphaned() -> None:
        loop.remove_reader(lifeline)
        server.end()
        draining()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told)
    lifeline = sys.stdin.fileno()
    loop.add_reader(lifeline, orphaned)


def chore(who: str, work: Callable[[], Coroutine[None, None, None]]) -> asyncio.Task[None]:
    """Work that goes on beside serving until it is cancelled. Breaking is a bug: it is told where it happened, and the work begun again."""

    async def kept() -> None:
        while True:
            try:
                await work()
            except Exception:  # noqa: BLE001 - whatever it is: the process serves on, and must not do so silently without this
                say(who, f"a chore broke and is begun again: {traceback.format_exc()}")
            await asyncio.sleep(BEGUN_AGAIN_AFTER)

    return asyncio.create_task(kept())


def say(who: str, text: str) -> None:
    """A process without a logger speaks on stderr. That may be a file on a disk that is full: what cannot be said stops nobody."""
    with contextlib.suppress(OSError):
        print(f"turnout: {who}: {text}", file=sys.stderr, flush=True)  # noqa: T201 - this is that place
