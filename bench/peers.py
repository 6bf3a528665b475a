"""Other gateways, measured as bench/gateway.py measures ours. Installed into the temporary directory; never a dependency.

``python -m bench.peers`` prints the figures alone. What cannot be installed or started is said in its place.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import uvloop

from bench import free_port, load, wait_for
from bench.gateway import body, cpu, running
from bench.upstream import EVENTS

MEMORY, REQUEST, EVENT = (
    "memory idle, gateway, MB",
    "CPU per request, us",
    "CPU per SSE event, us",
)  # as bench/gateway.py names them
REQUESTS = 640
STREAMS = 32
WARM = 160
INSTALL_WITHIN = 600.0
READY_WITHIN = 90.0
KEY = "sk-bench-0123456789-abcdefghij-ABCDEFGHIJ"
HOME = Path(tempfile.gettempdir()) / "turnout-bench-peers"
"""Kept between runs for as long as the machine keeps temporary files."""


class Peer(NamedTuple):
    """``install`` puts it under a directory unless it is there; ``command`` gets that directory, its port and the upstream's."""

    name: str
    install: Callable[[Path], None]
    command: Callable[[Path, int, int], list[str]]
    headers: Callable[[int], str]
    ready: str | None
    env: dict[str, str]


def measure() -> dict[str, dict[str, float | str]]:
    """Figures by name, then by peer; the one that could not be had says why."""
    figures: dict[str, dict[str, float | str]] = {MEMORY: {}, REQUEST: {}, EVENT: {}}
    for peer in (LITELLM, PORTKEY):
        home = HOME / peer.name.lower()
        try:
            home.mkdir(parents=True, exist_ok=True)
            peer.install(home)
            for name, value in _measured(peer, home):
                figures[name][peer.name] = value
        except (OSError, subprocess.SubprocessError, psutil.Error, TimeoutError, SystemExit) as error:
            missing = next(name for name, by_peer in figures.items() if peer.name not in by_peer)
            figures[missing][peer.name] = f"none: {' '.join(str(error).split())[:40] or type(error).__name__}"
    return figures


def _measured(peer: Peer, home: Path) -> Iterator[tuple[str, float]]:
    upstream, port = free_port(), free_port()
    with running("bench.upstream", str(upstream)), _started(peer, home, port, upstream) as process:
        wait_for(port, peer.ready, READY_WITHIN)
        yield MEMORY, sum(member.memory_info().rss for member in _family(process)) / 1e6
        whole, streamed = (_request(peer, port, upstream, stream=stream) for stream in (False, True))
        _spent(process, port, whole, WARM)
        per_request = _spent(process, port, whole, REQUESTS)
        yield REQUEST, per_request * 1e6
        yield EVENT, (_spent(process, port, streamed, STREAMS) - per_request) / EVENTS * 1e6


@contextlib.contextmanager
def _started(peer: Peer, home: Path, port: int, upstream: int) -> Iterator[psutil.Process]:
    """Its own process group, without our environment's keys; all of it is gone when left."""
    plain = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with (home / "said.log").open("wb") as said:
        started = subprocess.Popen(
            peer.command(home, port, upstream), stdout=said, stderr=said, stdin=subprocess.DEVNULL, env=plain | peer.env, cwd=home
        )
    process = psutil.Process(started.pid)
    try:
        yield process
    finally:
        for member in _family(process):
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        started.wait()


def _spent(process: psutil.Process, port: int, request: bytes, count: int) -> float:
    """CPU seconds per answer, all its processes together. Raises SystemExit when an answer fails: its figure would mean nothing."""
    before = sum(map(cpu, _family(process)))
    seen = uvloop.run(load.run(port, request, count, None))
    if seen["failures"]:
        raise SystemExit(f"{seen['failures']} of {count} requests failed")
    return (sum(map(cpu, _family(process))) - before) / count


def _family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _request(peer: Peer, port: int, upstream: int, *, stream: bool) -> bytes:
    content = body("auto", stream=stream)
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(content)}\r\nauthorization: Bearer {KEY}\r\n{peer.headers(upstream)}\r\n"
    )
    return head.encode() + content


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=INSTALL_WITHIN, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _install_litellm(home: Path) -> None:
    if not (home / "bin" / "litellm").exists():
        _run(sys.executable, "-m", "venv", str(home))
        _run(str(home / "bin" / "pip"), "install", "--quiet", "litellm[proxy]")


def _litellm(home: Path, port: int, upstream: int) -> list[str]:
    served = {"model": "openai/m", "api_base": f"http://127.0.0.1:{upstream}/v1", "api_key": "key"}
    config = home / "config.yaml"
    config.write_text(json.dumps({"model_list": [{"model_name": "auto", "litellm_params": served}]}))
    return [
        str(home / "bin" / "litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", str(port),
        "--num_workers", "1", "--telemetry", "False",
    ]  # fmt: skip


def _install_portkey(home: Path) -> None:
    if not (home / "node_modules" / "@portkey-ai").exists():
        _run("npm", "install", "--silent", "--ignore-scripts", "--prefix", str(home), "@portkey-ai/gateway")


def _portkey(home: Path, port: int, _: int) -> list[str]:
    return ["node", str(home / "node_modules/@portkey-ai/gateway/build/start-server.js"), f"--port={port}", "--headless"]


def _portkey_headers(upstream: int) -> str:
    return f"x-portkey-provider: openai\r\nx-portkey-custom-host: http://127.0.0.1:{upstream}/v1\r\n"


LITELLM = Peer(
    "LiteLLM", _install_litellm, _litellm, lambda _: "", "/health/liveliness",
    {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MASTER_KEY": KEY},
)  # fmt: skip
PORTKEY = Peer("Portkey", _install_portkey, _portkey, _portkey_headers, None, {"NODE_ENV": "production"})

if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
