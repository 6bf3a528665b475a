"""Lines of files, the bad ones by number."""

from io import BytesIO

import pytest

from turnout.feedback.files import LONGEST_LINE, Line, NoHeader, format_of, read_lines


def test_json_lines_are_read_and_bad_ones_numbered():
    """Empty lines are no lines; a mark at the beginning is nobody's."""
    text = b'\xef\xbb\xbf{"kind": "thumb"}\n\n{"kind":\n[1]\n\xff\n{"kind": "nps"}'
    found = list(read_lines(BytesIO(text), "jsonl"))

    assert [(line.n, line.item) for line in found] == [
        (1, {"kind": "thumb"}),
        (3, None),
        (4, None),
        (5, None),
        (6, {"kind": "nps"}),
    ]
    assert [line.wrong is not None for line in found] == [False, True, True, True, False]


def test_a_line_without_end_is_not_taken_into_memory():
    """What follows it is read."""
    text = b'{"note": "' + b"x" * (3 * LONGEST_LINE) + b'"}\n{"kind": "nps"}\n'
    first, second = read_lines(BytesIO(text), "jsonl")

    assert first.wrong == f"longer than {LONGEST_LINE:,} bytes"
    assert second == Line(2, {"kind": "nps"})


def test_csv_has_a_field_in_each_column():
    """Numbers and words are told apart; an empty cell says nothing; a note may have lines of its own."""
    text = b'kind, request_id,value,at,note\r\nthumb,r1,up,1790000000,"two\r\nlines"\r\nstars,r2,4,,\r\n,,,,\r\nthumb,r3,TRUE,2026-11-23T00:00:00Z\r\n'
    found = list(read_lines(BytesIO(text), "csv"))

    assert found == [
        Line(2, {"kind": "thumb", "request_id": "r1", "value": "up", "at": 1790000000.0, "note": "two\r\nlines"}),
        Line(4, {"kind": "stars", "request_id": "r2", "value": 4.0}),
        Line(6, {"kind": "thumb", "request_id": "r3", "value": True, "at": "2026-11-23T00:00:00Z"}),
    ]


def test_a_row_with_too_many_cells_is_bad_alone():
    """And so is one that is too long."""
    text = b"kind,value\nthumb,up,what\nthumb," + b"x" * 200_000 + b"\nthumb,up\n"
    first, second, third = read_lines(BytesIO(text), "csv")

    assert first.wrong == "has 3 cells for 2 columns"
    assert second.wrong is not None
    assert second.wrong.startswith("not CSV")
    assert third.item == {"kind": "thumb", "value": "up"}


@pytest.mark.parametrize(
    ("header", "told"), [(b"kind,rating\n", '"rating"'), (b"value\n", "kind"), (b"", "kind"), (b"kind,kind\n", "twice")]
)
def test_a_file_without_columns_is_refused(header: bytes, told: str):
    """It names those there are."""
    with pytest.raises(NoHeader, match=told):
        list(read_lines(BytesIO(header), "csv"))


@pytest.mark.parametrize(
    ("name", "begins", "kind"),
    [("a.csv", b"{", "csv"), ("a.jsonl", b"kind", "jsonl"), ("a.txt", b' {"', "jsonl"), ("a", b"kind,value", "csv")],
)
def test_the_format_is_the_names_or_the_beginnings(name: str, begins: bytes, kind: str):
    """Whoever names it well is believed."""
    assert format_of(name, begins) == kind
