"""What happens to a connection in the one turn of the loop in which it changes hands."""

import asyncio
import socket
import ssl

import pytest

from turnout.clock import ManualClock
from turnout.errors import Unavailable
from turnout.providers.transport.connection import WRITE_SIZE, Connection
from turnout.providers.transport.pool import Pool
from turnout.providers.transport.target import Origin

from .hostile import read, until
from .wire import Owner, Wire

ORIGIN = Origin("h", 80, False, None, None)


class Dialer:
    """Opens a connection whenever it is let; ``wires`` are to go below the next ones."""

    def __init__(self) -> None:
        self.asked = 0
        self.lets = asyncio.Semaphore(0)
        self.wires: list[Wire] = []
        self.made: list[Connection] = []
        self.dead = False

    async def dial(self, _origin: Origin) -> Connection:
        self.asked += 1
        await self.lets.acquire()
        connection = Connection()
        connection.connection_made(self.wires.pop() if self.wires else Wire())
        if self.dead:
            connection.eof_received()
        self.made.append(connection)
        return connection


@pytest.fixture
def dialer() -> Dialer:
    return Dialer()


@pytest.fixture
def pool(dialer: Dialer) -> Pool:
    """Room for one connection."""
    return Pool(ORIGIN, dialer, ManualClock(), limit=1, keepalive_s=30.0)  # type: ignore[arg-type]  # a stand-in


async def one_and_a_waiter(pool: Pool, dialer: Dialer) -> tuple[Connection, asyncio.Task[Connection]]:
    dialer.lets.release()
    held = await pool.acquire(5)
    waiter = asyncio.ensure_future(pool.acquire(5))
    await until(lambda: "1 waiting" in repr(pool))
    return held, waiter


async def test_room_that_was_handed_over_is_taken(pool, dialer):
    """Who asks meanwhile waits: one is being opened already, and the limit is one."""
    held, waiter = await one_and_a_waiter(pool, dialer)
    held.abort()
    late = asyncio.ensure_future(pool.acquire(5))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert dialer.asked == 2
    assert "1 waiting" in repr(pool)

    dialer.lets.release()
    pool.freed(await waiter)
    assert await late is dialer.made[1]


async def test_a_connection_that_dies_on_its_way_is_replaced(pool, dialer):
    """Handed over alive, dead when the waiter comes to it: the waiter opens its own."""
    held, waiter = await one_and_a_waiter(pool, dialer)
    pool.freed(held)
    held.connection_lost(None)
    dialer.lets.release()

    assert (await waiter).alive
    assert dialer.asked == 2


@pytest.mark.parametrize("last", [b"", b"farewell"])
async def test_a_connection_left_on_its_way_is_replaced(pool, dialer, last):
    """The same where the loop has not yet seen the end, or the last word, that is there."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        dialer.wires.append(Wire(end=ours))
        held, waiter = await one_and_a_waiter(pool, dialer)
        pool.freed(held)
        theirs.send(last)
        theirs.shutdown(socket.SHUT_WR)
        dialer.lets.release()

        assert await waiter is not held
        assert not held.alive


async def test_a_dead_connection_is_not_given_back(pool, dialer):
    """Handed over, then dead and its waiter cancelled in the same turn: nobody finds it among the idle."""
    held, waiter = await one_and_a_waiter(pool, dialer)
    pool.freed(held)
    held.connection_lost(None)
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)

    assert "0 open, 0 idle" in repr(pool)
    assert not pool.in_use


async def test_a_connection_that_was_closed_while_it_was_opened_holds_no_room(pool, dialer):
    """It is a fault, and the next one may try."""
    dialer.dead = True
    dialer.lets.release()
    with pytest.raises(Unavailable, match="as soon as it was opened"):
        await pool.acquire(5)

    assert not pool.in_use


def connected(wire: Wire) -> tuple[Connection, Owner]:
    connection, owner = Connection(), Owner()
    connection.connection_made(wire)
    connection.owner = owner
    return connection, owner


@pytest.mark.parametrize("where", ["sent to its end", "in the transport's buffer", "not even there"])
async def test_only_a_request_sent_to_its_end_frees_its_connection(where):
    """What is left of one would be read as the beginning of the next."""
    connection, owner = connected(Wire(unsent=1 if where == "in the transport's buffer" else 0))
    if where == "not even there":
        connection.pause_writing()
    connection.request(b"POST / HTTP/1.1\r\n\r\n", bytes(WRITE_SIZE + 1))
    connection.data_received(b"HTTP/1.1 413 X\r\ncontent-length: 0\r\n\r\n")

    assert owner.fate == ("freed" if where == "sent to its end" else "lost")


async def test_a_connection_that_is_free_is_read_from():
    """Reading was stopped for a reader who does not read; the next request's answer has another."""
    wire = Wire()
    connection, owner = connected(wire)
    connection.request(b"POST / HTTP/1.1\r\n\r\n", b"")
    connection.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 100001\r\n\r\n" + bytes(100_000))
    assert not wire.reading
    connection.data_received(b"x")

    assert (owner.fate, wire.reading) == ("freed", True)


class Left:
    """TLS that still holds something when its connection has ended."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)

    def read(self, _size: int) -> bytes:
        if self.pieces:
            return self.pieces.pop(0)
        raise ssl.SSLWantReadError


async def test_what_was_left_frees_no_connection():
    """An answer completed by what TLS still held is whole; its connection is gone and was never free."""
    connection, owner = connected(Wire(tls=Left(b"el", b"lo")))  # type: ignore[arg-type]  # a stand-in
    response = connection.request(b"POST / HTTP/1.1\r\n\r\n", b"")
    connection.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nh")
    connection.connection_lost(None)

    assert await read(response) == b"hello"
    assert owner.fate == "lost"
