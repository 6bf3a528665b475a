"""What a simulated provider is: its models, how good, quick and dear each is. Frozen data; the default fleet is at the end."""

import hashlib
import math
from statistics import NormalDist

import msgspec

from turnout.types.models import Feature, Modality
from turnout.types.money import PicoDollars, pico_per_token
from turnout.types.reply import Usage
from turnout.types.traits import Band

BANDS: tuple[Band, ...] = ("simple", "moderate", "high")
CACHED = 0.1  # a cached input token's price, as a share of a fresh one's

Chances = tuple[float, float, float]
"""Probability of a right answer for a simple, a moderate and a high request."""


class SimModel(msgspec.Struct, frozen=True):
    """One model. Prices in USD per million tokens; ``quality`` by task, ``default`` for every other one.

    Time to first token is lognormal through its two quantiles (milliseconds). ``rpm``/``tpm`` None: unlimited.
    """

    id: str
    input_usd: float
    output_usd: float
    context: int
    max_output: int
    ttft_p50_ms: float
    ttft_p95_ms: float
    tokens_per_s: float
    quality: dict[str, Chances]
    features: int
    input: int = int(Modality.TEXT)
    thinks: bool = False
    rpm: int | None = None
    tpm: int | None = None

    def chance(self, task: str, band: Band) -> float:
        """Probability of a right answer."""
        return self.quality.get(task, self.quality["default"])[BANDS.index(band)]

    def ttft_s(self, u: float) -> float:
        """The ``u`` quantile (0..1) of the time to first token, in seconds."""
        sigma = math.log(self.ttft_p95_ms / self.ttft_p50_ms) / _Z95
        return self.ttft_p50_ms / 1000 * math.exp(sigma * _NORMAL.inv_cdf(min(max(u, 1e-6), 1 - 1e-6)))

    def bill(self, usage: Usage) -> PicoDollars:
        """What this usage costs; thinking is billed as output."""
        fresh = usage.total_input - usage.cache_read
        written = usage.total_output * pico_per_token(self.output_usd)
        read = fresh * pico_per_token(self.input_usd) + usage.cache_read * pico_per_token(self.cached_usd)
        return PicoDollars(read + written)

    @property
    def cached_usd(self) -> float:
        """USD per million cached input tokens."""
        return round(self.input_usd * CACHED, 6)


class SimProvider(msgspec.Struct, frozen=True):
    """A provider: its id is the first part of the path, ``/ID/v1/...``."""

    id: str
    dialect: str
    models: tuple[SimModel, ...]


class Fleet(msgspec.Struct, frozen=True):
    """All that one sim serves. ``time_scale`` multiplies every wait; 0 answers at once. ``seed`` decides every chance."""

    providers: tuple[SimProvider, ...]
    seed: int = 7
    time_scale: float = 1.0

    def models(self) -> dict[str, SimModel]:
        """By full name, ``provider/model``."""
        return {f"{provider.id}/{model.id}": model for provider in self.providers for model in provider.models}


_NORMAL = NormalDist()
_Z95 = _NORMAL.inv_cdf(0.95)


def draw(*parts: object) -> float:
    """A number in [0, 1) that depends on nothing but its arguments: all chance of the sim comes from here."""
    digest = hashlib.blake2b("\0".join(map(str, parts)).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def default_fleet(*, seed: int = 7, time_scale: float = 1.0) -> Fleet:
    """Three providers, eight models, three price tiers (PRODUCT M4: cheap < $1, mid, premium > $10 blended).

    Small models are good at something each, as they are in life: that is what a router can find.
    """
    base = Feature.TOOLS | Feature.TOOL_CHOICE | Feature.JSON_MODE | Feature.STREAMING | Feature.STOP
    full = base | Feature.PARALLEL_TOOLS | Feature.JSON_SCHEMA | Feature.PROMPT_CACHE
    chat = full | Feature.SEED | Feature.N
    sees = int(Modality.TEXT | Modality.IMAGE)
    openai = (
        SimModel(
            "small", 0.15, 0.6, 128_000, 16_000, 220, 480, 160,
            _good((0.95, 0.82, 0.52), extraction=(0.98, 0.94, 0.85), summarization=(0.975, 0.93, 0.84), math=(0.92, 0.72, 0.4)), int(chat), sees,
        ),
        SimModel(
            "medium", 2.0, 8.0, 200_000, 32_000, 380, 900, 95,
            _good((0.98, 0.93, 0.79), code_generation=(0.97, 0.93, 0.82)), int(chat), sees,
        ),
        SimModel(
            "large", 10.0, 40.0, 400_000, 64_000, 900, 2400, 60,
            _good((0.99, 0.98, 0.94), math=(0.998, 0.99, 0.97)), int(chat | Feature.REASONING), sees, thinks=True,
        ),
    )  # fmt: skip
    anthropic = (
        SimModel(
            "swift", 0.4, 1.6, 200_000, 16_000, 260, 560, 140,
            _good((0.96, 0.85, 0.56), customer_support=(0.985, 0.95, 0.84)), int(full), sees,
        ),
        SimModel(
            "steady", 3.0, 12.0, 200_000, 32_000, 420, 980, 80,
            _good((0.985, 0.95, 0.83), code_generation=(0.98, 0.96, 0.88), creative_writing=(0.99, 0.97, 0.92)), int(full), sees,
        ),
        SimModel(
            "deep", 15.0, 60.0, 200_000, 64_000, 800, 2000, 55,
            _good((0.99, 0.985, 0.95), code_generation=(0.99, 0.985, 0.96)), int(full | Feature.REASONING), sees,
        ),
    )  # fmt: skip
    local = (
        SimModel("tiny", 0.02, 0.02, 8_000, 2_000, 90, 200, 190, _good((0.88, 0.60, 0.28), translation=(0.97, 0.93, 0.84)), int(base)),
        SimModel(
            "coder", 0.1, 0.1, 32_000, 8_000, 140, 320, 110,
            _good((0.86, 0.58, 0.30), code_generation=(0.975, 0.93, 0.8)), int(base | Feature.PARALLEL_TOOLS),
        ),
    )  # fmt: skip
    providers = (
        SimProvider("sim-openai", "openai-chat", openai),
        SimProvider("sim-anthropic", "anthropic-messages", anthropic),
        SimProvider("sim-local", "openai-chat", local),
    )
    return Fleet(providers, seed, time_scale)


def _good(default: Chances, **by_task: Chances) -> dict[str, Chances]:
    return {"default": default, **by_task}
