"""models.dev's ``api.json``: providers with their models; prices in USD per million tokens, all flags and limits."""

from functools import partial
from typing import Any

from turnout.catalog.vendors import vendors_at
from turnout.types.models import Rate
from turnout.watch.sheet import Prices, Sheet, Stated, Unreadable
from turnout.watch.sources.capabilities import features, modalities
from turnout.watch.sources.shape import (
    Collector,
    Entry,
    Odd,
    answers_in_text,
    day,
    decoded,
    flag,
    items,
    part,
    rate,
    table,
    tokens,
    words,
)

NAME = "models.dev"
PRICES = {
    name: name for name in ("input", "output", "cache_read", "cache_write", "reasoning", "input_audio", "output_audio")
}  # fmt: skip
FLAGS = {"tools": "tool_call", "reasoning": "reasoning", "json_schema": "structured_output"}
_MILLION = 1_000_000


def fits(value: Any) -> bool:
    """Providers by name, each with a table of models."""
    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(each, dict) and isinstance(each.get("models"), dict) for each in value.values())
    )


def read(data: bytes) -> Sheet:
    """Raises Unreadable."""
    value = decoded(data)
    if not fits(value):
        raise Unreadable(f"it is not {NAME}'s api.json: providers with their models")
    ours, found = vendors_at("models_dev"), Collector(NAME)
    for provider, entry in value.items():
        for name, model in entry["models"].items():
            found.take(ours.get(provider, provider), name, partial(_model, name, model))
    return found.sheet()


def _model(name: str, value: object) -> Stated | None:
    entry = table(value)
    kinds, limit = part(entry, "modalities"), part(entry, "limit")
    output = words(kinds, "output")
    if (output and "text" not in output) or not answers_in_text(name):
        return None
    return Stated(
        prices=_prices(part(entry, "cost")),
        context=tokens(limit, "context"),
        max_input=tokens(limit, "input"),
        max_output=tokens(limit, "output"),
        input=modalities(words(kinds, "input")),
        output=modalities(output),
        features=features({ours: flag(entry, theirs) for ours, theirs in FLAGS.items()}),
        preview=entry.get("status") in {"alpha", "beta"},
        deprecated=entry.get("status") == "deprecated",
        released=day(entry, "release_date"),
    )


def _prices(cost: Entry) -> tuple[Prices, ...]:
    """One undated tariff: there is no history. The older files name a single step, ``context_over_200k``."""
    base = rate(cost, PRICES, _MILLION)
    if base is None:
        return ()
    return (Prices((base, *sorted(_tiers(cost), key=lambda step: step.above))),)


def _tiers(cost: Entry) -> list[Rate]:
    steps = [table(step, "a price tier") for step in items(cost, "tiers")]
    sized = [(step, tokens(part(step, "tier"), "size")) for step in steps]
    if not steps and cost.get("context_over_200k") is not None:
        sized = [(part(cost, "context_over_200k"), 200_000)]
    found = [rate(step, PRICES, _MILLION, above=size) for step, size in sized if size is not None]
    if len(found) < len(sized):
        raise Odd("a price tier has no size")
    return [step for step in found if step is not None]
