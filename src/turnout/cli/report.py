"""``turnout report``: what a week was like, from the ledger, and what to change."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from turnout.cli.opened import ConfigOption, DataOption, ledger, settings
from turnout.clock import SystemClock
from turnout.errors import Unusable

if TYPE_CHECKING:
    from turnout.decide.compiled import View
    from turnout.reports.weekly import Review, Week
    from turnout.store.ledger import Ledger

app = typer.Typer(
    help="Reports from the ledger. (Drill reports: `turnout drill list`; of other set-ups' logs: `turnout audit import`.)",
    no_args_is_help=True,
)


@app.callback()
def _reports() -> None:
    """A group, although it has one command yet."""


@app.command()
def weekly(
    week: Annotated[
        str | None, typer.Option(help="As 2026-W47, in UTC; default: the last whole one, or this one if that was empty.")
    ] = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    out: Annotated[Path | None, typer.Option(help="Write the report here, as one HTML file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all figures and advice as JSON.")] = False,
) -> None:
    """Routing, cost, quality, latency, errors, against the week before, and what to change. Exit code 1 if there is no ledger, 2 on wrong usage."""
    from turnout.reports.advice import advise
    from turnout.reports.weekly_page import page, summary

    of = settings(config, data_dir)
    now = SystemClock().now()
    with ledger(of) as opened:
        review = _review(opened, week, now, of.data_dir)
        advice = advise(review, _view(of.data_dir), datetime.fromtimestamp(now, UTC).date())
        if out is not None:
            try:
                out.write_text(page(review, advice), "utf-8")
            except OSError as error:
                raise Unusable(f"{out} cannot be written: {error.strerror or error}") from error
    if as_json:
        told = {"review": msgspec.to_builtins(review), "advice": msgspec.to_builtins(advice)}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(told)).decode() + "\n")
        return
    for line in summary(review, advice):
        print(line)
    print(f"report: {out}" if out is not None else "--out report.html writes the whole report")


def _review(opened: "Ledger", named: str | None, now: float, data_dir: Path) -> "Review":
    from turnout.drill.report import kept
    from turnout.reports.weekly import WEEK_S, review, week, week_before
    from turnout.types.seconds import DAY

    def made(of: "Week") -> "Review":
        drills = kept(data_dir)
        last = (
            f"Latest: {drills[0].id}, {drills[0].verdict}. {drills[0].sentence} `turnout drill show {drills[0].id}`"
            if drills
            else None
        )
        return review(of, opened.slices(of.since - WEEK_S, of.until, DAY), opened.policies.list(1_000), last)

    if named is not None:
        try:
            return made(week(named))
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--week") from None
    whole = made(week_before(now))
    return whole if whole.total.requests else made(week_before(now + WEEK_S))


def _view(data_dir: Path) -> "View | None":
    """What is served now; None where nothing was published yet, or it cannot be read: then the rules that need it are silent."""
    from turnout.build.spec import Places
    from turnout.view import ViewStore

    if not (data_dir / Places.views).is_dir():
        return None
    try:
        store = ViewStore(data_dir / Places.views)
        current = store.current()
        return store.load(current) if current is not None else None
    except (OSError, ValueError):
        print("the view that is served cannot be read: advice that needs it is left out", file=sys.stderr)
        return None
