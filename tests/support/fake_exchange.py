"""A connection in the test's hands, and a request on it that notes its answer."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import msgspec

from turnout.front.exchange import Exchange
from turnout.front.outflow import Outflow


class Wire(asyncio.Transport):
    """The server's end of a connection. ``untaken`` is what its client has not taken of what was written: the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.is_closed = False
        self.is_ended = False
        self.is_read = True
        self.is_aborted = False
        self.untaken = 0

    def write(self, data: Any) -> None:
        assert not self.is_closed
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_aborted = self.is_closed = True

    def get_write_buffer_size(self) -> int:
        return self.untaken

    def write_eof(self) -> None:
        self.is_ended = True

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True


class FakeConnection:
    """Notes what becomes of the exchange on it."""

    def __init__(self) -> None:
        self.transport = self.wire = Wire()
        self.flow = Outflow(self.wire, asyncio.get_running_loop())
        self.tasks: set[asyncio.Task[Any]] = set()
        self.answers: list[Exchange] = []

    def hold(self) -> None:
        self.flow.pause_reading()

    def answered(self, exchange: Exchange) -> None:
        self.answers.append(exchange)


class Answered(msgspec.Struct):
    """What a client has got so far."""

    status: int = 0
    headers: dict[str, str] = {}
    body: bytes = b""
    ended: bool = False

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class FakeExchange(Exchange):
    """A request that has come whole. ``on_write`` sees each piece of its answer first and may raise."""

    def __init__(
        self, path: str, body: bytes, headers: dict[bytes, bytes], *, method: str = "POST",
        on_write: Callable[[bytes], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self.connection = FakeConnection()
        super().__init__(self.connection, method, path, headers, keep_alive=True)
        self.take(body)
        self.end()
        self.answered = Answered()
        self._on_write = on_write

    def answer(self, status: int, fields: bytes, body: bytes, *, more: bool = False) -> None:
        self._on_write(body)
        super().answer(status, fields, body, more=more)
        self.answered.status = status
        self.answered.headers = dict(line.split(": ", 1) for line in fields.decode().splitlines())
        self._got(body)

    def write(self, piece: bytes, *, more: bool) -> None:
        self._on_write(piece)
        super().write(piece, more=more)
        self._got(piece)

    def _got(self, piece: bytes) -> None:
        self.answered.body += piece
        self.answered.ended = self.complete
