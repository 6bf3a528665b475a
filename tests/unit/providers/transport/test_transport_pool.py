"""Who gets a connection, when, and what becomes of it: reuse, limits, waiting, cancelling, expiry."""

import asyncio
import socket

import pytest

from turnout.clock import ManualClock, SystemClock
from turnout.errors import Broken, TimedOut, Unavailable
from turnout.providers.transport import HttpTransport

from .hostile import OK, Peer, always, once, post, read, serving, until

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n"


@pytest.fixture
async def single():
    """One connection per host."""
    made = HttpTransport(clock=SystemClock(), max_connections_per_host=1, keepalive_s=30.0)
    yield made
    await made.close()


def gated(gate: asyncio.Event):
    """Answers no request before the gate is open."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await gate.wait()
            await peer.send(OK)

    return script


async def test_an_idle_connection_closed_by_the_server_is_not_used(send, transport):
    """A close that is known before anything was written costs nothing: a fresh connection takes the request."""
    async with serving(once(OK)) as server:
        for _ in range(3):
            await read(await send(post(server.url())))
            await until(lambda: "0 open" in repr(transport))

        assert (server.connections, len(server.heads)) == (3, 3)


async def test_a_request_that_was_written_is_not_sent_again(send):
    """A reused connection that dies under a POST is a fault: the provider may have served it, and bill it."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()

    async with serving(script) as server:
        await read(await send(post(server.url())))
        with pytest.raises(Unavailable, match="without an answer"):
            await send(post(server.url()))

        assert (server.connections, len(server.heads)) == (1, 2)


async def test_the_connection_used_last_is_reused_first(send, transport):
    """Last in, first out, so that those not needed grow old together."""
    gate = asyncio.Event()
    async with serving(gated(gate)) as server, asyncio.timeout(5):
        first, second = (asyncio.ensure_future(send(post(server.url()))) for _ in range(2))
        await until(lambda: len(server.heads) == 2)
        gate.set()
        await asyncio.gather(first, second)
        last = list(next(iter(transport._pools.values()))._idle)[-1]
        response = asyncio.ensure_future(send(post(server.url())))
        await asyncio.sleep(0)

        assert last._response is not None
        await response


async def test_an_idle_connection_expires(send, transport, clock: ManualClock):
    """Idle for longer than keep-alive: closed, not used, its companions too."""
    async with serving(always(OK)) as server:
        await read(await send(post(server.url())))
        clock.advance(29.9)
        await read(await send(post(server.url())))
        assert server.connections == 1

        clock.advance(30.0)
        await read(await send(post(server.url())))
        assert server.connections == 2
        await until(lambda: server.open == 1)


@pytest.mark.parametrize(
    ("said", "kept"), [(b"timeout=5, max=100", 4.0), (b"TIMEOUT = 1", 0.0), (b"timeout=600", 30.0), (b"x", 30.0)]
)
async def test_an_idle_connection_expires_before_the_server_says_so(send, clock: ManualClock, said, kept):
    """``Keep-Alive: timeout`` shortens our own, by a second more: a request needs its time to get there."""
    async with serving(always(OK.replace(b"\r\n", b"\r\nKeep-Alive: %b\r\n" % said, 1))) as server:
        await read(await send(post(server.url())))
        if kept:
            clock.advance(kept - 0.1)
            await read(await send(post(server.url())))
            assert server.connections == 1

        clock.advance(kept + 0.1)
        await read(await send(post(server.url())))
        assert server.connections == 2


