"""Stand-ins for what is around a connection: the transport below it, its owner above."""

import asyncio
import socket

from turnout.providers.transport.connection import Connection


class Wire(asyncio.Transport):
    """A transport that goes nowhere. ``unsent`` bytes stay in its buffer; ``end`` is what it reads from, if it has a socket at all."""

    def __init__(self, *, unsent: int = 0, end: socket.socket | None = None) -> None:
        super().__init__({} if end is None else {"socket": end})
        self.unsent = unsent
        self.reading = True

    def write(self, data: bytes) -> None: ...

    def abort(self) -> None: ...

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def get_write_buffer_size(self) -> int:
        return self.unsent


class Owner:
    def __init__(self) -> None:
        self.fate = ""

    def freed(self, _connection: Connection) -> None:
        self.fate += "freed"

    def lost(self, _connection: Connection) -> None:
        self.fate += "lost"
