"""Bounded memory on both sides: readers who do not read, servers who do not read."""

import asyncio

import pytest

from turnout.providers.transport.response import BUFFER

from .hostile import Peer, post, read, serving, until

SIZE = 20_000_000
# Beyond the buffer: what one read of the loop brings (asyncio and uvloop: 256 KiB), twice for TLS's own.
HELD = BUFFER + 2 * 256 * 1024


@pytest.mark.parametrize("tls", [False, True])
async def test_a_reader_who_does_not_read_stops_the_connection(transport, certificates, tls):
    """At most the buffer is held, and everything comes once the reader goes on."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % SIZE, bytes(SIZE))

    async with serving(script, tls=certificates.server if tls else None) as server, asyncio.timeout(20):
        response = await transport.send(post(server.url(), ca_file=certificates.ca_file), connect_timeout=5)
        await until(lambda: response._held > BUFFER)
        for _ in range(100):
            await asyncio.sleep(0)

        assert BUFFER < response._held <= HELD
        assert len(await read(response)) == SIZE


async def test_a_server_that_does_not_read_does_not_fill_our_memory(send, transport):
    """A large body is given to the socket as it takes it; then it all arrives."""

    async def script(peer: Peer) -> None:
        await peer.head()
        await told.wait()
        body = await peer.reader.readexactly(SIZE)
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    told = asyncio.Event()
    sent = bytes(range(250)) * (SIZE // 250)
    async with serving(script) as server, asyncio.timeout(20):
        task = asyncio.ensure_future(send(post(server.url(), sent)))
        await until(lambda: len(server.heads) == 1)
        (connection,) = next(iter(transport._pools.values()))._open
        await until(lambda: not connection._writable)
        for _ in range(100):
            await asyncio.sleep(0)

        assert connection.transport.get_write_buffer_size() < 256 * 1024
        told.set()
        assert await read(await task) == sent
