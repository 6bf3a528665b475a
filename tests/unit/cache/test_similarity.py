"""Which questions are taken for the same."""

import time

import pytest

from tests.unit.cache.questions import ALIKE, SAME
from turnout.cache.similarity import MOST_TEXT, Wording, likeness, nearest, read
from turnout.types.caching import Caching

THRESHOLD = Caching().threshold


def alike(one: str, other: str) -> float:
    """As the cache sees it: those whose strict parts differ are in other buckets and never compared."""
    a, b = read(one), read(other)
    return likeness(a[1], b[1]) if a is not None and b is not None and a[0] == b[0] else 0.0


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_what_only_looks_alike_is_never_given(one: str, other: str) -> None:
    """A number, a name, a negation, a direction or any one word makes it another question."""
    assert alike(one, other) < THRESHOLD
    assert alike(other, one) < THRESHOLD


def test_what_differs_in_form_is_the_same_question() -> None:
    """Most pairs that ask the same are found; none that only look alike: precision is 1, recall is what is left."""
    found = [pair for pair in SAME if alike(*pair) >= THRESHOLD]
    given = len(found) + sum(alike(*pair) >= THRESHOLD for pair in ALIKE)

    assert len(SAME) >= 30
    assert len(ALIKE) >= 50
    assert len(found) / given == 1.0
    assert len(found) / len(SAME) >= 0.85


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.9])
def test_the_strict_part_holds_at_any_threshold(threshold: float) -> None:
    """However loose a route is: other numbers, negations and names are other questions."""
    strict = [ALIKE[index] for index in (0, 1, 3, 4, 5, 6, 10, 20, 22, 23, 24, 25, 27, 28, 29, 31)]

    assert [pair for pair in strict if alike(*pair) >= threshold] == []


@pytest.mark.parametrize("text", ["", "   ", "please", "Hi, thanks!", "word " * MOST_TEXT])
def test_too_little_or_too_much_has_no_wording(text: str) -> None:
    """What says nothing but politeness, or as much as a document, is found by the very same text only."""
    assert read(text) is None


def test_the_most_alike_is_found() -> None:
    """And of equals the first, which is the newest."""
    wording = worded("How do I reset my password?")
    others = [(b"a", worded("How do I reset my pin?")), (b"b", worded("how to reset the password of my account")),
              (b"c", worded("How do I reset my password, please?")), (b"d", worded("how can I reset my password"))]  # fmt: skip

    assert nearest(wording, others, 0.9) == (b"d", 1.0)
    assert nearest(wording, others[:3], 0.9) == (b"c", pytest.approx(0.98, abs=0.02))
    assert nearest(wording, others[:2], 0.9) is None
    assert nearest(wording, [], 0.9) is None


def test_looking_takes_little_time() -> None:
    """A bucket's newest entries are compared within a few milliseconds on any machine; the figure is bench's to watch."""
    wording = worded("how to reset the password of my account in the web shop")
    others = [
        (bytes([number]), worded(f"how to reset the thing-{chr(97 + number % 26)} of my account in the shop"))
        for number in range(256)
    ]

    began = time.perf_counter()
    nearest(wording, others, 0.5)

    assert time.perf_counter() - began < 0.05


@pytest.mark.parametrize(
    "text", ["\u201c" * 2000, "'" * 2000, "' " * 1000, '"' * 1999, "(" * 2000, "a'" * 1000, "a-" * 1000, "\0" * 2000]
)
def test_odd_texts_take_no_longer(text: str) -> None:
    """No pattern has a text that it takes long over."""
    began = time.perf_counter()
    read(text)

    assert time.perf_counter() - began < 0.1


def worded(text: str) -> Wording:
    found = read(text)
    assert found is not None
    return found[1]
