"""The same answers read by aiohttp's client: status, headers and body must agree."""

import gzip

import aiohttp
import pytest

from turnout.ports import Outgoing

from .hostile import always, once, read, serving

SSE = b"data: {}\n\n"
ANSWERS = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    "no reason": b"HTTP/1.1 200 \r\ncontent-length: 2\r\n\r\nok",
    "empty": b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    "no content": b"HTTP/1.1 204 No Content\r\nx: y\r\n\r\n",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
    "chunk extension": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0;c\r\n\r\n",
    "capital chunk size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n00A\r\n0123456789\r\n0\r\n\r\n",
    "capital coding": b"HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "stream": b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    + b"a\r\n%b\r\n" % SSE * 50
    + b"0\r\n\r\n",
    "repeats": b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nVary: x\r\ncontent-length: 0\r\n\r\n",
    "spaces": b"HTTP/1.1 200 OK\r\nx:   a b \t\r\ny:\r\ncontent-length: 0\r\n\r\n",
    "obs-text": b"HTTP/1.1 200 OK\r\nx: caf\xc3\xa9\r\ncontent-length: 0\r\n\r\n",
    "interim": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "error": b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 3\r\ncontent-length: 2\r\n\r\n{}",
    "overloaded": b"HTTP/1.1 529 Overloaded\r\ncontent-length: 2\r\n\r\n{}",
    "gzip": b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(gzip.compress(b"hello" * 50))
    + gzip.compress(b"hello" * 50),
    "close": b"HTTP/1.1 200 OK\r\nConnection: close\r\ncontent-length: 2\r\n\r\nok",
    "http/1.0": b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "large": b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n" + bytes(1_000_000),
}
UNTIL_CLOSED = {
    "until closed": b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nhello",
    "http/1.0 until closed": b"HTTP/1.0 200 OK\r\n\r\nhello",
}


def seen(headers) -> list[tuple[bytes, bytes]]:
    """What unpacking rewrites is left out: the two clients may name it differently."""
    pairs = [(bytes(name).lower(), bytes(value)) for name, value in headers]
    return [pair for pair in pairs if pair[0] not in (b"content-encoding", b"content-length")]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", [*ANSWERS, *UNTIL_CLOSED])
async def test_both_clients_read_the_same(send, name, method):
    """Lawful answers have one meaning."""
    script = always(ANSWERS[name]) if name in ANSWERS else once(UNTIL_CLOSED[name])
    async with serving(script) as server, aiohttp.ClientSession() as session:
        async with session.request(method, server.url()) as theirs:
            expected = (theirs.status, seen(theirs.raw_headers), await theirs.read())
        ours = await send(Outgoing(method, server.url(), ()))

        assert (ours.status, seen(ours.headers), await read(ours)) == expected
