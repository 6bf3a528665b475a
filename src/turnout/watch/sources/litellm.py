"""LiteLLM's ``model_prices_and_context_window.json``: one flat table; prices in USD per token, flags, ends. The file only, never the package."""

import re
from decimal import Decimal
from functools import partial
from typing import Any

from turnout.catalog.vendors import vendors_at
from turnout.types.models import Modality, Rate, bits
from turnout.watch.sheet import Claims, Prices, Sheet, Stated, Unreadable
from turnout.watch.sources.capabilities import MODALITIES, features
from turnout.watch.sources.shape import Collector, Entry, answers_in_text, day, decoded, flag, rate, table, tokens, words

NAME = "litellm"
PRICES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cache_read": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "cache_write_1h": "cache_creation_input_token_cost_above_1hr",
    "reasoning": "output_cost_per_reasoning_token",
    "input_audio": "input_cost_per_audio_token",
    "output_audio": "output_cost_per_audio_token",
}
FLAGS = {
    "tools": "supports_function_calling",
    "parallel_tools": "supports_parallel_function_calling",
    "tool_choice": "supports_tool_choice",
    "reasoning": "supports_reasoning",
    "prompt_cache": "supports_prompt_caching",
    "json_schema": "supports_response_schema",
}
INPUTS = {
    "image": "supports_vision", "document": "supports_pdf_input", "audio": "supports_audio_input", "video": "supports_video_input",
}  # fmt: skip
_CHATS = {"chat", "responses"}
_STEP = re.compile(r"input_cost_per_token_above_(\d{1,6})k_tokens")


def fits(value: Any) -> bool:
    """Entries of which each names its provider."""
    if not isinstance(value, dict):
        return False
    entries = [each for name, each in value.items() if name != "sample_spec"]
    named = [each for each in entries if isinstance(each, dict) and "litellm_provider" in each]
    return bool(named) and 2 * len(named) >= len(entries)


def read(data: bytes) -> Sheet:
    """Raises Unreadable."""
    value = decoded(data)
    if not fits(value):
        raise Unreadable("it is not LiteLLM's list of prices: models, each with its litellm_provider")
    ours, found = vendors_at("litellm"), Collector(NAME)
    for key, entry in value.items():
        provider = entry.get("litellm_provider") if isinstance(entry, dict) else "?"
        if key == "sample_spec" or not isinstance(provider, str):
            continue
        name = key.removeprefix(f"{provider}/")
        found.take(ours.get(provider, provider), name, partial(_model, name, entry))
    return found.sheet()


def _model(name: str, value: object) -> Stated | None:
    entry = table(value)
    if entry.get("mode", "chat") not in _CHATS or not answers_in_text(name):
        return None
    flags = {ours: flag(entry, theirs) for ours, theirs in FLAGS.items()}
    if entry.get("litellm_provider") == "anthropic":  # there the flag counts an emulation by tools
        flags["json_schema"] = flag(entry, "supports_native_structured_output")
    return Stated(
        prices=_prices(entry),
        max_input=tokens(entry, "max_input_tokens"),
        max_output=tokens(entry, "max_output_tokens"),
        input=_inputs(entry),
        output=Claims(int(Modality.TEXT)),
        features=features(flags),
        retires=day(entry, "deprecation_date"),
    )


def _inputs(entry: Entry) -> Claims:
    """A flag that is not there says nothing; one that is false says no."""
    named = {MODALITIES[name] for name in words(entry, "supported_modalities") if name in MODALITIES} | {"text"}
    flags = {ours: flag(entry, theirs) for ours, theirs in INPUTS.items()}
    yes = bits(Modality, named | {name for name, able in flags.items() if able})
    return Claims(int(yes), int(bits(Modality, (name for name, able in flags.items() if able is False)) & ~yes))


def _prices(entry: Entry) -> tuple[Prices, ...]:
    base = rate(entry, PRICES)
    if base is None:
        return ()
    return (Prices((base, *_tiers(entry)), batch=_batch(entry)),)


def _tiers(entry: Entry) -> list[Rate]:
    """A price that has no step of its own keeps its last value."""
    sizes = sorted(int(match[1]) for name in entry if (match := _STEP.fullmatch(name)))
    found: list[Rate] = []
    fields = dict(PRICES)
    for thousands in sizes:
        for ours, theirs in PRICES.items():
            stepped = f"{theirs}_above_{thousands}k_tokens"
            fields[ours] = stepped if entry.get(stepped) is not None else fields[ours]
        if (step := rate(entry, fields, above=thousands * 1000)) is not None:
            found.append(step)
    return found


def _batch(entry: Entry) -> float | None:
    batches, full = entry.get("output_cost_per_token_batches"), entry.get("output_cost_per_token")
    if not isinstance(batches, Decimal) or not isinstance(full, Decimal) or not full:
        return None
    factor = float(batches / full)
    return round(factor, 4) if 0 < factor <= 1 else None
