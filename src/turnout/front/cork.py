"""One write for an answer's headers and its first bytes: the server makes two, and each is a system call and a wake-up of the client."""

import asyncio

CONTINUE = b"HTTP/1.1 100 "


class Cork:
    """The transport as one response sees it. Its headers wait for what follows them, which is on its way already."""

    __slots__ = ("_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head: bytes | None = None

    def write(self, data: bytes) -> None:
        if self._head is None and not data.startswith(CONTINUE):
            self._head = data
        elif self._head:
            head, self._head = self._head, b""
            self._transport.write(head + data)
        else:
            self._transport.write(data)

    def close(self) -> None:
        if self._head:
            self._transport.write(self._head)
            self._head = b""
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()
