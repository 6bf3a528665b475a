"""Both official SDKs, unmodified, in front of both kinds of provider: what the provider said is what the client gets."""

from typing import Any

import pytest
from pydantic import BaseModel

from tests.e2e.asking import LONG, SHAPES, SUPPORT, Body, Said, Sdk, ask, ask_async, body, user, with_result
from tests.e2e.world import World
from turnout.types.money import PICO_PER_USD

FRONTS: tuple[Sdk, ...] = ("openai", "anthropic")
BACKS: dict[Sdk, str] = {"openai": "sim-openai/medium", "anthropic": "sim-anthropic/steady"}
THINKERS: dict[Sdk, str] = {"openai": "sim-openai/large", "anthropic": "sim-anthropic/deep"}
UNTOLD = {("stop", "anthropic", "openai"): "stop_sequence"}
"""What an answer cannot say in the client's words, by shape, front and back."""
MODES = ("sync", "sync stream", "async", "async stream")

fronts = pytest.mark.parametrize("front", FRONTS)
backs = pytest.mark.parametrize("back", FRONTS)


class Invoice(BaseModel):
    invoice: str
    total: str
    due: str


def through(world: World, front: Sdk, asked: Body, mode: str = "sync") -> Said:
    """Ask the gateway."""
    stream = "stream" in mode
    if "async" in mode:
        return world.runner.run(ask_async(world.async_sdk(front), asked, stream=stream))
    return ask(world.sdk(front), asked, stream=stream)


def straight(world: World, back: Sdk, asked: Body) -> Said:
    """Ask the provider itself, with its own SDK."""
    return ask(world.provider_sdk(back), {**asked, "model": asked["model"].partition("/")[2]}, stream=False)


def billed(world: World, model: str) -> tuple[tuple[int, int, int], int]:
    """The provider's own count of tokens (fresh, cached, written) and its invoice in pico-dollars."""
    entry = world.stats()["models"][model]
    tokens = entry["tokens"]
    return (tokens["input"], tokens["cache_read"], tokens["output"] + tokens["reasoning"]), entry["billed_pico"]


def cost_of(said: Said) -> int:
    return round(float(said.headers["x-turnout-cost-usd"]) * PICO_PER_USD)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", SHAPES)
@backs
@fronts
def test_the_answer_is_the_providers_own(world: World, front: Sdk, back: Sdk, shape: str, mode: str) -> None:
    """Text, calls, finish and tokens equal a direct call's and the provider's own count."""
    direct = straight(world, back, body(shape, back, BACKS[back]))
    world.forget()
    said = through(world, front, body(shape, front, BACKS[back]), mode)
    tokens, bill = billed(world, BACKS[back])

    assert said.content == direct.content
    assert said.call_ids == direct.call_ids
    assert said.tokens == direct.tokens == tokens
    assert said.headers["x-turnout-model"] == BACKS[back]
    assert said.headers.get("x-turnout-warnings") == UNTOLD.get((shape, front, back))
    if "stream" not in mode:
        assert cost_of(said) == bill


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", ["tools", "parallel tools"])
@backs
@fronts
def test_tool_results_go_back_to_the_model(world: World, front: Sdk, back: Sdk, shape: str, mode: str) -> None:
    """The second turn carries the calls under their ids and what the tools said."""
    model = BACKS[back]
    first = straight(world, back, body(shape, back, model))
    direct = straight(world, back, with_result(shape, back, model, first, "18 degrees"))
    world.forget()
    called = through(world, front, body(shape, front, model), mode)
    said = through(world, front, with_result(shape, front, model, called, "18 degrees"), mode)

    assert said.content == direct.content
    assert said.text.count("18 degrees") == len(called.calls)


@pytest.mark.parametrize("mode", ["sync", "sync stream"])
@backs
@fronts
def test_thinking_is_billed_and_not_mixed_into_the_answer(world: World, front: Sdk, back: Sdk, mode: str) -> None:
    """The text is the model's; its thinking counts among the tokens written."""
    asked: Body = {"model": THINKERS[back], "max_tokens": 8000, "messages": [user(SUPPORT)]}
    direct = straight(world, back, asked)
    world.forget()
    wish = {"reasoning_effort": "low"} if front == "openai" else {"thinking": {"type": "enabled", "budget_tokens": 2048}}
    said = through(world, front, {**asked, **wish}, mode)
    tokens, bill = billed(world, THINKERS[back])

    assert said.content == direct.content
    assert said.tokens == tokens
    assert world.stats()["models"][THINKERS[back]]["tokens"]["reasoning"] > 0
    if mode == "sync":
        assert cost_of(said) == bill


@backs
@fronts
def test_cached_tokens_are_told_and_priced_as_such(world: World, front: Sdk, back: Sdk) -> None:
    """A long prompt asked again reads the provider's cache, and both SDKs see how much of it."""
    asked: Body = {
        "model": BACKS[back],
        "max_tokens": 50,
        "messages": [user(LONG), {"role": "assistant", "content": "Yes?"}, user(SUPPORT)],
    }
    world.forget()
    before = cost_of(through(world, front, asked))
    said = through(world, front, asked)
    after = cost_of(said)
    _, bill = billed(world, BACKS[back])

    assert said.cached > 1000
    assert after < before
    assert before + after == bill


@pytest.mark.parametrize("stream", [True, False])
def test_what_one_dialect_alone_has_is_relayed_to_it(world: World, stream: Any) -> None:
    """Several answers at once, a seed, and fields nobody knows: the provider of the same dialect gets them all."""
    asked = {"model": BACKS["openai"], "messages": [user(SUPPORT)], "n": 2, "seed": 7, "extra_body": {"some_new_field": {"a": 1}}}
    completions = world.sdk("openai").chat.completions
    if stream:
        chunks = list(completions.create(**asked, stream=True))
        found = {choice.index for chunk in chunks for choice in chunk.choices}
        assert all(chunk.usage is None for chunk in chunks)  # we asked for it, the client did not
    else:
        found = {choice.index for choice in completions.create(**asked).choices}

    assert found == {0, 1}


def test_the_answers_shape_is_checked_by_the_sdk_itself(world: World) -> None:
    """``parse`` and ``get_final_message`` fold, validate and decode what came."""
    asked = SHAPES["schema"]["openai"]["messages"]
    completions = world.sdk("openai").chat.completions
    parsed = completions.parse(model=BACKS["anthropic"], messages=asked, response_format=Invoice)
    with completions.stream(model=BACKS["anthropic"], messages=asked, response_format=Invoice) as events:
        streamed = events.get_final_completion()

    assert parsed.choices[0].message.parsed == streamed.choices[0].message.parsed
    assert isinstance(parsed.choices[0].message.parsed, Invoice)
