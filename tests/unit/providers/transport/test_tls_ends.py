"""How a TLS connection ends, and what that says about the answer on it."""

import asyncio
import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Iterator

import pytest

from turnout.errors import Broken

from .hostile import post, until

BODY = bytes(range(256)) * 800
FRAMED = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
UNTIL_CLOSED = b"HTTP/1.1 200 OK\r\n\r\n" + BODY


@contextlib.contextmanager
def answering_once(answer: bytes, tls: ssl.SSLContext, *, announced: bool) -> Iterator[str]:
    """A server that answers one request and ends the connection, with a close_notify or without."""

    def serve() -> None:
        accepted, _ = listener.accept()
        with tls.wrap_socket(accepted, server_side=True) as connection:
            connection.recv(65536)
            connection.sendall(answer)
            if announced:
                connection.settimeout(0.05)
                with contextlib.suppress(OSError):
                    connection.unwrap()  # waits in vain: nobody reads now
            else:
                os.close(connection.detach())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join()


async def received(send, transport, url: str, ca_file: str, *, slow: bool) -> bytes:
    """The body as far as it came, by a reader who begins when the connection has ended, or is in time."""
    response = await send(post(url, ca_file=ca_file))
    if slow:
        with contextlib.suppress(TimeoutError):  # a loop that keeps the end behind the bytes tells of it later
            async with asyncio.timeout(0.2):
                await until(lambda: "0 open" in repr(transport))
    body = b""
    try:
        async for chunk in response.chunks():
            body += chunk
    except Broken:
        return body + b"(broken)"
    return body


@pytest.mark.parametrize("slow", [True, False])
@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("answer", [FRAMED, CHUNKED, UNTIL_CLOSED], ids=["length", "chunks", "until closed"])
async def test_an_answer_is_whole_however_late_it_is_read(send, transport, certificates, answer, announced, slow):
    """Every byte is handed out. Only where the end alone is the body's does it have to be announced: else anybody may have cut it."""
    with answering_once(answer, certificates.server, announced=announced) as url:
        body = await received(send, transport, url, certificates.ca_file, slow=slow)

    assert body == (BODY + b"(broken)" if answer is UNTIL_CLOSED and not announced else BODY)
