"""How releases and benchmarks are handled, as the policy says it: ``release:`` and ``suites:`` of turnout.yaml."""

from typing import Literal

import msgspec

from turnout.types.money import PicoDollars
from turnout.types.release import Spec
from turnout.types.suite import Graded


class Weights(msgspec.Struct, frozen=True):
    """Of the score's terms (PRODUCT R4)."""

    cost: float = 0.3
    latency: float = 0.3
    quality: float = 0.4


class Thresholds(msgspec.Struct, frozen=True):
    """Scores from which a trial may begin, reach ten, and reach fifty percent before live non-inferiority is shown."""

    trial: float = 0.1
    ten: float = 0.2
    fifty: float = 0.3


NET = Thresholds(0.01, 0.05, 0.1)
"""Of a route that says what a solved request is worth: its scores are net gains, where a hundredth is a point of quality."""


class Approvals(msgspec.Struct, frozen=True):
    """So many people of these roles must approve a proposal; ``owner``: one of them the route's owner."""

    count: int = 1
    roles: frozenset[str] = frozenset({"approver", "admin"})
    owner: bool = False


class ReleaseRules(msgspec.Struct, frozen=True):
    """How releases are handled. ``spec`` is what each trial's rules begin with; times in seconds, ``budget`` pico-dollars a day (UTC).

    ``net_thresholds`` are for routes that say what a solved request is worth; there ``weights`` and ``thresholds`` do not count.

    ``sources`` are where catalogs are refreshed from every ``refresh`` seconds, none: never. ``first_ceiling`` is the largest share (percent) a
    score of ``thresholds.trial`` allows. ``cooldown`` is how long a model that was rolled back is left alone on that route, doubled each time.
    ``overlap``: several releases may be on one route's traffic, one after the other, never at once, unless this says so.
    ``judge`` compares answers in pairs where a suite has no rule; None: such cases are left out. ``retire_ahead`` is how long before a retirement a replacement is proposed.
    """

    autonomy: Literal["propose", "auto"] = "propose"
    weights: Weights = Weights()
    thresholds: Thresholds = Thresholds()
    net_thresholds: Thresholds = NET
    first_ceiling: float = 5.0
    spec: Spec = Spec()
    sources: tuple[str, ...] = ()
    refresh: float = 86_400.0
    budget: PicoDollars = PicoDollars(0)
    approvals: Approvals = Approvals()
    cooldown: float = 604_800.0
    overlap: bool = False
    judge: str | None = None
    retire_ahead: float = 5_184_000.0


class Sampling(msgspec.Struct, frozen=True):
    """Cases drawn from the ledger's kept content: of these routes, of so many seconds, so many of them."""

    routes: tuple[str, ...]
    last: float = 604_800.0
    cases: int = 200


class SuiteRules(msgspec.Struct, frozen=True):
    """A benchmark suite: from ``file``, or sampled. It speaks for ``routes``. ``schedule`` is seconds between runs, None: only on releases and by hand.

    ``budget`` bounds one run (pico-dollars). ``graders`` judge cases that bring none; ``threshold`` is the score from which a case is solved.
    ``calibration`` is a file of labels that ``judge`` is held against.
    """

    name: str
    routes: tuple[str, ...]
    file: str | None = None
    sample: Sampling | None = None
    schedule: float | None = None
    budget: PicoDollars = PicoDollars(0)
    graders: tuple[Graded, ...] = ()
    judge: str | None = None
    repeats: int = 1
    threshold: float = 1.0
    calibration: str | None = None
