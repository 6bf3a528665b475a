"""The gateway under the matrix, as a user starts it: ``turnout serve`` with its control process, a policy file, a data directory."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

READY_WITHIN = 40.0
IN_LEDGER_WITHIN = 20.0


class House(msgspec.Struct, frozen=True):
    """A running gateway: the data plane's port, the control plane's, and where its files are."""

    api: int
    control: int
    data_dir: Path

    def records(self, ids: list[str]) -> list[dict[str, Any]]:
        """These requests as the ledger has them, once they are there."""
        token = (self.data_dir / "admin-token").read_text().strip()
        connection = http.client.HTTPConnection("127.0.0.1", self.control, timeout=10)
        until = time.monotonic() + IN_LEDGER_WITHIN
        found: list[dict[str, Any]] = []
        try:
            while len(found) < len(ids):
                connection.request("GET", f"/api/requests/{ids[len(found)]}", headers={"authorization": f"Bearer {token}"})
                answer = connection.getresponse()
                body = answer.read()
                if answer.status == 200:
                    found.append(json.loads(body))
                    continue
                assert time.monotonic() < until, f"{ids[len(found)]} did not reach the ledger: {body!r}"
                time.sleep(0.1)
        finally:
            connection.close()
        return found


def two_ports() -> tuple[int, int]:
    """Free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


@contextlib.contextmanager
def serving(directory: Path, policy: str, api: int, control: int) -> Iterator[House]:
    """``turnout serve`` on this policy, ready; ended with the block."""
    config, house = directory / "turnout.yaml", House(api, control, directory / "data")
    config.write_text(policy, "utf-8")
    log = directory / "serve.log"
    environment = {name: value for name, value in os.environ.items() if not name.upper().endswith(("_PROXY", "_API_KEY"))}
    command = [sys.executable, "-m", "turnout", "serve", "--config", str(config), "--data-dir", str(house.data_dir)]
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=output, env=environment) as process,  # noqa: S603 - our own program
    ):
        try:
            until = time.monotonic() + READY_WITHIN
            while not (_is_ready(api) and _is_ready(control)):
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"the gateway did not start; it said:\n{log.read_text('utf-8')}")
                time.sleep(0.05)
            yield house
        finally:
            process.terminate()


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
