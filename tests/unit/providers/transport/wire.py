"""Stand-ins for what is around a connection: the transport below it, its owner above."""

import asyncio
import socket
import ssl

from turnout.providers.transport.connection import Connection


class Wire(asyncio.Transport):
    """A transport that goes nowhere. ``unsent`` bytes stay in its buffer; ``end`` is the socket it reads from, ``tls`` what is above that."""

    def __init__(self, *, unsent: int = 0, end: socket.socket | None = None, tls: ssl.SSLObject | None = None) -> None:
        super().__init__({"socket": end, "ssl_object": tls})
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
