"""What open streams cost: memory of each, the longest gap between events, and what one client that reads nothing can do. Beside a bare relay.

``python -m bench.streams`` prints the figures alone.
"""

import asyncio
import contextlib
import json
import resource
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import uvloop

from bench import free_port, wait_for
from bench.gateway import policy, running, titled
from bench.load import request

STREAMS = 1_000
EVENTS = 20
PACE = 0.5
AT_ONCE = 100
"""Connections opened together: a listening socket's queue is finite."""
FIRST_WITHIN = 30.0
FLOOD_FOR = 2.0


class Stream(asyncio.Protocol):
    """One client that reads along. ``gap`` is the longest time in seconds it waited for more, once the first content had come."""

    def __init__(self, ask: bytes) -> None:
        self._ask = ask
        self._last = 0.0
        self._tail = b""
        self.gap = 0.0
        self.words = 0
        self.began = asyncio.Event()
        self.ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(self._ask)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if self.words:
            self.gap = max(self.gap, now - self._last)
        self._last = now
        self.words += data.count(b'" word"')
        if self.words:
            self.began.set()
        self._tail = (self._tail + data)[-32:]
        if b"[DONE]" in self._tail:
            self.transport.close()
            self.ended.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.began.set()
        self.ended.set()


def ask(port: int, content: str) -> bytes:
    body = {"model": "auto", "messages": [{"role": "user", "content": content}], "stream": True}
    return request(port, "/v1/chat/completions", json.dumps(body).encode())


async def open_streams(port: int, count: int) -> list[Stream]:
    """So many, each with its first content."""
    loop, asked = asyncio.get_running_loop(), ask(port, "Tell me a long story.")
    streams = [Stream(asked) for _ in range(count)]
    async with asyncio.timeout(FIRST_WITHIN):
        for some in range(0, count, AT_ONCE):
            batch = streams[some : some + AT_ONCE]
            await asyncio.gather(*(loop.create_connection(lambda one=one: one, "127.0.0.1", port) for one in batch))
        await asyncio.gather(*(stream.began.wait() for stream in streams))
    return streams


@contextlib.contextmanager
def deaf_client(port: int) -> Iterator[None]:
    """Asks for megabytes and reads nothing of them."""
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        deaf.connect(("127.0.0.1", port))
        deaf.sendall(ask(port, "FLOOD me"))
        yield


async def look(
    port: int, process: psutil.Process, streams: int = STREAMS, events: int = EVENTS, pace: float = PACE
) -> dict[str, float]:
    """The figures of one relay, which reaches an upstream of that pace. Raises AssertionError when a stream did not come whole."""
    for stream in await open_streams(port, 8):
        stream.transport.close()
    await asyncio.sleep(0.5)
    before = process.memory_info().rss
    with deaf_client(port):
        await asyncio.sleep(FLOOD_FOR)
        flooded = process.memory_info().rss
        opened = await open_streams(port, streams)
        await asyncio.sleep(pace * 2)
        under_way = process.memory_info().rss
        async with asyncio.timeout(events * pace + FIRST_WITHIN):
            await asyncio.gather(*(stream.ended.wait() for stream in opened))
        assert [stream.words for stream in opened] == [events] * streams, "a stream did not come whole"
        last = process.memory_info().rss
    return {
        "memory per open stream, KB": (under_way - flooded) / streams / 1e3,
        "longest gap beyond the pace, ms": (max(stream.gap for stream in opened) - pace) * 1e3,
        "memory of a client that reads nothing, KB": (flooded - before) / 1e3,
        "memory after all streams, MB": last / 1e6,
    }


def measure() -> dict[str, dict[str, float]]:
    """Figures by name: Turnout's and the bare relay's."""
    allow_many_files()
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        upstream, gateway_port, control_port, relay_port = (free_port() for _ in range(4))
        config = Path(folder, "turnout.json")
        config.write_text(json.dumps(policy(upstream)))
        stack.enter_context(running("bench.upstream", str(upstream), str(EVENTS), str(PACE)))
        relay = stack.enter_context(running("bench.bare_relay", str(relay_port), str(upstream)))
        serve = stack.enter_context(
            running(
                "turnout", "serve", "--config", str(config), "--port", str(gateway_port), "--control-port", str(control_port),
                "--data-dir", str(Path(folder, "data")),
            )
        )  # fmt: skip
        wait_for(gateway_port, "/health/ready")
        wait_for(relay_port, None)
        for name, port, process in (
            ("turnout", gateway_port, titled(serve, "turnout: gateway")),
            ("bare relay", relay_port, relay),
        ):
            for figure, value in uvloop.run(look(port, process)).items():
                figures.setdefault(figure, {})[name] = value
    return figures


def allow_many_files() -> None:
    """A thousand streams are a thousand sockets here; children inherit what is set."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
