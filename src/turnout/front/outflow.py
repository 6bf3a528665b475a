"""What is written to a client: it may take it slowly, but it must take it."""

import asyncio
import socket
import struct

from uvicorn.protocols.http.flow_control import FlowControl

SEND_WITHIN = 60.0
"""Seconds in which a client takes some of what waits for it, or is cut off. As nginx's send_timeout, between two writes:
https://nginx.org/en/docs/http/ngx_http_core_module.html#send_timeout"""


_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER, for no time: what is closed so is reset."""


class Outflow(FlowControl):
    """uvicorn's, with a bound: whoever waits for room, and a connection that closes with something left to write, waits so long."""

    _timer: asyncio.TimerHandle | None = None
    _left = 0  # bytes that waited when it was set

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(transport)
        self._loop = loop

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._timer is None:
            self._watch()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self._transport.is_closing():
            self._stop()

    def close(self) -> None:
        """Once everything is taken."""
        self._transport.close()
        if self._timer is None and self._transport.get_write_buffer_size():
            self._watch()

    def end(self) -> None:
        """The connection is lost: nobody waits any more."""
        super().resume_writing()
        self._stop()

    def _watch(self) -> None:
        self._left = self._transport.get_write_buffer_size()
        self._timer = self._loop.call_later(SEND_WITHIN, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._transport.get_write_buffer_size() < self._left:
            self._watch()
        else:
            self._cut_off()

    def _cut_off(self) -> None:
        """By a reset: of what is merely closed, the kernel would go on holding megabytes for who does not take them."""
        wire = self._transport.get_extra_info("socket")
        if wire is not None:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
