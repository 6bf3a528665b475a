"""The shares a trial goes through, in percent, and the rules it begins with. Pure."""

import msgspec

from turnout.types.policy import Route
from turnout.types.release import Proposal, Spec
from turnout.types.release_rules import ReleaseRules

COMPARED = 90.0
"""The largest share (percent) at which the control still has a part worth comparing with."""
SLOW = 1.5
"""Times the 95 % quantile of what serves today: an answer beyond it is slow, where the route names no bound itself."""


def begun(rules: ReleaseRules, route: Route | None, proposal: Proposal, usual_ms: float | None = None) -> Spec:
    """The rules of a trial that begins now: the policy's, with the ceiling of the score, the margins of the route and its bound on time.

    ``usual_ms`` is the 95 % quantile of the times of what serves the route today, None where that is not known.
    """
    margins, score = rules.spec.margins, proposal.score
    if route is not None:
        own = {name: value for name in ("quality", "success") if (value := getattr(route.margin, name)) is not None}
        margins = msgspec.structs.replace(margins, **own)
    margins = msgspec.structs.replace(margins, cost=_dearer(margins.cost, proposal))
    ceiling = score.ceiling if score is not None and score.ceiling > 0 else rules.first_ceiling
    return msgspec.structs.replace(rules.spec, ceiling=ceiling, margins=margins, slow_ms=_slow(rules.spec, route, usual_ms))


def _dearer(margin: float, proposal: Proposal) -> float:
    """The margin beyond what was proposed: a candidate known to cost twice as much does no harm by doing so."""
    costs = proposal.costs or 1.0
    return margin if costs <= 1 else (1 + margin) * costs - 1


def _slow(spec: Spec, route: Route | None, usual_ms: float | None) -> float | None:
    """The policy's bound, else the route's own wish, else a multiple of what is usual."""
    wished = (route.needs.latency_p95_ms or route.prefers.latency_p95_ms) if route is not None else None
    return spec.slow_ms or wished or (None if usual_ms is None else usual_ms * SLOW)


def whole(spec: Spec) -> float:
    """What "100 %" is while some stay behind to compare with."""
    return 100.0 - spec.holdback


def first(spec: Spec) -> float:
    """Where a trial begins: never above its ceiling."""
    return min(_ladder(spec)[0], spec.ceiling)


def after(spec: Spec, stage: int) -> float | None:
    """The share of the next stage; None when there is none, and all requests but the holdback are next."""
    ladder = _ladder(spec)
    return ladder[stage + 1] if stage + 1 < len(ladder) else None


def widest(spec: Spec) -> tuple[int, float] | None:
    """The last stage at which the control has a part worth comparing with, and its share; None where the trial has no such stage."""
    found = [(n, share) for n, share in enumerate(_ladder(spec)) if share <= COMPARED]
    return found[-1] if found else None


def at(spec: Spec, share: float) -> int:
    """The last stage whose share is not above this one."""
    return max((n for n, step in enumerate(_ladder(spec)) if step <= share), default=0)


def _ladder(spec: Spec) -> tuple[float, ...]:
    """The stages below "100 %"."""
    below = tuple(sorted(share for share in spec.stages if share < whole(spec)))
    return below or (whole(spec),)
