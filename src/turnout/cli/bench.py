"""``turnout bench``: what models make of cases from your own work, told before it costs anything."""

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from typer.core import TyperGroup

from turnout.cli.actor import actor
from turnout.cli.opened import ConfigOption, DataOption, settings
from turnout.cli.problems import finite, reported
from turnout.types.money import pico_from_usd

if TYPE_CHECKING:
    from turnout.build.bench_ask import Asking
    from turnout.types.suite import Result, Run


class _RunsByDefault(TyperGroup):
    """``turnout bench MODEL`` is ``turnout bench run MODEL``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    help="Benchmark models on your own cases: `turnout bench MODEL --suite S`.", cls=_RunsByDefault, no_args_is_help=True
)

ModelsArgument = Annotated[
    list[str] | None,
    typer.Argument(help="The model to benchmark, `provider/model`; several are asked the same cases.", metavar="MODEL"),
]
AgainstOption = Annotated[str | None, typer.Option(help="The model to compare it with, asked the same cases at the same time.")]
IncumbentOption = Annotated[bool, typer.Option("--incumbent", help="Compare it with whom the suite's routes name to serve.")]
SuiteOption = Annotated[str | None, typer.Option(help="A suite of the policy's; needed if there are several.")]
CasesOption = Annotated[int | None, typer.Option(min=1, help="At most so many cases, tasks and bands in their shares.")]
RepeatsOption = Annotated[int | None, typer.Option(min=1, max=100, help="Ask each case so often; default: as the suite says.")]
BudgetOption = Annotated[
    float | None, typer.Option(min=0, callback=finite, help="USD that it may cost; default: the suite's budget_usd.")
]
MarginOption = Annotated[
    float,
    typer.Option(min=0.001, max=0.999, callback=finite, help="How much worse, as a difference of scores, still is not inferior."),
]
EarlyOption = Annotated[bool, typer.Option("--early", help="Stop as soon as the comparison is decided at the margin.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Begin without asking.")]
ResumeOption = Annotated[str | None, typer.Option(help="Go on with this run.", metavar="RUN")]
AfreshOption = Annotated[
    bool, typer.Option("--resample", help="Draw a sampled suite's cases anew; results of the old ones stay.")
]
UnknownOption = Annotated[
    bool, typer.Option("--unknown-price", help="Begin though nobody knows what it will cost; nothing bounds it.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def run(  # noqa: PLR0917 - each is an option
    models: ModelsArgument = None,
    against: AgainstOption = None,
    incumbent: IncumbentOption = False,
    suite: SuiteOption = None,
    cases: CasesOption = None,
    repeats: RepeatsOption = None,
    budget: BudgetOption = None,
    margin: MarginOption = 0.05,
    early: EarlyOption = False,
    yes: YesOption = False,
    resume: ResumeOption = None,
    resample: AfreshOption = False,
    unknown_price: UnknownOption = False,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask models the cases of a suite, judge the answers, say what they are worth.

    Shows what it is going to cost and asks. Exit code 1 when the model is shown to be worse than the other by more than the margin, or
    the run could not be finished; 2 on wrong usage.
    """
    from turnout.build.bench_ask import Order, opened

    if (not models) == (resume is None):
        raise typer.BadParameter("name a model, or a run to go on with (--resume RUN)")
    if against is not None and incumbent:
        raise typer.BadParameter("--against names a model and --incumbent asks for the one in use: say one of them")
    allowed = None if budget is None else pico_from_usd(budget)
    wanted = Order(
        tuple(models or ()),
        against,
        suite,
        cases,
        repeats,
        allowed,
        margin if early else None,
        incumbent,
        resample,
        unknown_price,
    )
    of = settings(config, data_dir)
    with reported(), opened(of, _file(config), actor()) as asking:
        begun = asking.resumed(resume, allowed) if resume else asking.begin(wanted)
        _agree(asking, begun, yes=yes)
        ended, results = _played(asking, begun, quiet=as_json)
    _finish(ended, results, margin, as_json=as_json)


@app.command("list")
def show_list(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The latest so many.")] = 20,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """The runs there are, latest first."""
    from turnout.cli.bench_view import listed
    from turnout.cli.opened import ledger

    with ledger(settings(config, data_dir)) as found:
        runs = found.bench.list(limit)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(runs)).decode())
    elif runs:
        listed(runs)
    else:
        print("no benchmark was run yet: `turnout bench MODEL --suite S` runs one")


@app.command()
def show(
    run_id: Annotated[
        str, typer.Argument(metavar="RUN", help="As `turnout bench list` prints it; its first characters are enough.")
    ],
    margin: MarginOption = 0.05,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """What a run found. Exit code as that of `turnout bench`."""
    from turnout.cli.opened import ledger
    from turnout.cli.prefix import one_of

    with ledger(settings(config, data_dir)) as found:
        known = {run.id: run for run in found.bench.list(100_000)}
        run = known[one_of(run_id, known, "benchmark runs", "turnout bench list")]
        results = found.bench.results(run.id)
    _finish(run, results, margin, as_json=as_json)


def _file(config: Path | None) -> Path | None:
    default = Path("turnout.yaml")
    return config or (default if default.exists() else None)


def _agree(asking: "Asking", begun: "Run", *, yes: bool) -> None:
    """Say what it costs, on standard error, and have it agreed to."""
    from turnout.cli.bench_view import announced

    for line in announced(begun, asking.estimate):
        print(line, file=sys.stderr)
    if yes:
        return
    if not sys.stdin.isatty():
        print("nobody is there to agree: say --yes", file=sys.stderr)
        raise typer.Exit(2)
    if not typer.confirm("begin?", err=True):
        raise typer.Exit(1)


def _played(asking: "Asking", begun: "Run", *, quiet: bool) -> "tuple[Run, Sequence[Result]]":
    from turnout.build.bench import Taken
    from turnout.cli.bench_view import watched
    from turnout.errors import Unusable

    async def main() -> "Run":
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        with watched(begun, quiet=quiet) as show:
            return await asking.play(begun, stop, show)

    try:
        ended = asyncio.run(main())
    except Taken:
        raise Unusable(
            f"run {begun.id} is under way in another process; `turnout bench show {begun.id}` says how far it is"
        ) from None
    except OSError as error:
        raise Unusable(str(error)) from error
    return ended, asking.results(begun.id)


def _finish(ended: "Run", results: "Sequence[Result]", margin: float, *, as_json: bool) -> None:
    from turnout.cli.bench_view import report, told

    found = report(ended, results, margin)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        told(found)
    unfinished = ended.state != "done"
    if unfinished and not as_json:
        print(f"run {ended.id} is {ended.state}: {ended.note}\ngo on with: turnout bench --resume {ended.id}", file=sys.stderr)
    if unfinished or any(pair.verdict == "worse" for pair in found.pairs):
        raise typer.Exit(1)
