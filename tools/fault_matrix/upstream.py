"""The provider of the matrix: a raw socket that answers a cell's requests as its fault says, and a well one beside it."""

import asyncio
import contextlib
import fcntl
import json
import re
import socket
import struct
import sys
import termios
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import msgspec
from tools.fault_matrix.sound import FALLBACK, Dialect, Sound, sound, usage_of

PAUSE = 0.01
"""Seconds between two pieces, so that they are read apart."""
HELD_AT_MOST = 30.0
"""Seconds a connection is held for a gateway that never hangs up."""

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_CELL = re.compile(rb"of cell (c\d+)")


class Said(msgspec.Struct, frozen=True):
    """What a strike knows of the request: how it was asked, when the fault is to come, and what a well provider would say."""

    dialect: Dialect
    stream: bool
    phase: str
    sound: Sound


class Wire:
    """One connection, seen from the provider."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, *pieces: bytes) -> None:
        """Each in a write of its own."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(PAUSE)

    async def hold(self) -> None:
        """Say nothing more until the other side hangs up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HELD_AT_MOST):
                await self.reader.read()

    async def drip(self, rest: bytes, every: float = 0.15) -> None:
        """A byte at a time, over and over if it comes to that."""
        while True:
            for byte in rest:
                self.writer.write(bytes((byte,)))
                await self.writer.drain()
                await asyncio.sleep(every)

    def close(self) -> None:
        """A FIN: an end in good order."""
        self.writer.close()

    async def reset(self) -> None:
        """An RST, once what was said has arrived: an RST takes back what is still on its way."""
        wire = self.writer.get_extra_info("socket")
        while self.writer.transport.get_write_buffer_size() or _on_its_way(wire.fileno()):  # noqa: ASYNC110 - a kernel sets no event
            await asyncio.sleep(PAUSE)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


def _on_its_way(descriptor: int) -> int:
    """Bytes that the other side's kernel has not acknowledged."""
    return int.from_bytes(fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4)), sys.byteorder)


Strike = Callable[[Wire, Said], Awaitable[None]]


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Provider:
    """``strikes``: by a cell's id. ``calls`` and ``saved`` count the requests that reached it and the well one, by cell."""

    def __init__(self, strikes: Mapping[str, tuple[Strike, Said]]) -> None:
        self.calls: Counter[str] = Counter()
        self.saved: Counter[str] = Counter()
        self.followed = 0
        self._strikes = strikes
        self._tasks: set[asyncio.Task[None]] = set()

    def forget(self, cell: str) -> None:
        """It is asked anew."""
        del self.calls[cell], self.saved[cell]

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[dict[str, str]]:
        """Yields the base URL of each place a fault may need, by its name."""
        refused = socket.socket()  # bound and never listening: whoever connects is refused
        refused.bind(("127.0.0.1", 0))
        scripts = {"here": self._serve, "mute": _mute, "plain": _plain, "resetting": _resetting, "closing": _closing}
        servers = {
            name: await asyncio.start_server(self._kept(script), "127.0.0.1", 0, backlog=2048) for name, script in scripts.items()
        }
        ports = {name: server.sockets[0].getsockname()[1] for name, server in servers.items()}
        nowhere = ".".join(["no-such-host-" + "x" * 40] * 6)  # too long for any resolver to ask the network
        try:
            yield {
                **{name: f"http://127.0.0.1:{port}" for name, port in ports.items()},
                "refused": f"http://127.0.0.1:{refused.getsockname()[1]}",
                "nowhere": f"http://{nowhere}",
                "no TLS": f"https://127.0.0.1:{ports['plain']}",
                "mute TLS": f"https://127.0.0.1:{ports['mute']}",
            }
        finally:
            refused.close()
            for server in servers.values():
                server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _kept(
        self, script: Callable[[Wire], Awaitable[None]]
    ) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None, "asyncio serves each connection in a task"
            self._tasks.add(task)
            try:
                await script(Wire(reader, writer))
            except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, asyncio.CancelledError):
                pass  # the gateway hung up, or the matrix is done
            finally:
                self._tasks.discard(task)
                writer.close()

        return serve

    async def _serve(self, wire: Wire) -> None:
        while not wire.writer.is_closing():
            head = await wire.reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            body = await wire.reader.readexactly(int(length[1])) if length else b""
            name = head.split(b"/", 2)[1].decode()
            if head.startswith(b"GET"):  # the gateway looks whether it is there: no request of a cell
                await wire.send(whole_head(2) + b"{}")
            elif name in self._strikes:
                self.calls[name] += 1
                strike, said = self._strikes[name]
                await strike(wire, said)
            elif name == "elsewhere":
                self.followed += 1
            else:
                await self._answer_well(wire, name.removeprefix("well-"), body)  # type: ignore[arg-type]  # the policy writes dialects there

    async def _answer_well(self, wire: Wire, dialect: Dialect, body: bytes) -> None:
        cell = _CELL.search(body)
        assert cell is not None, "every question of the matrix names its cell"
        self.saved[cell[1].decode()] += 1
        answer = sound(dialect, FALLBACK, usage_of(dialect, FALLBACK))
        if json.loads(body).get("stream"):
            events = (answer.prelude, *answer.contents, answer.finish + answer.mark)
            wire.writer.write(stream_head() + b"".join(map(chunk, events)) + b"0\r\n\r\n")
        else:
            wire.writer.write(whole_head(len(answer.whole)) + answer.whole)
        await wire.writer.drain()


def stream_head(more: bytes = b"", content_type: bytes = b"text/event-stream") -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ntransfer-encoding: chunked\r\n%b\r\n" % (content_type, more)


def whole_head(length: int, more: bytes = b"", content_type: bytes = b"application/json", status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\ncontent-type: %b\r\ncontent-length: %d\r\n%b\r\n" % (status, content_type, length, more)


async def _mute(wire: Wire) -> None:
    await wire.hold()


async def _plain(wire: Wire) -> None:
    """What a server without TLS says to a TLS greeting."""
    await wire.reader.read(1)
    await wire.send(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")


async def _resetting(wire: Wire) -> None:
    await wire.reset()


async def _closing(wire: Wire) -> None:
    wire.close()
