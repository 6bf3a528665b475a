"""Rules on words: what counts as the same text, which words must stand there, and how much two texts share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.suites.graders.text import contains, exact, normal, overlap, similar
from turnout.types.suite import Contains, Exact, Similar


@given(st.text())
def test_a_text_is_itself(text: str) -> None:
    """Exactly, and so also when case and ends are forgiven."""
    assert exact(Exact((text,)), text) is None
    assert exact(Exact((text,), normal=True), text) is None


@given(st.text(), st.sampled_from([" ", "\n", ".", "!", '"', "  \t"]))
def test_what_is_forgiven_at_the_end_changes_nothing(text: str, end: str) -> None:
    """Blanks and punctuation after it; and doing it twice is doing it once."""
    if any(map(str.isalnum, text)):
        assert normal(text + end) == normal(text)
    assert normal(normal(text)) == normal(text)


@pytest.mark.parametrize(("wanted", "text", "same"), [
    ("Paris", " paris. ", True), ("Paris", "**Paris**", True), ("New York", "new\n york!", True), ("Paris", "Paris, France", False),
    ("5", "-5", False), ("5", ".5", False), ("5", "5%", False), ("C#", "C", False), ("!", "?", False), ("straße", "STRASSE", True),
])  # fmt: skip
def test_normal_forgives_no_more_than_that(wanted: str, text: str, *, same: bool) -> None:
    """A sign, a point before a number and a percent are part of what is said."""
    assert (exact(Exact((wanted,), normal=True), text) is None) is same


def test_exact_forgives_nothing() -> None:
    """Not a blank; one of several texts will do."""
    assert exact(Exact(("a", "b")), "b") is None
    assert exact(Exact(("a", "b")), "b ") == "not the expected text"


@pytest.mark.parametrize(("rule", "text", "wrong"), [
    (Contains(("a", "b")), "a b", None), (Contains(("a", "b")), "a", '"b" is missing'), (Contains(("a", "b"), any=True), "b", None),
    (Contains(("a", "b"), any=True), "c", 'none of "a", "b" stands in it'), (Contains(("a",), found=False), "c", None),
    (Contains(("a", "b"), any=True, found=False), "b", '"b" stands in it'), (Contains(("A",)), "a", '"A" is missing'),
    (Contains(("A",), ignore_case=True), "a", None),
])  # fmt: skip
def test_words_that_must_stand_there(rule: Contains, text: str, wrong: str | None) -> None:
    """All, one, or none of them."""
    assert contains(rule, text) == wrong


@given(st.text(max_size=60), st.text(max_size=60))
def test_overlap_is_a_share_and_has_no_side(one: str, other: str) -> None:
    """0..1, the same both ways, 1 for a text with itself."""
    assert 0 <= overlap(one, other) <= 1
    assert overlap(one, other) == overlap(other, one)
    assert overlap(one, one) in (0.0, 1.0)


def test_overlap_is_f1_of_word_counts() -> None:
    """Two of three words on each side; a text without blanks between words is counted by characters."""
    assert overlap("the red car", "the red bus") == pytest.approx(2 / 3)
    assert overlap("the the the", "the") == pytest.approx(0.5)
    assert 0.5 < overlap("東京は日本の首都です", "東京が日本の首都だ") < 1
    assert similar(Similar("a b c d", 0.6), "a b") == (pytest.approx(2 / 3), None)
    assert similar(Similar("a b c d", 0.7), "a b")[1] == "overlap of words 0.67, below 0.7"
