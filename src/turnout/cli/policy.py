"""``turnout policy``: the versions that were in force, what each changed, and the way back."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from turnout.cli.opened import ConfigOption, DataOption, ledger, settings

app = typer.Typer(help="Policy versions: list, show and compare them, and go back to one.", no_args_is_help=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


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
        print(msgspec.json.encode(found).decode())
        return
    for each in found:
        back = f"brings back {each.restores}; " if each.restores is not None else ""
        print(
            f"{each.version:5}  {datetime.fromtimestamp(each.at, UTC):%Y-%m-%d %H:%M:%S} UTC  {each.actor:24} {back}{each.note}"
        )
    if not found:
        print("no version is recorded yet")
