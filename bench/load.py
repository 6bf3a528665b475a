"""A load generator: CONNECTIONS keep-alive connections, closed loop or at a fixed open-loop rate. Bounded in count and time.

``python -m bench.load URL-PORT PATH BODY-FILE COUNT [RATE]`` prints one JSON line: answers, failures, latencies in ms.
"""

import asyncio
import sys
import time
from pathlib import Path

import httptools
import msgspec
import uvloop

CONNECTIONS = 32
LIMIT_SECONDS = 60.0


class Connection(asyncio.Protocol):
    """One request at a time; ``answer`` resolves to its status when the whole body is there."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.answer: asyncio.Future[int] | None = None
        self.parser = httptools.HttpResponseParser(self)

    def ask(self, request: bytes) -> "asyncio.Future[int]":
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)  # type: ignore[attr-defined]
        return self.answer

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        status, self.parser = self.parser.get_status_code(), httptools.HttpResponseParser(self)
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(status)

    def connection_lost(self, error: Exception | None) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(0)


async def run(port: int, request: bytes, count: int, rate: float | None, connections: int = CONNECTIONS) -> dict[str, object]:
    loop = asyncio.get_running_loop()
    idle: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(connections):
        idle.put_nowait((await loop.create_connection(Connection, "127.0.0.1", port))[1])
    latencies: list[float] = []
    failures = 0

    async def one(due: float) -> None:
        nonlocal failures
        connection = await idle.get()
        if await connection.ask(request) == 200:
            latencies.append((time.perf_counter() - due) * 1_000)
        else:
            failures += 1
        idle.put_nowait(connection)

    async def closed(share: int) -> None:
        for _ in range(share):
            await one(time.perf_counter())

    started = time.perf_counter()
    async with asyncio.timeout(LIMIT_SECONDS):
        if rate is None:
            await asyncio.gather(*(closed(count // connections) for _ in range(connections)))
        else:
            tasks = []
            for n in range(count):
                due = started + n / rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                tasks.append(asyncio.create_task(one(due)))
            await asyncio.gather(*tasks)
    seconds = time.perf_counter() - started
    latencies.sort()
    return {
        "answers": len(latencies), "failures": failures, "seconds": seconds,
        "p50_ms": latencies[len(latencies) // 2] if latencies else None,
        "p99_ms": latencies[int(len(latencies) * 0.99)] if latencies else None,
    }  # fmt: skip


def request(port: int, path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    head += "accept: application/json\r\nuser-agent: bench/1.0\r\nauthorization: Bearer tk-bench\r\n\r\n"
    return head.encode() + body


def main() -> None:
    port, path, body, count = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]).read_bytes(), int(sys.argv[4])
    rate = float(sys.argv[5]) if len(sys.argv) > 5 else None
    connections = 256 if rate is not None else CONNECTIONS
    print(msgspec.json.encode(uvloop.run(run(port, request(port, path, body), count, rate, connections))).decode())


if __name__ == "__main__":
    main()