@pytest.mark.parametrize("farewell", [b"", b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n"])
async def test_an_idle_connection_that_the_server_has_left_is_not_used(send, farewell):
    """An end, or a last word, that the loop has not yet seen: neither the end nor the answer of the next request."""
    peers: list[socket.socket] = []

    async def serve() -> None:
        while True:
            peers.append((await loop.sock_accept(listener))[0])
            await loop.sock_recv(peers[-1], 65536)
            await loop.sock_sendall(peers[-1], OK)

    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        serving_on = asyncio.ensure_future(serve())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        async with asyncio.timeout(5):
            await read(await send(post(url)))
            peers[0].send(farewell)
            peers[0].shutdown(socket.SHUT_WR)
            response = await send(post(url))

            assert (response.status, await read(response)) == (200, b"hello")
        serving_on.cancel()
        await asyncio.gather(serving_on, return_exceptions=True)
        for peer in peers:
            peer.close()


async def test_the_sweep_goes_on_while_there_are_connections(send, transport, clock: ManualClock):
    """It looks again as long as there is something to look at."""
    async with serving(always(OK)) as server:
        await read(await send(post(server.url())))
        clock.advance(29.0)
        transport._sweep()
        assert transport._sweeping is not None

        transport._sweeping.cancel()
        clock.advance(31.0)
        transport._sweep()
        assert transport._sweeping is None


async def test_the_sweep_closes_what_nobody_asks_for(send, transport, clock: ManualClock):
    """Old idle connections are closed even when no request comes by."""
    async with serving(always(OK)) as server:
        await read(await send(post(server.url())))
        clock.advance(31.0)
        transport._sweep()

        await until(lambda: server.open == 0)
        assert "0 open" in repr(transport)


async def test_connections_are_bounded_and_waiters_served_in_order(single):
    """With one connection, requests are sent one after the other, in the order they came."""
    gate = asyncio.Event()
    order: list[int] = []

    async def one(server, number):
        await read(await single.send(post(server.url(f"/{number}")), connect_timeout=5))
        order.append(number)

    async with serving(gated(gate)) as server, asyncio.timeout(5):
        tasks = [asyncio.ensure_future(one(server, number)) for number in range(8)]
        await until(lambda: "7 waiting" in repr(single))
        gate.set()
        await asyncio.gather(*tasks)

        assert order == list(range(8))
        assert [head.split()[1] for head in server.heads] == [b"/%d" % number for number in range(8)]
        assert server.connections == 1


async def test_waiting_for_a_connection_counts_as_connecting(single):
    """The connect timeout covers the wait for a free connection, and says how many are taken."""
    gate = asyncio.Event()
    async with serving(gated(gate)) as server, asyncio.timeout(5):
        first = asyncio.ensure_future(single.send(post(server.url()), connect_timeout=5))
        await until(lambda: len(server.heads) == 1)
        with pytest.raises(TimedOut, match="1 of 1 open"):
            await single.send(post(server.url()), connect_timeout=0.01)
        assert "0 waiting" in repr(single)

        gate.set()
        assert await read(await first) == b"hello"


async def test_a_waiter_gets_the_room_of_a_connection_that_died(single):
    """A slot freed by a failure is as good as one freed by an answer."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await gate.wait()
        if peer.server.connections == 1:
            peer.reset()
        await peer.send(OK)

    gate = asyncio.Event()
    async with serving(script) as server, asyncio.timeout(5):
        first = asyncio.ensure_future(single.send(post(server.url()), connect_timeout=5))
        await until(lambda: len(server.heads) == 1)
        second = asyncio.ensure_future(single.send(post(server.url()), connect_timeout=5))
        await until(lambda: "1 waiting" in repr(single))
        gate.set()
        with pytest.raises(Unavailable):
            await first

        assert await read(await second) == b"hello"


@pytest.mark.parametrize("when", ["dialling", "waiting", "before the head", "in the body", "not read", "handed over"])
async def test_cancelling_frees_the_slot(single, when):
    """Wherever a request is given up, its connection is closed or reused, and the next one is served."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            if when in ("in the body", "not read") and len(peer.server.heads) == 1:
                await peer.send(HEAD + b"hello")
            elif when in ("before the head", "waiting") and len(peer.server.heads) == 1:
                await peer.gone()
            else:
                await peer.send(OK)

    async def whole(server) -> bytes:
        return await read(await single.send(post(server.url()), connect_timeout=5))

    async with serving(script) as server, asyncio.timeout(5):
        task = asyncio.ensure_future(whole(server))
        if when == "waiting":
            await until(lambda: len(server.heads) == 1)
            waiter = asyncio.ensure_future(whole(server))
            await until(lambda: "1 waiting" in repr(single))
            waiter.cancel()
            await asyncio.gather(waiter, return_exceptions=True)
            assert "0 waiting" in repr(single)
        elif when == "handed over":
            waiter = asyncio.ensure_future(whole(server))
            await until(lambda: "1 waiting" in repr(single))
            await until(lambda: "0 waiting" in repr(single))
            waiter.cancel()
            await asyncio.gather(waiter, return_exceptions=True)
        elif when == "dialling":
            await asyncio.sleep(0)
        elif when == "not read":
            await (await single.send(post(server.url()), connect_timeout=5)).close()
        else:
            await until(lambda: len(server.heads) == 1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        assert await whole(server) == b"hello"
        await until(lambda: server.open == 1)


async def test_cancelling_closes_the_upstream_call_at_once(send):
    """The provider sees the client leave, and may stop generating."""
    left = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(HEAD + b"hello")
        await peer.gone()
        left.set()

    async with serving(script) as server, asyncio.timeout(5):
        response = await send(post(server.url()))
        task = asyncio.ensure_future(read(response))
        await asyncio.sleep(0)
        task.cancel()

        await left.wait()


async def test_closing_an_answer_early_drops_its_connection(send):
    """Unread and unfinished: closed, twice if need be, and reading on is a fault, not an empty end."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(HEAD + b"hello")
        await peer.gone()

    async with serving(script) as server, asyncio.timeout(5):
        response = await send(post(server.url()))
        await response.close()
        await response.close()

        await until(lambda: server.open == 0)
        with pytest.raises(Broken, match="closed before its end"):
            await read(response)


async def test_closing_a_finished_answer_keeps_its_connection(send):
    """An answer that is all here gives its connection back, read or not."""
    async with serving(always(OK)) as server:
        for _ in range(3):
            response = await send(post(server.url()))
            await response.close()

            assert await read(response) == b""
        assert server.connections == 1


async def test_closing_the_transport_ends_everything(single):
    """Requests under way and waiting are told, sockets are closed, and nothing new is sent."""

    async def silent(peer: Peer) -> None:
        await peer.request()
        await peer.gone()

    async with serving(silent) as server, asyncio.timeout(5):
        tasks = [asyncio.ensure_future(single.send(post(server.url()), connect_timeout=5)) for _ in range(3)]
        await until(lambda: "2 waiting" in repr(single) and len(server.heads) == 1)
        await single.close()

        for task in tasks:
            with pytest.raises(Unavailable, match="transport is closed"):
                await task
        with pytest.raises(Unavailable, match="transport is closed"):
            await single.send(post(server.url()), connect_timeout=5)
        await until(lambda: server.open == 0)


async def test_representations_hold_no_secret(single):
    """Neither a transport nor an answer shows a header, a path or a proxy's password."""
    async with serving(always(OK)) as server:
        request = post(server.url("/v1?key=secret"), proxy=f"http://user:secret@127.0.0.1:{server.port}")
        response = await single.send(request, connect_timeout=5)

        assert "secret" not in repr(single) + repr(response)
