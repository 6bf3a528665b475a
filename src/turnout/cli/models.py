"""`turnout models`: what the catalog knows, and from where."""

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any

import typer

from turnout.catalog.accepted import DIRECTORY
from turnout.catalog.load import Catalog, load_catalog
from turnout.catalog.near import near
from turnout.catalog.rates import blended, in_force, tier_name
from turnout.cli import models_watch
from turnout.cli.opened import ConfigOption, DataOption, settings
from turnout.cli.problems import finite
from turnout.clock import SystemClock
from turnout.types.models import Feature, Modality, ModelFacts, PriceRow, Rate, bits, names
from turnout.types.money import PicoDollars, pico_per_token

app = typer.Typer(help="List the models the catalog knows; `show MODEL` for one with its sources.", no_args_is_help=False)
models_watch.register(app)

MARKS = {
    "T": Feature.TOOLS, "S": Feature.JSON_SCHEMA, "R": Feature.REASONING, "C": Feature.PROMPT_CACHE,
}  # fmt: skip
INPUTS = {"I": Modality.IMAGE, "D": Modality.DOCUMENT, "A": Modality.AUDIO, "V": Modality.VIDEO}
LEGEND = (
    "in, out: USD per million tokens. skills: priors, 0..10, of reasoning, coding, writing.\n"
    "T tools, S schema, R reasoning, C prompt cache, I image, D document, A audio, V video; - no, ? unknown"
)
NAME_WIDTH = 36
SHOWN_SKILLS = ("reasoning", "coding", "writing")


