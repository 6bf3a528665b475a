"""A whole house in which releases run in a minute: simulated providers, ``turnout serve`` and people's keys, each a process or real HTTP."""

import contextlib
import http.client
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Self

import msgspec
from bench import free_port, wait_for

from tests.e2e_load.running import Serving, until
from turnout.audit.chain import verify
from turnout.cli.keys import key_hash
from turnout.clock import SystemClock
from turnout.config.lock import read_lock
from turnout.release.desk import Desk
from turnout.store.ledger import Ledger
from turnout.types.lock import Lock
from turnout.types.policy import Policy
from turnout.types.release import Gate, Proposal, Release, Role, Score, Status
from turnout.types.view import Base, Overlay
from turnout.view import ViewStore

OLD, MID, NEW = "sim-openai/large", "sim-openai/medium", "sim-openai/small"
KEYS = {
    name: f"tk-{name}-{role}" for name, role in (("ann", "approver"), ("ben", "approver"), ("olga", "admin"), ("vic", "viewer"))
}
"""People and their keys, by name."""
_ROLES = {name: key.rpartition("-")[2] for name, key in KEYS.items()}
QUICK: dict[str, Any] = {
    "autonomy": "auto", "stages": [20, 50, 100], "stage_time": "600ms", "stage_requests": 8, "holdback": 10, "bake": "900ms",
    "feedback_window": "300ms", "silence": "60s", "longest": "10m", "budget_usd_per_day": 5, "cooldown": "1h", "alpha": 0.4,
    "margin": {"quality": 0.5, "success": 0.5, "harm": 0.3}, "thresholds": {"trial": 0.01, "ten": 0.02, "fifty": 0.03},
}  # fmt: skip
"""A release's days in seconds. Margins are wide, so that a hundred requests prove that a model is no worse."""


def policy(sim: int, routes: Sequence[str] = ("chat",), **release: Any) -> dict[str, Any]:
    """Routes that a dear model serves, cheaper ones beside it, and a suite of questions."""
    facts = {
        "context": 128_000, "max_output": 16_000, "input": ["text"], "features": {"streaming": True, "tools": True},
        "quality": {"default": 6}, "latency_p95": "1s",
    }  # fmt: skip
    return {
        "providers": {
            "sim-openai": {"dialect": "openai-chat", "base_url": f"http://127.0.0.1:{sim}/sim-openai/v1", "vendor": "sim", "proxy": "none"}
        },
        "models": {
            name: {**facts, "price": {"input": usd, "output": 4 * usd}} for name, usd in ((OLD, 10), (MID, 2), (NEW, 0.15))
        },
        "routes": {
            **{name: {"static": OLD, "owner": "olga", "online": {"checks": ["refusal"]}} for name in routes},
            "default": {"objective": "cost", "models": [OLD]},
        },
        "suites": {"chat": {"file": "chat.jsonl", "routes": list(routes), "budget_usd": 5}},
        "release": {**QUICK, **release},
        "control": {"people": [{"name": name, "hash": key_hash(key), "role": _ROLES[name]} for name, key in KEYS.items()]},
    }  # fmt: skip


def suite(cases: int) -> str:
    return "\n".join(
        json.dumps({"input": f"Say something kind about the number {n}.", "graders": ["refusal"], "task": "chat"})
        for n in range(cases)
    )


def proposed(id_: str = "r-1", *, route: str = "chat", role: Role = "primary", **changes: Any) -> Release:
    """A release of the cheap model that has been measured: with ``autonomy: auto`` its trial is the next step."""
    proposal = Proposal(
        role, "it is as good", (Gate("price", True, "confirmed"),), score=Score(0.3, 0.25, 0.4, 0.1, 0.0, 40, 50.0)
    )
    made = Release(id_, time.time(), f"manual:{id_}", "new", NEW, route, OLD, Status("proposed", time.time()), proposal)
    return msgspec.structs.replace(made, **changes)


