"""Small catalogs in the shapes of the public ones, for tests that change a figure and look again."""

import json
from typing import Any

DAY = "2026-01-15"


def dev_model(**changed: Any) -> dict[str, Any]:
    """An entry of models.dev's."""
    return {
        "name": "A model",
        "release_date": DAY,
        "reasoning": False,
        "tool_call": True,
        "structured_output": True,
        "modalities": {"input": ["text", "image", "pdf"], "output": ["text"]},
        "limit": {"context": 200_000, "output": 64_000},
        "cost": {"input": 1.0, "output": 5.0, "cache_read": 0.1},
    } | changed


def models_dev(models: dict[str, dict[str, Any]]) -> bytes:
    """``vendor/model`` -> entry, as api.json."""
    found: dict[str, Any] = {}
    for name, entry in models.items():
        vendor, _, model = name.partition("/")
        found.setdefault(vendor, {"id": vendor, "models": {}})["models"][model] = {"id": model, **entry}
    return json.dumps(found).encode()


def lite_model(vendor: str, **changed: Any) -> dict[str, Any]:
    """An entry of LiteLLM's."""
    return {
        "litellm_provider": vendor,
        "mode": "chat",
        "max_input_tokens": 200_000,
        "max_output_tokens": 64_000,
        "input_cost_per_token": 1e-06,
        "output_cost_per_token": 5e-06,
        "cache_read_input_token_cost": 1e-07,
        "output_cost_per_token_batches": 2.5e-06,
        "supports_function_calling": True,
        "supports_response_schema": True,
        "supports_vision": True,
        "supports_pdf_input": True,
    } | changed


def litellm(models: dict[str, dict[str, Any]]) -> bytes:
    """``vendor/model`` -> entry, as the list of prices."""
    return json.dumps({"sample_spec": {"litellm_provider": "one of many", "mode": "one of many"}, **models}).encode()
