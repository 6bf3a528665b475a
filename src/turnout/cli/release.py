"""``turnout release``: what became of each model event, on which evidence, and people's word on it."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

import msgspec
import typer

from turnout.cli.actor import actor
from turnout.cli.control_call import call
from turnout.cli.opened import ConfigOption, DataOption, ledger, settings
from turnout.cli.prefix import one_of
from turnout.cli.table import printed

if TYPE_CHECKING:
    from rich.table import Table

    from turnout.types.evidence import Evidence, Reading
    from turnout.types.release import Release, Step

app = typer.Typer(no_args_is_help=True, help="Releases: a model event on a route, from detection to adoption or rollback.")

IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="As `turnout release list` prints it; its first characters are enough.")
]
NoteOption = Annotated[str, typer.Option(help="Why; it is kept in the release's history and in the audit trail.")]
SEVERAL = 100
"""Releases at most whose ids begin as it was typed: enough to say that more than one does."""
JsonOption = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]


@app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    route: Annotated[str | None, typer.Option(help="Of this route alone.")] = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """The releases that are not over, latest first."""
    from turnout.store.releases import ReleaseFilters

    with ledger(settings(config, data_dir)) as opened:
        found = opened.releases.list(1_000, ReleaseFilters(route=route, is_over=None if everything else False))
        frozen = opened.lock.read().frozen
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    if frozen is not None:
        typer.echo(f"frozen by {frozen.by}{f': {frozen.why}' if frozen.why else ''}; turnout release thaw lets them go on")
    if not found:
        typer.echo("no releases" if everything else "no open releases; --all shows those that are over")
        return
    printed(_listed(found))


@app.command()
def show(release_id: IdArgument, config: ConfigOption = None, data_dir: DataOption = None, as_json: JsonOption = False) -> None:
    """One release: what is proposed and why, how its trial stands, and its history."""
    from turnout.store.releases import ReleaseFilters

    with ledger(settings(config, data_dir)) as opened:
        known = {one.id: one for one in opened.releases.list(SEVERAL, ReleaseFilters(id=release_id))}
        release = known[_whole(release_id, known)]
        steps, points = opened.releases.steps(release.id), opened.trials.points(release.id)
    if as_json:
        latest = points[-1] if points else None
        typer.echo(msgspec.json.encode({"release": release, "steps": steps, "evidence": latest}).decode())
        return
    _tell(release, steps, points[-1] if points else None)


@app.command("open")
def open_(
    model: Annotated[str, typer.Argument(help="The model, provider/model.")],
    route: Annotated[str, typer.Option(help="The route it may be of use on.")],
    note: NoteOption = "",
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Have a model looked at for a route, without waiting for an event. `turnout serve` must be running."""
    body = {"model": model, "route": route, "note": note, "by": actor()}
    made = call(settings(config, data_dir), "POST", "/api/releases", body)
    typer.echo(f"{made['id']}: {made['status']['phase']}")


@app.command()
def approve(release_id: IdArgument, note: NoteOption = "", config: ConfigOption = None, data_dir: DataOption = None) -> None:
    """Say yes to a proposal: its trial begins, or it is adopted where there is nothing to try."""
    _decide("approve", release_id, note, config, data_dir)


@app.command()
def reject(release_id: IdArgument, note: NoteOption = "", config: ConfigOption = None, data_dir: DataOption = None) -> None:
    """Say no to a release that is not on traffic."""
    _decide("reject", release_id, note, config, data_dir)


@app.command()
def pause(release_id: IdArgument, note: NoteOption = "", config: ConfigOption = None, data_dir: DataOption = None) -> None:
    """Hold a release where it is; harm still rolls it back."""
    _decide("pause", release_id, note, config, data_dir)


@app.command()
def resume(release_id: IdArgument, note: NoteOption = "", config: ConfigOption = None, data_dir: DataOption = None) -> None:
    """Let a paused release go on."""
    _decide("resume", release_id, note, config, data_dir)


@app.command()
def rollback(release_id: IdArgument, note: NoteOption = "", config: ConfigOption = None, data_dir: DataOption = None) -> None:
    """Take a release off traffic, or back out of the policy if it was adopted."""
    _decide("rollback", release_id, note, config, data_dir)


@app.command()
def freeze(note: NoteOption = "", config: ConfigOption = None, data_dir: DataOption = None) -> None:
    """Stop all releases where they are; harm still rolls back."""
    call(settings(config, data_dir), "POST", "/api/lock/freeze", {"note": note, "by": actor()})
    typer.echo("frozen; turnout release thaw lets releases go on")


