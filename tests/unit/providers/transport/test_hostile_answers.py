"""Answers that are wrong, cut, reset or not HTTP at all: the right fault, and never a hang."""

import asyncio

import pytest

from turnout.errors import Broken, ProviderFault, Unavailable

from .hostile import OK, Peer, always, once, post, read, serving

CUT = {
    "length": b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello",
    "chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhello",
    "last chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "trailers": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx: y\r\n",
}
NOT_HTTP = {
    "another protocol": b"SSH-2.0-OpenSSH_9.9\r\n",
    "garbage": bytes(range(256)) * 4,
    "no colon": b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
    "folded header": b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "length and chunks": b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\na",
    "length no number": b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n",
    "switched": b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    "status below 100": b"HTTP/1.1 000 X\r\ncontent-length: 0\r\n\r\n",
    "one giant header": b"HTTP/1.1 200 OK\r\nx: " + b"a" * 70_000 + b"\r\ncontent-length: 0\r\n\r\n",
    "endless header": b"HTTP/1.1 200 OK\r\nx: " + b"a" * 600_000,
    "many headers": b"HTTP/1.1 200 OK\r\n" + b"x: 0123456789\r\n" * 6000 + b"content-length: 0\r\n\r\n",
    "endless interim": b"HTTP/1.1 103 Hints\r\nlink: </a>\r\n\r\n" * 3000,
}


@pytest.mark.parametrize("answer", CUT.values(), ids=CUT.keys())
async def test_a_body_cut_short_is_broken(send, answer):
    """What came is handed out, then Broken is raised: never a silent end."""
    async with serving(once(answer)) as server:
        chunks = (await send(post(server.url()))).chunks()

        assert await anext(chunks) == b"hello"
        with pytest.raises(Broken, match="cut short"):
            await anext(chunks)


@pytest.mark.parametrize("answer", NOT_HTTP.values(), ids=NOT_HTTP.keys())
async def test_what_is_not_http_is_unavailable(send, answer):
    """A head that cannot be read, or has no end, fails the attempt at once and drops the connection."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer)
        await peer.gone()

    async with serving(script) as server, asyncio.timeout(5):
        with pytest.raises(Unavailable, match="not HTTP"):
            await send(post(server.url()))


async def test_a_bad_chunk_in_the_body_is_broken(send):
    """The head was fine, so it is the answer that broke."""
    async with serving(always(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n")) as server:
        response = await send(post(server.url()))
        with pytest.raises(Broken, match="cannot be read"):
            await read(response)


async def test_endless_trailers_are_broken(send):
    """Bytes that are neither head nor body are read up to 64 KiB."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n")
        while True:
            await peer.send(b"x: " + b"y" * 9000 + b"\r\n")

    async with serving(script) as server, asyncio.timeout(5):
        response = await send(post(server.url()))
        with pytest.raises(Broken, match="64 KiB"):
            await read(response)


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\ncontent-le"])
async def test_no_answer_is_unavailable_and_not_sent_again(send, before):
    """Closed in or before the head: the request may have been billed, so it is not repeated."""
    async with serving(once(before)) as server:
        with pytest.raises(Unavailable):
            await send(post(server.url()))

        assert len(server.heads) == 1


async def test_a_reset_before_the_head_is_unavailable(send):
    """A connection reset is the provider's health."""

    async def script(peer: Peer) -> None:
        await peer.head()
        peer.reset()

    async with serving(script) as server:
        with pytest.raises(Unavailable):
            await send(post(server.url()))


@pytest.mark.parametrize("length", [b"content-length: 10\r\n", b""])
async def test_a_reset_in_the_body_is_a_fault_after_what_came(send, length):
    """The bytes before a reset are handed out first; a body that ends with its connection ends with an end in good order only."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n" + length + b"\r\nhello")
        await told.wait()
        peer.reset()

    told = asyncio.Event()
    async with serving(script) as server:
        chunks = (await send(post(server.url()))).chunks()
        assert await anext(chunks) == b"hello"
        told.set()
        with pytest.raises(Unavailable, match="reset"):
            await anext(chunks)


async def test_a_large_head_and_large_trailers_are_bounded_each_for_itself(send):
    """40 KiB of the one and of the other are neither too large."""
    head = b"HTTP/1.1 200 OK\r\nx: " + b"a" * 40_000 + b"\r\ntransfer-encoding: chunked\r\n\r\n"
    async with serving(always(head, b"0\r\nx: " + b"b" * 30_000, b"b" * 10_000 + b"\r\n\r\n")) as server:
        assert await read(await send(post(server.url()))) == b""


@pytest.mark.parametrize("extra", [b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nbad", b"junk", b"\x00"])
@pytest.mark.parametrize("header", [b"", b"connection: close\r\n"])
async def test_bytes_behind_the_answer_do_not_become_the_next_one(send, header, extra):
    """An answer nobody asked for is dropped with its connection."""
    async with serving(always(OK.replace(b"content-length", header + b"content-length") + extra)) as server:
        assert await read(await send(post(server.url()))) == b"hello"
        assert await read(await send(post(server.url()))) == b"hello"

        assert server.connections == 2


async def test_bytes_on_an_idle_connection_close_it(send):
    """Nothing may be said before it was asked for."""
    said = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await said.wait()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nbad")
        await peer.gone()
        left.set()

    left = asyncio.Event()
    async with serving(script) as server, asyncio.timeout(5):
        await read(await send(post(server.url())))
        said.set()
        await left.wait()

        assert await read(await send(post(server.url()))) == b"hello"
        assert server.connections == 2


async def test_an_answer_may_come_before_the_body_was_read(send):
    """A refusal of a large body is heard while it is still being written, and the connection is not reused."""

    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 413 Too Large\r\ncontent-length: 5\r\n\r\nlarge")
        await done.wait()

    done = asyncio.Event()
    async with serving(script) as server:
        response = await send(post(server.url(), b"x" * 30_000_000))
        assert (response.status, await read(response)) == (413, b"large")
        done.set()

        await (await send(post(server.url()))).close()
        assert server.connections == 2


@pytest.mark.parametrize("answer", [*CUT.values(), *NOT_HTTP.values()], ids=[*CUT.keys(), *NOT_HTTP.keys()])
async def test_no_fault_repeats_what_the_provider_sent(send, answer):
    """Messages are ours: they hold nothing of the bytes, the URL's query or the headers."""
    async with serving(once(answer)) as server:
        with pytest.raises(ProviderFault) as caught:
            await read(await send(post(server.url("/v1?key=secret"))))

        assert not any(word in str(caught.value) for word in ("secret", "hello", "OpenSSH", "nonsense", "aaaa"))
