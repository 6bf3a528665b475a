"""OpenRouter's ``/api/v1/models``: what it serves itself, at its own prices (USD per token, as text)."""

from functools import partial
from typing import Any

from turnout.watch.sheet import Prices, Sheet, Stated, Unreadable
from turnout.watch.sources.capabilities import features, modalities
from turnout.watch.sources.shape import Collector, Odd, answers_in_text, day, decoded, part, rate, table, tokens, words

NAME = "openrouter"
PRICES = {
    "input": "prompt",
    "output": "completion",
    "cache_read": "input_cache_read",
    "cache_write": "input_cache_write",
    "reasoning": "internal_reasoning",
    "input_audio": "audio",
}
PARAMETERS = {
    "tools": "tools",
    "tool_choice": "tool_choice",
    "parallel_tools": "parallel_tool_calls",
    "json_schema": "structured_outputs",
    "json_mode": "response_format",
    "reasoning": "reasoning",
    "logprobs": "logprobs",
    "seed": "seed",
    "stop": "stop",
}


def fits(value: Any) -> bool:
    """``data`` whose entries have an architecture and what they cost."""
    data = value.get("data") if isinstance(value, dict) else None
    return isinstance(data, list) and any(isinstance(each, dict) and {"pricing", "architecture"} <= each.keys() for each in data)


def read(data: bytes) -> Sheet:
    """Raises Unreadable."""
    value = decoded(data)
    if not fits(value):
        raise Unreadable("it is not OpenRouter's list of models")
    found = Collector(NAME)
    for entry in value["data"]:
        name = entry.get("id") if isinstance(entry, dict) else None
        found.take("openrouter", name, partial(_model, entry))
    return found.sheet(own="openrouter")


def _model(value: object) -> Stated | None:
    entry = table(value)
    kinds, top = part(entry, "architecture"), part(entry, "top_provider")
    output = words(kinds, "output_modalities")
    if (output and "text" not in output) or not answers_in_text(entry["id"]):
        return None
    pricing = part(entry, "pricing")
    if str(pricing.get("prompt", "")).startswith("-"):
        raise Odd("its price depends on the model that it is passed on to")
    base = rate({name: price for name, price in pricing.items() if name != "internal_reasoning" or price != "0"}, PRICES)
    able = set(words(entry, "supported_parameters"))
    slug = entry.get("canonical_slug")
    return Stated(
        prices=() if base is None else (Prices((base,)),),
        context=tokens(entry, "context_length"),
        max_output=tokens(top, "max_completion_tokens"),
        input=modalities(words(kinds, "input_modalities")),
        output=modalities(output),
        features=features({ours: theirs in able for ours, theirs in PARAMETERS.items()} if able else {}),
        released=day(entry, "created"),
        retires=day(entry, "expiration_date"),
        stands_for=f"openrouter/{slug}" if isinstance(slug, str) and slug != entry["id"] and len(slug) < 200 else None,
    )
