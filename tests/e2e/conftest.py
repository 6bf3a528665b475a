"""One simulated provider house and one gateway for the whole folder, as processes, as a user starts them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.world import KEYS, ROUTES, UNMOVED, World
from turnout.cli.keys import key_hash
from turnout.sim.policy import Ports, policy_yaml
from turnout.sim.profile import default_fleet

READY_WITHIN = 20.0


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """``turnout sim`` and ``turnout serve``, ready. Both end with the session."""
    directory = tmp_path_factory.mktemp("e2e")
    api, control, sim = free_ports(3)
    config, data_dir = directory / "turnout.yaml", directory / "data"
    config.write_text(policy_yaml(default_fleet(time_scale=0), Ports(api, control, sim), routes=ROUTES) + auth() + UNMOVED)
    providers = start("sim", "--port", sim, "--time-scale", 0)
    gateway = start("serve", "--config", config, "--data-dir", data_dir, log=directory / "serve.log")
    running = World(f"http://127.0.0.1:{api}", f"http://127.0.0.1:{control}", f"http://127.0.0.1:{sim}", data_dir)
    try:
        for url in (f"{running.sim}/sim/stats", f"{running.api}/health/ready", f"{running.control}/health/ready"):
            wait_for(running, url, directory / "serve.log")
        yield running
    finally:
        running.close()
        for process in (gateway, providers):
            process.send_signal(signal.SIGTERM)
        for process in (gateway, providers):
            process.wait(20)


@pytest.fixture(autouse=True)
def _well_again(world: World) -> Iterator[None]:
    """No test inherits the faults of another."""
    yield
    world.inject()


def auth(*names: str) -> str:
    """The policy's keys; those of these ``names``, or all."""
    keys = [{"name": name, "hash": key_hash(KEYS[name].secret), **KEYS[name].settings} for name in names or KEYS]
    return f"auth: {json.dumps({'keys': keys})}\n"


def start(*command: Any, log: Path | None = None) -> "subprocess.Popen[bytes]":
    environment = {name: value for name, value in os.environ.items() if not name.upper().endswith(("_PROXY", "_API_KEY"))}
    output = log.open("wb") if log else subprocess.DEVNULL
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "turnout", *map(str, command)], stdout=output, stderr=output, env=environment
        )
    finally:
        if log:
            output.close()  # type: ignore[union-attr]  # the child has its own


def wait_for(running: World, url: str, log: Path) -> None:
    until = time.monotonic() + READY_WITHIN
    while True:
        try:
            if running.call("GET", url).status == 200:
                return
        except OSError:
            pass
        if time.monotonic() > until:
            pytest.fail(f"{url} is not ready within {READY_WITHIN} s; the gateway said:\n{log.read_text()}")
        time.sleep(0.05)


def free_ports(number: int) -> list[int]:
    """Free a moment ago, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
