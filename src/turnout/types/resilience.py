"""How patient the policy is with a provider, and how much it may ask of it. Settings only; `turnout.live` keeps what is known."""

from typing import Literal

import msgspec


class HealthRules(msgspec.Struct, frozen=True):
    """When a deployment is ejected and how it comes back. Times in seconds, shares 0..1.

    ``degraded_at``, ``eject_at``  shares of failures at which it gets a trickle only, and at which it is ejected
    ``samples``           fewest remembered requests before a share counts (20, as Hystrix)
    ``window``            time constant of forgetting: after it an outcome weighs 1/e
    ``consecutive``       failures in a row that eject it whatever the share (5, as Envoy); also the attempts of a silence
    ``ejection``, ``longest_ejection``  the first ejection, doubled with each further one up to the longest
    ``probes``            tries at once when an ejection is over; one more with each that succeeds
    ``successes``         probes in a row that must succeed before it is admitted again
    ``ramp``              time in which its share grows from a trickle to all: nobody is met by a herd on the first day back
    ``quarantine``        time until one attempt may look whether a refused credential or a missing model was mended
    ``check``, ``check_every``  the active check of what gets no traffic; a completion costs money and is never the default
    """

    degraded_at: float = 0.05
    eject_at: float = 0.5
    samples: int = 20
    window: float = 30.0
    consecutive: int = 5
    ejection: float = 5.0
    longest_ejection: float = 60.0
    probes: int = 1
    successes: int = 3
    ramp: float = 10.0
    quarantine: float = 600.0
    check_every: float = 20.0
    check: Literal["models", "completion", "none"] = "models"


class QuotaRules(msgspec.Struct, frozen=True):
    """How a credential's limits are kept.

    ``shadow``       count and report, but hold nobody back
    ``wait``, ``line``  seconds a request may wait for room, and how many may wait at once
    ``retry_share``, ``retry_floor``  second tries of a step: at most this share of a route's requests plus so many a second
                     (Finagle's retry budget: 20 % and a floor)
    ``concurrency``  calls at once per credential, of which each worker has its part; None: found out from the provider's refusals
    """

    shadow: bool = False
    wait: float = 2.0
    line: int = 100
    retry_share: float = 0.2
    retry_floor: float = 1.0
    concurrency: int | None = None
