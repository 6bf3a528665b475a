"""``turnout trial``: what is on trial now, and what it has shown so far."""

from typing import TYPE_CHECKING

import msgspec
import typer

from turnout.cli.opened import ConfigOption, DataOption, ledger, settings
from turnout.cli.release import JsonOption, show
from turnout.cli.table import printed

if TYPE_CHECKING:
    from turnout.types.evidence import Reading

app = typer.Typer(no_args_is_help=True, help="Trials: the A/B between what serves a route and a candidate.")


@app.command("list")
def list_(config: ConfigOption = None, data_dir: DataOption = None, as_json: JsonOption = False) -> None:
    """The trials that are on traffic, with their shares and how far each proof is."""
    from rich.table import Table

    from turnout.types.release import ON_TRAFFIC

    with ledger(settings(config, data_dir)) as opened:
        running = [one for one in opened.releases.open() if one.status.phase in ON_TRAFFIC]
        latest = {one.id: points[-1] for one in running if (points := opened.trials.points(one.id))}
    if as_json:
        typer.echo(msgspec.json.encode([{"release": one, "evidence": latest.get(one.id)} for one in running]).decode())
        return
    if not running:
        typer.echo("nothing is on trial; turnout release list shows what waits")
        return
    table = Table(box=None)
    for name in ("id", "model", "route", "phase", "share", "units", "success proven", "quality proven"):
        table.add_column(name, no_wrap=True)
    for one in running:
        evidence = latest.get(one.id)
        proofs = ["", ""] if evidence is None else [_proof(evidence.reading(metric)) for metric in ("success", "quality")]
        units = "" if evidence is None else f"{evidence.candidates:,} of {evidence.units:,}"
        table.add_row(one.id, one.model, one.route, one.status.phase, f"{one.status.share:g} %", units, *proofs)
    printed(table)


app.command("show")(show)


def _proof(reading: "Reading") -> str:
    """Log e-value against what it must reach, and how many more of the candidate's units that is expected to take."""
    if reading.fit is None or reading.fit_at is None:
        return "no"
    if reading.fits:
        return "yes"
    more = "" if reading.to_go is None else f", about {reading.to_go:,} more"
    return f"{reading.fit:.1f} of {reading.fit_at:.1f}{more}"
