"""Three price sources read into one row shape, and where they disagree."""

from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from genai_prices.types import ModelInfo, ModelPrice, StartDateConstraint, TieredPrices, TimeOfDateConstraint

from turnout.watch.sources.genai_prices import PRICES as FROM_GENAI
from turnout.watch.sources.litellm import PRICES as FROM_LITELLM

Prices = dict[str, Decimal]

PRECEDENCE = ("genai-prices", "models.dev", "litellm")
COMPARED = ("input", "output", "cache_read")
AGREEMENT = Decimal("0.01")


@dataclass(frozen=True)
class Row:
    """Prices in USD per million tokens from ``start`` on; ``tiers`` ascending, each from above so many input tokens."""

    source: str
    prices: Prices
    tiers: tuple[tuple[int, Prices], ...] = ()
    start: date | None = None
    batch: Decimal | None = None


@dataclass(frozen=True)
class Priced:
    """What will be shipped for one model, and every disagreement that was settled on the way."""

    rows: tuple[Row, ...] = ()
    conflicts: tuple[dict[str, Any], ...] = field(default=())


def settle(candidates: dict[str, tuple[Row, ...]], today: date, *, keep: str | None, why: str | None) -> Priced:
    """The rows of the source that ranks first (or of ``keep``), with the disagreements of the others."""
    offered = [name for name in PRECEDENCE if candidates.get(name)]
    if not offered:
        return Priced()
    kept = keep or offered[0]
    current = {name: in_force(candidates[name], today) for name in offered}
    reason = why or f"{kept} ranks before {' and '.join(name for name in offered if name != kept)}"
    conflicts = tuple(
        {"field": name, "prices": {source: row.prices[name] for source, row in current.items() if name in row.prices}, "kept": kept, "why": reason}
        for name in COMPARED
        if _differ([row.prices[name] for row in current.values() if name in row.prices])
    )  # fmt: skip
    return Priced(candidates[kept], conflicts)


def in_force(rows: tuple[Row, ...], day: date) -> Row:
    """The last row that has begun; the first where none has."""
    begun = [row for row in rows if row.start is None or row.start <= day]
    return begun[-1] if begun else rows[0]


def _differ(amounts: list[Decimal]) -> bool:
    return bool(amounts) and max(amounts) - min(amounts) > AGREEMENT * max(amounts)


def genai_rows(model: ModelInfo, today: date) -> tuple[tuple[Row, ...], tuple[dict[str, Any], ...]]:
    """Dated rows of one model, and the conflict that hours of the day make.

    A tariff that changes by the hour is carried at its dearest hour: a row holds one price, and a bill must not be understated.
    """
    listed = model.prices if isinstance(model.prices, list) else None
    dated = (
        [(None, model.prices)]
        if listed is None
        else [(_start(c.constraint), c.prices) for c in listed if not _hourly(c.constraint)]
    )
    rows = sorted(
        (row for start, prices in dated if "input" in (row := _row(prices, start)).prices), key=lambda row: row.start or date.min
    )
    if not rows:  # an empty price list says nothing, not that the model is free
        return (), ()
    conflicts: tuple[dict[str, Any], ...] = ()
    hourly = [c.prices for c in listed or () if _hourly(c.constraint)]
    if hourly:
        last, peak = rows[-1], max((_row(p, None) for p in hourly), key=lambda row: row.prices["output"])
        rows[-1] = replace(last, prices=peak.prices, tiers=peak.tiers)
        why = "the tariff changes by the hour; the dearest hours are carried, so a bill is never understated"
        conflicts = tuple(
            {"field": name, "prices": {"off-peak": last.prices[name], "peak": peak.prices[name]}, "kept": "peak", "why": why}
            for name in COMPARED
            if last.prices[name] != peak.prices[name]
        )
    return _with_batch(tuple(rows), model, today), conflicts


def _start(constraint: object) -> date | None:
    return constraint.start_date if isinstance(constraint, StartDateConstraint) else None


def _hourly(constraint: object) -> bool:
    return isinstance(constraint, TimeOfDateConstraint)


def _row(price: ModelPrice, start: date | None) -> Row:
    """Tiers of the single prices, turned into whole tiers: a price without a step at some threshold keeps its last value."""
    stated = {ours: getattr(price, theirs, None) for ours, theirs in FROM_GENAI.items()}
    stated = {name: value for name, value in stated.items() if value is not None}
    if "input" in stated and "output" not in stated:
        stated["output"] = Decimal(0)
    thresholds = sorted({tier.start for value in stated.values() if isinstance(value, TieredPrices) for tier in value.tiers})
    base = {name: _at(value, 0) for name, value in stated.items()}
    requests = getattr(price, "requests_kcount", None)
    if requests is not None:
        base["per_request"] = requests / 1000
    tiers = tuple((above, {name: _at(value, above + 1) for name, value in stated.items()}) for above in thresholds)
    return Row("genai-prices", base, tiers, start)


def _at(value: Decimal | TieredPrices, tokens: int) -> Decimal:
    if isinstance(value, Decimal):
        return value
    price = value.base
    for tier in sorted(value.tiers, key=lambda tier: tier.start):
        if tokens > tier.start:
            price = tier.price
    return price


def _with_batch(rows: tuple[Row, ...], model: ModelInfo, today: date) -> tuple[Row, ...]:
    """The batch factor of the row in force and those to come, where input and output are cut alike."""
    begun = [
        variant
        for variant in model.price_variants or ()
        if variant.when == {"processing": "batch"} and (_start(variant.constraint) or date.min) <= today
    ]
    if not begun:
        return rows
    variant = max(begun, key=lambda variant: _start(variant.constraint) or date.min)
    cut, full = _row(variant.prices, None).prices, in_force(rows, today)
    factors = {cut[name] / full.prices[name] for name in ("input", "output") if full.prices.get(name)}
    if len(factors) != 1:
        return rows
    (factor,) = factors
    return tuple(replace(row, batch=factor) if row is full or (row.start or date.min) > today else row for row in rows)


def models_dev_rows(entry: dict[str, Any]) -> tuple[Row, ...]:
    """models.dev states no history: one undated row."""
    cost = entry.get("cost") or {}
    if cost.get("input") is None or cost.get("output") is None:
        return ()
    names = [name for name in FROM_GENAI if cost.get(name) is not None]
    tiers = tuple(
        (tier["tier"]["size"], {name: Decimal(str(tier[name])) for name in FROM_GENAI if tier.get(name) is not None})
        for tier in cost.get("tiers", ())
        if tier.get("input") is not None and tier.get("output") is not None
    )
    return (Row("models.dev", {name: Decimal(str(cost[name])) for name in names}, tiers),)


def litellm_rows(entry: dict[str, Any]) -> tuple[Row, ...]:
    """LiteLLM states no history either: one undated row, batch as a factor."""
    if entry.get("input_cost_per_token") is None or entry.get("output_cost_per_token") is None:
        return ()
    prices = {ours: _per_million(entry[theirs]) for ours, theirs in FROM_LITELLM.items() if entry.get(theirs) is not None}
    batches, full = entry.get("output_cost_per_token_batches"), entry["output_cost_per_token"]
    batch = (Decimal(str(batches)) / Decimal(str(full))).normalize() if batches and full else None
    return (Row("litellm", prices, batch=batch),)


def _per_million(per_token: float) -> Decimal:
    return (Decimal(str(per_token)) * 1_000_000).normalize()
