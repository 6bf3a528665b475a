"""The law of the parser's side: how the bytes of an answer are split means nothing."""

from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.errors import Broken
from turnout.providers.transport.connection import Connection
from turnout.providers.transport.response import Response

from .wire import Owner, Wire


class Answer(NamedTuple):
    """Bytes, and what they must be read as."""

    wire: bytes
    status: int
    body: bytes
    fate: str


def drive(coroutine):
    """Run what has no reason to wait."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waited though everything had come")


def read(response: Response) -> bytes:
    body = b""
    while True:
        try:
            body += drive(response.__anext__())
        except StopAsyncIteration:
            return body


def receive(pieces: list[bytes], *, eof: bool = True) -> tuple[Response, str]:
    owner, connection = Owner(), Connection()
    connection.connection_made(Wire())
    connection.owner = owner
    response = connection.request(b"POST / HTTP/1.1\r\n\r\n", b"")
    for piece in pieces:
        connection.data_received(piece)
    if eof and not owner.fate:
        connection.eof_received()
    return response, owner.fate


@st.composite
def answers(draw) -> Answer:
    """A valid answer in one of the framings, with interim heads and trailers now and then."""
    status = draw(st.sampled_from([200, 201, 400, 404, 429, 500, 529]))
    parts = draw(st.lists(st.binary(min_size=1, max_size=200), max_size=6))
    body = b"".join(parts)
    interim = draw(st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Hints\r\nlink: </a>\r\n\r\n"]))
    head = interim + b"HTTP/1.1 %d Word\r\nX-A: b\r\n" % status
    framing = draw(st.sampled_from(["length", "chunked", "trailers", "close"]))
    if framing == "length":
        return Answer(head + b"Content-Length: %d\r\n\r\n" % len(body) + body, status, body, "freed")
    if framing == "close":
        return Answer(head + b"\r\n" + body, status, body, "lost")
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    end = b"0\r\nX-T: u\r\n\r\n" if framing == "trailers" else b"0\r\n\r\n"
    return Answer(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + end, status, body, "freed")


def split(wire: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(wire) + 1) for cut in cuts), len(wire)]
    return [wire[start:end] for start, end in pairwise(edges) if start < end]


@given(answers(), st.lists(st.integers(min_value=0, max_value=5000), max_size=30))
def test_any_split_gives_the_same_answer(answer, cuts):
    """Same status, headers and body, and the connection has the same fate, wherever the wire is cut."""
    response, fate = receive(split(answer.wire, cuts))

    assert (response.status, read(response), fate) == (answer.status, answer.body, answer.fate)
    assert response.headers[0] == (b"x-a", b"b")
    assert not any(name == b"x-t" for name, _ in response.headers)


@given(answers().filter(lambda answer: answer.fate == "freed"), st.integers(min_value=1, max_value=5000))
def test_a_framed_answer_cut_anywhere_is_never_whole(answer, short):
    """An answer that lost its last bytes is a fault: before its head was whole, or at the end of its body."""
    wire = answer.wire[: -(1 + short % len(answer.wire))]
    response, fate = receive([wire] if wire else [])

    assert fate == "lost"
    with pytest.raises(Broken) if response.status else pytest.raises(Exception, match="without an answer"):
        drive(response.head())
        read(response)


@given(st.binary(max_size=3000), st.lists(st.integers(min_value=0, max_value=3000), max_size=8))
def test_any_bytes_are_survived(wire, cuts):
    """Whatever comes, the connection ends the request one way or the other and raises nothing into the loop."""
    response, fate = receive(split(wire, cuts))

    assert fate in ("freed", "lost")
    assert response._ended
