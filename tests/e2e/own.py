"""A gateway of a test's own, where the folder's shared one will not do: another fleet, more workers, processes that are killed."""

import asyncio
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.e2e.conftest import auth, free_ports, start, wait_for
from tests.e2e.world import World
from turnout.sim.policy import Ports
from turnout.sim.profile import Fleet
from turnout.sim.server import running_sim

PATIENCE = 20.0


class Own(World):
    """One ``turnout serve`` of this test. ``policy`` writes its file for the ports it got."""

    def __init__(self, directory: Path, sim: str, policy: Callable[[Ports], str], *words: Any) -> None:
        api, control = free_ports(2)
        super().__init__(f"http://127.0.0.1:{api}", f"http://127.0.0.1:{control}", sim, directory / "data")
        self._ports = Ports(api, control, int(sim.rpartition(":")[2]))
        self.config, self.log = directory / "turnout.yaml", directory / "serve.log"
        self._words = words
        self.process: subprocess.Popen[bytes] | None = None
        self.write(policy)

    def write(self, policy: Callable[[Ports], str]) -> None:
        """Another policy, whole at once."""
        beside = self.config.with_suffix(".new")
        beside.write_text(policy(self._ports) + auth("app", "other"))
        beside.replace(self.config)

    def start(self) -> None:
        self.process = start("serve", "--config", self.config, "--data-dir", self.data_dir, *self._words, log=self.log)
        self.until_ready()

    def until_ready(self) -> None:
        for url in (f"{self.api}/health/ready", f"{self.control}/health/ready"):
            wait_for(self, url, self.log)

    def stop(self) -> None:
        assert self.process is not None, "it was started"
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)

    def kill(self, title: str) -> None:
        """SIGKILL to one of its processes; returns when another is in its place."""
        assert self.process is not None, "it was started"
        [victim] = self.called(title)
        victim.kill()
        eventually(lambda: any(child.pid != victim.pid for child in self.called(title)), f"another {title}")
        self.until_ready()

    def called(self, title: str) -> list[psutil.Process]:
        assert self.process is not None, "it was started"
        found = []
        for child in psutil.Process(self.process.pid).children():
            try:
                if " ".join(child.cmdline()).startswith(f"turnout: {title}"):
                    found.append(child)
            except psutil.Error:
                continue
        return found

    def control_post(self, path: str, body: bytes) -> Any:
        token = (self.data_dir / "admin-token").read_text().strip()
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        return self.call("POST", self.control + path, body, headers)


@contextmanager
def own(directory: Path, sim: str, policy: Callable[[Ports], str], *words: Any) -> Iterator[Own]:
    """Ready when entered; stopped when left, however that is."""
    running = Own(directory, sim, policy, *words)
    try:
        running.start()
        yield running
    finally:
        running.close()
        if running.process is not None:
            running.stop()


@contextmanager
def sim_of(fleet: Fleet) -> Iterator[str]:
    """These simulated providers, on a thread of their own; yields their URL."""
    loop, ready, url = asyncio.new_event_loop(), threading.Event(), []
    stop = asyncio.Event()

    async def serve() -> None:
        async with running_sim(fleet) as running:
            url.append(running.url)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(PATIENCE)
    try:
        yield url[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE)
        loop.close()


def eventually(holds: Callable[[], Any], what: str) -> Any:
    """What it says once that is true."""
    until = time.monotonic() + PATIENCE
    while not (found := holds()):
        assert time.monotonic() < until, f"{what} does not come"
        time.sleep(0.02)
    return found
