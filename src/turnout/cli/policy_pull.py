"""What `turnout policy pull` does: the file before and after, proved to mean the same, and written as a whole."""

import os
from datetime import UTC, datetime
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING

from turnout.errors import ConfigProblems, Unusable

if TYPE_CHECKING:
    from turnout.config.pull import Pulled


def merged(path: Path, data_dir: Path) -> "tuple[str, Pulled]":
    """The file's text and what it becomes.

    Raises:
        ConfigProblems: the file or its lock cannot be read.
        Unusable: the file cannot be merged into, or would not mean what is in force.
    """
    from turnout.catalog.accepted import DIRECTORY
    from turnout.catalog.load import load_catalog
    from turnout.config.amend import amend
    from turnout.config.load import inspect_text
    from turnout.config.lock import lock_path, read_lock
    from turnout.config.pull import Pulled, pull
    from turnout.types.lock import Lock

    if path.suffix == ".json":
        raise Unusable(f"{path} is JSON, which has no comments to keep: write what turnout.lock.yaml says by hand, or use YAML")
    text = path.read_text("utf-8")
    place = lock_path(path, data_dir)
    if not place.exists():
        return text, Pulled(text, (), ())
    lock, catalog, today = read_lock(place), load_catalog(accepted=data_dir / DIRECTORY), datetime.now(UTC).date()
    before = inspect_text(text, path.parent, os.environ, catalog, today)
    if before.problems:
        raise ConfigProblems(before.problems, file=path.name)
    pulled = pull(text, before, lock)
    after = inspect_text(pulled.text, path.parent, os.environ, catalog, today)
    if after.problems:
        raise ConfigProblems(after.problems, file=f"{path.name} as merged")
    kept = Lock(lock.revision, {name: entry for name, entry in lock.routes.items() if entry.trial or entry.mirror})
    if amend(after.policy, after.models, kept).policy != amend(before.policy, before.models, lock).policy:
        raise Unusable(f"{path} cannot be merged into without changing what is in force; write what {place.name} says by hand")
    return text, pulled


def difference(before: str, after: str, name: str) -> str:
    """As ``diff -u`` shows it."""
    lines = unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), name, f"{name} (pulled)")
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def write(path: Path, before: str, after: str) -> None:
    """Put it there as a whole, with the file's own mode. Raises Unusable where somebody was quicker, or it cannot be written."""
    try:
        if path.read_text("utf-8") != before:
            raise Unusable(f"{path} was changed meanwhile: nothing was written, pull again")
        place = path.resolve()  # a link stays one
        temporary = place.with_name(f".{place.name}.{os.getpid()}.tmp")
        temporary.write_text(after, "utf-8")
        temporary.chmod(place.stat().st_mode & 0o777)
        temporary.replace(place)
    except OSError as error:
        raise Unusable(f"{path} cannot be written: {error.strerror}") from error
