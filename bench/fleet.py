"""A sim of equally quick, equally good models at providers of both dialects, so that nothing differs but what a fault changes.

``python -m bench.fleet PORT`` serves it until it is stopped; faults are put in force by ``POST /sim/faults``.
"""

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import uvloop

from bench import wait_for
from bench.gateway import running
from turnout.sim.profile import Fleet, SimModel, SimProvider
from turnout.sim.server import running_sim
from turnout.types.models import Feature

FIRST = 0.02
"""Seconds to the first content, always."""

TOKENS_PER_S = 20_000.0

_DIALECTS = {"north": "openai-chat", "south": "anthropic-messages", "east": "openai-chat", "west": "anthropic-messages"}
_CHANCES = (0.9, 0.7, 0.5)


def fleet() -> Fleet:
    """One model, ``PROVIDER/quick``, at each of the four; each dearer than the one before."""
    return Fleet(tuple(SimProvider(name, dialect, (_model(1.0 + n / 4),)) for n, (name, dialect) in enumerate(_DIALECTS.items())))


def _model(usd: float) -> SimModel:
    first = FIRST * 1000
    return SimModel(
        "quick", usd, 4 * usd, 128_000, 16_000, first, first, TOKENS_PER_S, {"default": _CHANCES}, int(Feature.STREAMING)
    )  # fmt: skip


def policy(port: int, *providers: str, **route: Any) -> dict[str, Any]:
    """A policy with these providers of a fleet at ``port``, cheapest first, and one route over them with such settings."""
    names = providers or tuple(_DIALECTS)
    models = {
        f"{provider.id}/{model.id}": {
            "context": model.context, "max_output": model.max_output,
            "price": {"input": model.input_usd, "output": model.output_usd, "cache_read": model.cached_usd},
            "input": ["text"], "features": {"streaming": True}, "quality": {"default": 7}, "latency_p95": "100ms",
        }
        for provider in fleet().providers
        for model in provider.models
        if provider.id in names
    }  # fmt: skip
    return {
        "providers": {
            name: {"dialect": _DIALECTS[name], "base_url": f"http://127.0.0.1:{port}/{name}/v1", "proxy": "none"}
            for name in names
        },
        "models": models,
        "routes": {"default": {"objective": "cost", "models": list(models), **route}},
    }


@contextlib.contextmanager
def serving_fleet(port: int) -> Iterator[None]:
    """In a process of its own."""
    with running("bench.fleet", str(port)):
        wait_for(port, None)
        yield


async def _serve(port: int) -> None:
    async with running_sim(fleet(), port=port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_serve(int(sys.argv[1])))
