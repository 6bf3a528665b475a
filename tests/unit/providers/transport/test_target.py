"""URLs, proxies and heads, as pure functions."""

import pytest

from turnout.errors import Misconfigured
from turnout.providers.transport.target import parse_proxy, parse_target, request_head

# The plain loop only: nothing here awaits.


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("https://api.example", b" / HTTP/1.1\r\nhost: api.example\r\n"),
        ("https://api.example:443/v1", b" /v1 HTTP/1.1\r\nhost: api.example\r\n"),
        ("http://API.Example:8080/v1/", b" /v1/ HTTP/1.1\r\nhost: api.example:8080\r\n"),
        ("http://h/a b?c=d e#frag", b" /a%20b?c=d%20e HTTP/1.1\r\nhost: h\r\n"),
        ("http://h/models/x:generate?alt=sse&k=%2F", b" /models/x:generate?alt=sse&k=%2F HTTP/1.1\r\nhost: h\r\n"),
        ("http://h/é", b" /%C3%A9 HTTP/1.1\r\nhost: h\r\n"),
        ("http://h/a\r\nx: y", b" /ax:%20y HTTP/1.1\r\nhost: h\r\n"),
        ("http://[::1]:8080/", b" / HTTP/1.1\r\nhost: [::1]:8080\r\n"),
        ("https://api_1.example./", b" / HTTP/1.1\r\nhost: api_1.example.\r\n"),
        ("https://bücher.example/", b" / HTTP/1.1\r\nhost: xn--bcher-kva.example\r\n"),
    ],
)
def test_the_request_line_follows_from_the_url(url, line):
    """Path and query in wire form, the port in Host only where it is not the scheme's own, never a fragment."""
    assert parse_target(url, None, None).line == line


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h/",
        "h/v1",
        "",
        "http:///v1",
        "http://h:0/",
        "http://h:99999/",
        "http://h:x/",
        "http://[::1/",
        "https://user:secret@h/",
        "https://api..example.com/v1",
        "https://.example.com/",
        "https://./",
        f"https://{'a' * 64}.example/",
        f"https://\u2603.{'b' * 64}/",
        "https://a b/",
        "https://a\0b/",
    ],
)
def test_a_url_we_cannot_call_is_misconfigured(url):
    """Refused before anything is opened, without repeating what may hold a credential."""
    with pytest.raises(Misconfigured) as caught:
        parse_target(url, None, None)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["socks5://h:1080", "h:3128", "http://", "http://proxy..example:3128"])
def test_a_proxy_we_cannot_use_is_misconfigured(url):
    """http and https proxies only."""
    with pytest.raises(Misconfigured, match="proxy"):
        parse_target("https://h/", url, None)


def test_origins_tell_connections_apart():
    """Path and query share connections; host, port, scheme, proxy and CA file do not."""
    base = parse_target("https://h/a?b", None, None).origin

    assert parse_target("https://H:443/other", None, None).origin == base
    others = [("http://h/", None, None), ("https://h:444/", None, None), ("https://i/", None, None)]
    others += [("https://h/", "http://p", None), ("https://h/", "http://u:p@p", None), ("https://h/", None, "ca.pem")]
    assert len({base} | {parse_target(*other).origin for other in others}) == 7


def test_representations_hold_no_credential():
    """Neither the proxy's password nor the query shows."""
    target = parse_target("http://h/?key=secret", "http://user:secret@p:3128", None)

    assert "secret" not in repr(target) + repr(target.origin) + target.origin.name
    assert "c2VjcmV0" not in repr(target) + repr(target.origin) + str(parse_proxy("http://user:secret@p:3128"))


@pytest.mark.parametrize("header", [(b"x", b"a\r\nhost: evil"), (b"x", b"a\n"), (b"x\r\ny", b"a"), (b"x", b"a\r")])
def test_a_header_cannot_become_two(header):
    """A line break in a name or value, such as a key file's last newline, is refused."""
    with pytest.raises(Misconfigured, match="line break"):
        request_head("POST", b" / HTTP/1.1\r\nhost: h\r\n", [(b"a", b"b"), header], 0)
