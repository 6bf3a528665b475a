"""``turnout serve`` in its own processes, and an upstream that answers at once, for tests that stop, kill and load them."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
from bench import free_port, wait_for

PATIENCE = 20.0


class Serving:
    """One ``turnout serve`` with its children, and where its things are."""

    def __init__(self, folder: Path, policy: dict[str, Any], workers: int) -> None:
        self.port, self.control_port = free_port(), free_port()
        self.config, self.data_dir = folder / "turnout.json", folder / "data"
        self.log = folder / "stderr.log"
        self.write(policy)
        self._command = [
            sys.executable, "-m", "turnout", "serve", "--config", str(self.config), "--port", str(self.port),
            "--control-port", str(self.control_port), "--data-dir", str(self.data_dir), "--workers", str(workers),
        ]  # fmt: skip
        self.process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with self.log.open("ab") as said:
            self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=said)
        self.until_ready()

    def until_ready(self) -> None:
        wait_for(self.port, "/health/ready", PATIENCE)
        wait_for(self.control_port, "/health/ready", PATIENCE)

    def write(self, policy: dict[str, Any] | str) -> None:
        """A whole new policy file at once, as a careful editor writes it."""
        text = policy if isinstance(policy, str) else json.dumps(policy)
        beside = self.config.with_suffix(".new")
        beside.write_text(text)
        beside.replace(self.config)

    def said(self) -> str:
        return self.log.read_text()

    def children(self, title: str) -> list[psutil.Process]:
        """Those of its processes that are called so."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return [
                child for child in psutil.Process(self.process.pid).children() if _called(child).startswith(f"turnout: {title}")
            ]
        return []

    def everyone(self) -> list[psutil.Process]:
        return [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]

    def kill_all(self) -> None:
        """Whatever a test left running."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in reversed(self.everyone()):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        self.process.wait()


@contextlib.contextmanager
def serving(folder: Path, policy: dict[str, Any], *, workers: int = 1) -> Iterator[Serving]:
    """Ready when entered; stopped, if it still runs, when left."""
    turnout = Serving(folder, policy, workers)
    turnout.start()
    try:
        yield turnout
    finally:
        if turnout.process.poll() is None:
            turnout.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                turnout.process.wait(PATIENCE)
        turnout.kill_all()


@contextlib.contextmanager
def upstream(*, events: int = 200, pace: float = 0.005) -> Iterator[int]:
    """The port of an upstream that answers at once; its streams have so many events, so many seconds apart."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.upstream", str(port), str(events), str(pace)])
    try:
        wait_for(port, None)
        yield port
    finally:
        process.kill()
        process.wait()


def policy(port: int, *models: str, **routes: Any) -> dict[str, Any]:
    """Models of one quick provider and routes over them."""
    facts = {
        "context": 128_000, "max_output": 16_000, "price": {"input": 1, "output": 4}, "input": ["text"],
        "features": {"streaming": True, "tools": True}, "quality": {"default": 6}, "latency_p95": "1s",
    }  # fmt: skip
    named = models or ("m1", "m2")
    return {
        "providers": {"quick": {"dialect": "openai-chat", "base_url": f"http://127.0.0.1:{port}/v1"}},
        "models": {f"quick/{name}": facts for name in named},
        "routes": {**routes, "default": {"objective": "cost", "models": [f"quick/{name}" for name in named]}},
    }


def ask(content: str = "What is the capital of France?", *, stream: bool = False) -> dict[str, Any]:
    return {"model": "auto", "messages": [{"role": "user", "content": content}], "stream": stream}


def until(holds: Callable[[], Any], what: str, within: float = PATIENCE) -> Any:
    """What ``holds`` returns once that is true."""
    end = time.monotonic() + within
    while not (found := holds()):
        assert time.monotonic() < end, f"not within {within} s: {what}"
        time.sleep(0.02)
    return found


def alive(pids: list[int]) -> list[int]:
    """Those that still run; a zombie does not."""
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


def _called(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""
