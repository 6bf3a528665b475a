"""A user's policy with simulated models behind it: the same file but for where its providers are."""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from turnout.catalog.load import Catalog
from turnout.config.check import Checked
from turnout.config.document import read
from turnout.config.load import inspect
from turnout.errors import ConfigProblems
from turnout.providers.registry import vendors
from turnout.sim.policy import Ports
from turnout.sim.profile import Fleet, SimModel, SimProvider
from turnout.types.models import ModelFacts
from turnout.types.policy import Policy

OURS = ("server", "control", "store", "data_dir", "auth", "alerts")
"""Sections about the installation, not about what is decided: the rehearsal has its own."""
THEIRS = ("api_key", "keys", "headers", "ca_file", "proxy", "base_url", "auth")
"""What a provider's entry says of how to reach it: nothing of it may be read, or reached, in a rehearsal."""
UNSAID = (500.0, 1200.0, 80.0)
"""Median and p95 of the time to the first token (ms), and tokens per second, of a model whose facts do not say."""
PICO_PER_MILLION = 10**6  # pico-dollars a token in one USD per million tokens


def checked(config: Path, env: Mapping[str, str], catalog: Catalog, today: date) -> Checked:
    """The policy and its models; secrets may be missing. Raises ConfigProblems."""
    found = inspect(config, env, catalog, today, secrets_needed=False)
    if found.problems:
        raise ConfigProblems(found.problems, file=config.name)
    return found


def rehearsed(config: Path, policy: Policy, ports: Ports, data_dir: Path) -> bytes:
    """The policy file of the rehearsal, as JSON."""
    tree: dict[str, Any] = {name: part for name, part in read(config.read_text("utf-8-sig")).tree.items() if name not in OURS}
    tree["providers"] = {
        provider.id: _moved((tree.get("providers") or {}).get(provider.id) or {}, provider.id, provider.dialect, ports.sim)
        for provider in policy.providers
    }
    tree |= {"server": {"port": ports.api}, "control": {"port": ports.control}, "data_dir": str(data_dir)}
    return msgspec.json.encode(tree, enc_hook=str)


def _moved(part: Mapping[str, Any], name: str, dialect: str, port: int) -> dict[str, Any]:
    kept = {key: value for key, value in part.items() if key not in THEIRS}
    vendor = {"vendor": name} if name in vendors() and "vendor" not in kept else {}
    there = {"base_url": f"http://127.0.0.1:{port}/{name}/v1", "dialect": dialect, "auth": "none", "proxy": "none"}
    return {**kept, **vendor, **there}


def fleet(policy: Policy, models: Iterable[ModelFacts], *, seed: int, time_scale: float = 1.0) -> Fleet:
    """Simulated providers with the same models: as dear and as quick as the facts say, and able to do what they say."""
    by_provider: dict[str, dict[str, SimModel]] = {provider.id: {} for provider in policy.providers}
    for facts in models:
        if facts.provider in by_provider and not facts.disabled:
            by_provider[facts.provider].setdefault(facts.upstream_id, _model(facts))
    dialects = {provider.id: provider.dialect for provider in policy.providers}
    return Fleet(
        tuple(SimProvider(name, dialects[name], tuple(served.values())) for name, served in by_provider.items()), seed, time_scale
    )


def _model(facts: ModelFacts) -> SimModel:
    rate = facts.prices[-1].tiers[0] if facts.prices else None
    p50, p95, pace = UNSAID
    if (known := facts.latency) is not None:  # of a whole typical answer; a third of it is the wait for the first token
        p50, p95 = known.ttft_ms or known.p50_ms / 3, (known.ttft_ms or known.p95_ms / 3) * 2
        pace = known.output_tokens_per_s or pace
    good = sum(facts.quality.values() or facts.skills.values()) / max(len(facts.quality or facts.skills), 1) / 10 or 0.8
    return SimModel(
        id=facts.upstream_id,
        input_usd=rate.input / PICO_PER_MILLION if rate else 1.0,
        output_usd=rate.output / PICO_PER_MILLION if rate else 4.0,
        context=facts.context or 128_000,
        max_output=facts.max_output or 16_000,
        ttft_p50_ms=max(p50, 1.0),
        ttft_p95_ms=max(p95, p50 * 1.2, 1.2),
        tokens_per_s=pace,
        quality={"default": (good, good, good)},
        features=facts.features | facts.unknown_features,
        input=facts.input,
        thinks=facts.reasoning_by_default,
    )
