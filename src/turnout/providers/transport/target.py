"""Where a URL leads and how its request line reads. Pure; parsed once per URL and remembered by the client."""

import re
from base64 import b64encode
from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

import msgspec

from turnout.errors import Misconfigured

# Framing is ours: a second copy from a caller would let one request be read as two.
OURS: Final = frozenset({b"host", b"content-length", b"transfer-encoding", b"connection"})
PORTS: Final = {"http": 80, "https": 443}
HOST: Final = re.compile(r"[a-z0-9._-]+")
LEGAL: Final = "/?:@!$&'()*+,;=-._~%[]"


class Proxy(msgspec.Struct, frozen=True):
    """An outbound proxy. ``authorization`` is the whole header line, or nothing."""

    host: str
    port: int
    tls: bool
    authorization: bytes

    def __repr__(self) -> str:
        return f"proxy {address(self.host, self.port)}"

    def __str__(self) -> str:
        return repr(self)


class Origin(msgspec.Struct, frozen=True):
    """What a connection is good for; connections are pooled by it."""

    host: str
    port: int
    tls: bool
    proxy: Proxy | None
    ca_file: str | None

    @property
    def name(self) -> str:
        """For messages: never holds a path, a query or a credential."""
        return address(self.host, self.port) + (f" through {self.proxy}" if self.proxy else "")


class Target(msgspec.Struct, frozen=True):
    """An origin and the bytes between the method and the caller's headers."""

    origin: Origin
    line: bytes

    def __repr__(self) -> str:
        return f"Target({self.origin.name})"


def parse_target(url: str, proxy: str | None, ca_file: str | None) -> Target:
    """Raises Misconfigured, without repeating the URL: it may hold a key."""
    parts = _split(url, "provider URL")
    if parts.username is not None:
        raise Misconfigured("provider URL: credentials belong into a header, not into the URL")
    host, port, tls = _endpoint(parts, "provider URL")
    via = parse_proxy(proxy) if proxy else None
    named = _bracketed(host) if port == PORTS[parts.scheme] else address(host, port)
    path = quote(parts.path or "/", safe=LEGAL) + (f"?{quote(parts.query, safe=LEGAL)}" if parts.query else "")
    if via is None or tls:
        line = f" {path} HTTP/1.1\r\nhost: {named}\r\n".encode()
    else:  # a plain request is handed to the proxy itself, which needs to be told where to
        line = f" http://{named}{path} HTTP/1.1\r\nhost: {named}\r\n".encode() + via.authorization
    return Target(Origin(host, port, tls, via, ca_file), line)


def parse_proxy(url: str) -> Proxy:
    """``http(s)://[user:password@]host[:port]``. Raises Misconfigured."""
    parts = _split(url, "proxy")
    authorization = b""
    if parts.username is not None:
        credential = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        authorization = b"proxy-authorization: Basic " + b64encode(credential) + b"\r\n"
    return Proxy(*_endpoint(parts, "proxy"), authorization)


def tunnel_head(origin: Origin, proxy: Proxy) -> bytes:
    """The request that asks a proxy for a tunnel."""
    where = address(origin.host, origin.port)
    return f"CONNECT {where} HTTP/1.1\r\nhost: {where}\r\n".encode() + proxy.authorization + b"\r\n"


def request_head(method: str, line: bytes, headers: Sequence[tuple[bytes, bytes]], length: int) -> bytes:
    """Everything before the body. Raises Misconfigured when a header would end early and become two."""
    block = _block(tuple(headers))
    if length or method in ("POST", "PUT", "PATCH"):
        return b"%b%b%bcontent-length: %d\r\n\r\n" % (method.encode(), line, block, length)
    return b"%b%b%b\r\n" % (method.encode(), line, block)


@lru_cache(maxsize=1024)
def _block(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """The caller's headers as lines: the same for every request to a model, so remembered."""
    lines = [b"%b: %b\r\n" % header for header in headers if header[0].lower() not in OURS]
    block = b"".join(lines)
    if block.count(b"\n") != len(lines) or block.count(b"\r") != len(lines):
        raise Misconfigured("a header for this provider holds a line break: look at its credential")
    return block


def address(host: str, port: int) -> str:
    return f"{_bracketed(host)}:{port}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _split(url: str, what: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        if parts.scheme in PORTS and parts.hostname and parts.port != 0:
            return parts
    except ValueError:
        pass
    raise Misconfigured(f"{what}: not an http:// or https:// address")


def _endpoint(parts: SplitResult, what: str) -> tuple[str, int, bool]:
    return _host(parts.hostname or "", what), parts.port or PORTS[parts.scheme], parts.scheme == "https"


def _host(name: str, what: str) -> str:
    """As it is looked up and sent. A label that is empty or too long is told here: further on it would be no fault but a crash."""
    if ":" in name:  # IPv6
        return name
    try:
        host = name.encode("idna").decode()
    except UnicodeError:
        host = ""
    if HOST.fullmatch(host):
        return host
    raise Misconfigured(f"{what}: not a host name")
