"""What a board knows, as values to be shown: nothing is decided on them."""

from collections.abc import Mapping

from turnout.execute.board import Board, p95, worst
from turnout.execute.deployment import Deployment
from turnout.execute.room import Room
from turnout.types.health import DeploymentHealth, Limit

_FEWEST = 0.5
"""Remembered requests below which a share says nothing any more."""


def seen(board: Board, regions: Mapping[str, str | None], now: float, unix: float) -> tuple[DeploymentHealth, ...]:
    """Every deployment as it stands ``now`` (steady seconds), which is ``unix`` for people. ``regions`` by model."""
    return tuple(_seen(member, regions.get(member.upstream.model), now, unix) for member in board.deployments)


def _seen(member: Deployment, region: str | None, now: float, unix: float) -> DeploymentHealth:
    model, rooms = member.upstream.model, (member.shared.room, member.room)
    guard, own = worst(member, now), member.own.health
    out = guard.health.until is not None
    counted = own.succeeded + own.failed
    unheard = member.streams.waiting + member.wholes.waiting
    since = min((heard.since for heard in (member.streams, member.wholes) if heard.waiting), default=None)
    paused = max(room.paused_until for room in rooms)
    return DeploymentHealth(
        model=model,
        provider=model.partition("/")[0],
        credential=member.upstream.credential,
        region=region,
        standing=guard.standing(now),
        what=guard.name,
        cause=guard.health.cause if out else None,
        until=guard.health.until - now + unix if guard.health.until is not None else None,
        quarantined=guard.health.quarantined,
        failure_share=round(own.failed / counted, 4) if counted >= _FEWEST else None,
        in_flight=member.in_flight,
        ttft_p95_ms=_ms(p95(member, stream=True)),
        latency_p95_ms=_ms(p95(member, stream=False)),
        held_back=sum(room.held_back for room in rooms),
        limits=_tightest(rooms, now),
        at_once=min((bound for room in rooms if (bound := room.at_once(now)) is not None), default=None),
        paused_until=paused - now + unix if paused > now else None,
        unheard=unheard,
        silent_s=round(now - since, 3) if since is not None else None,
    )


def _tightest(rooms: tuple[Room, ...], now: float) -> dict[str, Limit]:
    """Of the credential's limits and the model's own, where both are known, the one with less left."""
    found: dict[str, Limit] = {}
    for room in rooms:
        for name, limit in room.left(now).items():
            if name not in found or limit.left < found[name].left:
                found[name] = limit
    return found


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
