"""genai-prices' ``data.json`` (v2): prices with tiers and history, in USD per million tokens. Its entries mean names by clauses."""

from decimal import Decimal
from functools import partial
from typing import Any

from turnout.catalog.vendors import vendors_at
from turnout.types.models import Rate
from turnout.watch.sheet import Prices, Sheet, Stated, Unreadable
from turnout.watch.sources.shape import Collector, Entry, Odd, day, decoded, flag, items, part, rate, table, tokens

NAME = "genai-prices"
PRICES = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "reasoning": "output_reasoning_mtok",
    "input_audio": "input_audio_mtok",
    "output_audio": "output_audio_mtok",
    "input_image": "input_image_mtok",
    "output_image": "output_image_mtok",
}
_MILLION = 1_000_000


def fits(value: Any) -> bool:
    """A list of providers, each with a list of models."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(each, dict) and isinstance(each.get("models"), list) and "id" in each for each in value)
    )


def read(data: bytes) -> Sheet:
    """Raises Unreadable."""
    value = decoded(data)
    if not fits(value):
        raise Unreadable("it is not genai-prices' data: a list of providers with their models")
    ours, found = vendors_at("genai_prices"), Collector(NAME)
    for provider in value:
        vendor = ours.get(provider["id"], str(provider["id"])[:60])
        for model in provider["models"]:
            name = model.get("id") if isinstance(model, dict) else None
            found.take(vendor, name, partial(_model, model))
    return found.sheet()


def _model(value: object) -> Stated:
    entry = table(value)
    return Stated(
        prices=_prices(entry.get("prices")),
        deprecated=flag(entry, "deprecated") is True,
        listed=False,
        matches=part(entry, "match") or None,
    )


def _prices(stated: object) -> tuple[Prices, ...]:
    """Dated tariffs in order. One that changes by the hour is carried at its dearest: a bill must not be understated."""
    if not isinstance(stated, list):
        found = () if stated is None else _tariff(table(stated, "prices"))
        return (Prices(found),) if found else ()
    dated: list[Prices] = []
    hourly: list[tuple[Rate, ...]] = []
    for each in stated:
        entry = table(each, "a price")
        constraint, tiers = part(entry, "constraint"), _tariff(part(entry, "prices"))
        if "start_time" in constraint:
            hourly += [tiers] if tiers else []
        elif tiers:
            dated.append(Prices(tiers, day(constraint, "start_date")))
    dated.sort(key=lambda price: price.start.toordinal() if price.start else 0)
    if hourly and dated:
        peak = max((dated[-1].tiers, *hourly), key=lambda tiers: tiers[0].output)
        dated[-1] = Prices(peak, dated[-1].start)
    return tuple(dated)


def _tariff(prices: Entry) -> tuple[Rate, ...]:
    """Steps of the single prices, turned into whole tiers; nothing where there is no price for input."""
    if prices.get("input_mtok") is None:
        return ()
    stated = {name: prices[name] for name in PRICES.values() if prices.get(name) is not None}
    stated.setdefault("output_mtok", 0)
    steps = sorted({start for value in stated.values() if isinstance(value, dict) for start, _ in _steps(value)})
    found = [rate({name: _at(value, above) for name, value in stated.items()}, PRICES, _MILLION, above) for above in (0, *steps)]
    return tuple(tier for tier in found if tier is not None)


def _at(value: Any, above: int) -> Any:
    if not isinstance(value, dict):
        return value
    return next((price for start, price in reversed(_steps(value)) if start <= above), value.get("base"))


def _steps(value: Entry) -> list[tuple[int, int | Decimal]]:
    found = []
    for each in items(value, "tiers"):
        step = table(each, "a price tier")
        start = tokens(step, "start")
        if start is None or "price" not in step:
            raise Odd("a price tier has no start or no price")
        found.append((start, step["price"]))
    return sorted(found, key=lambda step: step[0])
