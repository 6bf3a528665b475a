"""What can be carried from one dialect to another."""

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
