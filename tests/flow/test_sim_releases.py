"""The simulated world changes: a model comes out, is repriced, is announced to end, and its catalogs say so."""

import asyncio
import json
import urllib.error
import urllib.request
from typing import Any

import msgspec

from turnout.sim.profile import SimModel, default_fleet
from turnout.sim.server import RunningSim, running_sim

NANO = msgspec.structs.replace(default_fleet().models()["sim-openai/small"], id="nano", input_usd=0.09, output_usd=0.36)


def _fetch(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"content-type": "application/json"})
    with urllib.request.urlopen(asked, timeout=5) as answer:
        return json.load(answer)


async def _get(sim: RunningSim, path: str, body: Any = None) -> Any:
    return await asyncio.to_thread(_fetch, sim.url + path, body)


async def _ask(sim: RunningSim, model: str) -> Any:
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
    return await _get(sim, "/sim-openai/v1/chat/completions", body)


async def test_a_released_model_answers_is_listed_and_stands_in_both_catalogs() -> None:
    """Over HTTP, while the server runs; its price is that of the invoice."""
    async with running_sim() as sim:
        await _get(sim, "/sim/release", {"provider": "sim-openai", "model": msgspec.to_builtins(NANO), "day": "2026-11-23"})
        answer = await _ask(sim, "nano")
        listed = await _get(sim, "/sim-openai/v1/models")
        dev = (await _get(sim, "/sim/catalog/models-dev.json"))["sim-openai"]["models"]["nano"]
        lite = (await _get(sim, "/sim/catalog/litellm.json"))["sim-openai/nano"]

    usage = answer["usage"]
    assert "nano" in [row["id"] for row in listed["data"]]
    assert (dev["release_date"], dev["cost"]["input"]) == ("2026-11-23", 0.09)
    assert lite["input_cost_per_token"] * 1e6 == dev["cost"]["input"]
    billed = sim.stats.by_model["sim-openai/nano"].billed_pico
    assert billed == usage["prompt_tokens"] * 90_000 + usage["completion_tokens"] * 360_000


async def test_a_model_released_again_is_changed_and_its_counters_stay() -> None:
    """A new price, or a collapse of quality, under the same name."""
    dearer = msgspec.structs.replace(NANO, input_usd=0.2)
    async with running_sim() as sim:
        sim.sim.release(NANO, "sim-openai")
        await _ask(sim, "nano")
        sim.sim.release(dearer, "sim-openai")
        await _ask(sim, "nano")
        models = (await _get(sim, "/sim/catalog/models-dev.json"))["sim-openai"]["models"]

    assert sim.stats.by_model["sim-openai/nano"].requests == 2
    assert models["nano"]["cost"]["input"] == 0.2


async def test_the_catalogs_can_disagree_and_announce_an_end() -> None:
    """Over HTTP. Only the second is wrong about the price; the day of the end is in the second, the word in the first."""
    async with running_sim() as sim:
        await _get(sim, "/sim/disagree", {"model": "sim-openai/small", "factor": 100})
        await _get(sim, "/sim/retire", {"model": "sim-openai/small", "day": "2027-01-31"})
        dev = (await _get(sim, "/sim/catalog/models-dev.json"))["sim-openai"]["models"]["small"]
        lite = (await _get(sim, "/sim/catalog/litellm.json"))["sim-openai/small"]

    assert round(lite["input_cost_per_token"] * 1e6 / dev["cost"]["input"]) == 100
    assert (dev["status"], lite["deprecation_date"]) == ("deprecated", "2027-01-31")


async def test_a_change_of_nothing_that_there_is_is_refused_in_words() -> None:
    """400 that names the field, the provider or the model."""
    bodies = (
        ("release", {"provider": "sim-openai"}, "model"),
        ("release", {"provider": "acme", "model": _small()}, "acme"),
        ("retire", {"model": "sim-openai/small", "day": "soon"}, "day"),
        ("retire", {"model": "sim-openai/smal", "day": "2027-01-31"}, "sim-openai/smal"),
        ("disagree", {"model": "sim-openai/smal", "factor": 2}, "sim-openai/smal"),
    )
    async with running_sim() as sim:
        said = [await asyncio.to_thread(_refused, f"{sim.url}/sim/{what}", body) for what, body, _ in bodies]

    assert [named in each for each, (_, _, named) in zip(said, bodies, strict=True)] == [True] * len(bodies), said


def _small() -> Any:
    return msgspec.to_builtins(SimModel("x", 1, 1, 1000, 100, 1, 2, 100, {"default": (1, 1, 1)}, 0))


def _refused(url: str, body: Any) -> str:
    try:
        _fetch(url, body)
    except urllib.error.HTTPError as error:
        with error:
            return str(json.load(error)["error"]["message"])
    raise AssertionError("it was taken")
