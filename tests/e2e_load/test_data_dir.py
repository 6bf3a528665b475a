"""The data directory belongs to its owner, to one instance, and to one version of the tables."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from bench import free_port

from tests.e2e_load.load import once
from tests.e2e_load.running import Serving, policy, serving, until, upstream


def serve(turnout: Serving, data_dir: Path) -> subprocess.CompletedProcess[str]:
    """A further ``turnout serve`` of the same policy, which is expected to end by itself."""
    command = [
        sys.executable, "-m", "turnout", "serve", "--config", str(turnout.config), "--data-dir", str(data_dir),
        "--port", str(free_port()), "--control-port", str(free_port()),
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


async def test_a_second_instance_on_one_directory_is_refused(tmp_path):
    """It would put its own policy in force under the first one's requests. It is told whom it met; the first serves on."""
    with upstream() as port, serving(tmp_path, policy(port)) as turnout:
        turnout.write(policy(port, "m3"))
        second = serve(turnout, turnout.data_dir)
        until(lambda: "policy 2 is in force" in turnout.said(), "the first takes up the change, as the second version")
        seen = await once(turnout.url)

    assert second.returncode == 1
    (line,) = second.stderr.splitlines()
    assert line.startswith(f"{turnout.data_dir} is in use by another turnout (process {turnout.process.pid}): stop that one, or")
    assert seen.status == 200


async def test_what_is_kept_there_is_the_owners_alone(tmp_path):
    """Views, journal, ledger with its write-ahead log, metrics, token, lock: whatever the umask of the shell was."""
    before = os.umask(0)
    try:
        with upstream() as port, serving(tmp_path, policy(port)) as turnout:
            seen = await once(turnout.url)
            until(lambda: {"views", "journal", "metrics"} <= folders(modes(turnout.data_dir)), "each place has files")
            found = modes(turnout.data_dir)
    finally:
        os.umask(before)

    assert seen.status == 200
    assert {"lock", "ledger.db", "ledger.db-wal", "admin-token"} <= found.keys()
    assert {name: f"{mode:o}" for name, mode in found.items() if mode & 0o077} == {}


def modes(data_dir: Path) -> dict[str, int]:
    """Permissions of the directory and of all that is in it at this moment; files come and go."""
    found = {}
    for path in (data_dir, *data_dir.rglob("*")):
        with suppress(FileNotFoundError):
            found[str(path.relative_to(data_dir))] = path.stat().st_mode & 0o777
    return found


def folders(names: Iterable[str]) -> set[str]:
    """Those that have something in them."""
    return {name.partition("/")[0] for name in names if "/" in name}


def test_a_directory_that_others_may_enter_is_warned_of(tmp_path):
    """Its mode is the owner's to change, so it is only said."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(0o755)
    with upstream() as port, serving(tmp_path, policy(port)) as turnout:
        said = turnout.said()

    assert f"{turnout.data_dir} is open to other users of this machine (mode 755); chmod 700 {turnout.data_dir}" in said


def test_a_ledger_of_another_version_ends_the_command_in_words(tmp_path):
    """Exit code 1, what and where, and what to do; no traceback."""
    turnout = Serving(tmp_path, policy(9), 1)
    turnout.data_dir.mkdir(mode=0o700)
    with closing(sqlite3.connect(turnout.data_dir / "ledger.db")) as ledger:
        ledger.execute("create table requests (id text)")
    ended = serve(turnout, turnout.data_dir)

    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"the ledger {turnout.data_dir}/ledger.db was written by another version of Turnout")
    assert "move the file away" in line


@pytest.mark.parametrize("place", ["/proc/turnout", "file/below"])
def test_a_directory_that_cannot_be_made_ends_the_command_in_words(place, tmp_path):
    """Exit code 1 and its name."""
    (tmp_path / "file").write_text("")
    ended = serve(Serving(tmp_path, policy(9), 1), tmp_path / place)

    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"the data directory {tmp_path / place} cannot be used: ")
