"""What deciding yields: candidates, rejections, a plan. Recomputable from traits + view + seed."""

from typing import Literal, NamedTuple

import msgspec

from turnout.types.checks import Check
from turnout.types.money import PicoDollars
from turnout.types.policy import FaultCondition, Hedge, Timeouts
from turnout.types.record import Side

Rejected = Literal[
    "context_window", "max_output", "modality", "feature", "not_approved", "quality", "latency", "cost", "unknown_price",
    "data_policy", "region", "lossy", "retired", "disabled",
]  # fmt: skip
Reason = Literal[
    "static", "cheapest", "fastest", "best", "balanced", "split", "sticky", "explore", "trial", "fallback", "cascade",
    "cache", "direct",
]  # fmt: skip

ScoredBy = Literal["expense_usd", "latency_p95_ms", "quality"]


class Rejection(msgspec.Struct, frozen=True):
    """A model that may not serve this request; ``detail`` says what was missing, in words and numbers."""

    model: str
    reason: Rejected
    detail: str


class Candidate(msgspec.Struct, frozen=True):
    """A model that may serve. ``cost`` is the expected one, None when its price is unknown; ``quality`` 0..10, None when unknown.

    ``score`` is what the objective weighed it by (see :attr:`Decision.scored_by`); ``probability`` is the chance that this model
    would have been chosen first, over seeds (1.0 or 0.0 when nothing was drawn). The last three are PRODUCT P2 to P4 in
    pico-dollars, zero unless the policy gives them weight.
    """

    model: str
    quality: float | None
    latency_p95_ms: float | None
    cost: PicoDollars | None
    score: float
    probability: float
    latency_cost: int = 0
    error_cost: int = 0
    opportunity_cost: int = 0


class Step(msgspec.Struct, frozen=True):
    """One entry of a plan: try ``model`` when the attempt before it ended in one of ``on`` (the first: always).

    Where there are ``checks`` its answer is held until it has passed them (a cascade's arm).
    """

    model: str
    on: frozenset[FaultCondition]
    reason: Reason
    expected_cost: PicoDollars | None
    timeouts: Timeouts
    checks: tuple[Check, ...] = ()


class Plan(msgspec.Struct, frozen=True):
    """Ordered steps under one attempt limit, one deadline (seconds from arrival) and one cost budget.

    The steps of a cascade's arms come first, then ``own`` steps of the route's own choice, the first ``equal`` of which are the same
    model at the same price in several places; what the policy wrote as fallbacks follows. ``patience`` is how long (seconds) a
    request may wait for a model that has no room.
    """

    steps: tuple[Step, ...]
    attempts: int
    deadline: float
    budget: PicoDollars | None
    journal_required: bool
    own: int = 1
    equal: int = 1
    hedge: Hedge | None = None
    patience: float = 2.0


class Drawn(NamedTuple):
    """What chance had to do with a plan: the trial (its release), the arm, and the probability of that arm.

    Without a trial ``propensity`` is that of the plan's first choice, on a route that explores.
    """

    trial: str | None = None
    side: Side | None = None
    propensity: float | None = None


NOT_DRAWN = Drawn()


class Decision(msgspec.Struct, frozen=True):
    """The full result for explain and tests; the record keeps only its inputs and the plan's digest.

    ``scored_by`` says what the candidates' scores are: of an expense or a latency the smaller is better, of a quality the larger.
    """

    route: str
    reason: Reason
    candidates: tuple[Candidate, ...]
    rejections: tuple[Rejection, ...]
    plan: Plan
    scored_by: ScoredBy
    drawn: Drawn = NOT_DRAWN
