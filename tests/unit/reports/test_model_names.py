"""Which model of the catalog a log means."""

import pytest

from turnout.catalog.load import load_catalog
from turnout.reports.names import MOST_REMEMBERED, Names

NAMES = Names(load_catalog())


@pytest.mark.parametrize(("written", "provider", "model", "how"), [
    ("gpt-4o", None, "openai/gpt-4o", "exact"),
    ("gpt-4o-2024-08-06", "openai", "openai/gpt-4o", "dated"),
    ("openai/gpt-4o-mini-2024-07-18", None, "openai/gpt-4o-mini", "dated"),
    ("claude-haiku-4-5-20251001", None, "anthropic/claude-haiku-4-5", "dated"),
    ("azure/gpt-4o", None, "openai/gpt-4o", "elsewhere"),
    ("gpt-4o", "azure", "openai/gpt-4o", "elsewhere"),
    ("bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock", "anthropic/claude-sonnet-4-5", "elsewhere"),
    ("vertex_ai/claude-haiku-4-5@20251001", "vertex_ai", "anthropic/claude-haiku-4-5", "elsewhere"),
    ("gemini/gemini-2.5-flash", "gemini", "gemini/gemini-2.5-flash", "exact"),
    ("openrouter/anthropic/claude-sonnet-5", "openrouter", "openrouter/anthropic/claude-sonnet-5", "exact"),
    ("fireworks_ai/accounts/fireworks/models/kimi-k3", "fireworks_ai", "fireworks/accounts/fireworks/models/kimi-k3", "exact"),
    ("together_ai/zai-org/GLM-5.3", "together_ai", "together/zai-org/GLM-5.3", "exact"),
    ("claude-haiku-4.5", None, "anthropic/claude-haiku-4-5", "dated"),
])  # fmt: skip
def test_names_as_others_write_them(written, provider, model, how):
    """Prefixes, dates, versions and places are seen through, and said."""
    found = NAMES.find(written, provider)

    assert found.facts is not None
    assert (found.facts.id, found.how) == (model, how)


@pytest.mark.parametrize("written", ["our-own-llama", "gpt-4o-turbo-ultra", "", "/", "x" * 5_000])
def test_an_unknown_name_stays_unknown(written):
    """What is only near is named as near: no price is taken from it."""
    found = NAMES.find(written, None)

    assert (found.facts, found.how) == (None, "unknown")


def test_near_names_are_offered():
    """For a slip of the pen."""
    assert "openai/gpt-4o-mini" in NAMES.find("gpt-4o-minni", None).near


def test_ever_other_names_stay_quick():
    """A column that is no model has a name for each row: neither memory nor time follows."""
    names = Names(load_catalog())

    for n in range(MOST_REMEMBERED + 500):
        names.find(f"m{n * 7919}", None)

    assert len(names._known) == MOST_REMEMBERED
    assert names.find("zzz-unheard-of", None).near == ()
    assert names.find("gpt-4o", None).facts is not None
