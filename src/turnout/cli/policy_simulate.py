"""``turnout policy simulate NEW.yaml``: what a policy would have come to on the traffic that was, before it meets any."""

import os
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from turnout.cli.control_call import stop
from turnout.cli.opened import ConfigOption, DataOption, ledger, settings
from turnout.cli.problems import reported
from turnout.cli.table import printed
from turnout.types.seconds import DAY, HOUR

if TYPE_CHECKING:
    from turnout.decide.compiled import View
    from turnout.learn.simulate import Simulated
    from turnout.view import ViewStore

_SPAN = re.compile(r"^last-(\d+)(h|d)$")
_SECONDS = {"h": HOUR, "d": DAY}
_NAMES = {"cost": "cost per request", "ms": "time per request", "ok": "answered", "good": "found good"}


def simulate(
    new: Annotated[Path, typer.Argument(exists=True, dir_okay=False, metavar="NEW.yaml", help="The policy that is thought of.")],
    on: Annotated[str, typer.Option(help="Which recorded requests: last-24h, last-7d ...")] = "last-7d",
    route: Annotated[str | None, typer.Option(help="Requests of this route alone.")] = None,
    most: Annotated[int, typer.Option(min=100, help="The latest so many of them.")] = 50_000,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Replay recorded traffic under another policy: expected cost, time and quality beside what was, with 95 % intervals. Calls nobody.

    Exit code 0 when every metric could be estimated, 1 when the records do not say what the new policy would have come to.
    """
    found = _SPAN.match(on)
    if found is None:
        raise typer.BadParameter(f'"{on}" is no time: write last-24h or last-7d', param_hint="--on")
    since = time.time() - int(found[1]) * _SECONDS[found[2]]
    told = _simulated(new, since, route, most, config, data_dir)
    if not told.requests and not told.left_out and not as_json:
        stop(f"{on} has no recorded request{f' of route {route}' if route else ''}; name a longer time with --on, as last-30d")
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(told)).decode())
    else:
        _show(told)
    raise typer.Exit(1 if told.refused or not told.requests else 0)


def _simulated(new: Path, since: float, route: str | None, most: int, config: Path | None, data_dir: Path | None) -> "Simulated":
    from turnout.build.spec import Places
    from turnout.learn.simulate import simulate as again
    from turnout.store.queries import Filters
    from turnout.view import ViewStore

    where = settings(config, data_dir)
    with ledger(where) as opened:
        views = ViewStore(where.data_dir / Places.views)
        view = _view(new, views, where.data_dir)
        ids: list[str] = []
        cursor: str | None = None
        while len(ids) < most:
            part = opened.search(min(1_000, most - len(ids)), Filters(since=since, cursor=cursor, route=route))
            ids += [line.id for line in part.lines]
            cursor = part.more
            if cursor is None:
                break
        records = (record for id_ in ids if (record := opened.request(id_)) is not None)
        return again(records, opened.quality.verdicts(since, time.time() + 1), views, view, route)


def _view(new: Path, views: "ViewStore", data_dir: Path) -> "View":
    """The new policy, on what is known today of latency, mix and measured quality."""
    from turnout.catalog.accepted import DIRECTORY
    from turnout.catalog.load import load_catalog
    from turnout.config.load import inspect
    from turnout.decide.compiled import compile_view
    from turnout.errors import ConfigProblems
    from turnout.types.view import Base, Overlay

    today = datetime.now(UTC).date()
    catalog = load_catalog(accepted=data_dir / DIRECTORY)
    with reported():
        loaded = inspect(new, os.environ, catalog, today, secrets_needed=False)
        if loaded.problems:
            raise ConfigProblems(loaded.problems, file=new.name)
    tasks = {task: dict(skills) for task, skills in catalog.tasks.items()}
    current = views.current()
    overlay = views.overlay(current) if current is not None else Overlay(base="", day=today)
    return compile_view(Base(0, loaded.policy, loaded.models, tasks), overlay, "simulated")


def _show(told: "Simulated") -> None:
    from rich.table import Table

    print(f"{told.requests:,} requests compared; the records cover {told.covered:.1%} of what the new policy would do")
    table = Table("", "was", "would have been", "change", "95 % interval", "requests that speak", box=None)
    for one in told.estimates:
        figures = (_figure(one.metric, value) for value in (one.was, one.robust, one.change, one.low, one.high))
        was, robust, change, low, high = figures
        effective = (
            f"{one.n:,}" if one.effective == float("inf") else f"{one.n:,} (count for {one.effective:,.0f} where it differs)"
        )
        table.add_row(_NAMES[one.metric], was, robust, change, f"{low} to {high}", effective)
    if told.estimates:
        printed(table)
    for metric, why in told.refused.items():
        print(f"{_NAMES[metric]}: not estimated: {why}")
    shares = Table("model", "requests then", "requests with it", box=None)
    for model, (before, after) in told.shares.items():
        shares.add_row(model, f"{before:,.0f}", f"{after:,.0f}")
    printed(shares)
    if told.refusals:
        print(f"{told.refusals:,} requests would be refused: turnout explain says why of one")
    for why, count in told.left_out.items():
        print(f"left out: {count:,}: {why}")


def _figure(metric: str, value: float) -> str:
    if metric == "cost":
        return f"${value / 1e12:,.6f}"
    return f"{value:,.0f} ms" if metric == "ms" else f"{value:.1%}"
