"""What the SDKs can do besides asking: beta clients, models by name."""

import pytest

from tests.e2e.asking import user
from tests.e2e.world import World

BACKS = {"sim-anthropic/steady": None, "sim-openai/medium": "anthropic-beta"}


@pytest.mark.parametrize("model", BACKS)
def test_the_beta_client_works(world: World, model: str) -> None:
    """It sends a query and a header; a provider of another dialect gets none, which the answer says."""
    answered = world.sdk("anthropic").beta.messages.with_raw_response.create(
        model=model, max_tokens=20, messages=[user("hi")], betas=["context-1m-2025-08-07"]
    )

    assert answered.parse().content
    assert answered.headers.get("x-turnout-warnings") == BACKS[model]


@pytest.mark.parametrize("name", ["auto", "support", "sim-openai/small"])
def test_a_model_is_retrieved_by_its_name(world: World, name: str) -> None:
    """Models, routes and auto, in either SDK."""
    assert world.sdk("openai").models.retrieve(name).id == name
    assert world.sdk("anthropic").models.retrieve(name).id == name


def test_a_search_result_is_content(world: World) -> None:
    """A block whose ``source`` is a text, where other blocks' are objects."""
    found = {"type": "search_result", "source": "https://x", "title": "y", "content": [{"type": "text", "text": "w"}]}
    answered = world.sdk("anthropic").messages.create(
        model="sim-anthropic/steady", max_tokens=20, messages=[user([found, {"type": "text", "text": "hi"}])]
    )

    assert answered.content


@pytest.mark.parametrize("model", BACKS)
def test_a_limit_may_be_a_whole_number_with_a_point(world: World, model: str) -> None:
    """As a client computes it: half of 40 is 20.0."""
    asked = {"model": model, "max_tokens": 40 / 2, "messages": [user("hi")]}

    assert world.sdk("openai").chat.completions.create(**asked).choices[0].message.content
    assert world.sdk("anthropic").messages.create(**asked).content


def test_an_applications_metadata_may_use_our_words(world: World) -> None:
    """An OpenAI application that has called something quality goes on working."""
    answered = world.sdk("openai").chat.completions.create(
        model="sim-openai/medium", messages=[user("hi")], metadata={"quality": "high", "latency": "p95"}
    )

    assert answered.choices[0].message.content
