"""What the world's catalogs say of a fleet: two of them, in the shapes of models.dev and of LiteLLM's price list, which agree unless told otherwise."""

from collections.abc import Mapping
from typing import Any

import msgspec

from turnout.sim.profile import Fleet, SimModel
from turnout.types.models import Feature, Modality, names

_MODALITIES = {"document": "pdf"}
SINCE = "2026-01-01"
"""When the models of the first day were released."""


def models_dev(fleet: Fleet, released: Mapping[str, str], retiring: Mapping[str, str]) -> bytes:
    """As ``api.json`` has it; days of release and retirement (ISO) by ``provider/model``."""
    return msgspec.json.encode(
        {
            provider.id: {
                "id": provider.id,
                "name": provider.id,
                "models": {model.id: _dev(f"{provider.id}/{model.id}", model, released, retiring) for model in provider.models},
            }
            for provider in fleet.providers
        }
    )


def litellm(fleet: Fleet, retiring: Mapping[str, str], stale: Mapping[str, float]) -> bytes:
    """As the price list has it. ``stale`` maps a model to a factor by which this list is wrong about its prices."""
    return msgspec.json.encode(
        {name: _lite(name, model, retiring, stale.get(name, 1.0)) for name, model in fleet.models().items()}
    )


def _dev(name: str, model: SimModel, released: Mapping[str, str], retiring: Mapping[str, str]) -> dict[str, Any]:
    able = Feature(model.features)
    said: dict[str, Any] = {
        "id": model.id,
        "name": model.id,
        "release_date": released.get(name, SINCE),
        "last_updated": released.get(name, SINCE),
        "reasoning": model.thinks or Feature.REASONING in able,
        "tool_call": Feature.TOOLS in able,
        "structured_output": Feature.JSON_SCHEMA in able,
        "temperature": True,
        "modalities": {"input": [_MODALITIES.get(kind, kind) for kind in names(Modality(model.input))], "output": ["text"]},
        "limit": {"context": model.context, "output": model.max_output},
        "cost": {"input": model.input_usd, "output": model.output_usd, "cache_read": model.cached_usd},
    }
    return said | ({"status": "deprecated"} if name in retiring else {})


def _lite(name: str, model: SimModel, retiring: Mapping[str, str], factor: float) -> dict[str, Any]:
    able = Feature(model.features)
    said: dict[str, Any] = {
        "litellm_provider": name.partition("/")[0],
        "mode": "chat",
        "max_input_tokens": model.context,
        "max_output_tokens": model.max_output,
        "input_cost_per_token": model.input_usd * factor / 1e6,
        "output_cost_per_token": model.output_usd * factor / 1e6,
        "cache_read_input_token_cost": model.cached_usd * factor / 1e6,
        "supports_function_calling": Feature.TOOLS in able,
        "supports_parallel_function_calling": Feature.PARALLEL_TOOLS in able,
        "supports_tool_choice": Feature.TOOL_CHOICE in able,
        "supports_response_schema": Feature.JSON_SCHEMA in able,
        "supports_prompt_caching": Feature.PROMPT_CACHE in able,
        "supports_reasoning": model.thinks or Feature.REASONING in able,
        "supports_vision": Modality.IMAGE in Modality(model.input),
    }
    return said | ({"deprecation_date": retiring[name]} if name in retiring else {})
