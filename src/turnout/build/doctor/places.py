"""The data directory and what is in it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from turnout.build.data_dir import holder
from turnout.build.doctor.finding import SHOWN, Finding, counted, size
from turnout.control.token import NAME as TOKEN
from turnout.journal.reader import DAMAGED, segments

ROOM = 1024**3
"""Bytes: with less room left on its disk, a data directory fills up before somebody looks."""
_ALL = os.R_OK | os.W_OK | os.X_OK


def look_at_data_dir(path: Path) -> Iterator[Finding]:
    about = "data directory"
    if not path.exists():
        yield Finding(about, "note", f"{path} is not there yet: turnout serve makes it")
        return
    if not path.is_dir():
        yield Finding(about, "wrong", f"{path} is no directory", "move it away, or name another one as data_dir")
        return
    if not os.access(path, _ALL):
        yield _not_ours(about, path)
    if (mode := path.stat().st_mode & 0o777) & 0o077:
        yield Finding(about, "wrong", f"{path} is open to other users of this machine (mode {mode:o})", f"chmod 700 {path}")
    token = path / TOKEN
    if token.exists() and (mode := token.stat().st_mode & 0o777) & 0o077:
        yield Finding(
            about, "wrong", f"{token} can be read by other users (mode {mode:o})", f"chmod 600 {token}, and make a new one"
        )
    free = shutil.disk_usage(path).free
    if free < ROOM:
        yield Finding(about, "wrong", f"{size(free)} are free on the disk of {path}", "make room, or lower store.retention")
    process = holder(path)
    used = "no turnout serve holds it" if process is None else f"turnout serve holds it (process {process})"
    yield Finding(about, "well", f"{path}: {used}, {size(free)} free")


def look_at_journal(path: Path) -> Iterator[Finding]:
    if not path.is_dir():
        yield Finding("journal", "well", "nothing waits: there is none yet")
        return
    if not os.access(path, _ALL):
        yield _not_ours("journal", path)
        return
    waiting = segments(path)
    room = sum(segment.stat().st_size for segment in waiting if segment.exists())
    said = (
        f"{counted(len(waiting), 'segment')} ({size(room)}) for the ledger to take in, or being written"
        if waiting
        else "nothing waits"
    )
    yield Finding("journal", "well", said)
    damaged = sorted(path.glob(f"*{DAMAGED}"))
    if damaged:
        yield Finding(
            "journal", "wrong", f"{counted(len(damaged), 'segment')} had damage in it, and what could be read of it is in the ledger: "
            f"{', '.join(each.name for each in damaged[:SHOWN])}", f"look at the disk's health; once you have, delete them from {path}",
        )  # fmt: skip


def look_at_metrics(path: Path) -> Iterator[Finding]:
    if not path.is_dir():
        yield Finding("metrics", "well", "none yet: the gateways write them")
    elif not os.access(path, _ALL):
        yield _not_ours("metrics", path)
    else:
        yield Finding("metrics", "well", f"of {counted(len(list(path.glob('*.metrics'))), 'gateway')}")


def _not_ours(about: str, path: Path) -> Finding:
    return Finding(
        about, "wrong", f"{path} cannot be read and written by this user", "run this as the user of turnout serve, or chown it"
    )
