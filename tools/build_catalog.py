"""Write src/turnout/catalog/data/models/*.toml from the published facts and tools/catalog/picks.toml. Same inputs, same bytes.

    .venv/bin/python tools/build_catalog.py [--facts ../shared/catalog] [--out FOLDER]

Needs the dev dependency genai-prices; the shipped catalog does not (docs/adr/0005-prices-compiled-ahead.md).
"""

import argparse
import gzip
import json
import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

from catalog import facts, priors
from catalog.prices import Priced, Row, genai_rows, in_force, litellm_rows, models_dev_rows, settle
from genai_prices.data import providers

from turnout.catalog.vendors import names, weights

ROOT = Path(__file__).resolve().parents[1]
DEPRECATED_WITHIN = timedelta(days=183)  # some vendors publish an earliest retirement for every model: that alone is no notice
OUT = ROOT / "src/turnout/catalog/data/models"
PRICE_FIELDS = (
    "input", "output", "cache_read", "cache_write", "cache_write_1h", "reasoning", "input_audio", "output_audio", "input_image",
    "output_image", "per_request",
)  # fmt: skip


@dataclass(frozen=True)
class Found:
    """All that was found on one model, before priors."""

    vendor: str
    model: str
    dev: Mapping[str, Any]
    lite: Mapping[str, Any]
    priced: Priced
    known: priors.Known
    extra: Mapping[str, Any]
    window: int | None
    read_on: date


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--facts", type=Path, default=ROOT.parent / "shared/catalog")
    arguments.add_argument("--out", type=Path, default=OUT)
    options = arguments.parse_args()
    folder, out = options.facts, options.out
    picks = tomllib.loads((ROOT / "tools/catalog/picks.toml").read_text())
    stated, installed = picks["sources"]["genai-prices"]["name"], f"genai-prices {version('genai-prices')}"
    if stated != installed:  # or the data would name a source it does not come from
        raise SystemExit(f"picks.toml says {stated}, installed is {installed}: update its name and date there")
    dev, lite = _unzip(folder / "models.dev.json.gz"), _unzip(folder / "litellm-prices.json.gz")
    elsewhere = _releases(dev)
    found = [
        find(name, vendor, model, picks, dev, lite, elsewhere)
        for name, vendor in picks["vendors"].items()
        for model in vendor["models"]
    ]
    families: dict[str, list[Found]] = {}
    for one in found:
        families.setdefault(weights(one.model), []).append(one)
    benchmarks = _benchmarks(dev)
    for name, vendor in picks["vendors"].items():
        entries = [
            write_model(
                one,
                vendor,
                [f.known for f in families[weights(one.model)]],
                benchmarks.get(weights(one.model), []) if one.dev else [],
            )
            for one in found
            if one.vendor == name
        ]
        (out / f"{name}.toml").write_text("\n\n".join([_header(name, picks["sources"]), *entries]) + "\n")
        print(f"{name}: {len(entries)} models")
    print(f"{len(found)} models")


def _unzip(path: Path) -> dict[str, Any]:
    with gzip.open(path) as file:
        loaded: dict[str, Any] = json.load(file)
    return loaded


