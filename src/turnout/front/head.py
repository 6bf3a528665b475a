"""What a request's head has to be, before anybody looks at what is asked."""

from collections.abc import Sequence
from urllib.parse import unquote

import httptools

from turnout.errors import Code, TurnoutError

VERSIONS = frozenset({"1.0", "1.1"})


def read_headers(headers: Sequence[tuple[bytes, bytes]], version: str) -> dict[bytes, bytes]:
    """By name; one that was sent twice is a list, so that none of its values can hide behind the other.

    Raises:
        TurnoutError: another protocol's version (505), a host that is missing or not one (400), a coding that is not
            ``chunked`` alone (501), as RFC 9110 15.6.6, RFC 9112 3.2 and RFC 9112 6.1 ask for.
    """
    by_name = dict(headers)
    if len(by_name) != len(headers):
        if sum(name == b"host" for name, _ in headers) > 1:
            raise _refused("a request has one host header, not several")
        by_name = {name: b",".join(value for other, value in headers if other == name) for name in by_name}
    if version not in VERSIONS:
        raise _refused(f"HTTP/{version} is not spoken here; HTTP/1.1 is", 505)
    if b"host" not in by_name and version != "1.0":
        raise _refused("a request of HTTP/1.1 has a host header")
    if b"transfer-encoding" in by_name and by_name[b"transfer-encoding"].strip().lower() != b"chunked":
        raise _refused("of the transfer encodings only chunked is understood here, and that alone", 501)
    return by_name


def read_path(method: str, target: bytes) -> str:
    """Of what a request asks for; who asks for a tunnel names a host and a port instead.

    Raises:
        httptools.HttpParserInvalidURLError: it is neither.
    """
    if method == "CONNECT":
        return target.decode("latin-1")
    path = (httptools.parse_url(target).path or b"/").decode("ascii")
    return unquote(path) if "%" in path else path


def _refused(message: str, status: int = 400) -> TurnoutError:
    return TurnoutError(Code.INVALID_REQUEST, message, retry=False, status=status)
