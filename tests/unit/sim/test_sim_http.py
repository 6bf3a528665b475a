import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from turnout.sim.http import Exchange, listen

GET = b"GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n"


@asynccontextmanager
async def client_of(
    handler: Callable[[Exchange], Awaitable[None]],
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    server, connections = await listen(handler, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        async with asyncio.timeout(5):
            yield reader, writer
    finally:
        writer.close()
        server.close()
        for connection in tuple(connections):
            connection.hang_up()
        await asyncio.sleep(0)


async def test_pipelined_requests_are_answered_in_order() -> None:
    """Two requests in one packet get two answers, each its own body."""

    async def echo(exchange: Exchange) -> None:
        exchange.answer(200, exchange.path.encode() + exchange.body)

    async with client_of(echo) as (reader, writer):
        writer.write(b"POST /1 HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc" + GET)
        answer = await reader.readuntil(b"/1abc") + await reader.readuntil(b"/a")

    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 2


async def test_a_stream_is_chunked() -> None:
    """Each write is one chunk, and the last is empty."""

    async def stream(exchange: Exchange) -> None:
        exchange.start(529, [("x-a", "b")])
        await exchange.write(b"one")
        await exchange.write(b"")
        exchange.end()

    async with client_of(stream) as (reader, writer):
        writer.write(GET)
        answer = await reader.readuntil(b"0\r\n\r\n")

    assert answer == b"HTTP/1.1 529 Overloaded\r\nx-a: b\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n"


async def test_a_cut_and_a_reset_differ() -> None:
    """FIN reads as the end, RST as an error."""

    async def leave(exchange: Exchange) -> None:
        exchange.answer(200, b"half", claimed=8)
        await asyncio.sleep(0.01)
        (exchange.reset if exchange.path == "/reset" else exchange.cut)()

    async with client_of(leave) as (reader, writer):
        writer.write(GET)
        assert (await reader.read()).endswith(b"content-length: 8\r\n\r\nhalf")
    async with client_of(leave) as (reader, writer):
        writer.write(b"GET /reset HTTP/1.1\r\n\r\n")
        await reader.readuntil(b"half")
        with pytest.raises(ConnectionResetError):
            await reader.read()


async def test_a_client_that_leaves_cancels_its_request() -> None:
    """Nothing goes on working for nobody."""
    cancelled = asyncio.Event()

    async def forever(exchange: Exchange) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with client_of(forever) as (_, writer):
        writer.write(GET)
        await writer.drain()
        await asyncio.sleep(0.01)
        writer.close()
        await cancelled.wait()

    assert cancelled.is_set()


async def test_a_client_that_does_not_read_is_waited_for() -> None:
    """Writes stop while the client's buffer is full, so that memory stays bounded."""
    written = 0

    async def flood(exchange: Exchange) -> None:
        nonlocal written
        exchange.start(200, [])
        for _ in range(1000):
            await exchange.write(b"x" * 100_000)
            written += 1

    async with client_of(flood) as (_, writer):
        sock = writer.get_extra_info("socket")
        sock.setsockopt(1, 13, struct.pack("ii", 1, 0))  # leave by RST in the end, so that nothing lingers
        writer.write(GET)
        await asyncio.sleep(0.2)
        stuck = written
        await asyncio.sleep(0.1)

    assert 0 < stuck < 300
    assert written == stuck


async def test_garbage_gets_a_400() -> None:
    """What is not HTTP is told so, and hung up on."""

    async def never(exchange: Exchange) -> None:
        raise AssertionError

    async with client_of(never) as (reader, writer):
        writer.write(b"\x16\x03\x01 hello\r\n\r\n")
        answer = await reader.read()

    assert answer.startswith(b"HTTP/1.1 400 Bad Request")
