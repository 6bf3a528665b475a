"""Health as all workers see it together, under ``/api/health``."""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from turnout.clock import Clock
from turnout.control.openapi import described
from turnout.control.wire import as_json
from turnout.types.health import CheckSeen, DeploymentHealth, WorkerHealth

GONE_AFTER = 15.0
"""Seconds after which a worker that left no word is dead: its file is removed."""

STANDINGS = ("admitting", "degraded", "probing", "ejected")
"""The worst last."""

_MERGED = {"now": float, **dict.fromkeys(("workers", "providers", "deployments"), tuple[dict[str, Any], ...])}


class InWorker(msgspec.Struct, frozen=True):
    """How one worker sees a deployment."""

    worker: str
    seen: DeploymentHealth


def health_routes(directory: Path, clock: Clock) -> tuple[Route, ...]:
    """``directory`` is where the workers leave what they see."""

    @described("how all that is called stands", answers=_MERGED)
    def health(_: Request) -> Response:
        now = clock.now()
        return as_json({"now": now, **merged(read_workers(directory, now))})

    return (Route("/api/health", health),)


def read_workers(directory: Path, now: float) -> list[WorkerHealth]:
    """Of the workers that live at ``now`` (unix seconds), by name. Files of the dead, and those that cannot be read, are removed."""
    found: list[WorkerHealth] = []
    for file in sorted(directory.glob("*.json")):
        try:
            health = msgspec.json.decode(file.read_bytes(), type=WorkerHealth)
        except OSError:
            continue
        except msgspec.MsgspecError:
            health = None
        if health is not None and now - health.at <= GONE_AFTER:
            found.append(health)
        else:
            with suppress(OSError):
                file.unlink()
    return found


def merged(workers: Iterable[WorkerHealth]) -> dict[str, object]:
    """All workers' sights in one: each deployment as the worker sees it for whom it stands worst, and a line per provider."""
    workers = list(workers)
    places: dict[tuple[str, str], list[InWorker]] = {}
    for worker in workers:
        for one in worker.deployments:
            places.setdefault((one.model, one.credential), []).append(InWorker(worker.worker, one))
    checks: dict[tuple[str, str], CheckSeen] = {}
    for check in sorted((check for worker in workers for check in worker.checks), key=lambda check: check.at):
        checks[check.provider, check.credential] = check
    providers: dict[str, list[list[InWorker]]] = {}
    for sights in places.values():
        providers.setdefault(sights[0].seen.provider, []).append(sights)
    return {
        "workers": [{"worker": one.worker, "at": one.at, "in_line": one.in_line} for one in workers],
        "providers": [
            _provider(name, deployments, [check for check in checks.values() if check.provider == name])
            for name, deployments in sorted(providers.items())
        ],
        "deployments": [_deployment(sights) for _, sights in sorted(places.items())],
    }


def _deployment(sights: Sequence[InWorker]) -> dict[str, object]:
    worst = _worst(sights)
    slowest = {name: max(_known(sights, name), default=None) for name in ("failure_share", "ttft_p95_ms", "latency_p95_ms")}
    return {
        **{name: getattr(worst, name) for name in ("model", "provider", "credential", "region")},
        **{name: getattr(worst, name) for name in ("standing", "what", "cause", "until", "quarantined")},
        **slowest,
        "in_flight": sum(sight.seen.in_flight for sight in sights),
        "held_back": sum(sight.seen.held_back for sight in sights),
        "workers": [{"worker": sight.worker, **_own(sight.seen)} for sight in sights],
    }


def _own(one: DeploymentHealth) -> dict[str, object]:
    """What may differ from worker to worker."""
    shared = ("model", "provider", "credential", "region")
    return {name: value for name, value in msgspec.structs.asdict(one).items() if name not in shared}


def _provider(name: str, deployments: Sequence[Sequence[InWorker]], checks: Sequence[CheckSeen]) -> dict[str, object]:
    """``standing``: that of the best of its deployments, since that one can serve; ``causes`` are why the others are out."""
    standings = Counter(_worst(sights).standing for sights in deployments)
    everyone = [sight.seen for sights in deployments for sight in sights]
    return {
        "provider": name,
        "standing": min(standings, key=STANDINGS.index),
        "deployments": {standing: standings[standing] for standing in STANDINGS},
        "in_flight": sum(one.in_flight for one in everyone),
        "held_back": sum(one.held_back for one in everyone),
        "causes": sorted({f"{one.what}: {one.cause}" for one in everyone if one.cause is not None}),
        "checks": [{"credential": check.credential, "at": check.at, "result": check.result} for check in checks],
    }


def _worst(sights: Sequence[InWorker]) -> DeploymentHealth:
    return max((sight.seen for sight in sights), key=lambda one: STANDINGS.index(one.standing))


def _known(sights: Sequence[InWorker], name: str) -> list[float]:
    return [value for sight in sights if (value := getattr(sight.seen, name)) is not None]