@app.command()
def thaw(note: NoteOption = "", config: ConfigOption = None, data_dir: DataOption = None) -> None:
    """Let releases go on."""
    call(settings(config, data_dir), "POST", "/api/lock/thaw", {"note": note, "by": actor()})
    typer.echo("releases go on")


def _decide(what: str, release_id: str, note: str, config: "ConfigOption", data_dir: "DataOption") -> None:
    where = settings(config, data_dir)
    known = call(where, "GET", f"/api/releases?{urlencode({'id': release_id, 'limit': SEVERAL})}")["releases"]
    whole = _whole(release_id, [one["id"] for one in known])
    made = call(where, "POST", f"/api/releases/{whole}/{what}", {"note": note, "by": actor()})
    status = made["status"]
    waits = f", waits: {status['waiting']}" if status.get("waiting") else ""
    paused = f", paused: {status['paused']}" if status.get("paused") else ""
    typer.echo(f"{made['id']}: {status['phase']}{waits}{paused}")


def _whole(typed: str, known: Iterable[str]) -> str:
    return one_of(typed, known, "releases", "turnout release list --all")


def _listed(found: "tuple[Release, ...]") -> "Table":
    from rich.table import Table

    table = Table(box=None)
    for name in ("id", "model", "route", "phase", "share", "what it waits for, or why it is where it is"):
        table.add_column(name, no_wrap=name in {"id", "phase"})
    for one in found:
        status = one.status
        share = f"{status.share:g} %" if status.share else ""
        why = status.paused or status.waiting or status.reason
        table.add_row(one.id, one.model, one.route, status.phase, share, f"paused: {why}" if status.paused else why)
    return table


def _tell(release: "Release", steps: "tuple[Step, ...]", evidence: "Evidence | None") -> None:
    status, proposal = release.status, release.proposal
    typer.echo(
        f"{release.id}: {release.model} on {release.route} ({release.kind}), {status.phase}{' (paused)' if status.paused else ''}"
    )
    if why := status.paused or status.waiting:
        typer.echo(f"  {why}")
    if proposal is not None:
        typer.echo(f"\nproposed: {proposal.role}{f' when {proposal.when}' if proposal.when else ''}\n{proposal.text}")
        for answer in proposal.answers:
            typer.echo(f"  {answer.question}? {answer.verdict}: {answer.text}")
        for gate in proposal.gates:
            typer.echo(
                f"  gate {gate.name}: {'passed' if gate.passed else 'not known' if gate.passed is None else 'not passed'}: {gate.text}"
            )
        if (score := proposal.score) is not None:
            typer.echo(
                f"  {score.name} {score.value:.3f}, at least {score.low:.3f}: up to {score.ceiling:g} % before live proof ({score.n} cases)"
            )
    if evidence is not None:
        typer.echo(f"\nevidence of {evidence.units:,} units, {evidence.candidates:,} of the candidate's:")
        printed(_readings(evidence))
    typer.echo("\nhistory:")
    for step in steps:
        when = f"{datetime.fromtimestamp(step.at, UTC):%Y-%m-%d %H:%M:%S}"
        version = f" [policy {step.policy}]" if step.policy is not None else ""
        typer.echo(f"  {when}  {step.phase:12} {step.actor}: {step.note}{version}")


def _readings(evidence: "Evidence") -> "Table":
    from rich.table import Table

    table = Table(box=None)
    for name in ("", "control", "candidate", "difference, 95 %", "harm (log e of)", "no worse (log e of)", "to go"):
        table.add_column(name)
    for one in evidence.readings:
        table.add_row(
            one.metric, _mean(one, one.control), _mean(one, one.candidate), _band(one), _level(one.harm, one.harm_at),
            _level(one.fit, one.fit_at), "" if one.to_go is None else f"{one.to_go:,}",
        )  # fmt: skip
    return table


def _mean(reading: "Reading", value: float | None) -> str:
    if value is None:
        return "unknown"
    return {"latency": f"{value:,.0f} ms", "cost": f"${value:.6f}"}.get(reading.metric, f"{value:.2%}")


def _band(reading: "Reading") -> str:
    return "too early" if reading.low is None or reading.high is None else f"{reading.low:+.1%} to {reading.high:+.1%}"


def _level(value: float | None, at: float | None) -> str:
    return "" if value is None or at is None else f"{value:.1f} of {at:.1f}"
