"""``turnout drill``: rehearse a failure, look at what came of it, have it done every month."""

import asyncio
import json
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, get_args

import msgspec
import typer

from turnout.cli.problems import finite, reported
from turnout.clock import SystemClock
from turnout.config.quantities import seconds as in_seconds
from turnout.types.drill import VARIANTS, Drill, Kind, Traffic
from turnout.types.money import pico_from_usd

if TYPE_CHECKING:
    from turnout.build.drill import Show, Wish
    from turnout.config.settings import Settings
    from turnout.drill.report import Report

app = typer.Typer(help="Rehearse a provider's failure and report what came of it; no provider is touched.", no_args_is_help=True)

KINDS = get_args(Kind)
EVERY = {"monthly": 28, "weekly": 7, "daily": 1}
"""The highest day each knows."""
SHORTEST = 4.0

ConfigOption = Annotated[Path | None, typer.Option(help="Policy file; ./turnout.yaml if there is one.")]
DataOption = Annotated[
    Path | None, typer.Option(help="Where reports and schedules are kept; default: the policy's data directory.")
]
KindArgument = Annotated[str, typer.Argument(help=", ".join(KINDS), metavar="KIND")]
ProviderOption = Annotated[str, typer.Option(help="What fails: a provider of the policy; `*` stands for anything.")]
ModelOption = Annotated[str, typer.Option(help="Only this model of it, `provider/model`.")]
RegionOption = Annotated[str | None, typer.Option(help="Everything in this region (regional_loss).")]
ForOption = Annotated[str, typer.Option("--for", help="How long in all; the failure is in force in the middle half.")]
OnOption = Annotated[
    str, typer.Option(help="simulated: models made up, as the policy states them; mirror: a copy of live traffic; live.")
]
ShareOption = Annotated[
    float, typer.Option(min=0, max=1, callback=finite, help="Share of the live traffic that is drilled, or copied.")
]
BudgetOption = Annotated[
    float | None, typer.Option(min=0, callback=finite, help="USD that a mirror's copies may cost; it must be stated.")
]
RateOption = Annotated[float, typer.Option(min=0.1, max=1000, callback=finite, help="Simulated requests per second.")]
FailOption = Annotated[float, typer.Option(min=0, max=1, callback=finite, help="Share of the calls that fail (partial_failure).")]
FactorOption = Annotated[float, typer.Option(min=1, callback=finite, help="How many times slower (degradation).")]
LookOption = Annotated[
    str | None, typer.Option(help="How it looks: refused, silent (outage); garbled, empty, wrong, broken (bad_content).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def run(  # noqa: PLR0917 - each is an option
    kind: KindArgument,
    provider: ProviderOption = "*",
    model: ModelOption = "*",
    region: RegionOption = None,
    lasting: ForOption = "60s",
    on: OnOption = "simulated",
    share: ShareOption = 0.1,
    budget: BudgetOption = None,
    rate: RateOption = 20.0,
    fail: FailOption = 0.3,
    factor: FactorOption = 5.0,
    look: LookOption = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a provider fail, and report. Exit code 0 if no request was lost, 1 if some were, 2 on wrong usage."""
    wish = _wish(
        kind, provider=provider, model=model, region=region, lasting=lasting, on=on, share=share, budget=budget, rate=rate, fail=fail,
        factor=factor, look=look,
    )  # fmt: skip
    policy = _policy(config)
    with reported():
        settings = _settings(policy, data_dir)
    if policy is None and wish.drill.on == "simulated":
        _misused(
            "no turnout.yaml here: name a policy with --config; `turnout sim --print-config > turnout.yaml` makes one to try"
        )
    report, path = _run(wish, settings, policy, quiet=as_json)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        _tell(report, path)
    raise typer.Exit(0 if report.verdict == "passed" else 1)


@app.command()
def stop(config: ConfigOption = None, data_dir: DataOption = None) -> None:
    """End the drill that is running, at once; there is no report of it. Exit code 1 if none is."""
    from turnout.drill.current import lift, read

    with reported():
        where = _settings(_policy(config), data_dir).data_dir
    running = read(where)
    lift(where)
    if running is None or running.until < SystemClock().now():
        print("no drill is running")
        raise typer.Exit(1)
    print(f"{running.id}: stopped")


@app.command("list")
def list_reports(config: ConfigOption = None, data_dir: DataOption = None, as_json: JsonOption = False) -> None:
    """The drills so far, latest first, and those scheduled."""
    from turnout.drill.report import kept
    from turnout.drill.schedule import next_slot, scheduled

    with reported():
        where = _settings(_policy(config), data_dir).data_dir
    reports, planned, now = kept(where), scheduled(where), SystemClock().now()
    if as_json:
        coming = [{"id": entry.id, "every": entry.every, "next": next_slot(entry, now)} for entry in planned]
        print(json.dumps({"drills": msgspec.to_builtins(reports), "scheduled": coming}, indent=2))
        return
    for line in reports:
        print(f"{line.id:44} {line.verdict:13} {line.sentence}")
    for entry in planned:
        print(f"{entry.id:44} {entry.every:13} next {datetime.fromtimestamp(next_slot(entry, now), UTC):%Y-%m-%d %H:%M} UTC")
    if not reports and not planned:
        print("no drill yet; try `turnout drill run outage --provider NAME`")


@app.command()
def show(
    drill: Annotated[str, typer.Argument(help="A drill's id, as `turnout drill list` prints it.", metavar="ID")],
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """A drill's report again. Exit code 1 if there is none of this id."""
    from turnout.drill.report import FOLDER, find

    with reported():
        where = _settings(_policy(config), data_dir).data_dir
    report = find(where, drill)
    if report is None:
        print(f"no report {drill} in {where / FOLDER}", file=sys.stderr)
        raise typer.Exit(1)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        _tell(report, where / FOLDER / drill / "report.html")


@app.command()
def schedule(  # noqa: PLR0917 - each is an option
    kind: KindArgument,
    provider: ProviderOption = "*",
    model: ModelOption = "*",
    region: RegionOption = None,
    lasting: ForOption = "60s",
    on: OnOption = "simulated",
    share: ShareOption = 0.1,
    budget: BudgetOption = None,
    rate: RateOption = 20.0,
    fail: FailOption = 0.3,
    factor: FactorOption = 5.0,
    look: LookOption = None,
    every: Annotated[str, typer.Option(help="monthly, weekly or daily.")] = "monthly",
    day: Annotated[int, typer.Option(min=1, max=28, help="Of the month, or of the week (1: Monday).")] = 1,
    hour: Annotated[int, typer.Option(min=0, max=23, help="UTC.")] = 9,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Have `turnout serve` run this drill by itself. On live traffic only if --on live says so here."""
    from turnout.drill.schedule import Scheduled, next_slot, reschedule, scheduled

    if every not in EVERY:
        _misused(f"--every {every}: it is one of {', '.join(EVERY)}")
    if day > EVERY[every] and every != "daily":
        _misused(f"--day {day}: a week has {EVERY[every]}")
    wish = _wish(
        kind, provider=provider, model=model, region=region, lasting=lasting, on=on, share=share, budget=budget, rate=rate, fail=fail,
        factor=factor, look=look,
    )  # fmt: skip
    policy = _policy(config)
    with reported():
        where = _settings(policy, data_dir).data_dir
    now = SystemClock().now()
    name = f"{every}-{kind}-{region or (provider if model == '*' else model.replace('/', '-'))}".replace("_", "-").replace(
        "*", "all"
    )
    path = str(policy.absolute()) if policy else None
    entry = Scheduled(name, every, day, hour, wish.drill, wish.seconds, wish.rate, path, now)  # type: ignore[arg-type]  # one of EVERY
    reschedule(where, [*(other for other in scheduled(where) if other.id != name), entry])
    print(
        f"{name}: next on {datetime.fromtimestamp(next_slot(entry, now), UTC):%Y-%m-%d at %H:%M} UTC, while `turnout serve` runs"
    )


@app.command()
def unschedule(
    name: Annotated[str, typer.Argument(help="As `turnout drill list` prints it.", metavar="ID")],
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Have it run no more. Exit code 1 if there is no such one."""
    from turnout.drill.schedule import reschedule, scheduled

    with reported():
        where = _settings(_policy(config), data_dir).data_dir
    before = scheduled(where)
    if all(entry.id != name for entry in before):
        print(f"no drill {name} is scheduled", file=sys.stderr)
        raise typer.Exit(1)
    reschedule(where, [entry for entry in before if entry.id != name])
    print(f"{name}: no longer scheduled")


def _wish(
    kind: str, *, provider: str, model: str, region: str | None, lasting: str, on: str, share: float, budget: float | None,
    rate: float, fail: float, factor: float, look: str | None,
) -> "Wish":  # fmt: skip
    """What is asked for, or exit code 2 and a sentence."""
    from turnout.build.drill import Wish

    if kind not in KINDS:
        _misused(f"{kind} is no kind of drill; it is one of {', '.join(KINDS)}")
    if on not in get_args(Traffic):
        _misused(f"--on {on}: it is one of {', '.join(get_args(Traffic))}")
    if kind == "regional_loss" and region is None:
        _misused("regional_loss needs --region")
    if (provider, model, region) == ("*", "*", None):
        _misused("say what fails: --provider, --model or --region")
    if look is not None and look not in VARIANTS.get(kind, ()):  # type: ignore[call-overload]  # any text may be asked for
        _misused(f"--look {look}: {kind} looks like {', '.join(VARIANTS.get(kind, ())) or 'nothing else'}")  # type: ignore[call-overload]  # same
    if on == "mirror" and not budget:
        _misused("copies are paid for: say what they may cost with --budget USD")
    if on != "mirror" and budget is not None:
        _misused(f"--budget is for copies (--on mirror): on {on} traffic nothing more is asked than is anyway")
    try:
        lasts = in_seconds(lasting)
    except ValueError as error:
        _misused(f"--for {lasting}: {error}")
    if lasts < SHORTEST:
        _misused(f"--for {lasting}: nothing can be told from less than {SHORTEST:g}s")
    fields: dict[str, Any] = {
        "id": "", "kind": kind, "since": 0.0, "ends": 0.0, "until": 0.0, "provider": provider, "model": model, "region": region, "on": on,
        "share": 1.0 if on == "simulated" else share, "rate": fail if kind == "partial_failure" else 1.0, "factor": factor,
        "variant": look, "budget": pico_from_usd(budget) if budget and on == "mirror" else None,
    }  # fmt: skip
    return Wish(msgspec.convert(fields, Drill), lasts, rate)


def _run(wish: "Wish", settings: "Settings", policy: Path | None, *, quiet: bool) -> "tuple[Report, Path]":
    from turnout.build.drill import on_real, simulated
    from turnout.build.drill_lease import NoDrill, Stopped
    from turnout.cli.drill_view import shown

    async def main(show: "Show") -> "tuple[Report, Path]":
        stopping = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        if wish.drill.on == "simulated":
            assert policy is not None, "looked at before"
            return await simulated(wish, policy, settings.data_dir, show, stopping)
        return await on_real(wish, settings, str(policy or "from the environment"), show, stopping)

    try:
        with reported(), shown(quiet=quiet) as show:
            return asyncio.run(main(show))
    except Stopped:
        print("stopped: nothing is injected any more", file=sys.stderr)
        raise typer.Exit(1) from None
    except NoDrill as reason:
        _misused(str(reason))
    except OSError as error:
        print(f"drill: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


def _tell(report: "Report", path: Path) -> None:
    from turnout.cli.drill_view import summary

    for line in summary(report):
        print(line)
    print(f"report: {path}")


def _policy(config: Path | None) -> Path | None:
    if config is not None and not config.is_file():
        _misused(f"no file {config}")
    default = Path("turnout.yaml")
    return config or (default if default.exists() else None)


def _settings(policy: Path | None, data_dir: Path | None) -> "Settings":
    """The policy file's; without one, the defaults: reports can be looked at anywhere."""
    from turnout.config.load import settings_of
    from turnout.config.schema import File
    from turnout.config.settings import overruled, settings

    overrides = {"data_dir": data_dir} if data_dir else {}
    return settings_of(policy, os.environ, overrides) if policy else overruled(settings(File()), overrides)


def _misused(sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr)
    raise typer.Exit(2)
