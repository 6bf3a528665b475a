"""Answers in every lawful shape, and what the upstream sees of a request."""

import asyncio
import gzip
import zlib

import pytest

from turnout.errors import Broken
from turnout.ports import Outgoing

from .hostile import OK, always, once, post, read, serving, until

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2;ext=1\r\nlo\r\n0\r\nX-Trailer: t\r\n\r\n"
CLOSED = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nhello"


@pytest.mark.parametrize("answer", [OK, CHUNKED])
async def test_a_framed_body_is_read_and_the_connection_reused(send, answer):
    """Content-Length and chunked bodies end where they say; the next request takes the same connection."""
    async with serving(always(answer)) as server:
        for _ in range(3):
            assert await read(await send(post(server.url()))) == b"hello"

        assert server.connections == 1


@pytest.mark.parametrize("answer", [OK, CHUNKED])
async def test_bytes_may_come_one_by_one(send, answer):
    """How an answer is split on the wire, inside CRLF too, changes nothing."""
    async with serving(always(*[bytes([byte]) for byte in answer])) as server:
        response = await send(post(server.url()))

        assert (response.status, await read(response)) == (200, b"hello")


async def test_a_body_without_length_ends_with_the_connection(send):
    """Neither length nor chunks: the close is the end, and no fault."""
    async with serving(once(CLOSED)) as server:
        assert await read(await send(post(server.url()))) == b"hello"
        assert await read(await send(post(server.url()))) == b"hello"

        assert server.connections == 2


@pytest.mark.parametrize("header", [b"link: </a>", b"connection: close"])
async def test_interim_answers_are_skipped(send, header):
    """100 and 103, their headers included, are not the answer."""
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n%b\r\n\r\n" % header
    async with serving(always(interim + OK)) as server:
        response = await send(post(server.url()))

        assert (response.status, list(response.headers), await read(response)) == (200, [(b"content-length", b"5")], b"hello")
        await send(post(server.url()))
        assert server.connections == 1


@pytest.mark.parametrize("status", [204, 304])
async def test_statuses_without_body_end_at_their_head(send, status):
    """204 and 304 have no body, whatever Content-Length says."""
    async with serving(
        always(b"HTTP/1.1 %d X\r\ncontent-length: 7\r\n\r\n" % status if status == 304 else b"HTTP/1.1 204 X\r\n\r\n")
    ) as server:
        for _ in range(2):
            response = await send(post(server.url()))
            assert (response.status, await read(response)) == (status, b"")

        assert server.connections == 1


async def test_a_head_request_has_no_body(send):
    """HEAD: the length tells of a body that does not come."""
    async with serving(always(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n")) as server:
        response = await send(Outgoing("HEAD", server.url(), ()))

        assert (response.status, await read(response)) == (200, b"")


async def test_connection_close_is_honoured(send):
    """A server that says close gets no second request on that connection."""
    async with serving(always(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")) as server:
        await read(await send(post(server.url())))
        await read(await send(post(server.url())))

        assert server.connections == 2


async def test_header_names_are_lower_case_and_repeats_are_kept(send):
    """Names in lower case, values as they came, every repeat in order."""
    head = b"HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSET-COOKIE: b\r\nX-Case: KeepMe \r\nX-Empty:\r\nContent-Length: 0\r\n\r\n"
    async with serving(always(head)) as server:
        headers = list((await send(post(server.url()))).headers)

        assert headers[:4] == [(b"set-cookie", b"a"), (b"set-cookie", b"b"), (b"x-case", b"KeepMe"), (b"x-empty", b"")]


async def test_the_request_is_complete_and_framed_by_us(send):
    """Path and query as given, one Host and Content-Length of ours, the caller's headers untouched."""
    async with serving(always(OK)) as server:
        headers = (
            (b"Authorization", b"Bearer k"),
            (b"Content-Length", b"999"),
            (b"HOST", b"evil"),
            (b"Transfer-Encoding", b"chunked"),
        )
        await send(Outgoing("POST", server.url("/v1/a?b=c%20d"), headers, b"{}"))

        lines = server.heads[0].split(b"\r\n")
        assert lines[:4] == [
            b"POST /v1/a?b=c%20d HTTP/1.1",
            b"host: 127.0.0.1:%d" % server.port,
            b"Authorization: Bearer k",
            b"content-length: 2",
        ]
        assert lines[4:] == [b"", b""]


async def test_a_get_without_body_states_no_length(send):
    """A GET is a head and nothing else."""
    async with serving(always(OK)) as server:
        await send(Outgoing("GET", server.url(), ()))

        assert b"content-length" not in server.heads[0]


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(b"hello" * 99, mtime=0)),
        ("deflate", zlib.compress(b"hello" * 99)),
        ("deflate", zlib.compress(b"hello" * 99)[2:-4]),
        ("gzip", gzip.compress(b"hello" * 50, mtime=0) + gzip.compress(b"", mtime=0) + gzip.compress(b"hello" * 49, mtime=0)),
        ("gzip", gzip.compress(b"hello" * 99, mtime=0) + b"\x1f"),
        ("gzip", gzip.compress(b"hello" * 99, mtime=0) + b"\x00\x00" + gzip.compress(b"not ours", mtime=0)),
        ("deflate", zlib.compress(b"hello" * 99) + gzip.compress(b"not ours", mtime=0)),
    ],
)
async def test_an_answer_compressed_unasked_is_unpacked(send, coding, packed):
    """gzip, of several members too, and deflate are undone, and the headers no longer speak of them. What is behind is ignored."""
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: %b\r\ncontent-length: %d\r\nx: y\r\n\r\n" % (coding.encode(), len(packed))
    async with serving(always(head, *[bytes([byte]) for byte in packed])) as server:
        response = await send(post(server.url()))

        assert list(response.headers) == [(b"x", b"y")]
        assert await read(response) == b"hello" * 99


async def test_a_compressed_answer_that_swells_comes_in_steps(send):
    """A small body that unpacks to 16 MiB never stands in memory as a whole."""
    packed = gzip.compress(bytes(16 * 2**20))
    async with serving(
        always(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed) + packed)
    ) as server:
        sizes = [len(chunk) async for chunk in (await send(post(server.url()))).chunks()]

        assert sum(sizes) == 16 * 2**20
        assert max(sizes) <= 256 * 1024


async def test_unpacking_lets_others_have_their_turn(send):
    """Between two steps of a body that swells, the loop goes on."""
    packed = gzip.compress(bytes(16 * 2**20))
    async with serving(
        always(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed) + packed)
    ) as server:
        response = await send(post(server.url()))
        await until(lambda: response._ended)
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.ensure_future(count())
        steps = len([chunk async for chunk in response.chunks()])
        counting.cancel()

        assert turns >= steps - 1 > 32


GZIPPED = gzip.compress(b"hello" * 99, mtime=0)


@pytest.mark.parametrize("packed", [GZIPPED[:-9], GZIPPED + GZIPPED[:-9], GZIPPED + GZIPPED[:2] + b"garbage", b"not gzip at all"])
async def test_a_compressed_answer_that_cannot_be_unpacked_is_broken(send, packed):
    """Cut or garbled inside its coding: Broken, though the HTTP around it was whole."""
    async with serving(
        always(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed) + packed)
    ) as server:
        with pytest.raises(Broken):
            await read(await send(post(server.url())))
