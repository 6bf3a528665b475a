"""Laws of server-sent events."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from turnout.dialects import sse
from turnout.errors import ProviderFault

line_ends = st.sampled_from(["\n", "\r\n", "\r"])
values = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=10)


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[tuple[str, str]], bytes]:
    """Events by name and data, and one way to write them down."""
    end = draw(line_ends)
    events, text = [], draw(st.sampled_from(["", "\ufeff"]))
    for _ in range(draw(st.integers(0, 4))):
        name = draw(values.filter(lambda value: not value.startswith(" ")))
        lines = draw(st.lists(values, min_size=1, max_size=3))
        extra = draw(st.sampled_from(["", f": note{end}", f"id: 1{end}retry: 5{end}"]))
        text += extra + (f"event: {name}{end}" if name else "") + "".join(f"data: {line}{end}" for line in lines) + end
        if any(lines) or len(lines) > 1:
            events.append((name, "\n".join(lines)))
    return events, text.encode()


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@given(streams(), st.lists(st.integers(0, 10**6), max_size=30))
def test_events_do_not_depend_on_the_cuts(stream: tuple[list[tuple[str, str]], bytes], places: list[int]) -> None:
    """Every event is read once, whole, wherever the bytes are cut and whatever ends the lines."""
    events, data = stream
    parser = sse.Parser()

    found = [event for piece in cut(data, places) for event in parser.feed(piece)] + parser.flush()

    assert [(event.event.decode(), event.data.decode()) for event in found] == events


@given(st.lists(st.binary(max_size=30) | st.sampled_from([b"\n", b"\r", b"\n\n", b"\r\n\r\n", b"data: x"]), max_size=20))
def test_no_byte_is_lost_or_changed(chunks: list[bytes]) -> None:
    """What passes and what is left are what came, and events of a block joined are the block."""
    splitter = sse.Splitter()
    passed = [splitter.feed(chunk) for chunk in chunks]
    try:
        rest = splitter.flush()
    except ProviderFault:
        return  # JSON in place of a stream

    assert b"".join(passed) + rest == b"".join(chunks)
    for block in passed:
        assert b"".join(event.raw for event in sse.events(block)) == block
