"""All looks, one after the other; one that cannot be taken is a finding itself."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.util import find_spec

from turnout.build.doctor.finding import SHOWN, Finding, Patient
from turnout.build.doctor.places import look_at_data_dir, look_at_journal, look_at_metrics
from turnout.build.doctor.processes import look_at_processes
from turnout.build.doctor.store import look_at_store
from turnout.build.spec import Places
from turnout.catalog.load import load_catalog
from turnout.config.check import Checked
from turnout.config.load import inspect, load
from turnout.errors import ConfigProblems
from turnout.telemetry.settings import complaints

_EXTRAS = {"demo": "anthropic", "otel": "opentelemetry", "postgres": "psycopg", "redis": "redis"}
"""Each extra by the module that it brings."""


def examine(patient: Patient) -> tuple[Finding, ...]:
    """In the order in which things are needed."""
    checked = _checked(patient)
    looks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("policy", lambda: _policy(patient, checked)),
        ("data directory", lambda: look_at_data_dir(patient.settings.data_dir)),
        ("store", lambda: look_at_store(patient, checked.policy.content_keys if isinstance(checked, Checked) else None)),
        ("journal", lambda: look_at_journal(patient.settings.data_dir / Places.journal)),
        ("metrics", lambda: look_at_metrics(patient.settings.data_dir / Places.metrics)),
        ("processes", lambda: look_at_processes(patient.settings)),
        ("telemetry", lambda: _telemetry(patient)),
        ("extras", _extras),
    )
    found: list[Finding] = []
    for about, look in looks:
        try:
            found += look()
        except OSError as error:
            found.append(Finding(about, "wrong", f"cannot be looked at: {error}", "run this as the user of turnout serve"))
    return tuple(found)


def _checked(patient: Patient) -> Checked | ConfigProblems | None:
    today = datetime.fromtimestamp(patient.now, UTC).date()
    try:
        if patient.config is not None:
            return inspect(patient.config, patient.env, load_catalog(), today, secrets_needed=True)
        load(None, patient.env, load_catalog(), today)
    except ConfigProblems as problems:
        return problems
    return None


def _policy(patient: Patient, checked: Checked | ConfigProblems | None) -> Iterator[Finding]:
    if checked is None:
        yield Finding("policy", "note", "no file: providers come from the keys in the environment", "name a file with --config")
        return
    file = None if patient.config is None else str(patient.config)
    for problem in checked.problems[:SHOWN]:
        yield Finding("policy", "wrong", problem.text(file), None if file is None else f"turnout check --config {file}")
    warnings = checked.warnings if isinstance(checked, Checked) else ()
    for warning in warnings[:SHOWN]:
        yield Finding("policy", "note", warning.text(file))
    if not checked.problems:
        yield Finding("policy", "well", f"{file} may be served")


def _telemetry(patient: Patient) -> Iterator[Finding]:
    for complaint in complaints(patient.env):
        yield Finding("telemetry", "wrong", complaint)


def _extras() -> Iterator[Finding]:
    have = [name for name, module in _EXTRAS.items() if find_spec(module) is not None]
    missing = [name for name in _EXTRAS if name not in have]
    said = f"installed: {', '.join(have) or 'none'}"
    yield Finding("extras", "well", f"{said}; not installed: {', '.join(missing)}" if missing else said)
