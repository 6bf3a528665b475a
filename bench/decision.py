"""What a decision costs: from a request's body to its plan, in-process, 20 candidates and 1.2 kB of text."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from bench.gateway import PROMPT, body, policy
from turnout.catalog.load import load_catalog
from turnout.config.load import load
from turnout.decide.classify import classify
from turnout.decide.compiled import compile_view
from turnout.decide.decide import decide
from turnout.dialects.registry import DIALECTS
from turnout.types.traits import Hints
from turnout.types.view import Base, Overlay

ROUNDS = 3_000


def p50_us(work: Callable[[], Any]) -> float:
    for _ in range(200):
        work()
    took = []
    for _ in range(ROUNDS):
        started = time.perf_counter_ns()
        work()
        took.append(time.perf_counter_ns() - started)
    return sorted(took)[ROUNDS // 2] / 1_000


def measure() -> dict[str, dict[str, float]]:
    """Microseconds at the median; the reference is decoding the same body with msgspec into plain objects."""
    catalog, today = load_catalog(), datetime.now(UTC).date()
    with TemporaryDirectory() as folder:
        config = Path(folder, "turnout.json")
        config.write_bytes(msgspec.json.encode(policy(9)))
        loaded = load(config, {}, catalog, today)
    tasks = {task: dict(skills) for task, skills in catalog.tasks.items()}
    base = Base(1, loaded.policy, loaded.models, tasks)
    started = time.perf_counter()
    view = compile_view(base, Overlay("base", today), "view")
    compiled_ms = (time.perf_counter() - started) * 1e3
    chat, raw, hints = DIALECTS["openai-chat"], body("auto", stream=False), Hints()
    ask = chat.ask(raw)
    traits = classify(ask.sketch, hints, front="openai-chat", caller=None, held=None)
    figures = {
        "read a body, us": p50_us(lambda: chat.ask(raw)),
        "classify, us": p50_us(lambda: classify(ask.sketch, hints, front="openai-chat", caller=None, held=None)),
        "match, price, order, us": p50_us(lambda: decide(view, traits, 7)),
        "decision (classify to plan), us": p50_us(
            lambda: decide(view, classify(ask.sketch, hints, front="openai-chat", caller=None, held=None), 7)
        ),
    }
    reference = p50_us(lambda: msgspec.json.decode(raw))
    rows = {name: {"turnout": value, "msgspec decode": reference} for name, value in figures.items()}
    return {**rows, "compile a view, ms": {"turnout": compiled_ms}, "prompt, bytes": {"turnout": float(len(PROMPT))}}
