"""How long a client may leave untaken what was written for it; in virtual time."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest
import uvicorn
from uvicorn.server import ServerState

from tests.support.fake_exchange import FakeConnection
from tests.support.virtual_time import run
from turnout.front.exchange import Exchange
from turnout.front.outflow import SEND_WITHIN
from turnout.front.protocol import BoundedProtocol


def timed(test: Callable[[FakeConnection], Awaitable[None]]) -> FakeConnection:
    async def on_a_connection() -> FakeConnection:
        connection = FakeConnection()
        await test(connection)
        return connection

    return run(on_a_connection())


def test_who_takes_nothing_is_cut_off() -> None:
    """In its time, and whoever waits for room is let go."""

    async def deaf(connection: FakeConnection) -> None:
        connection.wire.untaken = 100_000
        connection.flow.pause_writing()
        await asyncio.sleep(SEND_WITHIN - 1)
        connection.flow.pause_writing()  # said again it is no news
        assert not connection.wire.is_closed
        await asyncio.sleep(2)
        connection.flow.end()
        await connection.flow.drain()

    assert timed(deaf).wire.is_aborted


def test_who_takes_a_little_now_and_then_is_waited_for() -> None:
    """However long it lasts; the bound is on taking nothing."""

    async def slow(connection: FakeConnection) -> None:
        connection.wire.untaken = 100_000
        connection.flow.pause_writing()
        for _ in range(100):
            await asyncio.sleep(SEND_WITHIN - 1)
            connection.wire.untaken -= 10
        assert not connection.wire.is_closed
        await asyncio.sleep(3 * SEND_WITHIN)

    assert timed(slow).wire.is_aborted


def test_who_has_taken_enough_has_no_clock() -> None:
    """Until it is slow again."""

    async def quick(connection: FakeConnection) -> None:
        connection.wire.untaken = 100_000
        connection.flow.pause_writing()
        connection.wire.untaken = 10_000
        connection.flow.resume_writing()
        await asyncio.sleep(3 * SEND_WITHIN)

    assert not timed(quick).wire.is_closed


@pytest.mark.parametrize("paused", [True, False])
def test_a_connection_that_closes_waits_no_longer_for_the_rest_to_be_taken(*, paused: bool) -> None:
    """Whether there was room for more or not; that some was taken, and there is room again, is no end."""

    async def closing(connection: FakeConnection) -> None:
        connection.wire.untaken = 100_000
        if paused:
            connection.flow.pause_writing()
        connection.flow.close()
        connection.wire.untaken = 10_000
        connection.flow.resume_writing()
        await asyncio.sleep(SEND_WITHIN + 1)
        assert not connection.wire.is_aborted
        await asyncio.sleep(SEND_WITHIN)

    assert timed(closing).wire.is_aborted


def test_a_connection_that_is_lost_is_waited_for_no_more() -> None:
    """And one that closes with nothing left needs no clock."""

    async def lost(connection: FakeConnection) -> None:
        connection.wire.untaken = 100_000
        connection.flow.close()
        connection.flow.end()
        await asyncio.sleep(3 * SEND_WITHIN)

    async def empty(connection: FakeConnection) -> None:
        connection.flow.close()
        await asyncio.sleep(3 * SEND_WITHIN)

    assert not timed(lost).wire.is_aborted
    assert not timed(empty).wire.is_aborted


async def test_a_real_client_that_is_cut_off_is_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Merely closed, its megabytes would stay with the kernel, which would go on offering them."""
    monkeypatch.setattr("turnout.front.outflow.SEND_WITHIN", 0.05)

    async def app(asked: Exchange) -> None:
        asked.answer(200, b"", b"x" * 16_000_000)

    config = uvicorn.Config(app, interface="asgi3", proxy_headers=False, lifespan="off", log_config=None)  # type: ignore[arg-type]
    lost = asyncio.Event()

    class Noting(BoundedProtocol):
        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            lost.set()

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Noting(config, ServerState(), {}), "127.0.0.1", 0)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(server.sockets[0].getsockname())
        client.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        async with asyncio.timeout(10):
            await lost.wait()
        with pytest.raises(ConnectionResetError):
            list(iter(lambda: client.recv(65_536), b""))
    server.close()
