from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.records import record, records
from turnout.journal.segment import HEADER, frame, scan
from turnout.types.record import Record

FOUR = [record(n) for n in range(4)]
FRAMES = [frame(one) for one in FOUR]
SEGMENT = HEADER + b"".join(FRAMES)
ENDS = [len(HEADER) + sum(map(len, FRAMES[: n + 1])) for n in range(4)]


@given(records)
def test_every_record_survives_its_frame(one: Record):
    """Framing and reading lose nothing."""
    assert scan(HEADER + frame(one)).entries == (one,)


def test_a_tail_torn_at_any_byte_costs_only_its_frame():
    """Cut anywhere, a segment yields exactly the records whose frames are whole, and the rest is pending, never damaged."""
    for size in range(len(SEGMENT) + 1):
        found = scan(SEGMENT[:size])

        assert list(found.entries) == FOUR[: sum(end <= size for end in ENDS)]
        assert found.end + found.pending == size
        assert found.damaged == 0


@given(st.lists(st.integers(0, len(SEGMENT)), max_size=6).map(sorted))
@example(list(range(0, len(SEGMENT), 97)))
def test_reading_while_it_grows_gives_the_same_records(sizes: list[int]):
    """However a segment's growth is cut by the reader's visits, each record is read once and in order."""
    read: list[Record] = []
    offset = 0
    for size in [*sizes, len(SEGMENT)]:
        found = scan(SEGMENT[offset:size], offset)
        read += found.entries
        offset = found.end

    assert read == FOUR
    assert offset == len(SEGMENT)


@given(st.integers(len(HEADER), ENDS[2] - 1), st.integers(1, 255))
def test_one_wrong_byte_costs_one_record_and_is_counted(place: int, flip: int):
    """Damage before the last frame loses the frame it lies in and no other; its bytes are counted."""
    broken = bytearray(SEGMENT)
    broken[place] ^= flip
    hit = sum(end <= place for end in ENDS)

    found = scan(bytes(broken))

    assert list(found.entries) == FOUR[:hit] + FOUR[hit + 1 :]
    assert found.damaged == len(FRAMES[hit])


@given(st.binary(max_size=200), st.integers(0, 3))
def test_garbage_between_frames_is_passed_over(garbage: bytes, after: int):
    """Bytes that are no frame, wherever they stand before a whole frame, cost no record."""
    data = HEADER + b"".join(FRAMES[:after]) + garbage + b"".join(FRAMES[after:])

    found = scan(data)

    assert list(found.entries) == FOUR
    assert found.damaged == len(garbage)
