"""What the sources say of limits, modalities, features and dates. Silence is unknown, and so is a contradiction."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from turnout.watch.sources.capabilities import MODALITIES
from turnout.watch.sources.litellm import FLAGS as LITELLM_FLAGS
from turnout.watch.sources.models_dev import FLAGS as MODELS_DEV_FLAGS

Entry = Mapping[str, Any]


def limits(dev: Entry, lite: Entry, window: int | None) -> dict[str, int]:
    """``context`` counts input and output, ``max_input`` is stated only where it is less. Of two output limits the smaller holds.

    ``window`` is what genai-prices says, for models of which the others state none.
    """
    stated = dev.get("limit", {})
    inputs = [n for n in (stated.get("input"), lite.get("max_input_tokens")) if n]
    context = stated.get("context") or max(inputs, default=window or 0)
    if (
        not stated.get("context")
        and inputs
        and lite.get("max_output_tokens")
        and min(inputs) + lite["max_output_tokens"] in ROUND_WINDOWS
    ):
        context = min(inputs) + lite["max_output_tokens"]
    outputs = [n for n in (stated.get("output"), lite.get("max_output_tokens")) if n]
    found = {"context": context, "max_input": min(inputs, default=0), "max_output": min([*outputs, context]) if outputs else 0}
    if found["max_input"] >= context:
        del found["max_input"]
    return {name: value for name, value in found.items() if value}


ROUND_WINDOWS = frozenset({400_000, 1_050_000})  # windows whose input part is what LiteLLM states


def modalities(dev: Entry, lite: Entry) -> dict[str, list[str]]:
    """models.dev where it knows the model, else LiteLLM's flags."""
    if dev:
        stated = {
            way: [MODALITIES[name] for name in dev["modalities"].get(way, ["text"]) if name in MODALITIES]
            for way in ("input", "output")
        }
        return {way: _ordered(names) for way, names in stated.items()}
    if not lite:
        return {"input": ["text"], "output": ["text"]}
    inputs = {MODALITIES[name] for name in lite.get("supported_modalities", ()) if name in MODALITIES} | {"text"}
    flags = {
        "image": "supports_vision",
        "document": "supports_pdf_input",
        "audio": "supports_audio_input",
        "video": "supports_video_input",
    }
    inputs |= {name for name, flag in flags.items() if lite.get(flag)}
    outputs = {MODALITIES[name] for name in lite.get("supported_output_modalities", ()) if name in MODALITIES} | {"text"}
    return {"input": _ordered(inputs), "output": _ordered(outputs)}


def _ordered(names: Iterable[str]) -> list[str]:
    known = set(names)
    return [name for name in dict.fromkeys(MODALITIES.values()) if name in known]


def features(vendor: Entry, model: str, dev: Entry, lite: Entry, *, cached_price: bool) -> dict[str, list[str]]:
    """Features said to be there and said not to be; a feature on which the sources contradict each other is in neither."""
    claims: dict[str, set[bool]] = {}

    def claim(name: str, value: object) -> None:
        if isinstance(value, bool):
            claims.setdefault(name, set()).add(value)

    schema_flag = vendor.get("schema_flag", "supports_response_schema")
    for name, flag in {**LITELLM_FLAGS, "json_schema": schema_flag}.items():
        claim(name, lite.get(flag))
    for name, flag in MODELS_DEV_FLAGS.items():
        claim(name, dev.get(flag))
    if cached_price:
        claim("prompt_cache", True)
    for name in vendor.get("yes", ()):
        claim(name, True)
    if True not in claims.get("reasoning", set()):
        for name in vendor.get("yes_unless_reasoning", ()):
            claim(name, True)
    refused = [name for name, pattern in vendor.get("refuses", {}).items() if re.search(pattern, model)]
    for name in (*vendor.get("no", ()), *refused):
        claims[name] = {False}  # what the vendor's own API refuses is not a matter of votes
    agreed = {name: value for name, said in claims.items() if len(said) == 1 for value in said}
    return {
        "yes": [name for name in ORDER if agreed.get(name) is True],
        "no": [name for name in ORDER if agreed.get(name) is False],
    }


ORDER = (
    "tools", "parallel_tools", "tool_choice", "json_schema", "json_mode", "reasoning", "streaming", "prompt_cache", "logprobs",
    "seed", "stop", "n",
)  # fmt: skip
