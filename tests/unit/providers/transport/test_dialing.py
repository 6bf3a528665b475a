"""Getting through: addresses, timeouts, TLS, proxies."""

import asyncio
import base64
import contextlib
import socket
import ssl

import pytest

from turnout.clock import SystemClock
from turnout.errors import Misconfigured, TimedOut, Unavailable
from turnout.ports import Outgoing
from turnout.providers.transport import HttpTransport, dial
from turnout.providers.transport.connection import Connection
from turnout.providers.transport.dial import _ask_for_tunnel, _first_to_connect, _interleaved
from turnout.providers.transport.target import parse_target

from .hostile import OK, Peer, always, post, read, serving, until
from .wire import Wire


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def full_port():
    """A listener that accepts nobody: its queue is full, so that a connect neither succeeds nor fails."""
    with socket.socket() as listener, contextlib.ExitStack() as queue:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = queue.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


async def test_a_refused_connection_is_unavailable(send):
    """Nobody listens: a fault at once, naming host and port but not the path."""
    port = free_port()
    with pytest.raises(Unavailable, match=f"cannot connect to 127.0.0.1:{port}") as caught:
        await send(post(f"http://127.0.0.1:{port}/v1?key=secret"))

    assert "secret" not in str(caught.value)


async def test_an_unknown_host_is_unavailable(send):
    """A name that does not resolve is the provider's trouble, not a crash."""
    with pytest.raises(Unavailable, match=r"cannot connect to no-such-host\.invalid:80"):
        await send(post("http://no-such-host.invalid/"))


async def test_a_connect_that_hangs_times_out(transport, full_port):
    """TCP that is never answered ends with TimedOut after the connect timeout."""
    with pytest.raises(TimedOut, match=r"within 0\.05 s"):
        await transport.send(post(f"http://127.0.0.1:{full_port}/"), connect_timeout=0.05)

    assert "0 open" in repr(transport)


async def test_a_tls_handshake_that_hangs_times_out(transport):
    """Connected is not enough: the handshake counts too."""

    async def script(peer: Peer) -> None:
        await peer.gone()
        left.set()

    left = asyncio.Event()
    transport._dialer._context(None)  # loading the system's store is slower than the time-out below
    async with serving(script) as server, asyncio.timeout(5):
        with pytest.raises(TimedOut):
            await transport.send(post(f"https://127.0.0.1:{server.port}/"), connect_timeout=0.3)

        await left.wait()


async def test_the_head_has_no_time_limit_here(transport):
    """The connect timeout ends with the connection: a model may think for longer."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await told.wait()
        await peer.send(OK)

    told = asyncio.Event()
    async with serving(script) as server, asyncio.timeout(5):
        task = asyncio.ensure_future(transport.send(post(server.url()), connect_timeout=0.3))
        await until(lambda: len(server.heads) == 1)
        asyncio.get_running_loop().call_later(0.4, told.set)

        assert await read(await task) == b"hello"


async def test_tls_with_our_own_ca(send, certificates):
    """A CA file makes its servers trusted, by name and by address; the connection is kept."""
    async with serving(always(OK), tls=certificates.server) as server:
        for host in ("localhost", "127.0.0.1"):
            for _ in range(2):
                assert await read(await send(post(server.url(host=host), ca_file=certificates.ca_file))) == b"hello"

        assert server.connections == 2


async def test_tls_is_verified_by_default(send, certificates):
    """An unknown CA is refused before a byte of the request is sent."""
    async with serving(always(OK), tls=certificates.server) as server:
        with pytest.raises(Unavailable, match="certificate verify failed"):
            await send(post(server.url()))

        assert server.heads == []


async def test_tls_checks_the_name(send, certificates):
    """A good certificate for another name is refused."""
    async with serving(always(OK), tls=certificates.server, host="127.0.0.2") as server:
        with pytest.raises(Unavailable, match="certificate verify failed"):
            await send(post(server.url(host="127.0.0.2"), ca_file=certificates.ca_file))


async def test_tls_to_a_plain_server_is_unavailable(send):
    """https:// to a server that speaks http."""

    async def script(peer: Peer) -> None:
        await peer.reader.read(100)
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with serving(script) as server:
        server.scheme = "https"
        with pytest.raises(Unavailable, match="cannot connect"):
            await send(post(server.url()))


async def test_a_ca_file_that_is_not_there_is_misconfigured(send):
    """The message names the file."""
    with pytest.raises(Misconfigured, match=r"/no/such/ca\.pem"):
        await send(post("https://127.0.0.1:1/", ca_file="/no/such/ca.pem"))


