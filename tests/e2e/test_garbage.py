"""Whatever comes in gets a 4xx in the client's dialect, quickly, and the server goes on."""

import contextlib
import json
import socket
import statistics
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.asking import SUPPORT, user
from tests.e2e.world import APP, World

PROMISED = 0.1
"""Seconds to an error. A busy machine may miss it now and then, but not every other time."""
LAX = 2.0
"""Seconds for each."""
PATHS = ("/v1/chat/completions", "/v1/messages", "/v1/explain")
GOOD: dict[str, Any] = {"model": "openai-first", "max_tokens": 50, "messages": [user("hi")]}
paths = pytest.mark.parametrize("path", PATHS)


def told(path: str, answer: Any, *statuses: int) -> str:
    """Check that this is an error in the words of the path's dialect; its message."""
    assert answer.status in statuses, answer
    assert answer.seconds < LAX
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-turnout-request-id"]
    error = answer.json["error"]
    if path == "/v1/messages":
        assert answer.json["type"] == "error"
        assert set(error) == {"type", "message"}
    else:
        assert set(error) == {"message", "type", "param", "code"}
    assert len(answer.body) < 4096
    message: str = error["message"]
    return message


def changed(**fields: Any) -> bytes:
    return json.dumps({**GOOD, **fields}).encode()


BODIES = {
    "nothing": b"",
    "not JSON": b"hello",
    "half of it": changed()[:-7],
    "two of them": changed() * 2,
    "a list": b"[]",
    "null": b"null",
    "an empty object": b"{}",
    "binary": bytes(range(256)) * 40,
    "not UTF-8": changed().replace(b'"hi"', b'"\xff\xfe"'),
    "a lone surrogate": changed().replace(b'"hi"', b'"\\ud800"'),
    "NaN": changed().replace(b"50", b"NaN"),
    "endless brackets": b"[" * 1_000_000,
    "endless objects": b'{"a":' * 500_000,
    "deep nesting": changed(x=0).replace(b'"x": 0', b'"x": ' + b"[" * 100_000 + b"]" * 100_000),
    "deep messages": changed().replace(b'"hi"', b"[" * 100_000 + b"]" * 100_000),
    "model: a number": changed(model=5),
    "model: without end": changed(model="x" * 1_000_000),
    "messages: a text": changed(messages="hi"),
    "messages: a number in": changed(messages=[{"role": "user", "content": 5}]),
    "messages: a role of lists": changed(messages=[{"role": [], "content": "hi"}]),
    "max_tokens: a text": changed(max_tokens="many"),
    "max_tokens: beyond counting": changed(max_tokens=10**30),
    "stream: a text": changed(stream="yes"),
    "tools: an object": changed(tools={}),
    "turnout: a list": changed(turnout=[]),
    "turnout: unknown hint": changed(turnout={"budget": 5}),
    "turnout: a deadline in words": changed(turnout={"deadline_ms": "soon"}),
    "turnout: models without end": changed(turnout={"models": ["x"] * 100_000}),
    "turnout: tags of numbers": changed(turnout={"tags": {"task": 5}}),
    "a number too large": changed().replace(b"50", b"1e999"),
}


@pytest.mark.parametrize("kind", BODIES)
@paths
def test_a_body_that_is_none_is_refused(world: World, path: str, kind: str) -> None:
    """400, whatever is wrong with it."""
    assert told(path, world.post(path, BODIES[kind]), 400)


@paths
def test_unknown_names_are_not_found(world: World, path: str) -> None:
    """Models and routes, with what may have been meant."""
    assert "openai-first" in told(path, world.post(path, changed(model="openai-firts")), 404)
    assert "finance" in told(path, world.post(path, changed(), x_turnout_route="finanse"), 404)


@paths
def test_keys_are_demanded(world: World, path: str) -> None:
    """None, a wrong one, an odd one."""
    for headers in ({}, {"authorization": "Bearer tk-nobody"}, {"authorization": "Basic abc"}, {"x_api_key": "\xff\xfe"}):
        told(path, world.post(path, changed(), key=None, **headers), 401)


@paths
def test_foreign_pages_are_kept_out(world: World, path: str) -> None:
    """A name that is not ours (DNS rebinding), a page of another site, a plain web form."""
    told(path, world.post(path, changed(), host="evil.example"), 403)
    told(path, world.post(path, changed(), host="127.0.0.1.evil.example:80"), 403)
    told(path, world.post(path, changed(), origin="https://evil.example"), 403)
    told(path, world.post(path, changed(), origin="null"), 403)
    told(path, world.post(path, changed(), content_type="text/plain"), 400)
    told(path, world.post(path, changed(), content_type=""), 400)
    assert (
        world.post(path, changed(), origin="http://localhost:3000", content_type="Application/JSON; charset=utf-8").status == 200
    )


