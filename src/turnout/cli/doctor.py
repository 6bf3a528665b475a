"""`turnout doctor`: what is well, what is not, and what to do; with --migrate, the ledger is brought up to date first."""

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from turnout.build.doctor.finding import Finding
    from turnout.config.settings import Settings

DEFAULT_CONFIG = Path("turnout.yaml")


def doctor(
    config: Annotated[Path | None, typer.Option(help="Policy file; ./turnout.yaml if there is one.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="The data directory, if turnout serve was given another one.")] = None,
    migrate: Annotated[
        bool, typer.Option("--migrate", help="Bring the ledger's tables up to date first; stop turnout serve before.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Look at everything a Turnout stands on: exit code 0 if all is well, 1 if something is wrong, 2 if there is no such file."""
    from turnout.build.doctor.examine import examine
    from turnout.build.doctor.finding import Patient
    from turnout.cli.problems import reported
    from turnout.config.load import places_of

    if config is not None and not config.is_file():
        print(f"no file {config}; name one with --config, or try `turnout demo`", file=sys.stderr)
        raise typer.Exit(2)
    config = config or (DEFAULT_CONFIG if DEFAULT_CONFIG.is_file() else None)
    with reported():
        settings = places_of(config, {} if data_dir is None else {"data_dir": data_dir})
        migrated = _migrated(settings) if migrate else None
    findings = examine(Patient(config, settings, os.environ, time.time()))
    _print_json(findings, migrated) if as_json else _print(findings, migrated)
    if any(finding.state == "wrong" for finding in findings):
        raise typer.Exit(1)


def _migrated(settings: "Settings") -> str:
    """What was done. Raises Unusable."""
    from contextlib import nullcontext

    from sqlalchemy.exc import SQLAlchemyError

    from turnout.audit.kinds import MIGRATED
    from turnout.build.data_dir import held
    from turnout.build.ledger import ledger_place
    from turnout.cli.actor import actor
    from turnout.clock import SystemClock
    from turnout.errors import Unusable
    from turnout.store.audit import AuditStore
    from turnout.store.engine import make_engine, said
    from turnout.store.ledger import in_words
    from turnout.store.upgrade import REVISION, migrate

    place = ledger_place(settings.data_dir, settings.store.url)
    if isinstance(place, Path) and not place.exists():
        return f"there is no ledger {place} yet: nothing to bring up to date"
    engine = make_engine(place)
    try:
        with (
            held(settings.data_dir) if settings.data_dir.is_dir() else nullcontext()
        ):  # of a server, another machine may still write
            before = migrate(engine)
            if before.state != "current":
                AuditStore(engine).add(MIGRATED, actor(), {"from": before.version, "to": REVISION}, SystemClock().now())
    except SQLAlchemyError as error:
        raise Unusable(f"the ledger {said(engine.url)} cannot be opened: {in_words(error)}") from error
    finally:
        engine.dispose()
    if before.state == "current":
        return f"the ledger {said(engine.url)} is up to date (revision {REVISION})"
    return f"the ledger {said(engine.url)} was brought from {f'version {before.version}' if before.version else 'nothing'} to revision {REVISION}"


def _print(findings: "tuple[Finding, ...]", migrated: str | None) -> None:
    if migrated is not None:
        print(migrated)
    width = max(len(finding.about) for finding in findings)
    for finding in findings:
        print(f"{finding.state:<5}  {finding.about:<{width}}  {finding.said}")
        if finding.do is not None:
            print(f"{'':<{width + 9}}-> {finding.do}")
    wrong = sum(finding.state == "wrong" for finding in findings)
    print("nothing is wrong" if not wrong else f"{wrong} {'thing is' if wrong == 1 else 'things are'} wrong")


def _print_json(findings: "tuple[Finding, ...]", migrated: str | None) -> None:
    import msgspec

    print(json.dumps({"migrated": migrated, "findings": msgspec.to_builtins(findings)}, indent=2))