async def test_the_tls_settings_are_made_once_per_ca_file(transport, certificates):
    """Loading the system's store takes milliseconds; it happens once."""
    dialer = transport._dialer

    assert dialer._context(certificates.ca_file) is dialer._context(certificates.ca_file)
    assert dialer._context(None) is not dialer._context(certificates.ca_file)
    assert dialer._context(None).verify_mode is ssl.CERT_REQUIRED


class TestProxies:
    """CONNECT for https targets, absolute form for plain ones, basic credentials."""

    @staticmethod
    async def tunnel(peer: Peer) -> None:
        """A proxy: CONNECT, then bytes both ways; anything else is answered by itself."""
        head = await peer.head()
        if not head.startswith(b"CONNECT "):
            await peer.send(OK)
            return
        host, port = head.split()[1].decode().rsplit(":", 1)
        reader, writer = await asyncio.open_connection(host, int(port))
        await peer.send(b"HTTP/1.1 200 Connection established\r\n", b"via: us\r\n\r\n")
        try:
            await asyncio.gather(pump(peer.reader, writer), pump(reader, peer.writer))
        finally:
            writer.close()

    @pytest.mark.parametrize("proxy_tls", [False, True])
    async def test_https_goes_through_a_tunnel(self, send, certificates, proxy_tls):
        """The proxy sees host and port only, TLS is with the target, and the tunnel is kept for the next request."""
        tls = certificates.server if proxy_tls else None
        async with serving(self.tunnel, tls=tls) as proxy, serving(always(OK), tls=certificates.server) as server:
            way = f"{proxy.scheme}://us%3Aer:p%25w@127.0.0.1:{proxy.port}"
            for _ in range(2):
                assert await read(await send(post(server.url(), proxy=way, ca_file=certificates.ca_file))) == b"hello"

            authorization = b"proxy-authorization: Basic " + base64.b64encode(b"us:er:p%w")
            where = b"127.0.0.1:%d" % server.port
            assert proxy.heads == [b"CONNECT %b HTTP/1.1\r\nhost: %b\r\n%b\r\n\r\n" % (where, where, authorization)]
            assert len(server.heads) == 2
            assert b"proxy-authorization" not in server.heads[0]

    async def test_plain_http_is_handed_to_the_proxy(self, send):
        """Absolute form, the target as Host, credentials for the proxy."""
        async with serving(self.tunnel) as proxy:
            await send(post("http://api.example/v1?a=b", proxy=f"http://u:p@127.0.0.1:{proxy.port}"))

            lines = proxy.heads[0].split(b"\r\n")
            assert lines[0] == b"POST http://api.example/v1?a=b HTTP/1.1"
            assert lines[1:3] == [b"host: api.example", b"proxy-authorization: Basic dTpw"]

    @pytest.mark.parametrize(
        ("answer", "fault"),
        [(b"HTTP/1.1 407 No\r\ncontent-length: 3\r\n\r\nno!", Misconfigured), (b"HTTP/1.1 502 Bad\r\n\r\n", Unavailable)],
    )
    async def test_a_refused_tunnel_is_a_fault(self, send, transport, answer, fault):
        """407: our credential is wrong. The status is told, the password is not, and the connection to the proxy is closed."""
        async with serving(always(answer)) as proxy:
            with pytest.raises(fault, match=f"refused a tunnel.*{answer[9:12].decode()}") as caught:
                await send(post("https://api.example/", proxy=f"http://user:secret@127.0.0.1:{proxy.port}"))

            assert "secret" not in str(caught.value)
            await until(lambda: proxy.open == 0)
            assert "0 open" in repr(transport)

    @pytest.mark.parametrize("answer", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
    async def test_a_tunnel_that_breaks_is_unavailable(self, send, answer):
        """A proxy that hangs up before, in or behind its answer."""

        async def script(peer: Peer) -> None:
            await peer.head()
            await peer.send(answer)

        async with serving(script) as proxy, asyncio.timeout(5):
            with pytest.raises(Unavailable):
                await send(post("https://api.example/", proxy=f"http://127.0.0.1:{proxy.port}"))

    @pytest.mark.parametrize("behind", [b"", b"more"])
    async def test_nothing_may_follow_the_opening_of_a_tunnel(self, behind):
        """An end or bytes right behind the proxy's answer, before TLS has begun: no tunnel."""
        tunnel = Connection()
        tunnel.connection_made(Wire())
        origin = parse_target("https://api.example/", "http://proxy:3128", None).origin
        asked = asyncio.ensure_future(_ask_for_tunnel(tunnel, origin, origin.proxy))
        await asyncio.sleep(0)
        tunnel.data_received(b"HTTP/1.1 200 OK\r\n\r\n")
        if behind:
            tunnel.data_received(behind)
        else:
            tunnel.eof_received()

        with pytest.raises(Unavailable, match="closed the tunnel as soon as it was opened"):
            await asked

    async def test_a_tunnel_that_hangs_times_out(self, transport):
        """CONNECT counts into the connect timeout; the proxy sees us leave."""

        async def script(peer: Peer) -> None:
            await peer.head()
            await peer.gone()

        async with serving(script) as proxy, asyncio.timeout(5):
            request = post("https://api.example/", proxy=f"http://127.0.0.1:{proxy.port}")
            with pytest.raises(TimedOut, match=r"api\.example:443 through proxy"):
                await transport.send(request, connect_timeout=0.3)

            assert proxy.connections == 1
            await until(lambda: proxy.open == 0)

    async def test_a_wrong_certificate_behind_the_tunnel_is_unavailable(self, send, certificates):
        """The tunnel changes nothing about whom we trust."""
        async with serving(self.tunnel) as proxy, serving(always(OK), tls=certificates.server) as server:
            with pytest.raises(Unavailable, match="certificate verify failed"):
                await send(post(server.url(), proxy=f"http://127.0.0.1:{proxy.port}"))

            assert server.heads == []


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


class TestAddresses:
    """More than one address: families take turns, the first to connect wins."""

    def test_families_take_turns(self):
        """The resolver's first family leads; the others come in between."""
        six, four = socket.AF_INET6, socket.AF_INET
        found = [(six, 1, 6, "", "a"), (six, 1, 6, "", "b"), (six, 1, 6, "", "c"), (four, 1, 6, "", "d"), (four, 1, 6, "", "e")]

        assert [entry[4] for entry in _interleaved(found)] == ["a", "d", "b", "e", "c"]

    async def test_a_dead_address_costs_nothing(self):
        """A refusal moves on at once."""
        async with serving(always(OK)) as server:
            connected = await _first_to_connect([found("127.0.0.1", free_port()), found("127.0.0.1", server.port)])

            assert connected.getpeername() == ("127.0.0.1", server.port)
            connected.close()

    async def test_a_silent_address_is_overtaken(self, full_port):
        """A black hole costs one stagger, not its own time-out."""
        async with serving(always(OK)) as server, asyncio.timeout(5):
            connected = await _first_to_connect([found("127.0.0.1", full_port), found("127.0.0.1", server.port)])

            assert connected.getpeername() == ("127.0.0.1", server.port)
            connected.close()

    async def test_who_loses_by_a_hair_is_closed(self, monkeypatch):
        """Two that connect in the same turn: one is used, the other closed."""

        async def connect(found):
            opened.append(socket.socket(*found[:3]))
            mine = opened[-1]
            await together.wait()
            return mine

        opened: list[socket.socket] = []
        together = asyncio.Event()
        monkeypatch.setattr(dial, "_connect", connect)
        monkeypatch.setattr(dial, "STAGGER_S", 0.01)
        first = asyncio.ensure_future(_first_to_connect([found("127.0.0.1", 1), found("127.0.0.1", 2)]))
        await until(lambda: len(opened) == 2)
        together.set()
        with await first as used:
            await asyncio.sleep(0)

            assert [one is used or one.fileno() == -1 for one in opened] == [True, True]

    @pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="this system has no such option")
    async def test_a_peer_that_vanished_is_given_up(self):
        """20 s without an acknowledgement end a connection; probes ask for one while it is idle or waits."""
        async with serving(always(OK)) as server:
            with await _first_to_connect([found("127.0.0.1", server.port)]) as connected:
                assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000
                assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 10
                assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)

    async def test_all_dead_is_the_first_failure(self):
        """Nothing to connect to: the first address's own error."""
        with pytest.raises(ConnectionRefusedError):
            await _first_to_connect([found("127.0.0.1", free_port()), found("127.0.0.1", free_port())])

    async def test_an_ipv6_address_in_the_url(self):
        """Brackets in the URL and the Host header, none for the resolver."""
        try:
            listener = await asyncio.start_server(lambda _r, _w: None, "::1", 0)
        except OSError:
            pytest.skip("no IPv6 loopback on this machine")
        listener.close()
        heads = []

        async def serve(reader, writer):
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(OK)
            writer.close()

        listener = await asyncio.start_server(serve, "::1", 0)
        port = listener.sockets[0].getsockname()[1]
        transport = HttpTransport(clock=SystemClock())
        response = await transport.send(Outgoing("GET", f"http://[::1]:{port}/", ()), connect_timeout=5)

        assert await read(response) == b"hello"
        assert b"host: [::1]:%d\r\n" % port in heads[0]
        await transport.close()
        listener.close()


def found(host: str, port: int):
    return (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))