@paths
def test_hints_that_are_none_are_refused(world: World, path: str) -> None:
    """Believed hints must not be misread."""
    for header, value in (
        ("x_turnout_tags", "task"), ("x_turnout_tags", "latency=warp"), ("x_turnout_deadline_ms", "-1"), ("x_turnout_deadline_ms", "9" * 400),
        ("x_turnout_max_cost_usd", "1e999999999"), ("x_turnout_session", "s" * 300),
    ):  # fmt: skip
        told(path, world.post(path, changed(), **{header: value}), 400)


@paths
def test_the_wrong_method_or_place_is_said(world: World, path: str) -> None:
    """404 and 405 name what is served."""
    assert "POST" in told(path, world.call("GET", world.api + path), 405)
    assert path in told("", world.call("POST", f"{world.api}{path}/more", b"{}"), 404)
    assert path in told("", world.call("GET", f"{world.api}/{'a' * 30_000}"), 404)


@paths
def test_a_body_too_large_is_refused_before_it_is_read(world: World, path: str) -> None:
    """50 MB announced: the answer comes before the body does. 25 MB unannounced: as soon as it is too much."""
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {APP}\r\ncontent-type: application/json\r\n"
    with connected(world) as raw:
        raw.sendall(f"{head}content-length: 50000000\r\n\r\n{{".encode())
        assert raw.recv(4096).startswith(b"HTTP/1.1 413 ")
    with connected(world) as raw:
        raw.sendall(f"{head}transfer-encoding: chunked\r\n\r\n".encode())
        megabyte = b"f4240\r\n" + b" " * 1_000_000 + b"\r\n"
        for _ in range(25):
            raw.sendall(megabyte)
        raw.sendall(b"0\r\n\r\n")
        assert raw.recv(4096).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "noise",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"GARBAGE\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\ncontent-length: nine\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 20_000,
        b"GET /" + b"a" * 200_000,
        b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{",
    ],
    ids=["TLS", "words", "a length in words", "headers without end", "a path without end", "a body that never comes"],
)
def test_bytes_that_are_no_http_do_no_harm(world: World, noise: bytes) -> None:
    """The connection may be closed or answered 4xx; the server goes on."""
    with connected(world) as raw:
        try:
            raw.sendall(noise)
            raw.shutdown(socket.SHUT_WR)
            assert raw.recv(4096)[:10] in (b"", b"HTTP/1.1 4")
        except ConnectionError:
            pass
    assert world.get("/health/live").status == 200


ENDLESS = {
    "a header": b"GET / HTTP/1.1\r\nx: ",
    "a path": b"GET /",
    "a trailer": b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nx: ",
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_what_never_ends_is_cut_off(world: World, kind: str) -> None:
    """Its sender is told, and not read for ever: 100 MB are too many."""
    sent = 0
    with connected(world) as raw:
        with contextlib.suppress(ConnectionError):
            raw.sendall(ENDLESS[kind])
            for _ in range(100):
                raw.sendall(b"v" * 2**20)
                sent += 1
        assert sent < 100
    assert world.get("/health/live").status == 200


@pytest.mark.parametrize("kind", ENDLESS)
def test_who_sends_first_and_reads_then_finds_its_answer(world: World, kind: str) -> None:
    """8 MB behind what it is refused for: the whole answer, and an end that is no reset."""
    with connected(world) as raw:
        raw.sendall(ENDLESS[kind] + b"v" * 8_000_000)
        answer = b"".join(iter(lambda: raw.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 4")
    assert answer.endswith(b"}")


def connected(world: World) -> socket.socket:
    place = urlsplit(world.api)
    return socket.create_connection((place.hostname, place.port), timeout=LAX)


@paths
def test_a_body_of_a_million_fields_keeps_nobody_waiting(world: World, path: str) -> None:
    """It is refused in less time than its way here takes."""
    body = changed()[:-1] + b"," + b",".join(b'"%d":1' % number for number in range(1_000_000)) + b"}"

    assert "values" in told(path, world.post(path, body), 400)


def test_the_server_goes_on(world: World) -> None:
    """After all of it a plain request is answered, and nothing broke inside."""
    assert world.post("/v1/messages", {**GOOD, "messages": [user(SUPPORT)]}).status == 200
    assert b"turnout_internal_errors_total{" not in world.get("/metrics").body


def test_errors_are_quick(world: World) -> None:
    """In the middle of all kinds of garbage."""
    answers = [world.post(path, body) for path in PATHS for body in BODIES.values()]

    assert {answer.status for answer in answers} == {400}
    assert statistics.median(answer.seconds for answer in answers) <= PROMISED
