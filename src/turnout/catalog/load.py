"""The shipped catalog, read once when asked for: models by ``vendor/model``, prices, what tasks ask of a model."""

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from turnout.catalog.accepted import Conflict, overlaid, read_accepted
from turnout.types.models import Feature, LatencyFacts, Modality, ModelFacts, PriceRow, Rate, Source, Status, bits
from turnout.types.money import PicoDollars, pico_from_usd, pico_per_token

__all__ = ["DATA", "Catalog", "Conflict", "load_catalog"]

DATA = Path(__file__).parent / "data"
ALL_FEATURES = ~Feature(0)


class Catalog(msgspec.Struct, frozen=True):
    """``tasks`` maps a task to its skills' weights, which sum to 1; ``hash`` names the data that all of it was read from.

    ``refreshed`` is the hash of the accepted refresh in it, None where there was none.
    """

    models: Mapping[str, ModelFacts]
    by_vendor: Mapping[str, tuple[ModelFacts, ...]]
    tasks: Mapping[str, Mapping[str, float]]
    skills: tuple[str, ...]
    conflicts: Mapping[str, tuple[Conflict, ...]]
    hash: str
    refreshed: str | None = None


class _Limits(msgspec.Struct, frozen=True):
    p50_ms: float
    p95_ms: float
    ttft_ms: float
    tokens_per_s: float


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model's table as a data file states it; ``prices`` are USD per million tokens."""

    sources: dict[str, str]
    latency: _Limits
    input: tuple[str, ...]
    output: tuple[str, ...]
    context: int | None = None
    max_input: int | None = None
    max_output: int | None = None
    yes: tuple[str, ...] = ()
    no: tuple[str, ...] = ()
    thinks: bool = False
    status: Status = "active"
    released: date | None = None
    retires: date | None = None
    skills: dict[str, float] = {}
    prices: tuple[dict[str, Any], ...] = ()
    conflicts: tuple[Conflict, ...] = ()


def load_catalog(data: Path = DATA, *, accepted: Path | None = None) -> Catalog:
    """Read every file under ``data`` (about 50 ms): hold on to the result, nothing is cached here.

    ``accepted`` is the data directory's ``catalog``: what was accepted of refreshes is laid over what is shipped. A file of it that cannot
    be read is as if it were not there, and the next refresh makes it anew.
    """
    shipped = _shipped(data)
    return shipped if accepted is None else _with_accepted(shipped, accepted)


def _with_accepted(shipped: Catalog, directory: Path) -> Catalog:
    found, name = read_accepted(directory)
    if name is None:
        return shipped
    models = overlaid(shipped.models, found.models)
    by_vendor: dict[str, list[ModelFacts]] = {vendor: [] for vendor in shipped.by_vendor}
    for facts in models.values():
        by_vendor.setdefault(facts.provider, []).append(facts)
    return msgspec.structs.replace(
        shipped,
        models=models,
        by_vendor={vendor: tuple(served) for vendor, served in by_vendor.items()},
        conflicts={**shipped.conflicts, **found.conflicts},
        hash=hashlib.sha256(f"{shipped.hash}+{name}".encode()).hexdigest(),
        refreshed=name,
    )


def _shipped(data: Path) -> Catalog:
    digest = hashlib.sha256()
    by_vendor: dict[str, tuple[ModelFacts, ...]] = {}
    conflicts: dict[str, tuple[Conflict, ...]] = {}
    for file in sorted((data / "models").glob("*.toml")):
        raw = file.read_bytes()
        digest.update(raw)
        entries = dict(_entries(raw))
        by_vendor[file.stem] = tuple(_facts(file.stem, name, entry, sources) for name, (entry, sources) in entries.items())
        conflicts |= {f"{file.stem}/{name}": entry.conflicts for name, (entry, _) in entries.items() if entry.conflicts}
    tasks = (data / "tasks.toml").read_bytes()
    digest.update(tasks)
    stated = tomllib.loads(tasks.decode())
    return Catalog(
        models={facts.id: facts for vendor in by_vendor.values() for facts in vendor},
        by_vendor=by_vendor,
        tasks=stated["tasks"],
        skills=tuple(stated["skills"]),
        conflicts=conflicts,
        hash=digest.hexdigest(),
    )


def _entries(raw: bytes) -> Iterator[tuple[str, tuple[_Entry, dict[str, Source]]]]:
    tables = tomllib.loads(raw.decode(), parse_float=Decimal)
    known = {key: Source(source["name"], source["date"].isoformat()) for key, source in tables.pop("sources").items()}
    for name, table in tables.items():
        entry = msgspec.convert(table, _Entry)
        yield name, (entry, {fact: _source(written, known) for fact, written in entry.sources.items()})


def _source(written: str, known: Mapping[str, Source]) -> Source:
    """``models.dev+litellm`` is both, as of the newer; ``prior:...`` is a method of ours and has no date but the data's own."""
    if written.startswith("prior:"):
        return Source(written, max(source.date for source in known.values()))
    parts = [known[name] for name in written.split("+")]
    return Source(" + ".join(part.name for part in parts), max(part.date for part in parts))


def _facts(vendor: str, name: str, entry: _Entry, sources: dict[str, Source]) -> ModelFacts:
    yes = bits(Feature, entry.yes)
    latency = entry.latency
    return ModelFacts(
        id=f"{vendor}/{name}",
        provider=vendor,
        upstream_id=name,
        context=entry.context,
        max_input=entry.max_input,
        max_output=entry.max_output,
        input=int(bits(Modality, entry.input)),
        output=int(bits(Modality, entry.output)),
        features=int(yes),
        unknown_features=int(ALL_FEATURES & ~yes & ~bits(Feature, entry.no)),
        prices=tuple(_price_row(row, sources["prices"]) for row in entry.prices),
        skills=entry.skills,
        latency=LatencyFacts(latency.p50_ms, latency.p95_ms, latency.ttft_ms, latency.tokens_per_s),
        status=entry.status,
        released=entry.released,
        retires=entry.retires,
        reasoning_by_default=entry.thinks,
        sources=sources,
    )


def _price_row(row: dict[str, Any], source: Source) -> PriceRow:
    base = {name: value for name, value in row.items() if name not in {"start", "batch", "tiers"}}
    tiers = (_rate(base), *(_rate(base | tier) for tier in row.get("tiers", ())))
    batch = row.get("batch")
    return PriceRow(tiers, source, start=row.get("start"), batch=None if batch is None else float(batch))


def _rate(prices: dict[str, Any]) -> Rate:
    above: int = prices.get("above", 0)
    per_token: dict[str, PicoDollars] = {
        name: pico_per_token(price) for name, price in prices.items() if name not in {"above", "per_request"}
    }
    return msgspec.convert(per_token | {"above": above, "per_request": pico_from_usd(prices.get("per_request", 0))}, Rate)
