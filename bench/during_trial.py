"""What a running trial costs: CPU per request in the gateway on a route with one, beside the same route without and a bare relay; and in the control process.

``python -m bench.during_trial``. All in one run, round by round, so that what else the machine does meets all of them.
"""

import contextlib
import json
import sqlite3
import tempfile
import time
import urllib.request
from pathlib import Path
from statistics import median

import psutil

from bench import free_port, wait_for
from bench.gateway import body, cpu, load, policy, running, titled
from turnout.clock import SystemClock
from turnout.release.desk import Desk
from turnout.store.ledger import Ledger
from turnout.types.policy import Policy
from turnout.types.release import Gate, Proposal, Release, Score, Status

ROUNDS = 11
REQUESTS = 3_200
CANDIDATE = "instant/m0"
"""The cheapest: a dearer one does harm, and its trial is over."""
PLAIN, TRIED = "plain", "tried"
SETTLES = 3.0
"""Seconds until the control process has taken a round's records in."""
IDLE = 10.0
RULES = {"autonomy": "auto", "stages": [50, 100], "stage_time": "1h", "silence": "1h"}


def with_trial(upstream: int) -> dict[str, object]:
    """The bench's policy with its route twice."""
    found = policy(upstream)
    default = found["routes"]["default"]
    return {**found, "routes": {**found["routes"], PLAIN: default, TRIED: default}, "release": RULES}


def begin_trial(data_dir: Path, control: int) -> None:
    """At half of the route's requests, as the controller begins it."""
    score = Score(0.4, 0.35, 0.4, 0.1, 0.1, 200, 50.0)
    proposal = Proposal("primary", "for the bench", (Gate("price", True, "confirmed"),), score=score)
    release = Release("bench", time.time(), "bench", "new", CANDIDATE, TRIED, None, Status("proposed", time.time()), proposal)
    ledger = Ledger(data_dir / "ledger.db")
    Desk(ledger, SystemClock(), lambda: Policy(routes=(), providers=()), lambda _, __: 0, lambda: 0).open(release, "bench")
    ledger.close()
    end = time.monotonic() + 15
    while phase(data_dir, control) != "trial":
        if time.monotonic() > end:
            raise SystemExit("the trial did not begin")
        time.sleep(0.1)
    time.sleep(1.0)  # workers read the view


def phase(data_dir: Path, control: int) -> str:
    """Of the trial's release."""
    token = (data_dir / "admin-token").read_text().strip()
    asked = urllib.request.Request(f"http://127.0.0.1:{control}/api/releases/bench", headers={"authorization": f"Bearer {token}"})
    with urllib.request.urlopen(asked, timeout=5) as answer:
        return str(json.load(answer)["release"]["status"]["phase"])


def shares(data_dir: Path) -> dict[str | None, int]:
    """How many requests were on which side."""
    with contextlib.closing(sqlite3.connect(data_dir / "ledger.db")) as ledger:
        return dict(ledger.execute("select side, count(*) from requests group by side").fetchall())


def measure() -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        upstream, port, control_port, relay_port = (free_port() for _ in range(4))
        config, data_dir = Path(folder, "turnout.json"), Path(folder, "data")
        config.write_text(json.dumps(with_trial(upstream)))
        bodies = {name: Path(folder, name) for name in (PLAIN, TRIED)}
        for name, path in bodies.items():
            path.write_bytes(body(name, stream=False))
        stack.enter_context(running("bench.upstream", str(upstream)))
        relay = stack.enter_context(running("bench.bare_relay", str(relay_port), str(upstream)))
        serve = stack.enter_context(
            running(
                "turnout", "serve", "--config", str(config), "--port", str(port), "--control-port", str(control_port), "--data-dir", str(data_dir),
            )
        )  # fmt: skip
        wait_for(port, "/health/ready")
        wait_for(control_port, "/health/ready")
        wait_for(relay_port, None)
        begin_trial(data_dir, control_port)
        gateway, control = titled(serve, "turnout: gateway"), titled(serve, "turnout: control")
        turns = (
            (TRIED, port, bodies[TRIED], gateway),
            (PLAIN, port, bodies[PLAIN], gateway),
            ("relay", relay_port, bodies[PLAIN], relay),
        )
        for _, where, path, _process in turns:
            load(where, path, 1_600)
        rounds: dict[str, list[float]] = {name: [] for name, *_ in turns}
        kept: dict[str, list[float]] = {name: [] for name in (PLAIN, TRIED)}
        for n in range(ROUNDS):
            for name, where, path, process in turns if n % 2 else turns[::-1]:
                rounds[name].append(_round(where, path, process, control, kept.get(name)))
        _tell(rounds, kept)
        before = cpu(control)
        time.sleep(IDLE)
        print(f"control, nothing asked, the trial's young units looked at: {(cpu(control) - before) / IDLE:.1%} of a core")
        print(f"requests by side: {shares(data_dir)}")
        if phase(data_dir, control_port) != "trial":
            raise SystemExit("the trial did not last: a figure made of it would mean nothing")


def _round(port: int, path: Path, process: psutil.Process, control: psutil.Process, kept: list[float] | None) -> float:
    """Microseconds of the processor per request; the control process' go to ``kept``."""
    before, own = cpu(process), cpu(control)
    answers = load(port, path, REQUESTS)["answers"]
    spent = (cpu(process) - before) / answers * 1e6
    if kept is not None:
        time.sleep(SETTLES)
        kept.append((cpu(control) - own) / answers * 1e6)
    return spent


def _tell(rounds: dict[str, list[float]], kept: dict[str, list[float]]) -> None:
    for name, seen in rounds.items():
        print(f"gateway CPU per request, {name:6}: {_spread(seen)} us")
    for one, other in ((TRIED, PLAIN), (TRIED, "relay"), (PLAIN, "relay")):
        print(f"{one} / {other}: {_spread([a / b for a, b in zip(rounds[one], rounds[other], strict=True)], 3)}")
    for name, seen in kept.items():
        print(f"control CPU per request, {name:6}: {_spread(seen)} us (ingest, sums, trial's looks)")


def _spread(seen: list[float], digits: int = 0) -> str:
    ordered = sorted(seen)
    return f"{median(ordered):.{digits}f} ({ordered[1]:.{digits}f} .. {ordered[-2]:.{digits}f} without the extremes)"


if __name__ == "__main__":
    measure()
