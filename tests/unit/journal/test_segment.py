import struct
from zlib import crc32

import msgspec
import pytest

from tests.support.records import TRAITS, record
from turnout.journal import segment
from turnout.journal.segment import HEADER, KEPT, MARKER, NotASegment, frame, scan

THREE = [record(n) for n in range(3)]
FRAMES = [frame(one) for one in THREE]


def test_frames_come_back_as_records():
    """What was framed is read, in order, to the last byte."""
    data = HEADER + b"".join(FRAMES)

    found = scan(data)

    assert list(found.entries) == THREE
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

    assert (list(first.entries), first.more) == (THREE[:2], True)
    assert (list(rest.entries), rest.more, rest.end) == (THREE[2:], False, len(data))


def test_a_damaged_length_loses_one_frame_only():
    """A length that points anywhere is not believed: the next frame is found by its marker, the bytes passed over are counted."""
    broken = bytearray(FRAMES[1])
    struct.pack_into("<I", broken, len(MARKER), 2**31)

    found = scan(HEADER + FRAMES[0] + bytes(broken) + FRAMES[2])

    assert list(found.entries) == [THREE[0], THREE[2]]
    assert found.damaged == len(broken)


def test_a_damaged_last_frame_waits_until_another_follows():
    """At the end of a segment damage and an unfinished write look alike: nothing is passed over before a whole frame follows."""
    broken = FRAMES[1][:-1] + b"\xff"

    waiting = scan(HEADER + FRAMES[0] + broken)
    later = scan(broken + FRAMES[2], waiting.end)

    assert (list(waiting.entries), waiting.damaged, waiting.pending) == ([THREE[0]], 0, len(broken))
    assert (list(later.entries), later.damaged) == ([THREE[2]], len(broken))


def test_an_intact_frame_that_is_no_record_is_counted():
    """A body that another program version wrote is passed over and counted, and the next one read."""
    body = b"\x93\x01\x02\x03"
    foreign = struct.pack("<4sII", MARKER, len(body), crc32(body)) + body

    found = scan(HEADER + foreign + FRAMES[0])

    assert (list(found.entries), found.unreadable, found.damaged) == ([THREE[0]], 1, 0)


def test_a_text_that_is_no_utf_8_is_no_record():
    """A checksum vouches for what was written, not for its sense: such a body is counted, and the next one read."""
    body = FRAMES[1][12:].replace(b"code_generation", b"code_\xff\xfe\xfderation")
    foreign = struct.pack("<4sII", MARKER, len(body), crc32(body)) + body

    found = scan(HEADER + foreign + FRAMES[0])

    assert body != FRAMES[1][12:]
    assert (list(found.entries), found.unreadable, found.damaged) == ([THREE[0]], 1, 0)


def test_a_record_too_large_for_a_frame_comes_with_its_long_texts_cut(monkeypatch: pytest.MonkeyPatch):
    """A reader takes a larger frame for damage: the record is journalled all the same, with every figure, and shows what was cut."""
    monkeypatch.setattr(segment, "LARGEST_BODY", 50_000)
    tags = {f"tag-{n}": "x" * 900 for n in range(10)}
    traits = msgspec.structs.replace(TRAITS, session="é" * 60_000, tags=tags)
    skipped = tuple(("openai/gpt-5", "cold") for _ in range(4_000))

    (found,) = scan(HEADER + frame(record(0, traits=traits, skipped=skipped))).entries

    cut = msgspec.structs.replace(traits, session="é" * KEPT + "... (cut)")
    assert found == record(0, traits=cut, skipped=skipped[:KEPT])


def test_a_frame_larger_than_any_writer_makes_is_damage(monkeypatch: pytest.MonkeyPatch):
    """Its length is not believed, so that no reader waits for, or takes in, more than a frame may hold."""
    monkeypatch.setattr(segment, "LARGEST_BODY", len(FRAMES[0]) - 12)
    body = msgspec.msgpack.encode(record(1, reason="x" * 100))
    larger = struct.pack("<4sII", MARKER, len(body), crc32(body)) + body

    found = scan(HEADER + larger + FRAMES[0])

    assert (list(found.entries), found.damaged) == ([THREE[0]], len(larger))
