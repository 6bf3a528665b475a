"""`turnout check`: every problem of a policy file at once."""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from turnout.errors import ConfigProblems, Problem


def check(
    config: Annotated[Path, typer.Option(help="The policy file.")] = Path("turnout.yaml"),
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the file, for editors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the problems as JSON.")] = False,
) -> None:
    """Check a policy file: exit code 0 if it may be served, 1 if not, 2 if there is no such file."""
    if schema:
        print(json.dumps(editor_schema(), indent=2))
        return
    if not config.is_file():
        print(f"no file {config}; name one with --config, or try `turnout demo`", file=sys.stderr)
        raise typer.Exit(2)
    problems, warnings = problems_of(config)
    _print_json(problems, warnings) if as_json else _print(config.name, problems, warnings)
    if problems:
        raise typer.Exit(1)


def editor_schema() -> dict[str, object]:
    """JSON Schema of turnout.yaml."""
    from turnout.config.schema import File

    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **File.model_json_schema()}


def problems_of(config: Path) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """Problems and warnings. A secret that is not there is a warning: the file may be meant for another machine.

    So is what is wrong in the files of suites: all is served without them.
    """
    from turnout.build.bench_suite import of_files
    from turnout.catalog.load import load_catalog
    from turnout.config.load import inspect

    try:
        checked = inspect(config, os.environ, load_catalog(), datetime.now(UTC).date(), secrets_needed=False)
    except ConfigProblems as problems:
        return problems.problems, ()
    return checked.problems, (*checked.warnings, *of_files(checked.policy, config.parent))


def _print(file: str, problems: tuple[Problem, ...], warnings: tuple[Problem, ...]) -> None:
    for problem in problems:
        print(problem.text(file))
    for warning in warnings:
        print(f"{warning.text(file)}  (warning)")
    counted = f"{_count(len(problems), 'problem')}, {_count(len(warnings), 'warning')}"
    print(f"{file}: {counted}" if problems or warnings else f"{file}: no problems")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _print_json(problems: tuple[Problem, ...], warnings: tuple[Problem, ...]) -> None:
    print(
        json.dumps(
            {"problems": [each._asdict() for each in problems], "warnings": [each._asdict() for each in warnings]}, indent=2
        )
    )