class House:
    """The processes, and how people, applications and the disk see them."""

    def __init__(self, folder: Path, sim: int, turnout: Serving, store: str | None = None) -> None:
        self.folder, self.sim, self.turnout = folder, sim, turnout
        self._store = store or turnout.data_dir / "ledger.db"

    # People.

    def call(self, method: str, path: str, body: Any = None, key: str | None = None) -> tuple[int, Any]:
        """The control plane's answer; with the admin token unless there is a ``key``."""
        token = key or (self.turnout.data_dir / "admin-token").read_text().strip()
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.turnout.control_port, timeout=20)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()

    def say(self, who: str, path: str, **body: Any) -> tuple[int, Any]:
        """A person does something."""
        return self.call("POST", path, body, KEYS[who])

    def get(self, path: str) -> Any:
        """Once it answers: the control process may be starting."""

        def asked() -> Any:
            with contextlib.suppress(OSError, http.client.HTTPException):
                status, found = self.call("GET", path)
                return found if status == 200 else None
            return None

        return until(asked, path)

    def open(self, model: str = NEW, route: str = "chat") -> str:
        """A release of that model, as somebody asks for it."""
        status, found = self.call("POST", "/api/releases", {"model": model, "route": route, "by": "ann"})
        assert status == 200, found
        return str(found["id"])

    def release(self, id_: str) -> Any:
        return self.get(f"/api/releases/{id_}")["release"]

    def steps(self, id_: str) -> list[Any]:
        return list(self.get(f"/api/releases/{id_}")["steps"])

    def until_phase(self, id_: str, *phases: str, within: float = 40.0, share: float | None = None) -> Any:
        """Its row, once it is in one of these (with at least that share)."""

        def there() -> Any:
            found = self.release(id_)
            status = found["status"]
            return found if status["phase"] in phases and (share is None or status["share"] >= share) else None

        try:
            return until(there, f"{phases} of {id_}", within)
        except AssertionError as late:
            seen = self.release(id_)["status"]
            raise AssertionError(f"{late}; it is {seen}; the log:\n{self.turnout.said()[-3000:]}") from None

    # Processes.

    def kill(self) -> None:
        """-9 to the control process; its supervisor begins another one."""
        [control] = self.turnout.children("control")
        control.kill()
        until(lambda: [one.pid for one in self.turnout.children("control")] not in ([], [control.pid]), "another control process")

    def kill_all(self) -> float:
        """-9 to every one of them, then a new start as of a rebooted machine; when (unix seconds)."""
        at = time.time()
        self.turnout.kill_all()
        self.turnout.start()
        return at

    def break_model(self, *models: str) -> None:
        """From now on their providers refuse every request for these, and for these alone."""
        connection = http.client.HTTPConnection("127.0.0.1", self.sim, timeout=10)
        connection.request(
            "POST", "/sim/faults", json.dumps([{"model": model, "fault": {"kind": "unavailable"}} for model in models])
        )
        assert connection.getresponse().status == 200
        connection.close()

    def stop(self) -> None:
        self.turnout.process.terminate()
        self.turnout.process.wait(20)

    # Disk.

    @property
    def lock_file(self) -> Path:
        return self.folder / "turnout.lock.yaml"

    @contextlib.contextmanager
    def ledger(self) -> Iterator[Ledger]:
        opened = Ledger(self._store)
        try:
            yield opened
        finally:
            opened.close()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.ledger() as ledger, ledger._engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query)]

    def overlay(self) -> Overlay:
        """Of the view in force, as workers read it."""
        views = ViewStore(self.turnout.data_dir / "views")
        current = views.current()
        assert current is not None
        return views.overlay(current)

    def base(self) -> Base:
        return ViewStore(self.turnout.data_dir / "views").base(self.overlay().base)

    def edit(self, change: Callable[[Any], object]) -> None:
        """People change their file: ``change`` gets it as a tree."""
        tree = json.loads(self.turnout.config.read_text())
        change(tree)
        self.turnout.write(tree)

    # What must hold whenever nobody is in the middle of something.

    def has(self, *releases: Release) -> None:
        """Put them into the ledger as they are, whoever else writes there; for phases before traffic."""
        with self.ledger() as ledger:
            desk = Desk(ledger, SystemClock(), lambda: Policy(routes=(), providers=()), lambda _, __: 0, lambda: 0)
            assert all(desk.open(one, "test") for one in releases)

    def agrees(self) -> Lock:
        """The ledger's lock, its file, the releases' rows, the view in force and the audit chain say the same; the lock."""

        def same() -> Any:
            with contextlib.suppress(OSError), self.ledger() as ledger:
                lock, every = ledger.lock.read(), ledger.releases.list(1_000)
                placed = {
                    one.release: one
                    for entry in lock.routes.values()
                    for one in (*entry.adopted, entry.trial, entry.mirror)
                    if one
                }
                on = {one.id for one in every if one.status.phase in ("mirror", "trial", "bake", "adopted")}
                written = read_lock(self.lock_file) if self.lock_file.exists() else Lock()
                in_force = (self.base().released, self.overlay().lock) == (lock.routes, lock.revision)
                return (lock,) if (set(placed) == on and written == lock and in_force) else None
            return None

        (lock,) = until(same, "lock, file, releases and view agree")
        with self.ledger() as ledger:
            assert list(verify(ledger.audit.entries())) == []
            for one in ledger.releases.list(1_000):
                steps = ledger.releases.steps(one.id)
                assert [step.n for step in steps] == list(range(1, len(steps) + 1))
                assert steps[-1].phase == one.status.phase
        return lock


