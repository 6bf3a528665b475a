"""A judge that would judge its own kind is not fit."""

import pytest

from turnout.catalog.family import family, unfit
from turnout.types.models import ModelFacts


def model(id_: str, kin: str | None = None) -> ModelFacts:
    provider, _, upstream = id_.partition("/")
    return ModelFacts(id_, provider, upstream, kin=kin)


@pytest.mark.parametrize(("id_", "maker"), [
    ("openai/gpt-5-mini", "openai"), ("openai/o3", "openai"), ("azure-eu/gpt-5", "openai"), ("groq/openai/gpt-oss-120b", "openai"),
    ("openrouter/anthropic/claude-sonnet-4.5", "anthropic"), ("bedrock/eu.anthropic.claude-3", "anthropic"), ("together/meta-llama/Llama-3.3-70B", "meta"),
    ("groq/llama3-8b", "meta"), ("fireworks/accounts/fireworks/models/deepseek-v3", "deepseek"), ("groq/qwen3-32b", "alibaba"),
    ("local/house-model", "local"), ("gemini/gemini-3.5-flash", "google"), ("mistral/mistral-large-latest", "mistral"),
])  # fmt: skip
def test_a_model_belongs_to_who_made_it(id_: str, maker: str) -> None:
    """Wherever it is served; an unknown name to who serves it."""
    assert family(model(id_)) == maker


def test_why_a_judge_is_not_fit() -> None:
    """Itself, itself elsewhere, one of its family; a model of another house is fit."""
    judge = model("openai/gpt-5-mini")
    assert unfit(judge, [model("anthropic/claude-haiku-4-5")]) is None
    assert unfit(judge, [judge]) == "openai/gpt-5-mini would judge its own answers"
    assert unfit(judge, [model("azure-eu/chat", kin="openai/gpt-5-mini")]) == (
        "openai/gpt-5-mini would judge its own answers: azure-eu/chat is the same model"
    )
    assert "of one family (openai)" in str(unfit(judge, [model("anthropic/claude-haiku-4-5"), model("openai/gpt-5")]))
