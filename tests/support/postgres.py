"""A private PostgreSQL, begun once for a run of tests, and a fresh database in it for each test that asks for a store."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url

if TYPE_CHECKING:
    import psycopg

TEMPLATE = "turnout_template"
_QUICK = {
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "max_wal_size": "64MB",
    "min_wal_size": "32MB",
    "listen_addresses": "",
}
"""What a crash of the machine would lose is a test's; what was committed outlives a crash of the server, as it must."""


def programs() -> Path | None:
    """Where initdb and postgres are; None when they are not installed."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)


class Postgres:
    """One cluster on a socket in a directory of its own. PostgreSQL refuses to run as root: then it runs as somebody else."""

    def __init__(self, programs: Path, home: Path) -> None:
        self._programs = programs
        self._home = home
        self._numbers = count(1)
        self._connection: psycopg.Connection | None = None
        if os.geteuid() == 0:
            shutil.chown(home, user=_other_user().pw_uid)
        self._run(
            "initdb",
            "--pgdata",
            str(home / "data"),
            "--username=turnout",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        )
        self.start()

    def url(self, database: str) -> str:
        return f"postgresql://turnout@/{database}?host={self._home}"

    def start(self) -> None:
        options = " ".join(f"-c {name}={value or chr(39) * 2}" for name, value in _QUICK.items())
        self._run(
            "pg_ctl",
            "start",
            "--wait",
            "-D",
            str(self._home / "data"),
            "-l",
            str(self._home / "log"),
            "-o",
            f"{options} -k {self._home}",
        )

    def stop(self) -> None:
        """As a crash of the server would."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._run("pg_ctl", "stop", "--wait", "-D", str(self._home / "data"), "-m", "immediate")

    def empty(self) -> str:
        """The URL of a new database without tables."""
        return self._new("template0")

    def fresh(self) -> str:
        """The URL of a new database with this version's tables."""
        return self._new(TEMPLATE)

    def make_template(self) -> None:
        from turnout.store.ledger import Ledger  # noqa: PLC0415 - a run that asks for no store waits for none

        self.execute(f"create database {TEMPLATE} template template0")
        Ledger(self.url(TEMPLATE)).close()

    def execute(self, statement: str) -> None:
        import psycopg  # noqa: PLC0415 - same

        if self._connection is None:
            self._connection = psycopg.connect(self.url("postgres"), autocommit=True)
        self._connection.execute(statement)

    def drop(self, url: str) -> None:
        """Before the machine has written all of it to its disk."""
        self.execute(f"drop database {make_url(url).database} with (force)")

    def _new(self, template: str) -> str:
        name = f"turnout_{next(self._numbers)}"
        self.execute(f"create database {name} template {template}")
        return self.url(name)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        if os.geteuid() == 0:
            user = _other_user()
            command = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *command]
        with (self._home / "said").open("w+") as output:  # not a pipe: the server would hold it open
            done = subprocess.run(
                command, check=False, cwd=self._home, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=60
            )
            output.seek(0)
            assert done.returncode == 0, output.read()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Skips where PostgreSQL is not installed."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed: no initdb on PATH or under /usr/lib/postgresql (apt-get install postgresql)")
    home = Path(tempfile.mkdtemp(prefix="turnout-pg-", dir="/tmp"))  # a socket's path must be short
    try:
        server = Postgres(found, home)
        try:
            server.make_template()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a store may be opened; for SQLite the file ``ledger.db`` of the test's directory."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.fresh()
    yield url
    server.drop(url)


def _other_user() -> pwd.struct_passwd:
    """Debian's own user, or the one that is nobody."""
    users = {user.pw_name: user for user in pwd.getpwall()}
    return users.get("postgres") or users["nobody"]
