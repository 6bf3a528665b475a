from turnout.sim.prefixes import LEAST, Prefixes
from turnout.sim.tokens import count_message
from turnout.types.request import Message, Text

LONG = Message("user", (Text("word " * LEAST),))
ANSWER = Message("assistant", (Text("Yes."),))
NEXT = Message("user", (Text("And then?"),))


def test_a_conversation_read_before_is_cached() -> None:
    """The second turn reads the first from the cache; its new message is always fresh."""
    prefixes = Prefixes()

    assert prefixes.read("m", (LONG,)) == 0
    assert prefixes.read("m", (LONG, ANSWER, NEXT)) == count_message(LONG)
    assert prefixes.read("m", (LONG, ANSWER, NEXT)) == count_message(LONG) + count_message(ANSWER)


def test_each_model_has_its_own_cache() -> None:
    """What one model read, another has not."""
    prefixes = Prefixes()
    prefixes.read("m", (LONG,))

    assert prefixes.read("other", (LONG, NEXT)) == 0


def test_short_conversations_are_not_cached() -> None:
    """Below the least size nothing is kept."""
    prefixes = Prefixes()
    prefixes.read("m", (NEXT,))

    assert prefixes.read("m", (NEXT, NEXT)) == 0
