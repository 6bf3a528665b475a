"""Small worlds for deciding: a few models with plain numbers, routes over them, traits with one thing changed."""

from datetime import date
from typing import Any

import msgspec

from turnout.decide.compiled import View, compile_view
from turnout.types.models import Feature, LatencyFacts, Modality, ModelFacts, PriceRow, Rate, Source
from turnout.types.money import pico_per_token
from turnout.types.policy import Policy, Provider, Route
from turnout.types.traits import Trait, Traits
from turnout.types.view import Base, Overlay

TODAY = date(2026, 11, 23)
TEXT, IMAGE = int(Modality.TEXT), int(Modality.IMAGE)
TOOLS, SCHEMA = int(Feature.TOOLS), int(Feature.JSON_SCHEMA)
TASKS = {"qa": {"reasoning": 1.0}, "code_generation": {"coding": 1.0}, "customer_support": {"writing": 0.5, "reasoning": 0.5}}


def model(name: str, *, price: tuple[float, float] | None = (1, 2), quality: float | None = 5, **facts: Any) -> ModelFacts:
    """A model at the provider its name begins with; ``price`` in USD per million tokens in and out."""
    rows = ()
    if price is not None:
        rows = (PriceRow((Rate(pico_per_token(price[0]), pico_per_token(price[1])),), Source("test", "2026-11-23")),)
    p95 = facts.pop("p95", 1_000.0)
    defaults: dict[str, Any] = {
        "context": 128_000,
        "max_output": 8_192,
        "input": TEXT,
        "output": TEXT,
        "features": TOOLS,
        "quality": {} if quality is None else {"default": quality},
        "latency": None if p95 is None else LatencyFacts(p95 / 2, p95, p95 / 4, 50.0),
    }
    return ModelFacts(
        id=name, provider=name.partition("/")[0], upstream_id=name.partition("/")[2], prices=rows, **{**defaults, **facts}
    )


CHEAP = model("a/small", price=(0.1, 0.4), quality=5, p95=400.0)
MID = model("b/medium", price=(2, 6), quality=7, p95=1_500.0)
PREMIUM = model("c/large", price=(10, 40), quality=9, p95=4_000.0)
FLEET = (CHEAP, MID, PREMIUM)


def view(
    *routes: Route, models: tuple[ModelFacts, ...] = FLEET, mix: dict[str, tuple[float, ...]] | None = None, **policy: Any
) -> View:
    """A view over these routes and a balanced default."""
    if not any(route.name == "default" for route in routes):
        routes = (*routes, Route("default", "balanced"))
    dialects = policy.pop("dialects", {})
    providers = tuple(
        Provider(name, None, dialects.get(name, "openai-chat"), "http://127.0.0.1:1", "none")
        for name in dict.fromkeys(facts.provider for facts in models)
    )
    base = Base(1, Policy(routes, providers, **policy), models, TASKS)
    return compile_view(base, Overlay("base", TODAY, {}, mix or {}), "view")


def traits(**changes: Any) -> Traits:
    """A plain question of a hundred tokens."""
    nothing = Trait(None, "none")
    task = changes.pop("task", "qa")
    plain = Traits(
        model="auto", front="openai-chat", task=Trait(task, "test"), complexity=0.5, complexity_source="test", band="moderate",
        latency=nothing, cost=nothing, quality=nothing, sensitivity=nothing, language=nothing, tokens=100, tokens_max=150,
        output_tokens=200, max_output=None, features=0, input=TEXT, output=TEXT, stream=False, n=1,
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changes)
