"""Gateways over one sim, as processes: on the README's policy, on that and the pages' routes, on the sim's own. No page needs more."""

import os
import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml import YAML

from tests.docs.snippets import chosen

STAND_INS = {
    "openai/gpt-5-mini": "small", "openai/gpt-5.5": "large",
    "anthropic/claude-haiku-4-5": "swift", "anthropic/claude-sonnet-5": "steady", "anthropic/claude-opus-5": "deep",
}  # fmt: skip
"""The simulated model that answers for each model of the README's policy: the decision is the real one, the answer is not."""

KEYS = dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "MISTRAL_API_KEY", "ACME_API_KEY"), "none-needed")


class Served(msgspec.Struct, frozen=True):
    """Where a gateway is, and a directory whose turnout.yaml is its policy."""

    directory: Path
    port: int
    control_port: int
    sim_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def placed(self, text: str) -> str:
        """A page's text with its addresses made those of this gateway."""
        moved = (
            text.replace(":8080", f":{self.port}").replace(":8081", f":{self.control_port}").replace(":9000", f":{self.sim_port}")
        )
        return moved.replace("turnout explain", f"turnout explain --url {self.url}")

    @property
    def env(self) -> dict[str, str]:
        program = Path(sys.executable).parent
        return {
            **os.environ, **KEYS, "PATH": f"{program}:{os.environ['PATH']}", "HOME": str(self.directory), "COLUMNS": "120",
            "DATA_DIR": str(self.directory / "data"),
        }  # fmt: skip

    def reset_sim(self) -> None:
        with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{self.sim_port}/sim/reset", b""), timeout=5):
            pass


def readme_policy(sim_port: int) -> dict[str, Any]:
    """The policy that the README shows, its providers stood in for by the sim."""
    policy: dict[str, Any] = YAML(typ="safe", pure=True).load(chosen("yaml", "policy")[0].text)
    for name in policy["providers"]:
        policy["providers"][name] = {"base_url": f"http://127.0.0.1:{sim_port}/sim-{name}/v1", "proxy": "none"}
    return {**policy, "models": {model: {"upstream_id": stand_in} for model, stand_in in STAND_INS.items()}}


def pages_policy(sim_port: int) -> dict[str, Any]:
    """The same with the routes of every page that shows some to try."""
    policy = readme_policy(sim_port)
    for snippet in chosen("yaml", "page"):
        policy["routes"] = YAML(typ="safe", pure=True).load(snippet.text)["routes"] | policy["routes"]
    return policy


def sim_policy(sim_port: int) -> dict[str, Any]:
    """What ``turnout sim --print-config`` prints."""
    command = [sys.executable, "-m", "turnout", "sim", "--print-config", "--port", str(sim_port)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    policy: dict[str, Any] = YAML(typ="safe", pure=True).load(printed)
    return policy


@contextmanager
def sim() -> Iterator[int]:
    """The simulated providers; yields their port."""
    command = [sys.executable, "-m", "turnout", "sim", "--port", "0", "--time-scale", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}) as process:
        assert process.stdout is not None
        try:
            yield int(re.search(r":(\d+)/", process.stdout.readline())[1])  # type: ignore[index]  # the program's own first line
        finally:
            process.terminate()


@contextmanager
def gateway(policy: dict[str, Any], directory: Path, sim_port: int) -> Iterator[Served]:
    """``turnout serve`` on a policy, ready."""
    port, control_port = _free_ports()
    served = Served(directory, port, control_port, sim_port)
    stated = {**policy, "server": {"port": port}, "control": {"port": control_port}, "data_dir": str(directory / "data")}
    (directory / "turnout.yaml").write_bytes(msgspec.json.encode(stated))  # JSON is YAML
    command = [sys.executable, "-m", "turnout", "serve"]
    with subprocess.Popen(
        command, cwd=directory, stdout=subprocess.PIPE, text=True, env={**served.env, "PYTHONUNBUFFERED": "1"}
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.startswith("dashboard:"):
                    break
            else:
                raise AssertionError("the gateway did not start")
            yield served
        finally:
            process.terminate()


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]
