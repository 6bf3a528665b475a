"""A drill as the workers are told of it: what is rehearsed, on which traffic, and until when it may be in force at all."""

from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import Literal

import msgspec

from turnout.types.money import PicoDollars

Kind = Literal[
    "outage", "degradation", "rate_limiting", "partial_failure", "bad_credentials", "regional_loss", "bad_content",
]  # fmt: skip
Traffic = Literal["simulated", "mirror", "live"]
Variant = Literal["refused", "silent", "garbled", "empty", "wrong", "broken"]

VARIANTS: dict[Kind, tuple[Variant, ...]] = {
    "outage": ("refused", "silent"),
    "regional_loss": ("refused", "silent"),
    "bad_content": ("garbled", "empty", "wrong", "broken"),
}
"""How a kind of failure may look; the first is what it looks like unless asked otherwise."""


class Drill(msgspec.Struct, frozen=True):
    """Times in unix seconds: faults strike from ``since`` until ``ends``; the file that says so is void from ``until`` on.

    ``provider`` and ``model`` are patterns (``openai``, ``azure-*``; a model by its full name ``provider/model``), ``region`` a
    name, None for any. ``share`` (0..1) of the requests are in the drill; ``rate`` (0..1) of their calls to what is drilled fail.
    ``factor`` multiplies latency (degradation), ``retry_after`` (seconds) goes with a 429. ``budget`` caps what a mirror may spend.
    """

    id: str
    kind: Kind
    since: float
    ends: float
    until: float
    provider: str = "*"
    model: str = "*"
    region: str | None = None
    on: Traffic = "simulated"
    share: float = 1.0
    rate: float = 1.0
    factor: float = 5.0
    retry_after: float = 5.0
    variant: Variant | None = None
    budget: PicoDollars | None = None

    @property
    def look(self) -> Variant | None:
        """How its failure looks."""
        return self.variant or next(iter(VARIANTS.get(self.kind, ())), None)


def strikes_now(drill: Drill, now: float) -> bool:
    """Whether its faults are in force: before and after, its requests are only watched."""
    return drill.since <= now < min(drill.ends, drill.until)


def makes_up(drill: Drill) -> bool:
    """Whether what it strikes fails or is answered without anybody being called; else real calls only take longer."""
    return drill.kind != "degradation"


def aims_at(drill: Drill, provider: str, region: str | None, model: str) -> bool:
    """Whether this model (``provider/model``) is what is drilled."""
    return (
        (drill.region is None or drill.region == region)
        and fnmatchcase(provider, drill.provider)
        and fnmatchcase(model, drill.model)
    )


def strikes(drill: Drill, provider: str, region: str | None, model: str, seed: int) -> bool:
    """Whether a call to this model fails; ``seed`` decides where only a share of them does."""
    return aims_at(drill, provider, region, model) and (drill.rate >= 1 or _draw(drill.id, "call", seed) < drill.rate)


def drilled(drill: Drill, seed: int) -> bool:
    """Whether the request with this seed is in the drill."""
    return drill.share >= 1 or _draw(drill.id, "request", seed) < drill.share


def _draw(*parts: object) -> float:
    """0 <= x < 1, by nothing but its arguments."""
    digest = blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
