import struct
from zlib import crc32

import pytest

from tests.support.records import record
from turnout.journal.segment import HEADER, MARKER, NotASegment, frame, scan

THREE = [record(n) for n in range(3)]
FRAMES = [frame(one) for one in THREE]


def test_frames_come_back_as_records():
    """What was framed is read, in order, to the last byte."""
    data = HEADER + b"".join(FRAMES)

    found = scan(data)

    assert list(found.records) == THREE
    assert (found.end, found.pending, found.damaged, found.unreadable) == (len(data), 0, 0, 0)


def test_another_header_is_no_segment():
    """A file of another kind, or of another version, is refused rather than searched for frames."""
    with pytest.raises(NotASegment):
        scan(b"TURNOUT\x02" + FRAMES[0])


def test_a_limit_stops_and_says_where_to_go_on():
    """A limited scan ends between frames and says that there is more; from there the rest is read."""
    data = HEADER + b"".join(FRAMES)

    first = scan(data, limit=2)
    rest = scan(data[first.end :], first.end, limit=2)

    assert (list(first.records), first.more) == (THREE[:2], True)
    assert (list(rest.records), rest.more, rest.end) == (THREE[2:], False, len(data))


def test_a_damaged_length_loses_one_frame_only():
    """A length that points anywhere is not believed: the next frame is found by its marker, the bytes passed over are counted."""
    broken = bytearray(FRAMES[1])
    struct.pack_into("<I", broken, len(MARKER), 2**31)

    found = scan(HEADER + FRAMES[0] + bytes(broken) + FRAMES[2])

    assert list(found.records) == [THREE[0], THREE[2]]
    assert found.damaged == len(broken)


def test_a_damaged_last_frame_waits_until_another_follows():
    """At the end of a segment damage and an unfinished write look alike: nothing is passed over before a whole frame follows."""
    broken = FRAMES[1][:-1] + b"\xff"

    waiting = scan(HEADER + FRAMES[0] + broken)
    later = scan(broken + FRAMES[2], waiting.end)

    assert (list(waiting.records), waiting.damaged, waiting.pending) == ([THREE[0]], 0, len(broken))
    assert (list(later.records), later.damaged) == ([THREE[2]], len(broken))


def test_an_intact_frame_that_is_no_record_is_counted():
    """A body that another program version wrote is passed over and counted, and the next one read."""
    body = b"\x93\x01\x02\x03"
    foreign = struct.pack("<4sII", MARKER, len(body), crc32(body)) + body

    found = scan(HEADER + foreign + FRAMES[0])

    assert (list(found.records), found.unreadable, found.damaged) == ([THREE[0]], 1, 0)
