"""Which of several equal deployments is asked: the cheaper of two drawn by chance, by peak EWMA (after Finagle and Linkerd).

A wait longer than remembered is believed at once, a shorter one slowly, so that a slow one is left early and tried again late.
"""

from collections.abc import Sequence
from math import exp

import msgspec

FADING = 10.0
"""Seconds; the time constant with which a wait is forgotten."""

UNKNOWN = 1e6
"""What a call to a deployment never yet measured costs while another one is under way: it is tried once, and then awaited."""


class Wait(msgspec.Struct, frozen=True, gc=False):
    """``seconds`` waited for a first sign, as remembered at ``at``; None: never measured."""

    seconds: float | None = None
    at: float = 0.0


def waited(wait: Wait, now: float, seconds: float) -> Wait:
    """One more measurement."""
    known = wait.seconds
    if known is None or seconds >= known:
        return Wait(seconds, now)
    weight = exp(min(0.0, wait.at - now) / FADING)
    return Wait(known * weight + seconds * (1.0 - weight), now)


def cost(wait: Wait, now: float, in_flight: int) -> float:
    """Its wait, fading while nothing is heard, for each call that would then be under way."""
    if wait.seconds is None:
        return UNKNOWN * in_flight
    return wait.seconds * exp(min(0.0, wait.at - now) / FADING) * (in_flight + 1)


def pick_two(costs: Sequence[float], chance: float) -> int:
    """Index of the cheaper of two different ones drawn by ``chance`` (0..1); of equals the first drawn (Mitzenmacher 2001)."""
    count = len(costs)
    if count == 1:
        return 0
    drawn = min(int(chance * count * (count - 1)), count * (count - 1) - 1)
    one, other = divmod(drawn, count - 1)
    other += other >= one
    return other if costs[other] < costs[one] else one
