"""What can be carried from one dialect to another."""

import msgspec

from tests.unit.dialects.asking import ANTHROPIC, OPENAI, chat, message, run
from turnout.dialects.delivery import deliver
from turnout.dialects.features import CARRIES, HINTS, changes, lossy

A, O = "anthropic-messages", "openai-chat"  # noqa: E741  # the two dialects, by initial


def test_the_same_dialect_loses_nothing() -> None:
    """Whatever the names say, a relayed request arrives whole."""
    assert lossy(frozenset({"n", "field:anything"}), O, O) == frozenset()
    assert changes(frozenset({"cache_control"}), A, A) == ()


def test_what_changes_the_meaning_is_lossy() -> None:
    """A log probability cannot be had from Anthropic, a signed thought not be shown to OpenAI, an unknown field to nobody."""
    assert lossy(frozenset({"logprobs", "n"}), O, A) == {"logprobs", "n"}
    assert lossy(frozenset({"reasoning_signature", "top_k"}), A, O) == {"reasoning_signature", "top_k"}
    assert lossy(frozenset({"field:provider"}), O, A) == {"field:provider"}


def test_a_hint_is_left_out_with_a_word() -> None:
    """A cache breakpoint changes the price only: the answer's warnings name it."""
    carries = frozenset({"cache_control", "field:store"})

    assert lossy(carries, A, O) == frozenset()
    assert changes(carries, A, O) == ("cache_control", "store")


def test_a_stop_sequence_is_told_as_a_plain_end_and_the_answer_says_so() -> None:
    """Chat Completions ends with ``stop`` either way: which sequence it was is not known, so it is not guessed."""
    carries = message(stop_sequences=["the"]).sketch.carries
    stopped = b'{"id":"c","choices":[{"message":{"content":"by "},"finish_reason":"stop"}]}'
    told = msgspec.json.decode(run(deliver(ANTHROPIC, OPENAI, message(stop_sequences=["the"])), stopped))

    assert lossy(carries, A, O) == frozenset()
    assert changes(carries, A, O) == ("stop_sequence",)
    assert changes(chat(stop=["the"]).sketch.carries, O, A) == ()
    assert (told["stop_reason"], told["stop_sequence"]) == ("end_turn", None)


def test_what_the_other_dialect_has_is_no_change() -> None:
    """OpenRouter's cache breakpoints in a Chat Completions body reach Anthropic."""
    assert changes(frozenset({"cache_control"}), O, A) == ()


def test_a_dialect_nobody_knows_carries_nothing_special() -> None:
    """A new dialect is refused what it has not been said to carry."""
    assert lossy(frozenset({"seed"}), O, "new") == {"seed"}


def test_the_table_speaks_of_two_dialects() -> None:
    """Hints need no place, so a name need not be both for every dialect."""
    assert set(CARRIES) == {A, O}
    assert HINTS - set().union(*CARRIES.values()) == {name for name in HINTS if name.startswith("field:")}
