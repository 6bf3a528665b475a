"""Suggestions for mistyped names."""

import pytest

from turnout.catalog.near import near

KNOWN = ["openai/gpt-5", "openai/gpt-5-mini", "anthropic/claude-haiku-4-5", "openrouter/anthropic/claude-haiku-4.5"]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("openai/gpt5", "openai/gpt-5"),
        ("gpt-5", "openai/gpt-5"),
        ("GPT-5-MINI", "openai/gpt-5-mini"),
        ("claude-haiku-45", "anthropic/claude-haiku-4-5"),
        ("antropic/claude-haiku-4-5", "anthropic/claude-haiku-4-5"),
    ],
)
def test_the_likeliest_comes_first(typed: str, first: str) -> None:
    """A slip of the keyboard, a missing provider or a different case still finds the model meant."""
    assert near(typed, KNOWN)[0] == first


def test_nothing_like_it_suggests_nothing() -> None:
    """A name unlike all others gets no suggestion rather than a wrong one."""
    assert near("zzz", KNOWN) == []


def test_no_more_than_asked_for() -> None:
    """Suggestions are few."""
    assert len(near("gpt-5", [f"openai/gpt-5{i}" for i in range(9)], limit=2)) == 2
