from hypothesis import given
from hypothesis import strategies as st

from tests.support.tickets import ticket
from turnout.tickets import bounds
from turnout.tickets.bounds import bounded
from turnout.types.tickets import Said


def test_a_plain_request_is_kept_as_it_is():
    """Nothing is left out, and nothing is said to be."""
    assert bounded(ticket()) == ticket()


def test_a_body_too_large_is_left_out_and_said():
    """People get the text then, and know that there was more."""
    kept = bounded(ticket(body=b"x" * (bounds.LARGEST_BODY + 1)))

    assert (kept.body, kept.messages) == (None, ticket().messages)
    assert kept.left_out == ("the body: 1,048,577 bytes are more than 1,048,576",)
    assert bounded(ticket(body=b"x" * bounds.LARGEST_BODY)).left_out == ()


def test_of_a_long_conversation_the_end_is_kept(monkeypatch):
    """What is asked stands at the end; the message in the middle of which the room ends loses its beginning."""
    monkeypatch.setattr(bounds, "LONGEST_CONVERSATION", 7)

    kept = bounded(ticket(messages=(Said("system", "be kind"), Said("user", "abcdef"), Said("tool", ""), Said("user", "ghij"))))

    assert kept.messages == (Said("user", "def"), Said("tool", ""), Said("user", "ghij"))
    assert kept.left_out == ("the beginning of the conversation: 10 characters of it",)


@given(st.lists(st.text(max_size=40), max_size=12), st.integers(0, 100))
def test_what_is_kept_is_the_end_and_fits(texts: list[str], room: int):
    """Kept text is a suffix of what was said, as long as there is room for."""
    whole = "".join(texts)
    before = bounds.LONGEST_CONVERSATION
    bounds.LONGEST_CONVERSATION = room
    try:
        kept = bounded(ticket(messages=tuple(Said("user", text) for text in texts)))
    finally:
        bounds.LONGEST_CONVERSATION = before

    assert "".join(said.text for said in kept.messages) == (whole[-room:] if room else "")
    assert bool(kept.left_out) == (len(whole) > room)
