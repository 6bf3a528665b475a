"""``turnout policy``: the versions that were in force, what each changed, and the way back."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import msgspec
import typer

from turnout.cli.actor import actor
from turnout.cli.control_call import call, stop
from turnout.cli.opened import ConfigOption, DataOption, ledger, settings
from turnout.cli.policy_simulate import simulate
from turnout.cli.problems import reported

if TYPE_CHECKING:
    from turnout.config.settings import Settings
    from turnout.control.history import History

app = typer.Typer(
    help="Policy versions: list, show and compare them, go back to one, take what releases adopted into your file.",
    no_args_is_help=True,
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
VersionArgument = Annotated[int, typer.Argument(min=1, metavar="VERSION", help="As `turnout policy list` prints it.")]


@app.command("history", hidden=True)
@app.command("list")
def list_versions(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many of the latest.")] = 20,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """The versions so far, latest first."""
    with ledger(settings(config, data_dir)) as opened:
        found = opened.policies.list(limit)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
        return
    for each in found:
        back = f"brings back {each.restores}: " if each.restores is not None else ""
        print(
            f"{each.version:5}  {datetime.fromtimestamp(each.at, UTC):%Y-%m-%d %H:%M:%S} UTC  {each.actor:24} {back}{each.note}"
        )
    if not found:
        print("no version is recorded yet")


@app.command()
def show(
    version: Annotated[
        int | None, typer.Argument(min=1, metavar="VERSION", help="As `turnout policy list` prints it; the latest unless said.")
    ] = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """A version in plain words: who is affected, what changed, how to go back. Exit code 1 if there is none of this number."""
    where = settings(config, data_dir)
    if version is None:
        with ledger(where) as opened:
            latest = opened.policies.list(1)
        if not latest:
            stop("no version is recorded yet")
        version = latest[0].version
    with _history(where) as history:
        found = history.show(version)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
        return
    print(found.note)
    if found.entry is not None:
        print(f"Its place in the audit trail: turnout audit show {found.entry}")


@app.command()
def diff(
    one: Annotated[int, typer.Argument(min=1, metavar="A", help="The version to compare with.")],
    other: Annotated[int, typer.Argument(min=1, metavar="B", help="The version that is compared.")],
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """What version B has otherwise than version A. Exit code 1 if one of them is not known."""
    from turnout.audit.diff import sentences

    with _history(settings(config, data_dir)) as history:
        changes = history.diff(one, other)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(changes)).decode())
        return
    print("\n".join(sentences(changes)) or f"versions {one} and {other} say the same")


app.command()(simulate)


@app.command()
def rollback(
    version: VersionArgument,
    note: Annotated[str, typer.Option(help="Why; it is kept in the policy's history and in the audit trail.")],
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Put an earlier version in force again, as a new version, until the policy file changes. `turnout serve` must be running."""
    if not note.strip():
        _misused("--note says why; it may not be empty")
    body = {"note": note, "by": actor()}
    made = call(settings(config, data_dir), "POST", f"/api/policies/{version}/restore", body)["version"]
    print(f"policy {made} is in force: it brings back version {version}")
    print("the policy file was not touched: as soon as it changes, it is in force again", file=sys.stderr)


@app.command()
def pull(
    config: ConfigOption = None,
    data_dir: DataOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Write without asking.")] = False,
) -> None:
    """Write what releases adopted (turnout.lock.yaml) into the policy file, comments kept. What is in force stays the same."""
    from turnout.cli.policy_pull import difference, merged, write

    path = config or Path("turnout.yaml")
    if not path.is_file():
        _misused(f"no file {path}; name the policy file with --config")
    with reported():
        before, pulled = merged(path, settings(path, data_dir).data_dir)
    for why in pulled.left:
        print(f"not pulled: {why}", file=sys.stderr)
    if not pulled.releases:
        print("nothing to pull: no release's outcome is waiting for this file")
        return
    print(difference(before, pulled.text, path.name), end="")
    if not yes and not typer.confirm(f"Write this into {path}?"):
        stop("nothing was written")
    with reported():
        write(path, before, pulled.text)
    print(f"{path}: {len(pulled.releases)} adopted, written down; the policy in force stays the same")


@contextmanager
def _history(where: "Settings") -> "Iterator[History]":
    from turnout.build.spec import Places
    from turnout.control.history import History, NoSuchVersion
    from turnout.view import ViewStore

    with ledger(where) as opened:
        try:
            yield History(opened, ViewStore(where.data_dir / Places.views))
        except NoSuchVersion as reason:
            stop(str(reason))


def _misused(what: str) -> NoReturn:
    print(what, file=sys.stderr)
    raise typer.Exit(2)
