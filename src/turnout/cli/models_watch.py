"""`turnout models refresh | diff | events | accept | dismiss`: what the world's catalogs say, and what of it is taken."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from turnout.cli.actor import actor
from turnout.cli.opened import ConfigOption, DataOption, ledger, settings
from turnout.cli.problems import reported
from turnout.clock import SystemClock
from turnout.errors import Unusable
from turnout.types.release import CatalogEvent

if TYPE_CHECKING:
    from turnout.config.check import Checked
    from turnout.types.policy import Policy
    from turnout.watch.fetch import Place
    from turnout.watch.keep import Watch
    from turnout.watch.sight import Refreshed, Sight

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SourceOption = Annotated[
    list[str] | None,
    typer.Option(
        "--source", help="models.dev, litellm, openrouter, genai-prices, vendor:NAME, a URL or a file; default: the policy's."
    ),
]
EventArguments = Annotated[list[str] | None, typer.Argument(metavar="[EVENT...]", help="As `turnout models events` prints them.")]
AllOption = Annotated[bool, typer.Option("--all", help="All that wait.")]
NoteOption = Annotated[str, typer.Option(help="Why, for the audit trail.")]


def refresh(
    source: SourceOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Fetch and compare, and change nothing.")] = False,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the sources what models there are and what they cost, and take what can be taken. Exit code 1 if something stands against it."""
    if dry_run:
        _tell(_sight(config, data_dir, source or []).preview(), as_json=as_json, dry_run=True)
        return
    with _watch(config, data_dir, source or [], make=True) as watch:
        found = watch.refresh(actor())
    _tell(found, as_json=as_json, dry_run=False)


