"""What a drill measured, as frozen values: the report is drawn from these and its JSON is these."""

import msgspec

from turnout.types.drill import Drill


class Quantiles(msgspec.Struct, frozen=True):
    """Milliseconds, by nearest rank; None when there was nothing to measure."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class Phase(msgspec.Struct, frozen=True):
    """The traffic of one stretch of the drill. Refusals of ours that called nobody are not in it.

    ``lost`` met the failure and got no answer, or an answer made of bad content; ``failed_otherwise`` had another reason.
    ``cut`` are those of the lost whose answer broke off. ``latency_ms`` and ``first_token_ms`` are of answered requests,
    ``cost_usd`` is the mean of those with a known cost, ``unpriced`` counts the others. ``quality`` is the mean estimate (0..10) of the
    models that answered, where known. ``amplification`` is upstream calls per request, ``to_target`` the share of requests that
    called first what was drilled. ``checked`` counts the answers of cascades' first models, which are held and checked, and ``turned_down``
    those that failed.
    """

    requests: int = 0
    answered: int = 0
    lost: int = 0
    cut: int = 0
    failed_otherwise: int = 0
    amplification: float | None = None
    latency_ms: Quantiles = Quantiles()
    first_token_ms: Quantiles = Quantiles()
    cost_usd: float | None = None
    unpriced: int = 0
    quality: float | None = None
    to_target: float = 0.0
    checked: int = 0
    turned_down: int = 0


class Failover(msgspec.Struct, frozen=True):
    """Of requests on routes where others could answer, or of all where none could.

    ``seconds`` from the first failure to the last request but probes that still met it; None when it never stopped.
    ``hit`` requests met it before (``probes`` after), and of them the worst spent ``worst_wait_ms`` on calls that failed.
    """

    seconds: float | None
    hit: int
    probes: int
    worst_wait_ms: float | None


class Moment(msgspec.Struct, frozen=True):
    """One slice of time, from ``at`` seconds after the first request on: answers by who gave them, and how long they took."""

    at: float
    by_target: int
    elsewhere: int
    lost: int
    p95_ms: float | None


class RouteFigures(msgspec.Struct, frozen=True):
    """One route: before the failure, during it, and ``beside`` it. ``faults`` counts how calls to what was drilled ended, by fault."""

    name: str
    before: Phase
    during: Phase
    saved: int
    faults: dict[str, int]
    tried: tuple[str, ...]
    beside: Phase | None = None

    @property
    def reference(self) -> Phase:
        """What the route is like without the failure."""
        return reference(self.beside, self.before)


class Measurements(msgspec.Struct, frozen=True):
    """All of it. ``beside`` is live traffic outside the drill during the failure. Seconds; ``slice_s`` is the length of a moment.

    ``met`` requests met the failure or were led around it; ``saved`` were answered all the same. ``recovery_s`` is the time from
    the failure's end until what was drilled had its share again, None when that was not seen. ``served_by`` counts the answers
    during the failure by model, ``faults_elsewhere`` the faults of models that were not drilled, as ``model: {fault: count}``.
    ``spent_usd`` sums the known costs of all its requests: what a mirror cost.
    """

    drill: Drill
    before: Phase
    during: Phase
    after: Phase
    beside: Phase | None
    struck: int
    met: int
    saved: int
    failover: Failover
    recovery_s: float | None
    routes: tuple[RouteFigures, ...]
    timeline: tuple[Moment, ...]
    slice_s: float
    starts: float
    served_by: dict[str, int]
    faults_elsewhere: dict[str, dict[str, int]]
    spent_usd: float = 0.0

    @property
    def reference(self) -> Phase:
        """What the traffic is like without the failure."""
        return reference(self.beside, self.before)


def reference(beside: Phase | None, before: Phase) -> Phase:
    """Traffic beside the drill at the same time where there was enough, else that before the failure."""
    return beside if beside is not None and beside.answered >= ENOUGH else before


ENOUGH = 20
"""Answers below which nothing is concluded from a mean."""
