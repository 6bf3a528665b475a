"""Records as a drill leaves them: ``openai`` fails for a while, ``other`` stands in."""

import random
from collections.abc import Iterator
from typing import Any

import msgspec

from tests.support.records import TRAITS, attempt, record
from turnout.types.drill import Drill
from turnout.types.money import pico_from_usd
from turnout.types.policy import Fallback, Policy, Provider, Route
from turnout.types.record import Record

T0 = 1_790_000_000.0
DRILL = Drill("2026-11-23-outage-openai", "outage", since=T0 + 15, ends=T0 + 45, until=T0 + 60, provider="openai")
TARGET, OTHER = "openai/gpt", "other/big"
QUALITY = {TARGET: 8.4, OTHER: 7.9}
POLICY = Policy(
    routes=(
        Route("support", "static", models=(TARGET,), fallback=(Fallback(OTHER),)),
        Route("default", "static", models=(TARGET,), fallback=(Fallback(OTHER),)),
    ),
    providers=tuple(
        Provider(name, None, "openai-chat", "http://x", "bearer", region=region)
        for name, region in (("openai", "us"), ("other", "eu"))
    ),
)


def aim(model: str) -> bool:
    return model.startswith("openai/")


def quality(model: str, _: str | None) -> float | None:
    return QUALITY.get(model)


def one(n: int, at: float, *tries: tuple[str, str | None, float], route: str = "support", **changes: Any) -> Record:
    """A request whose calls were these: model, fault, milliseconds. The last one answers unless it has a fault."""
    attempts, now, cost = [], 1.0, 0
    for model, fault, took in tries:
        price = pico_from_usd("0.0010" if model == TARGET else "0.0016")
        paid = price if fault is None else pico_from_usd(0)
        cost += paid
        attempts.append(
            attempt(
                model=model, fault=fault, detail=fault, started_ms=now, ended_ms=now + took, first_token_ms=None if fault else now + took / 3,
                status=None if fault else 200, cost=paid, usage=None,
            )
        )  # fmt: skip
        now += took
    last = attempts[-1] if attempts else None
    ok = last is not None and last.fault is None
    usual = {
        "at": at, "route": route, "attempts": tuple(attempts), "model": last.model if ok and last else None,
        "outcome": "ok" if ok else "failed", "status": 200 if ok else 502, "duration_ms": now + 1, "cost": pico_from_usd(cost / 10**12),
        "first_token_ms": last.first_token_ms if ok and last else None, "traits": TRAITS,
    }  # fmt: skip
    return record(n, **(usual | changes))


def outage(
    *, rate: int = 10, until_left: float = 1.2, back_after: float = 6.0, lost: frozenset[int] = frozenset()
) -> Iterator[Record]:
    """A minute of which the middle half is an outage: ``openai`` is left ``until_left`` seconds into it."""
    rng = random.Random(3)
    for n in range(60 * rate):
        at = T0 + n / rate
        took, elsewhere = 300 + 400 * rng.random(), 420 + 600 * rng.random()
        route = "support" if n % 3 else "default"
        if n in lost:
            yield one(n, at, (TARGET, "unavailable", 3.0), (OTHER, "unavailable", 5.0), route=route)
        elif at < DRILL.since or at >= DRILL.ends + back_after:
            yield one(n, at, (TARGET, None, took), route=route)
        elif at < DRILL.since + until_left or (at < DRILL.ends and n % 50 == 0):
            yield one(n, at, (TARGET, "unavailable", 2.0), (OTHER, None, elsewhere), route=route)
        else:
            yield one(n, at, (OTHER, None, elsewhere), route=route, skipped=((TARGET, "ejected"),))


def changed(drill: Drill = DRILL, **changes: Any) -> Drill:
    return msgspec.structs.replace(drill, **changes)