@app.callback(invoke_without_command=True)
def list_models(
    context: typer.Context,
    provider: Annotated[str | None, typer.Option(help="Only models of this vendor.")] = None,
    feature: Annotated[
        list[str] | None, typer.Option(help="Only models known to have it: tools, json_schema ... (repeatable).")
    ] = None,
    max_price: Annotated[
        float | None, typer.Option(min=0, callback=finite, help="At most this many USD per million tokens, 3:1 input:output.")
    ] = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the models the catalog knows."""
    if context.invoked_subcommand:
        return
    catalog, today = _catalog(config, data_dir), _today()
    if provider is not None and provider not in catalog.by_vendor:
        raise typer.BadParameter(f"{provider} is not one of {', '.join(catalog.by_vendor)}", param_hint="--provider")
    chosen = list(select(catalog.models.values(), today, provider=provider, features=_wanted(feature or []), max_price=max_price))
    if as_json:
        print(json.dumps([as_dict(facts, catalog, today) for facts in chosen], indent=2))
    else:
        _print_table(chosen, today)


@app.command("show")
def show(
    model: Annotated[str, typer.Argument(help="vendor/model, or a bare model id.")],
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Everything known of one model, each fact with its source and date."""
    catalog, today = _catalog(config, data_dir), _today()
    found = [catalog.models[model]] if model in catalog.models else [m for m in catalog.models.values() if m.upstream_id == model]
    if not found:
        similar = near(model, catalog.models)
        hint = f"; did you mean {', '.join(similar)}?" if similar else ""
        typer.echo(f"{model}: not in the catalog{hint}", err=True)
        raise typer.Exit(1)
    if as_json:
        described = [as_dict(facts, catalog, today) for facts in found]
        print(json.dumps(described[0] if len(described) == 1 else described, indent=2))
    else:
        for facts in found:
            _print_facts(facts, catalog, today)


def select(
    models: Iterable[ModelFacts], today: date, *, provider: str | None, features: Feature, max_price: float | None
) -> Iterable[ModelFacts]:
    """Those that are known to satisfy every filter: an unknown feature or price does not."""
    limit = None if max_price is None else pico_per_token(max_price)
    for facts in models:
        tiers = in_force(facts.prices, today)
        if provider is not None and facts.provider != provider:
            continue
        if features & ~facts.features:
            continue
        if limit is not None and (tiers is None or blended(tiers) > limit):
            continue
        yield facts


def as_dict(facts: ModelFacts, catalog: Catalog, today: date) -> dict[str, Any]:
    """For ``--json``: prices in USD per million tokens, None where unknown."""
    tiers = in_force(facts.prices, today)
    no = ~Feature(0) & ~(facts.features | facts.unknown_features)
    return {
        "model": facts.id,
        "upstream_id": facts.upstream_id,
        "status": facts.status,
        "untried": facts.untried,
        "context": facts.context,
        "max_input": facts.max_input,
        "max_output": facts.max_output,
        "input": names(Modality(facts.input)),
        "output": names(Modality(facts.output)),
        "features": {"yes": names(Feature(facts.features)), "no": names(no), "unknown": names(Feature(facts.unknown_features))},
        "tier": None if tiers is None else tier_name(tiers),
        "price": None if tiers is None else _price_dict(tiers[0]),
        "prices": [_row_dict(row) for row in facts.prices],
        "skills": facts.skills,
        "latency": None
        if facts.latency is None
        else {
            "p50_ms": facts.latency.p50_ms,
            "p95_ms": facts.latency.p95_ms,
            "ttft_ms": facts.latency.ttft_ms,
            "basis": facts.latency.basis,
        },
        "reasoning_by_default": facts.reasoning_by_default,
        "released": _iso(facts.released),
        "retires": _iso(facts.retires),
        "conflicts": [
            {"field": c.field, "prices": c.prices, "kept": c.kept, "why": c.why} for c in catalog.conflicts.get(facts.id, ())
        ],
        "sources": {fact: {"name": source.name, "date": source.date} for fact, source in facts.sources.items()},
    }


def _catalog(config: Path | None, data_dir: Path | None) -> Catalog:
    """What is shipped, with what was accepted of refreshes."""
    return load_catalog(accepted=settings(config, data_dir).data_dir / DIRECTORY)


def _today() -> date:
    return datetime.fromtimestamp(SystemClock().now(), tz=UTC).date()


def _wanted(written: list[str]) -> Feature:
    try:
        return bits(Feature, written)
    except KeyError as unknown:
        raise typer.BadParameter(f"{unknown} is not one of {', '.join(names(~Feature(0)))}", param_hint="--feature") from unknown


def _print_table(models: list[ModelFacts], today: date) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("model", overflow="fold", min_width=NAME_WIDTH)
    for title in ("ctx", "in", "out"):
        table.add_column(title, justify="right", no_wrap=True)
    for title in ("tier", "features", "skills", "released"):
        table.add_column(title, no_wrap=True)
    vendor = None
    for facts in models:
        if vendor not in (None, facts.provider):
            table.add_section()
        vendor = facts.provider
        table.add_row(*_cells(facts, today), style=None if facts.status == "active" else "dim")
    console = Console(highlight=False)
    console.print(table)
    console.print(f"\n{len(models)} models. {LEGEND}", style="dim", markup=False)


def _cells(facts: ModelFacts, today: date) -> tuple[str, ...]:
    tiers = in_force(facts.prices, today)
    return (
        _folded(facts.id),
        _count(facts.context),
        "?" if tiers is None else _per_million(tiers[0].input),
        "?" if tiers is None else _per_million(tiers[0].output),
        "?" if tiers is None else tier_name(tiers),
        _marks(facts),
        " ".join(f"{facts.skills[name]:.1f}" if name in facts.skills else "  ?" for name in SHOWN_SKILLS),
        _life(facts),
    )


def _folded(model: str) -> str:
    """A name too long for its column goes on after its last slash, on the next line."""
    head, slash, tail = model.rpartition("/")
    return model if len(model) <= NAME_WIDTH else f"{head}{slash}\n  {tail}"


def _life(facts: ModelFacts) -> str:
    if facts.retires is not None:
        return f"ends {facts.retires.isoformat()}"
    return "?" if facts.released is None else f"{facts.released:%Y-%m}"


def _marks(facts: ModelFacts) -> str:
    features = (letter if facts.features & bit else "?" if facts.unknown_features & bit else "-" for letter, bit in MARKS.items())
    inputs = (letter if facts.input & bit else "-" for letter, bit in INPUTS.items())
    return "".join((*features, *inputs))


def _print_facts(facts: ModelFacts, catalog: Catalog, today: date) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    table.add_column(style="dim", overflow="fold", max_width=46)
    for fact, group, text in _lines(facts, today):
        source = facts.sources.get(fact) or facts.sources.get(group)
        table.add_row(fact, text, f"{source.name}, {source.date}" if source and text != "unknown" else "")
    console = Console(highlight=False)
    console.print(f"[bold]{facts.id}[/bold]  {facts.status}")
    console.print(table)
    for conflict in catalog.conflicts.get(facts.id, ()):
        said = ", ".join(f"{source} {price:g}" for source, price in conflict.prices.items())
        console.print(
            f"conflict on {conflict.field}: {said}; taken: {conflict.kept} ({conflict.why})", style="yellow", markup=False
        )
    console.print()


def _lines(facts: ModelFacts, today: date) -> Iterable[tuple[str, str, str]]:
    """Each fact with the group its source may be stated for, and what is known of it."""
    no = ~Feature(0) & ~(facts.features | facts.unknown_features)
    yield "upstream_id", "", facts.upstream_id
    if facts.untried:
        yield "untried", "", "found by a refresh: no route takes it up by itself"
    yield "context", "limits", _exact(facts.context)
    yield "max_input", "limits", _exact(facts.max_input or facts.context)
    yield "max_output", "limits", _exact(facts.max_output)
    yield "input", "modalities", _listed(Modality(facts.input))
    yield "output", "modalities", _listed(Modality(facts.output))
    yield "features", "", _listed(Feature(facts.features))
    yield "  not", "", _listed(no)
    yield "  unknown", "", _listed(Feature(facts.unknown_features))
    yield "reasons unasked", "thinks", "yes" if facts.reasoning_by_default else "no"
    yield "released", "", _iso(facts.released) or "unknown"
    yield "retires", "", _iso(facts.retires) or "no date known"
    yield "skills", "", "  ".join(f"{name} {level:.1f}" for name, level in facts.skills.items()) or "unknown"
    if facts.latency is not None:
        known = facts.latency
        text = f"p50 {known.p50_ms / 1000:.1f} s  p95 {known.p95_ms / 1000:.1f} s"
        text += f"  first token {known.ttft_ms / 1000:.1f} s" if known.ttft_ms is not None else ""
        text += f"  {known.output_tokens_per_s:.0f} tokens/s" if known.output_tokens_per_s is not None else ""
        yield "latency", "", f"{text} ({known.basis})"
    if not facts.prices:
        yield "prices", "", "unknown"
    yield from (("prices", "", text) for text in _price_lines(facts.prices, today))


def _price_lines(rows: tuple[PriceRow, ...], today: date) -> Iterable[str]:
    current = in_force(rows, today)
    for row, following in zip_longest(rows, rows[1:]):
        before = f"before {following.start.isoformat()}" if following and following.start else "no date"
        since = before if row.start is None else f"from {row.start.isoformat()}"
        now = ", in force" if row.tiers is current else ""
        batch = "" if row.batch is None else f"\nbatch pays {row.batch:g} of it"
        yield f"{since}{now}, {tier_name(row.tiers)}; USD per million:\n" + "\n".join(map(_rate_text, row.tiers)) + batch


def _rate_text(rate: Rate) -> str:
    above = f"above {rate.above:,} input tokens: " if rate.above else ""
    return above + "  ".join(
        f"{name} {price:g}" for name, price in _price_dict(rate).items() if price is not None and name != "above"
    )


def _price_dict(rate: Rate) -> dict[str, float | None]:
    stated = {name: getattr(rate, name) for name in _PER_TOKEN}
    prices = {name: None if price is None else price / 1_000_000 for name, price in stated.items()}
    return prices if not rate.per_request else prices | {"per_request": rate.per_request / 1_000_000_000_000}


def _row_dict(row: PriceRow) -> dict[str, Any]:
    tiers = [{**_price_dict(rate), "above": rate.above} for rate in row.tiers]
    return {"start": _iso(row.start), "batch": row.batch, "source": row.source.name, "tiers": tiers}


_PER_TOKEN = (
    "input", "output", "cache_read", "cache_write", "cache_write_1h", "reasoning", "input_audio", "output_audio", "input_image",
    "output_image",
)  # fmt: skip


def _per_million(price: PicoDollars) -> str:
    return "free" if price == 0 else f"{price / 1_000_000:g}"


def _count(tokens: int | None) -> str:
    if tokens is None:
        return "?"
    return f"{tokens / 1_000_000:.3g}M" if tokens >= 1_000_000 else f"{tokens // 1000}k"


def _exact(tokens: int | None) -> str:
    return "unknown" if tokens is None else f"{tokens:,} tokens"


def _listed(flags: Feature | Modality) -> str:
    return ", ".join(names(flags)) or "none"


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
