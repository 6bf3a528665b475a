"""Facts about models, as the catalog states them and the view carries them."""

from collections.abc import Iterable
from datetime import date
from enum import IntFlag
from typing import Literal, TypeVar

import msgspec

from turnout.types.money import PicoDollars


class Modality(IntFlag):
    """What goes into or comes out of a model; a bit each so that a request's need is one comparison."""

    TEXT = 1
    IMAGE = 2
    AUDIO = 4
    VIDEO = 8
    DOCUMENT = 16


class Feature(IntFlag):
    """What a request can ask a model to do (PRODUCT M3), a bit each."""

    TOOLS = 1
    PARALLEL_TOOLS = 2
    TOOL_CHOICE = 4
    JSON_SCHEMA = 8
    JSON_MODE = 16
    REASONING = 32
    STREAMING = 64
    PROMPT_CACHE = 128
    LOGPROBS = 256
    SEED = 512
    STOP = 1024
    N = 2048


def names(flags: Modality | Feature) -> tuple[str, ...]:
    """Lower-case names of the set bits, as the policy writes them: ``json_schema``."""
    return tuple(member.name.lower() for member in type(flags) if member in flags and member.name)


_Flags = TypeVar("_Flags", Modality, Feature)


def bits(kind: type[_Flags], written: Iterable[str]) -> _Flags:
    """The set of these names as the policy writes them. Raises KeyError naming one that does not exist."""
    found = kind(0)
    for name in written:
        found |= kind[name.upper()]
    return found


class Source(msgspec.Struct, frozen=True):
    """Where a fact came from and when it was true: ``Source("models.dev", "2026-07-02")``."""

    name: str
    date: str


class Rate(msgspec.Struct, frozen=True):
    """Prices in pico-dollars per token (units: pico-dollars each) that hold from ``above`` input tokens on.

    ``None`` means the source names no such price: the caller falls back where the field's meaning allows it
    (cached reads bill as input when no discount is published) and otherwise treats the cost as unknown.
    A tier re-prices the whole request once its input exceeds ``above`` (how providers bill long context).
    """

    input: PicoDollars
    output: PicoDollars
    cache_read: PicoDollars | None = None
    cache_write: PicoDollars | None = None
    cache_write_1h: PicoDollars | None = None
    reasoning: PicoDollars | None = None
    input_audio: PicoDollars | None = None
    output_audio: PicoDollars | None = None
    input_image: PicoDollars | None = None
    output_image: PicoDollars | None = None
    per_request: PicoDollars = PicoDollars(0)
    above: int = 0


class PriceRow(msgspec.Struct, frozen=True):
    """One dated row of a price list: tiers ascending by ``above``, in force from ``start`` (None: always was).

    ``batch`` is the factor that batch requests pay, None where the provider publishes none.
    """

    tiers: tuple[Rate, ...]
    source: Source
    start: date | None = None
    batch: float | None = None


Latency = Literal["observed", "prior"]
Status = Literal["active", "preview", "deprecated"]


class LatencyFacts(msgspec.Struct, frozen=True):
    """Latency of a typical request in milliseconds, and where the figure came from. What only streams show may be unknown."""

    p50_ms: float
    p95_ms: float
    ttft_ms: float | None
    output_tokens_per_s: float | None
    basis: Latency = "prior"


class ModelFacts(msgspec.Struct, frozen=True):
    """One model at one provider, named ``provider/model``. Unknown is None or the ``unknown`` bit, never a guess.

    ``context`` is the window for input and output together; ``max_input`` is stated where the input may fill only part of it.
    ``features``/``unknown_features`` are disjoint :class:`Feature` bits; a bit in neither means *no*.
    ``prices`` is ascending by start; empty means the price is unknown. ``skills`` are 0..10 priors by skill.
    ``quality`` are the user's own 0..10 figures by skill or task, which win over priors. ``kin`` is the model whose facts were
    taken over (None: its own): models of one kin are the same thing in several places. ``untried``: a refresh found it and nobody has
    taken it up yet, so that a route over every model leaves it out.
    """

    id: str
    provider: str
    upstream_id: str
    context: int | None = None
    max_input: int | None = None
    max_output: int | None = None
    input: int = 0
    output: int = 0
    features: int = 0
    unknown_features: int = 0
    prices: tuple[PriceRow, ...] = ()
    skills: dict[str, float] = {}
    quality: dict[str, float] = {}
    latency: LatencyFacts | None = None
    status: Status = "active"
    released: date | None = None
    retires: date | None = None
    reasoning_by_default: bool = False
    data_policy: frozenset[str] = frozenset()
    region: str | None = None
    disabled: bool = False
    sources: dict[str, Source] = {}
    kin: str | None = None
    untried: bool = False
