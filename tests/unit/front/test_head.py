"""What a head has to be before anybody looks at what is asked."""

import httptools
import pytest

from turnout.errors import TurnoutError
from turnout.front.head import read_headers, read_path

HOST = (b"host", b"x")


def refused(*headers: tuple[bytes, bytes], version: str = "1.1") -> int:
    with pytest.raises(TurnoutError) as caught:
        read_headers(headers, version)
    return caught.value.status


def test_a_header_sent_twice_is_a_list() -> None:
    """None of its values hides behind the other: tags add up, two keys are none."""
    assert read_headers([HOST, (b"x-tags", b"a=1"), (b"x-tags", b"b=2")], "1.1") == {b"host": b"x", b"x-tags": b"a=1,b=2"}


def test_a_request_has_one_host() -> None:
    """Two that are alike are two. Only HTTP/1.0 may do without."""
    assert refused() == 400
    assert refused(HOST, HOST) == 400
    assert refused(HOST, (b"host", b"y"), version="1.0") == 400
    assert read_headers([], "1.0") == {}


@pytest.mark.parametrize("version", ["0.9", "1.2", "2.0", "3.0"])
def test_other_versions_are_not_spoken(version: str) -> None:
    """A framing that we guess at is how requests are smuggled."""
    assert refused(HOST, version=version) == 505


def test_a_body_is_coded_in_chunks_or_not_at_all() -> None:
    """What is packed besides would be read as if it were not."""
    for coding in (b"gzip, chunked", b"gzip", b"identity", b""):
        assert refused(HOST, (b"transfer-encoding", coding)) == 501
    assert refused(HOST, (b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")) == 501
    assert read_headers([HOST, (b"transfer-encoding", b" Chunked ")], "1.1")


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/v1/models?x=y", "/v1/models"),
        (b"/a%20b", "/a b"),
        (b"*", "*"),
        (b"http://127.0.0.1:8080/v1/models?x", "/v1/models"),
        (b"http://127.0.0.1:8080", "/"),
        (b"http://127.0.0.1:8080?x", "/"),
    ],
)
def test_a_target_names_a_path(target: bytes, path: str) -> None:
    """Percent codes are read, a query is nobody's; an address without a path means the root (RFC 9112 3.2.2)."""
    assert read_path("GET", target) == path


def test_who_asks_for_a_tunnel_names_a_host() -> None:
    """Of others that is no target."""
    assert read_path("CONNECT", b"example.com:443") == "example.com:443"
    with pytest.raises(httptools.HttpParserInvalidURLError):
        read_path("GET", b"example.com:443")