def diff(
    sources: Annotated[list[str] | None, typer.Argument(help="Files, URLs or names of sources; default: the policy's.")] = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """What a refresh would change, without changing it. Exit code 1 if it looks suspicious, or a source cannot be read."""
    _tell(_sight(config, data_dir, sources or []).preview(), as_json=as_json, dry_run=True)


def events(
    last: Annotated[str, typer.Option(help="So far back: 24h, 30d, 8w.")] = "30d",
    model: Annotated[str | None, typer.Option(help="Only of this model, as vendor/model.")] = None,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those that wait for somebody's word.")] = False,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """What the world's catalogs changed, latest first."""
    from turnout.config.quantities import seconds

    try:
        since = SystemClock().now() - seconds(last)
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong), param_hint="--last") from wrong
    with _watch(config, data_dir, []) as watch:
        open_ids = {event.id for event in watch.waiting()}
        found = tuple(event for event in watch.events_since(since, model=model) if not waiting or event.id in open_ids)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
        return
    _print_events(found)
    if not found:
        print("no event waits for a word" if waiting else f"no event in the last {last}")


def accept(
    ids: EventArguments = None,
    every: AllOption = False,
    note: NoteOption = "",
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take what waits: a price that only one source says, or a refresh that was kept apart."""
    with _watch(config, data_dir, []) as watch:
        found = watch.accept(_chosen(ids, every=every), actor(), note)
    _tell_settled(found, "taken", as_json=as_json)


def dismiss(
    ids: EventArguments = None,
    every: AllOption = False,
    note: NoteOption = "",
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say no to what waits, for as long as its sources go on saying it."""
    with _watch(config, data_dir, []) as watch:
        found = watch.dismiss(_chosen(ids, every=every), actor(), note)
    _tell_settled(found, "dismissed", as_json=as_json)


def register(app: typer.Typer) -> None:
    """These commands, on the group's app."""
    commands: tuple[Callable[..., None], ...] = (refresh, diff, events, accept, dismiss)
    for command in commands:
        app.command()(command)


@contextmanager
def _watch(config: Path | None, data_dir: Path | None, sources: Sequence[str], *, make: bool = False) -> "Iterator[Watch]":
    """Of the policy, or of no policy where there is no file. ``make``: sources are asked, and a ledger that is not there yet is made."""
    from turnout.build.ledger import open_ledger
    from turnout.build.watching import watch_of
    from turnout.catalog.load import load_catalog
    from turnout.config.amend import amend

    of = settings(config, data_dir)
    checked = _policy(config, of.data_dir)
    policy, models = (checked.policy, checked.models) if checked is not None else (None, ())
    with reported():
        found = _places(config, sources, policy) if make else ()
        if make:
            of.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            open_ledger(of.data_dir, of.store.url).close()
    with ledger(of) as opened, reported():
        in_force = amend(policy, models, opened.lock.read()).policy if policy is not None else None
        yield watch_of(of.data_dir, opened, SystemClock(), load_catalog(), found, in_force, models)


def _sight(config: Path | None, data_dir: Path | None, sources: Sequence[str]) -> "Sight":
    from turnout.build.watching import sight_of
    from turnout.catalog.load import load_catalog
    from turnout.config.amend import amend
    from turnout.config.lock import lock_path, read_lock

    of = settings(config, data_dir)
    checked = _policy(config, of.data_dir)
    policy, models = (checked.policy, checked.models) if checked is not None else (None, ())
    with reported():
        found = _places(config, sources, policy)
        face = lock_path(config or Path("turnout.yaml"), of.data_dir)  # the ledger may not be there: to look leaves no trace
        in_force = amend(policy, models, read_lock(face)).policy if policy is not None and face.exists() else policy
        return sight_of(of.data_dir, SystemClock(), load_catalog(), found, in_force, models)


def _places(config: Path | None, sources: Sequence[str], policy: "Policy | None") -> "tuple[Place, ...]":
    """Those that are named, from here; else the policy's, from where its file is."""
    from turnout.build.watching import places_of

    stated = policy.release.sources if policy is not None else ()
    if not sources and not stated:
        raise Unusable("no source is named: set release.sources in the policy, or name one, as models.dev")
    found = places_of(policy, sources or stated, os.environ, Path() if sources else (config or Path("turnout.yaml")).parent)
    if sources:  # a file that the policy names may come later: what is named here is meant now
        _must_be(place for place in found if place.path is not None and not place.path.exists())
    return found


def _must_be(missing: "Iterable[Place]") -> None:
    """Raises Unusable, which names what was meant, and what there is."""
    from turnout.catalog.near import near
    from turnout.catalog.places import PLACES

    wrong = []
    for place in missing:
        similar = near(place.spec, PLACES)
        meant = f"; did you mean {' or '.join(similar)}?" if similar else "."
        wrong.append(
            f"source {place.spec}: there is no such file, and no source is called so{meant} There are {', '.join(PLACES)}"
        )
    if wrong:
        raise Unusable("\n".join((*wrong, "vendor:NAME is a provider's own list; a URL or a file does as well")))


def _policy(config: Path | None, data_dir: Path) -> "Checked | None":
    """As its file says, whatever may stand against serving it; it may name what a refresh found."""
    from turnout.catalog.accepted import DIRECTORY
    from turnout.catalog.load import load_catalog
    from turnout.config.load import inspect

    path = config or Path("turnout.yaml")
    if not path.exists():
        return None
    with reported():
        return inspect(
            path, os.environ, load_catalog(accepted=data_dir / DIRECTORY), datetime.now(UTC).date(), secrets_needed=False
        )


def _chosen(ids: list[str] | None, *, every: bool) -> list[str] | None:
    if bool(ids) == every:
        raise typer.BadParameter("name events, or --all")
    return None if every else ids


def _tell(found: "Refreshed", *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        _print_refreshed(found, dry_run=dry_run)
    if found.suspicion or found.errors:
        raise typer.Exit(1)


def _print_refreshed(found: "Refreshed", *, dry_run: bool) -> None:
    _print_events(found.events)
    for spec, error in found.errors.items():
        age = found.ages.get(spec)
        copy = "there is no earlier copy" if age is None else f"its copy of {_ago(age)} ago speaks for it"
        print(f"{spec}: {error}; {copy}", file=sys.stderr)
    for spec, count in found.skipped.items():
        print(f"{spec}: {count} odd entries left out", file=sys.stderr)
    for reason in found.suspicion[:10]:
        print(f"kept apart: {reason}", file=sys.stderr)
    if found.suspicion:
        print("nothing was taken; `turnout models accept --all` takes it if it is right after all", file=sys.stderr)
    quiet = f", {found.quiet} models that are no news" if found.quiet else ""
    would = "would be " if dry_run else ""
    print(f"{len(found.events)} events{quiet}; the catalog {would}{'changed' if found.changed else 'the same'}")


def _print_events(found: Sequence[CatalogEvent]) -> None:
    """Two lines each: names are long, and so is what is said of them."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, soft_wrap=True)
    for event in found:
        when = f"{datetime.fromtimestamp(event.at, UTC):%Y-%m-%d %H:%M}"
        console.print(f"{event.id}  {when}  {event.state:11}  {event.kind:21}  {event.model}", style=_STYLES.get(event.state))
        console.print(f"    {in_words(event)}", style="dim")


_STYLES = {"quarantined": "red", "noted": "yellow", "dismissed": "dim"}


def in_words(event: CatalogEvent) -> str:
    """Both sides, by how much, who says so."""
    sides = " -> ".join(side for side in (event.before, event.after) if side is not None)
    change = f" ({event.change:+.0%})" if event.change is not None else ""
    field = f"{event.field}: " if event.field not in {None, "prices", "alias"} else ""
    said = (
        f" [{', '.join(event.sources)}{'' if event.confirmed or len(event.sources) != 1 else ' alone'}]" if event.sources else ""
    )
    return f"{field}{sides}{change}{f'; {event.detail}' if event.detail else ''}{said}".lstrip("; ")


def _tell_settled(found: Sequence[CatalogEvent], what: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([_as_dict(event) for event in found], indent=2))
        return
    _print_events(found)
    print(f"{len(found)} events {what}")


def _as_dict(event: CatalogEvent) -> dict[str, Any]:
    return msgspec.structs.asdict(event)


def _ago(seconds: float) -> str:
    return (
        f"{seconds / 86_400:.0f} days"
        if seconds >= 172_800
        else f"{seconds / 3_600:.0f} hours"
        if seconds >= 7_200
        else f"{seconds / 60:.0f} minutes"
    )
