"""A server on loopback that speaks as much of Redis as a client's greeting needs, and misbehaves as it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class FakeRedis:
    """``mood``: ``silent`` takes requests and says nothing, ``mad`` speaks no Redis, ``sorry`` refuses each command, ``empty`` has nothing."""

    def __init__(self, mood: str) -> None:
        self.mood = mood
        self.port = 0
        self.connections = 0
        self.asked: list[list[bytes]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while (head := await reader.readline()).startswith(b"*"):
                words = []
                for _ in range(int(head[1:])):
                    size = int((await reader.readline())[1:])
                    words.append((await reader.readexactly(size + 2))[:-2])
                self.asked.append(words)
                writer.write(self._reply(words))
                await writer.drain()
        writer.close()

    def _reply(self, words: list[bytes]) -> bytes:
        if self.mood == "mad":
            return b"HTTP/1.1 400 Bad Request\r\n\r\n"
        match words[0].upper():
            case b"HELLO":
                return b"%3\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n"
            case b"CLIENT":
                return b"+OK\r\n"
        if self.mood == "silent":
            return b""
        if self.mood == "sorry":
            return b"-OOM command not allowed when used memory > 'maxmemory'\r\n"
        return b"$-1\r\n" if words[0].upper() == b"GET" else b"+OK\r\n"


@asynccontextmanager
async def fake_redis(mood: str) -> AsyncIterator[FakeRedis]:
    fake = FakeRedis(mood)
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()
