"""The user's ``models:`` section laid over the catalog's facts: what the user states always wins."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import msgspec

from turnout.types.models import Feature, LatencyFacts, Modality, ModelFacts, PriceRow, Rate, Source, bits
from turnout.types.money import PicoDollars, pico_from_usd, pico_per_token

Usd = Decimal | float

USER_SOURCE = "turnout.yaml"
NEW_MODEL_SPEED = 60.0  # output tokens/s assumed where the user states a latency and nothing else is known


class PriceOverride(msgspec.Struct, frozen=True):
    """A price as price pages print it: USD per million tokens, except ``per_request`` (USD) and ``batch`` (a factor)."""

    input: Usd
    output: Usd
    cache_read: Usd | None = None
    cache_write: Usd | None = None
    cache_write_1h: Usd | None = None
    reasoning: Usd | None = None
    input_audio: Usd | None = None
    output_audio: Usd | None = None
    input_image: Usd | None = None
    output_image: Usd | None = None
    per_request: Usd = 0.0
    batch: float | None = None


class Override(msgspec.Struct, frozen=True):
    """One entry of ``models:``; None and empty mean *not stated*.

    ``input``/``output`` are modality names, ``features`` maps feature names to yes or no (a feature not named keeps what the
    catalog says), ``quality`` is 0..10 by skill or task, or ``default``. ``same_as`` names the model whose facts are taken over.
    """

    upstream_id: str | None = None
    same_as: str | None = None
    context: int | None = None
    max_output: int | None = None
    price: PriceOverride | None = None
    input: frozenset[str] | None = None
    output: frozenset[str] | None = None
    features: dict[str, bool] = {}
    quality: dict[str, float] = {}
    latency_p95_ms: float | None = None
    reasoning_by_default: bool | None = None
    released: date | None = None
    retires: date | None = None
    disabled: bool | None = None
    data_policy: frozenset[str] | None = None
    region: str | None = None


def resolve(model: str, override: Override, known: Mapping[str, ModelFacts], today: date) -> ModelFacts:
    """Facts of ``provider/model``: those of ``same_as``, else the catalog's own, else none at all, then the override on top.

    Raises:
        KeyError: ``same_as`` names a model that is not in ``known``.
    """
    base = known[override.same_as] if override.same_as else known.get(model)
    return apply(rehome(base, model) if base else blank(model), override, today)


def blank(model: str) -> ModelFacts:
    """A model of which only the name is known: it speaks text, every feature is unknown, so is its price."""
    provider, _, name = model.partition("/")
    return ModelFacts(
        id=model, provider=provider, upstream_id=name, input=int(Modality.TEXT), output=int(Modality.TEXT),
        unknown_features=int(~Feature(0)),
    )  # fmt: skip


def rehome(facts: ModelFacts, model: str) -> ModelFacts:
    """The same model under another ``provider/model`` name; what belongs to the place (region, data policy) does not move."""
    if facts.id == model:
        return facts
    provider, _, name = model.partition("/")
    return msgspec.structs.replace(
        facts, id=model, provider=provider, upstream_id=name, region=None, data_policy=frozenset(), disabled=False,
        kin=facts.kin or facts.id,
    )  # fmt: skip


def apply(facts: ModelFacts, override: Override, today: date) -> ModelFacts:
    """``facts`` as overruled. Each overridden fact names the user's file as its source.

    Raises:
        KeyError: a feature or modality name that does not exist.
    """
    stated = {name: value for name in _PLAIN if (value := getattr(override, name)) is not None}
    for direction in ("input", "output"):
        modalities = getattr(override, direction)
        if modalities is not None:
            stated[direction] = int(bits(Modality, modalities))
    if override.features:
        stated |= _features(facts, override.features)
    if override.quality:
        stated["quality"] = facts.quality | override.quality
    if override.latency_p95_ms is not None:
        stated["latency"] = _latency(facts.latency, override.latency_p95_ms)
    if override.price is not None:
        stated["prices"] = (price_row(override.price, today),)
    source = Source(USER_SOURCE, today.isoformat())
    return msgspec.structs.replace(facts, **stated, sources=facts.sources | dict.fromkeys(stated, source))


_PLAIN = (
    "upstream_id", "context", "max_output", "reasoning_by_default", "released", "retires", "disabled", "data_policy", "region",
)  # fmt: skip


def _features(facts: ModelFacts, stated: Mapping[str, bool]) -> dict[str, int]:
    yes = bits(Feature, (name for name, has in stated.items() if has))
    named = bits(Feature, stated)
    return {"features": int(facts.features & ~named | yes), "unknown_features": int(facts.unknown_features & ~named)}


def _latency(known: LatencyFacts | None, p95_ms: float) -> LatencyFacts:
    """The stated p95, the rest in the proportions known so far (or those of a typical model: median 0.5, first token 0.15)."""
    if known is None:
        return LatencyFacts(p95_ms * 0.5, p95_ms, p95_ms * 0.15, NEW_MODEL_SPEED)
    scale = p95_ms / known.p95_ms
    ttft_ms = known.ttft_ms * scale if known.ttft_ms is not None else None
    speed = known.output_tokens_per_s / scale if known.output_tokens_per_s is not None else None
    return LatencyFacts(known.p50_ms * scale, p95_ms, ttft_ms, speed, known.basis)


def price_row(price: PriceOverride, today: date) -> PriceRow:
    """One undated row without tiers: what the user pays, whatever the catalog's history says."""
    rate = Rate(
        input=pico_per_token(price.input),
        output=pico_per_token(price.output),
        cache_read=_per_token(price.cache_read),
        cache_write=_per_token(price.cache_write),
        cache_write_1h=_per_token(price.cache_write_1h),
        reasoning=_per_token(price.reasoning),
        input_audio=_per_token(price.input_audio),
        output_audio=_per_token(price.output_audio),
        input_image=_per_token(price.input_image),
        output_image=_per_token(price.output_image),
        per_request=pico_from_usd(price.per_request),
    )
    return PriceRow((rate,), Source(USER_SOURCE, today.isoformat()), batch=price.batch)


def _per_token(price: Usd | None) -> PicoDollars | None:
    return None if price is None else pico_per_token(price)
