import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.config.document import read


def test_every_key_and_item_knows_its_line():
    """Lines count from 1; a key is at its own line, not at that of its value."""
    document = read("a:\n  b:\n    - 1\n    - {c: 2}\n# note\nd: 3\n")

    assert document.tree == {"a": {"b": (1, {"c": 2})}, "d": 3}
    assert [document.line(path) for path in ((), ("a",), ("a", "b"), ("a", "b", 1), ("a", "b", 1, "c"), ("d",))] == [
        1,
        1,
        2,
        4,
        4,
        6,
    ]
    assert document.line(("a", "missing", "deeper")) == 1, "what is not there is at what would hold it"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("true", True),
        ("1", 1),
        ("1.5", 1.5),
        ("~", None),
        ("400d", "400d"),
        ("0x10", 16),
        ("1:30", "1:30"),
        ('"1"', "1"),
    ],
)
def test_scalars_are_yaml_1_2(text, value):
    """``yes`` is a word, sexagesimals do not exist, quotes make text."""
    assert read(f"a: {text}").tree == {"a": value}


def test_json_is_read_too():
    """A JSON file with tabs is a policy file as well."""
    tree = {"a": [1, {"b": "x/y"}], "c": None}

    assert read(json.dumps(tree, indent="\t")).tree == {"a": (1, {"b": "x/y"}), "c": None}


def test_a_key_written_twice_is_found_on_its_second_line():
    """YAML parsers usually let the last one win in silence."""
    document = read("a: 1\nb: 2\na: 3\n")

    assert [(finding.path, finding.message) for finding in document.findings] == [(("a",), "written twice (first on line 1)")]
    assert document.line(("a",)) == 3
    assert document.tree["a"] == 1


def test_the_same_key_twice_in_json():
    """The same in JSON, where duplicate keys are legal and useless."""
    assert "written twice" in read('{"a": 1,\n "a": 2}').findings[0].message


def test_anchors_are_values():
    """An alias stands for what it names."""
    assert read("a: &x {b: 1}\nc: *x\n").tree == {"a": {"b": 1}, "c": {"b": 1}}


@pytest.mark.parametrize(
    ("text", "why", "line"),
    [
        ("a: [1\nb: 2\n", "not readable", 2),
        ("a: 1\n\tb: 2\n", "not readable", 2),
        ("- 1\n- 2\n", "not a mapping", 1),
        ("just text", "not a mapping", 1),
        ("a: &x [*x]\n", "larger than it looks", 1),
        ("[" * 5000, "nested", 1),
        ("a: 1\n---\nb: 2\n", "not readable", 2),
    ],
)
def test_what_cannot_be_read_is_one_finding(text, why, line):
    """Never an exception, and where the parser names a line it is kept."""
    document = read(text)

    assert document.tree == {}
    assert why in document.findings[0].message
    assert document.line(()) == line


def test_aliases_that_multiply_are_refused():
    """A kilobyte of aliases must not become a gigabyte of values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]

    assert "larger than it looks" in read("\n".join(lines)).findings[0].message


@pytest.mark.parametrize("text", ["a: !mine 5\n", "a: 2026-13-45\n", f"a: {'9' * 5000}\n", "? [1, 2]\n: 3\n"])
def test_a_value_that_cannot_be_read_is_a_finding_of_its_path(text):
    """Odd tags, impossible dates, absurd numbers and keys that are no text spoil their own place only."""
    document = read(f"{text}b: 1\n")

    assert len(document.findings) == 1
    assert document.tree["b"] == 1


@given(st.text(alphabet=st.sampled_from("ab:-[]{},'\"#&*!|>%@`?~ \n\t\\\x00é0.<="), max_size=60))
def test_no_text_makes_reading_raise(text):
    """Whatever a file holds, reading it yields a tree of plain values and findings."""
    document = read(text)

    assert isinstance(document.tree, dict)
