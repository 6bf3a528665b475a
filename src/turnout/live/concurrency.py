"""How many calls at once a model behind a credential bears, found out from its refusals: additive increase, multiplicative decrease.

There is no limit before the first refusal, and none long after the last: a provider that refuses nobody is never throttled.
``in_flight`` are this worker's calls under way there, ``now`` steady seconds.
"""

import msgspec

from turnout.types.resilience import QuotaRules

BACK_OFF = 0.9
"""What a refusal leaves of the limit (Netflix concurrency-limits, AIMD)."""

CEILING = 10_000.0

ROUND = 1.0
"""Seconds in which refusals count once: they answer calls that were all sent before the limit was lowered."""

FORGET = 600.0
"""Seconds without a refusal after which the limit is dropped: what is not hit in so long binds nobody, or is out of date."""


class Concurrency(msgspec.Struct, frozen=True, gc=False):
    """``limit`` None: none is known. ``refused_at``: when it was last lowered."""

    limit: float | None = None
    refused_at: float = 0.0


def limit(concurrency: Concurrency, rules: QuotaRules, now: float) -> int | None:
    """Calls at once; None: no limit. The rules' own number is never moved."""
    if rules.concurrency is not None:
        return rules.concurrency
    if concurrency.limit is None or now - concurrency.refused_at > FORGET:
        return None
    return int(concurrency.limit)


def has_room(concurrency: Concurrency, rules: QuotaRules, now: float, in_flight: int) -> bool:
    """Whether one more call may go out beside those in flight."""
    bound = limit(concurrency, rules, now)
    return bound is None or in_flight < bound


def succeeded(concurrency: Concurrency, now: float, in_flight: int) -> Concurrency:
    """One more for each limit-full of successes, and only when it was used: ``in_flight``, this call included, at least half of it."""
    known = concurrency.limit
    if known is None:
        return concurrency
    if now - concurrency.refused_at > FORGET:
        return Concurrency()
    if 2 * in_flight < known:
        return concurrency
    return Concurrency(min(known + 1.0 / known, CEILING), concurrency.refused_at)


def refused(concurrency: Concurrency, now: float, in_flight: int) -> Concurrency:
    """A capacity fault (429, 529). The first one finds the limit just below ``in_flight``, the refused call included."""
    known = concurrency.limit
    if known is None or now - concurrency.refused_at > FORGET:
        return Concurrency(min(max(1.0, BACK_OFF * in_flight), CEILING), now)
    if now - concurrency.refused_at < ROUND:
        return concurrency
    return Concurrency(max(1.0, BACK_OFF * known), now)
