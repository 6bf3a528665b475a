"""CPU per request of the upstream client, beside aiohttp's and a bare protocol, in the same run.

    .venv/bin/python bench/transport.py [--seconds 6] [--json]

The server is its own process; figures are this process's user + system time, at 32 requests in flight on uvloop.
A streamed answer is 50 events in chunks of their own, which the server writes in one go or event by event.
"""

import argparse
import asyncio
import json
import multiprocessing
import statistics
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from typing import cast

import aiohttp
import httptools
import uvloop

from turnout.clock import SystemClock
from turnout.ports import Outgoing
from turnout.providers.transport import HttpTransport

IN_FLIGHT = 32
EVENTS = 50
REQUEST = b'{"model":"m","messages":[{"role":"user","content":"' + b"word " * 280 + b'"}]}'
HEADERS = ((b"authorization", b"Bearer sk-0123456789abcdef"), (b"content-type", b"application/json"), (b"user-agent", b"turnout"))
REPLY_HEADERS = b"".join(b"x-header-%d: value of some length %d\r\n" % (number, number) for number in range(12))
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" + REPLY_HEADERS + b"content-length: 1000\r\n\r\n" + b"x" * 1000
EVENT = b'data: {"id":"c","choices":[{"delta":{"content":"word"}}]}' + b" " * 140 + b"\n\n"
CHUNK = b"%x\r\n%b\r\n" % (len(EVENT), EVENT)
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n" + REPLY_HEADERS + b"transfer-encoding: chunked\r\n\r\n"
STREAM_END = b"0\r\n\r\n"

Fetch = Callable[[str], Awaitable[int]]


class Replier(asyncio.Protocol):
    """The upstream: answers at once, by path."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"POST /whole"):
            self.transport.write(WHOLE)
        elif data.startswith(b"POST /burst"):
            self.transport.write(STREAM_HEAD + CHUNK * EVENTS + STREAM_END)
        else:
            self.transport.write(STREAM_HEAD)
            self.drip(EVENTS)

    def drip(self, left: int) -> None:
        self.transport.write(CHUNK if left else STREAM_END)
        if left:
            asyncio.get_running_loop().call_later(0.001, self.drip, left - 1)


async def serve(port: Connection) -> None:
    server = await asyncio.get_running_loop().create_server(Replier, "127.0.0.1", 0)
    port.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def run_server(port: Connection) -> None:
    uvloop.run(serve(port))


class Bare(asyncio.Protocol):
    """The least that can be done: one write, the parser, one future."""

    def __init__(self) -> None:
        self.size = 0
        self.done: asyncio.Future[int] | None = None
        self.parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.size += len(body)

    def on_message_complete(self) -> None:
        assert self.done is not None
        self.done.set_result(self.size)

    async def fetch(self, request: bytes) -> int:
        self.size = 0
        self.done = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self.done


async def bare(base: str) -> tuple[Fetch, Callable[[], Awaitable[None]]]:
    port = int(base.rpartition(":")[2])
    head = b"".join(b"%b: %b\r\n" % header for header in HEADERS)
    free = [(await asyncio.get_running_loop().create_connection(Bare, "127.0.0.1", port))[1] for _ in range(IN_FLIGHT)]

    async def fetch(path: str) -> int:
        protocol = free.pop()
        request = b"POST %b HTTP/1.1\r\nhost: h\r\n%bcontent-length: %d\r\n\r\n" % (path.encode(), head, len(REQUEST))
        size = await protocol.fetch(request + REQUEST)
        free.append(protocol)
        return size

    async def close() -> None:
        for protocol in free:
            protocol.transport.abort()

    return fetch, close


async def ours(base: str) -> tuple[Fetch, Callable[[], Awaitable[None]]]:
    transport = HttpTransport(clock=SystemClock())

    async def fetch(path: str) -> int:
        size = 0
        response = await transport.send(Outgoing("POST", base + path, HEADERS, REQUEST), connect_timeout=5)
        async for chunk in response.chunks():
            size += len(chunk)
        await response.close()
        return size

    return fetch, transport.close


async def theirs(base: str) -> tuple[Fetch, Callable[[], Awaitable[None]]]:
    session = aiohttp.ClientSession()
    headers = {name.decode(): value.decode() for name, value in HEADERS}

    async def fetch(path: str) -> int:
        size = 0
        async with session.post(base + path, headers=headers, data=REQUEST) as response:
            async for chunk in response.content.iter_any():
                size += len(chunk)
        return size

    return fetch, session.close


async def cpu_per_request(
    client: Callable[[str], Awaitable[tuple[Fetch, Callable[[], Awaitable[None]]]]], base: str, path: str, seconds: float
) -> float:
    """Microseconds."""
    fetch, close = await client(base)
    expected = 1000 if path == "/whole" else EVENTS * len(EVENT)
    count = 0
    end = time.monotonic() + seconds

    async def worker() -> None:
        nonlocal count
        while time.monotonic() < end:
            assert await fetch(path) == expected
            count += 1

    await asyncio.gather(*(fetch(path) for _ in range(IN_FLIGHT)))
    before = time.process_time()
    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    spent = time.process_time() - before
    await close()
    return spent / count * 1e6


CLIENTS = {"bare protocol": bare, "HttpTransport": ours, "aiohttp": theirs}
CASES = {"whole, us/request": ("/whole", 1), "burst, us/event": ("/burst", EVENTS), "drip, us/event": ("/drip", EVENTS)}
ROUNDS = 3


def measure(base: str, seconds: float) -> dict[str, dict[str, float]]:
    """The median of a few rounds, clients taking turns so that a noisy moment hits all."""
    share = seconds / (ROUNDS * len(CLIENTS) * len(CASES))
    found: dict[str, dict[str, list[float]]] = {name: {case: [] for case in CASES} for name in CLIENTS}
    for _ in range(ROUNDS):
        for case, (path, parts) in CASES.items():
            for name, client in CLIENTS.items():
                found[name][case].append(uvloop.run(cpu_per_request(client, base, path, share)) / parts)
    return {name: {case: statistics.median(values) for case, values in cases.items()} for name, cases in found.items()}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--seconds", type=float, default=6.0, help="for the whole run")
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=run_server, args=(there,), daemon=True)
    server.start()
    try:
        figures = measure(f"http://127.0.0.1:{here.recv()}", chosen.seconds)
    finally:
        server.kill()
        server.join()
    if chosen.json:
        print(json.dumps(figures, indent=2))
        return
    print(f"{'client':<16}" + "".join(f"{case:>20}" for case in CASES))
    for name, cases in figures.items():
        print(f"{name:<16}" + "".join(f"{value:>20.1f}" for value in cases.values()))


if __name__ == "__main__":
    main()