def _benchmarks(dev: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    gathered: dict[str, list[Mapping[str, Any]]] = {}
    for provider in dev.values():
        for name, entry in provider["models"].items():
            gathered.setdefault(weights(name), []).extend(entry.get("benchmarks", ()))
    return gathered


def _releases(dev: Mapping[str, Any]) -> dict[str, date]:
    """The date that most hosts give for the same weights, for hosts under which models.dev does not list the model."""
    dates: dict[str, Counter[date]] = {}
    for provider in dev.values():
        for name, entry in provider["models"].items():
            released = _released(entry, {})
            if released:
                dates.setdefault(weights(name), Counter())[released] += 1
    return {name: max(votes, key=lambda day: (votes[day], -day.toordinal())) for name, votes in dates.items()}


def find(
    vendor_name: str, vendor: Mapping[str, Any], model: str, picks: Mapping[str, Any], dev: Mapping[str, Any], lite: Mapping[str, Any],
    elsewhere: Mapping[str, date],
) -> Found:  # fmt: skip
    """Everything the three sources and the picks say of one model."""
    today: date = picks["sources"]["genai-prices"]["date"]
    extra = picks["facts"].get(f"{vendor_name}/{model}", {})
    named = names()[vendor_name]
    offered = dev[named.models_dev]["models"].get(model, {})
    dev_entry = offered if extra.get("models_dev", True) else {}
    keys = (f"{named.litellm}/{model}", model)
    lite_entry = next((lite[key] for key in keys if lite.get(key, {}).get("litellm_provider") == named.litellm), {})
    provider = next(p for p in providers if p.id == named.genai_prices)
    priced_model = provider.find_model(model) or provider.find_model(model.rsplit("/", 1)[-1])
    rows, hourly = genai_rows(priced_model, today) if priced_model else ((), ())
    candidates = {"genai-prices": rows, "models.dev": models_dev_rows(offered), "litellm": litellm_rows(lite_entry)}
    priced = settle(candidates, today, keep=extra.get("price_from"), why=extra.get("why"))
    if not extra.get("price_from"):
        priced = Priced(priced.rows, hourly + priced.conflicts)
    if not (dev_entry or lite_entry):
        raise SystemExit(f"{vendor_name}/{model}: no source states its facts")
    current = in_force(priced.rows, today) if priced.rows else None
    known = priors.Known(
        vendor=vendor_name,
        model=model,
        price=priors.blended(current.prices) if current else None,
        released=_released(dev_entry, extra) or (elsewhere.get(weights(model)) if extra.get("models_dev", True) else None),
        reasoning=bool(dev_entry.get("reasoning") or lite_entry.get("supports_reasoning")),
        tools=lite_entry.get("supports_function_calling", dev_entry.get("tool_call")),
        thinks=bool(re.search(vendor["thinks"], model)),
    )
    window = priced_model.context_window if priced_model else None
    return Found(vendor_name, model, dev_entry, lite_entry, priced, known, extra, window, today)


def _released(dev: Mapping[str, Any], extra: Mapping[str, Any]) -> date | None:
    if "released" in extra:
        stated: date = extra["released"]["date"]
        return stated
    try:
        return date.fromisoformat(dev.get("release_date", ""))
    except ValueError:  # a month without a day, or no month of the calendar
        return None


def write_model(one: Found, vendor: Mapping[str, Any], family: list[priors.Known], benchmarks: list[Mapping[str, Any]]) -> str:
    """One table of a vendor's file."""
    sources: dict[str, list[str]] = {}
    both = [name for name, entry in (("models.dev", one.dev), ("litellm", one.lite)) if entry]
    fields: dict[str, Any] = _dates(one, sources)
    fields |= facts.limits(one.dev, one.lite, one.window)
    sources["limits"] = both
    fields |= facts.modalities(one.dev, one.lite)
    sources["modalities"] = both[:1]
    fields |= facts.features(
        vendor, one.model, one.dev, one.lite, cached_price=any("cache_read" in row.prices for row in one.priced.rows)
    )
    sources["features"] = [*both, "picks"]
    if one.known.thinks:
        fields["thinks"] = True
        sources["thinks"] = ["picks"]
    fields["skills"], method = priors.skills(one.known, family, benchmarks)
    if method:
        sources["skills"] = [method]
    fields["latency"] = priors.latency(one.known)
    sources["latency"] = ["prior:class-2026"]
    if one.priced.rows:
        fields["prices"] = [_price(row) for row in one.priced.rows]
        sources["prices"] = [one.priced.rows[0].source]
    if one.priced.conflicts:
        fields["conflicts"] = list(one.priced.conflicts)
    fields["sources"] = {fact: "+".join(names) for fact, names in sources.items() if names}
    return "\n".join(
        [f"[{_text(one.model)}]", *(f"{key} = {_toml(value)}" for key, value in fields.items() if value not in ({}, []))]
    )


def _dates(one: Found, sources: dict[str, list[str]]) -> dict[str, Any]:
    dates: dict[str, Any] = {}
    if one.known.released:
        dates["released"] = one.known.released
        sources["released"] = [one.extra["released"]["source"] if "released" in one.extra else "models.dev"]
    if "retires" in one.extra:
        dates["retires"], sources["retires"] = one.extra["retires"]["date"], [one.extra["retires"]["source"]]
    elif one.lite.get("deprecation_date"):
        dates["retires"], sources["retires"] = date.fromisoformat(one.lite["deprecation_date"]), ["litellm"]
    soon = "retires" in dates and dates["retires"] - one.read_on < DEPRECATED_WITHIN
    if one.dev.get("status") == "deprecated" or soon:
        dates["status"] = "deprecated"
    elif one.dev.get("status") in {"alpha", "beta"} or "preview" in one.model:
        dates["status"] = "preview"
    return dates


def _price(row: Row) -> dict[str, Any]:
    head = {"start": row.start, "batch": row.batch}
    stated = {name: row.prices[name] for name in PRICE_FIELDS if name in row.prices}
    tiers = [{"above": above, **{name: prices[name] for name in PRICE_FIELDS if name in prices}} for above, prices in row.tiers]
    return {name: value for name, value in {**head, **stated, "tiers": tiers}.items() if value not in (None, [])}


def _header(vendor: str, sources: Mapping[str, Any]) -> str:
    lines = [
        f"# Facts on {vendor}'s models. Written by tools/build_catalog.py: change tools/catalog/picks.toml and run it again.",
        "# Prices are USD per million tokens. Features in neither `yes` nor `no` are unknown. Skills and latency are priors, never measured.",
        "",
        "[sources]",
        *(f"{_text(name)} = {_toml(source)}" for name, source in sources.items()),
    ]
    return "\n".join(lines)


def _toml(value: Any) -> str:
    """Just enough TOML: scalars, lists, inline tables; a list of tables gets a line each."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value.normalize():f}"
        case dict():
            inner = ", ".join(f"{_key(key)} = {_toml(item)}" for key, item in value.items())
            return f"{{{inner}}}"
        case [{}, *_]:
            return (
                "[\n" + "".join(f"  {_toml(item)},\n" for item in value) + "]"
                if "above" not in value[0]
                else f"[{', '.join(map(_toml, value))}]"
            )
        case list():
            return f"[{', '.join(map(_toml, value))}]"
        case _:
            return str(value)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


if __name__ == "__main__":
    main()
