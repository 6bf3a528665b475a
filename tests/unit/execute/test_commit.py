"""Hold: what is released, and when."""

import pytest

from tests.support.fake_dialect import StreamDelivery, WholeDelivery
from turnout.errors import Broken
from turnout.execute.commit import Hold


def test_a_stream_is_held_until_its_first_content() -> None:
    """The prelude stays; with the first content everything held comes out, once."""
    hold = Hold(StreamDelivery(), stream=True)

    assert not hold.feed(b"role\n")
    assert hold.feed(b"say hi\n")
    assert hold.release() == b"role\nsay hi\n"
    assert hold.release() == b""


def test_bytes_of_half_an_event_are_not_content() -> None:
    """Only whole events count, however they are split."""
    hold = Hold(StreamDelivery(), stream=True)

    assert not hold.feed(b"role\nsay ")
    assert hold.feed(b"hi\n")


def test_a_whole_answer_is_held_to_its_end() -> None:
    """Nothing comes out before it ended well."""
    hold = Hold(WholeDelivery(), stream=False)

    assert not hold.feed(b"whole hi 1 2")
    assert hold.release() == b""
    hold.end()
    assert hold.release() == b"whole hi 1 2"


def test_an_unclean_end_commits_nothing() -> None:
    """A fault of the delivery passes through."""
    hold = Hold(WholeDelivery(), stream=False)
    hold.feed(b"half")

    with pytest.raises(Broken):
        hold.end()
