"""``turnout audit``: show the chain of what changed, verify it, and hand it on."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from turnout.cli.opened import ConfigOption, DataOption, ledger, settings

app = typer.Typer(help="The audit trail: show it, verify it, export it, sign a checkpoint.", no_args_is_help=True)


@app.command()
def show(
    seq: Annotated[int | None, typer.Argument(min=1, help="One entry, in full.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only entries of this kind.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many of the latest.")] = 20,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What changed, latest first. Exit code 1 if there is no such entry."""
    with ledger(settings(config, data_dir)) as opened:
        one = opened.audit.get(seq) if seq is not None else None
        found = opened.audit.page(limit, kind=kind) if seq is None else () if one is None else (one,)
    if not found and seq is not None:
        typer.echo(f"there is no entry {seq}", err=True)
        raise typer.Exit(1)
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for entry in found:
        when = datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
        said = entry.payload if seq is not None or len(entry.payload) <= 100 else f"{entry.payload[:99]}…"
        print(f"{entry.seq:6}  {when}  {entry.kind:11} {entry.actor:20} {said}")
    if seq is not None:
        print(f"        hash {found[0].hash}\n        after {found[0].prev}")
    elif not found:
        print("no entry yet")