class Traffic:
    """Applications that ask ``rate`` times a second, over a few connections, until told to stop; what broke is asked again by nobody."""

    def __init__(self, port: int, rate: float, route: str = "chat", workers: int = 4) -> None:
        self._port, self._pause, self._route = port, workers / rate, route
        self._enough = threading.Event()
        self._numbers = count()
        self.answered: dict[str, str] = {}
        self.at: dict[str, float] = {}
        """Who answered, and when (unix seconds), by request id."""
        self.broken = 0
        self.refused: list[str] = []
        self._threads = [threading.Thread(target=self._ask_on, daemon=True) for _ in range(workers)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join(20)

    def _ask_on(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        while not self._enough.wait(self._pause):
            body = {
                "model": self._route,
                "messages": [{"role": "user", "content": f"Hello, this is number {next(self._numbers)}."}],
            }
            try:
                connection.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"})
                answer = connection.getresponse()
                said = answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                self.broken += 1
                continue
            if answer.status == 200:
                name = answer.headers["x-turnout-request-id"]
                self.at[name] = time.time()
                self.answered[name] = answer.headers["x-turnout-model"]
            else:
                self.refused.append(said.decode(errors="replace")[:300])
        connection.close()


def share_of(house: House, model: str, requests: int = 60, route: str = "chat") -> float:
    """Of so many new requests, what that model answers."""
    found: Counter[str] = Counter()
    with Traffic(house.turnout.port, 400, route) as traffic:
        until(lambda: len(traffic.answered) >= requests, "answers")
    found.update(traffic.answered.values())
    return found[model] / found.total()


@contextlib.contextmanager
def simulating(*, time_scale: float = 0.0) -> Iterator[int]:
    """The port of the simulated providers, in a process of their own."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "turnout", "sim", "--port", str(port), "--time-scale", str(time_scale)], stdout=subprocess.DEVNULL
    )
    try:
        wait_for(port, "/sim/stats")
        yield port
    finally:
        process.kill()
        process.wait()


def paid(sim: int) -> Mapping[str, int]:
    """How many answers the providers were asked for, by model."""
    connection = http.client.HTTPConnection("127.0.0.1", sim, timeout=10)
    connection.request("GET", "/sim/stats")
    models = json.loads(connection.getresponse().read())["models"]
    connection.close()
    return {name: each["requests"] for name, each in models.items()}


@contextlib.contextmanager
def house(
    folder: Path, *, time_scale: float = 0.0, cases: int = 40, store: str | None = None, routes: Sequence[str] = ("chat",), **release: Any
) -> Iterator[House]:  # fmt: skip
    """Ready when entered; everything is ended when left."""
    (folder / "chat.jsonl").write_text(suite(cases))
    with simulating(time_scale=time_scale) as sim:
        written = policy(sim, routes, **release)
        if store is not None:
            written["store"] = {"url": store}
        turnout = Serving(folder, written, 1)
        turnout.start()
        try:
            yield House(folder, sim, turnout, store)
        finally:
            turnout.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                turnout.process.wait(15)
            turnout.kill_all()


def lasting(seconds: float) -> None:
    """A moment of the real processes' own time passes: what must not happen has no event to wait for."""
    time.sleep(seconds)
