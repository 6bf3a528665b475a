"""What a request costs in the gateway: CPU per request and per event, latency added, memory. Beside a bare relay in the same run."""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from bench import free_port, wait_for
from bench.upstream import EVENTS

ROUNDS = 9  # turns, so that what else the machine does meets both
REQUESTS = 3_200  # in each, so that a tick of the clock is 3 us
STREAMS = 320
RATE = 500.0
CANDIDATES = 20
PROMPT = (
    "I am preparing a short report for my team about the way our warehouse handles returns. Last month we had 1,240 returned parcels, "
    "and about a third of them were sent back because the size was wrong. Please explain, in plain words, which steps we could take to "
    "bring that share down, what each step would cost us roughly, and how we would know after three months whether it worked. "
    "Keep the tone friendly, avoid jargon, and end with a list of the three steps you would start with tomorrow. "
) * 2


def policy(upstream: int) -> dict[str, Any]:
    """Twenty models at one instant provider, journal and metrics on, a key as in production."""
    models = {
        f"instant/m{n}": {
            "context": 128_000, "max_output": 16_000, "price": {"input": 0.1 + n * 0.5, "output": 0.4 + n * 2}, "input": ["text"],
            "features": {"tools": True, "streaming": True}, "quality": {"default": 4 + n * 0.2}, "latency_p95": "1s",
        }
        for n in range(CANDIDATES)
    }  # fmt: skip
    routes = {
        "code": {"when": {"task": "code_generation"}, "objective": "quality", "models": list(models)},
        "support": {"when": {"task": "customer_support"}, "objective": "cost", "models": list(models)},
        "default": {"objective": "balanced", "models": list(models)},
    }
    return {
        "providers": {"instant": {"dialect": "openai-chat", "base_url": f"http://127.0.0.1:{upstream}/v1"}},
        "models": models,
        "routes": routes,
    }


def body(model: str, *, stream: bool, rushed: bool = False) -> bytes:
    asked = {"model": model, "messages": [{"role": "user", "content": PROMPT}], "stream": stream}
    return json.dumps({**asked, "user": "rushed"} if rushed else asked).encode()


@contextlib.contextmanager
def running(*command: str) -> Iterator[psutil.Process]:
    process = subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.DEVNULL)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
        process.kill()


def titled(root: psutil.Process, title: str) -> psutil.Process:
    return next(
        child
        for child in root.children(recursive=True)
        if child.cmdline()[:1] == [title] or " ".join(child.cmdline()).startswith(title)
    )


def cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def load(port: int, path: Path, count: int, rate: float | None = None) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.load", str(port), "/v1/chat/completions", str(path), str(count)]
    result = subprocess.run([*command, *([str(rate)] if rate else [])], capture_output=True, text=True, check=True, timeout=120)
    answer: dict[str, Any] = json.loads(result.stdout)
    if answer["failures"]:
        raise SystemExit(f"the load saw {answer['failures']} failures: a figure made of them would mean nothing")
    return answer


def measure() -> dict[str, dict[str, float]]:
    """Figures by name: Turnout's and the bare relay's."""
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        upstream, gateway_port, control_port, relay_port = (free_port() for _ in range(4))
        whole, streamed, paced, config = (Path(folder, name) for name in ("whole", "stream", "paced", "turnout.json"))
        whole.write_bytes(body("auto", stream=False))
        streamed.write_bytes(body("auto", stream=True, rushed=True))
        paced.write_bytes(body("auto", stream=True))
        config.write_text(json.dumps(policy(upstream)))
        stack.enter_context(running("bench.upstream", str(upstream)))
        relay = stack.enter_context(running("bench.bare_relay", str(relay_port), str(upstream)))
        started = time.monotonic()
        serve = stack.enter_context(
            running(
                "turnout", "serve", "--config", str(config), "--port", str(gateway_port), "--control-port", str(control_port),
                "--data-dir", str(Path(folder, "data")),
            )
        )  # fmt: skip
        wait_for(gateway_port, "/health/ready")
        figures["ready after start, s"] = {"turnout": time.monotonic() - started}
        wait_for(control_port, "/health/ready")
        wait_for(relay_port, None)
        gateway, control = titled(serve, "turnout: gateway"), titled(serve, "turnout: control")
        figures["memory idle, gateway, MB"] = {
            "turnout": gateway.memory_info().rss / 1e6,
            "bare relay": relay.memory_info().rss / 1e6,
        }
        figures["memory idle, control, MB"] = {"turnout": control.memory_info().rss / 1e6}
        for port in (gateway_port, relay_port):
            load(port, whole, 1_600)
        control_before = cpu(control)
        rounds: dict[str, list[float]] = {"turnout": [], "bare relay": []}
        for _ in range(ROUNDS):
            for name, port, process in (("turnout", gateway_port, gateway), ("bare relay", relay_port, relay)):
                before = cpu(process)
                answers = load(port, whole, REQUESTS)["answers"]
                rounds[name].append((cpu(process) - before) / answers * 1e6)
        time.sleep(1.0)
        per_request = {name: median(seen) for name, seen in rounds.items()}
        figures["CPU per request, us"] = per_request
        figures["CPU per request, quietest round, us"] = {name: min(seen) for name, seen in rounds.items()}
        pairs = zip(rounds["turnout"], rounds["bare relay"], strict=True)
        figures["CPU per request, in relays"] = {"turnout": median([ours / reference for ours, reference in pairs])}
        figures["control CPU per request, us"] = {"turnout": (cpu(control) - control_before) / (ROUNDS * REQUESTS) * 1e6}
        for figure, path in (("CPU per SSE event, us", streamed), ("CPU per SSE event 5 ms apart, us", paced)):
            for name, port, process in (("turnout", gateway_port, gateway), ("bare relay", relay_port, relay)):
                before = cpu(process)
                answers = load(port, path, STREAMS)["answers"]
                spent = (cpu(process) - before) * 1e6 - answers * per_request[name]
                figures.setdefault(figure, {})[name] = spent / (answers * EVENTS)
        direct = load(upstream, whole, 2_500, RATE)
        for name, port in (("turnout", gateway_port), ("bare relay", relay_port)):
            seen = load(port, whole, 2_500, RATE)
            for quantile in ("p50", "p99"):
                figures.setdefault(f"added latency {quantile} at {RATE:.0f}/s, ms", {})[name] = (
                    seen[f"{quantile}_ms"] - direct[f"{quantile}_ms"]
                )
        figures["memory after, gateway, MB"] = {
            "turnout": gateway.memory_info().rss / 1e6,
            "bare relay": relay.memory_info().rss / 1e6,
        }
    return figures
