"""Server-sent events."""

import pytest

from turnout.dialects import sse
from turnout.errors import Broken


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_each_line_end_ends_an_event(end: bytes) -> None:
    """LF, CRLF and CR are all line ends."""
    parser = sse.Parser()

    found = parser.feed(b"event: a" + end + b"data: 1" + end + end + b"data: 2" + end + end)

    assert [(event.event, event.data) for event in found] == [(b"a", b"1"), (b"", b"2")]


def test_lines_of_data_are_joined() -> None:
    """Several data lines are one text with line feeds between; one blank after the colon is dropped, a second kept."""
    assert sse.read(b"data: a\ndata:b\ndata:  c\n\n").data == b"a\nb\n c"


def test_comments_and_reconnection_fields_dispatch_nothing() -> None:
    """A comment, an id or a retry time is no event to anyone."""
    parser = sse.Parser()

    assert parser.feed(b": ping\n\nid: 7\nretry: 10\n\ndata\n\n") == []


def test_a_byte_order_mark_is_not_data() -> None:
    """A stream may begin with one."""
    assert sse.Parser().feed(b"\xef\xbb\xbfdata: 1\n\n")[0].data == b"1"


def test_only_whole_events_pass() -> None:
    """An unfinished event waits; its bytes come out unchanged when it is whole."""
    splitter = sse.Splitter()

    assert splitter.feed(b"data: 1\n\ndata") == b"data: 1\n\n"
    assert splitter.feed(b": 2\n") == b""
    assert splitter.feed(b"\n") == b"data: 2\n\n"
    assert splitter.flush() == b""


def test_a_line_end_may_be_cut_in_two() -> None:
    """CR at the end of one chunk and LF at the start of the next are one line end, and both bytes are kept."""
    splitter = sse.Splitter()

    pieces = [splitter.feed(piece) for piece in (b"data: 1\r", b"\n\r", b"\ndata: 2\r\n", b"\r\n")]

    assert b"".join(pieces) == b"data: 1\r\n\r\ndata: 2\r\n\r\n"
    assert [event.data for event in sse.events(b"".join(pieces)) if event.data] == [b"1", b"2"]


def test_an_event_without_its_blank_line_is_left_at_the_end() -> None:
    """Some servers end after the last data line."""
    parser = sse.Parser()
    parser.feed(b"data: [DONE]")

    assert [event.data for event in parser.flush()] == [b"[DONE]"]


def test_an_endless_event_is_broken() -> None:
    """The memory one event may take is bounded."""
    splitter = sse.Splitter()
    splitter.feed(b"x" * sse.EVENT_LIMIT)

    with pytest.raises(Broken):
        splitter.feed(b"x")


def test_an_event_is_written_in_one_shape() -> None:
    """With and without a name."""
    assert sse.event(b"{}") == b"data: {}\n\n"
    assert sse.event(b"{}", b"ping") == b"event: ping\ndata: {}\n\n"
