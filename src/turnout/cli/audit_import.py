"""``turnout audit import``: what an existing set-up does and costs, from its logs, and what another policy would make of it."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import msgspec
import typer

from turnout.cli.problems import reported

if TYPE_CHECKING:
    from turnout.reports.logs.call import Dirty
    from turnout.reports.week1 import Audit, Progress

FORMATS = ("litellm", "langfuse", "openai", "columns")
MAPPED = "model, id, at, end, provider, caller, use_case, tags, input, cached_input, output, reasoning, total, cost, latency_ms, latency_s, ttft_ms, status, error, ending, cached, stream, prompt"


def import_(
    files: Annotated[list[str], typer.Argument(help="Logs, .gz too; - is standard input.", metavar="FILE...")],
    policy: Annotated[Path | None, typer.Option(help="The policy to try on them; without one a policy is suggested.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the report here, as one HTML file.")] = None,
    as_json: Annotated[Path | None, typer.Option("--json", help="Write all figures here, as JSON; - is standard output.")] = None,
    title: Annotated[str, typer.Option(help="What the report is called.")] = "Week-1 audit",
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help=f"Columns by name, model=COLUMN,cost=COLUMN. What there is: {MAPPED}.")
    ] = None,
    shape: Annotated[str | None, typer.Option("--format", help=f"{', '.join(FORMATS)}; default: told by the rows.")] = None,
    dirty: Annotated[
        Path | None, typer.Option(help="Write every row that could not be used here, as JSON lines, without content.")
    ] = None,
) -> None:
    """Report on somebody's logs: models, use cases, spend, errors, and the same traffic under another policy. Nobody is called.

    Exit code 0; 1 if no row was usable or something cannot be read or written; 2 on wrong usage.
    """
    if shape is not None and shape not in FORMATS:
        raise typer.BadParameter(f"{shape} is none of {', '.join(FORMATS)}", param_hint="--format")
    if files.count("-") > 1:
        raise typer.BadParameter("standard input can be read once", param_hint="FILE")
    if policy is not None and not policy.is_file():
        raise typer.BadParameter(f"no file {policy}", param_hint="--policy")
    with reported():
        found = _audited(files, policy, title, _mapping(mapping or []), shape, dirty)
        _write(found, out, as_json)
    if as_json != Path("-"):
        _tell(found, out, as_json, dirty)
    if not found.total.calls:
        print(f"no row could be used: {found.rows:,} read, {found.dirty:,} unusable", file=sys.stderr)
        raise typer.Exit(1)


def _mapping(written: list[str]) -> dict[str, str]:
    from turnout.reports.logs.columns import KNOWN

    pairs = [part.partition("=") for each in written for part in each.split(",")]
    for what, equals, column in pairs:
        if not equals or not column or what.strip() not in KNOWN:
            raise typer.BadParameter(
                f'"{what}{equals}{column}": write WHAT=COLUMN, where WHAT is one of {", ".join(KNOWN)}', param_hint="--map"
            )
    return {what.strip(): column.strip() for what, _, column in pairs}


def _audited(
    files: list[str], policy: Path | None, title: str, mapping: dict[str, str], shape: str | None, dirty: Path | None
) -> "Audit":
    from turnout.catalog.load import load_catalog
    from turnout.clock import SystemClock
    from turnout.reports.logs.read import Reader
    from turnout.reports.logs.source import opened
    from turnout.reports.week1 import audit, named_policy

    catalog, today = load_catalog(), datetime.fromtimestamp(SystemClock().now(), UTC).date()
    named = named_policy(policy, os.environ, catalog, today) if policy is not None else None
    reader = Reader(shape=shape, mapping=mapping)
    with opened(files) as logs, _listing(dirty) as note, _progress(sum(log.size for log in logs)) as tell:
        return audit(logs, reader, catalog, today, named, tell, note, title=title)


@contextmanager
def _listing(path: Path | None) -> "Iterator[Callable[[Dirty], None]]":
    """Where dirty rows are listed as they come; nowhere without a path."""
    if path is None:
        yield lambda _: None
        return
    with _written(path), path.open("wb") as file:
        yield lambda row: _line(file, row)


def _line(file: IO[bytes], row: "Dirty") -> None:
    file.write(msgspec.json.encode(row) + b"\n")


@contextmanager
def _progress(size: int) -> "Iterator[Progress]":
    """A bar on standard error, of bytes, for each time the logs are read; nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    shown = (TextColumn("{task.description:22}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*shown, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, int] = {}

        def tell(what: str, done: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=size)
            bar.update(tasks[what], completed=done)  # type: ignore[arg-type]  # a TaskID is an int

        yield tell


def _write(found: "Audit", out: Path | None, as_json: Path | None) -> None:
    from turnout.reports.week1 import as_json as in_json
    from turnout.reports.week1_page import page

    if out is not None:
        with _written(out):
            out.write_text(page(found), "utf-8")
    if as_json is not None:
        text = in_json(found)
        if as_json == Path("-"):
            sys.stdout.buffer.write(text)
        else:
            with _written(as_json):
                as_json.write_bytes(text)


@contextmanager
def _written(path: Path) -> Iterator[None]:
    from turnout.errors import Unusable

    try:
        yield
    except OSError as error:
        raise Unusable(f"{path} cannot be written: {error.strerror or error}") from error


def _tell(found: "Audit", out: Path | None, as_json: Path | None, dirty: Path | None) -> None:
    from turnout.reports.week1_page import summary

    for line in summary(found):
        print(line)
    for path, what in ((out, "report"), (as_json, "figures"), (dirty, "unusable rows")):
        if path is not None:
            print(f"{what}: {path}")
    if out is None and found.total.calls:
        print("--out report.html writes the whole report")
