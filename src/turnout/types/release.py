"""The life of one model event on one route: what is known of it, what it may become, how far it is (ADR 10)."""

from typing import Any, Literal

import msgspec

from turnout.types.checks import Check
from turnout.types.money import PicoDollars

EventKind = Literal[
    "model_added", "model_removed", "price_changed", "context_changed", "capability_changed", "deprecation_announced", "retired",
    "alias_moved", "source_conflict",
]  # fmt: skip
EventState = Literal["accepted", "quarantined", "noted", "dismissed"]
"""``noted``: it changes nothing by itself (a feed's word, a conflict). ``quarantined``: it waits for a person."""


class CatalogEvent(msgspec.Struct, frozen=True):
    """One difference between two looks at the world's catalogs. ``model`` is ``vendor/model``; ``before`` and ``after`` are for people.

    ``at`` is when it was noticed, ``settled`` when it was decided what becomes of it, if that was later (unix seconds). ``sources`` say so;
    ``confirmed``: two of them agree, or a person did. ``change`` is the relative one of a price.
    """

    id: str
    at: float
    kind: EventKind
    model: str
    field: str | None
    before: str | None
    after: str | None
    sources: tuple[str, ...]
    state: EventState
    confirmed: bool = False
    change: float | None = None
    detail: str = ""
    settled: float | None = None


ReleaseKind = Literal["new", "repriced", "changed", "retiring"]
Role = Literal["primary", "segment", "cascade", "fallback", "new_use", "none"]
Phase = Literal[
    "detected", "screened", "benchmarked", "proposed", "mirror", "trial", "bake", "adopted", "rejected", "rolled_back", "inconclusive",
    "aborted",
]  # fmt: skip
ENDED: frozenset[Phase] = frozenset({"adopted", "rejected", "rolled_back", "inconclusive", "aborted"})
ON_TRAFFIC: frozenset[Phase] = frozenset({"mirror", "trial", "bake"})

Question = Literal["cheaper", "faster", "better", "fallback", "new_use"]
Verdict = Literal["yes", "no", "unconfirmed", "unknown"]


class Answer(msgspec.Struct, frozen=True):
    """One of the five release questions (PRODUCT R4), answered in a sentence with its figures."""

    question: Question
    verdict: Verdict
    text: str


class Gate(msgspec.Struct, frozen=True):
    """A hard condition: ``quality``, ``success``, ``capabilities``, ``data_policy``, ``price``. ``passed`` None: not known, which does not pass."""

    name: str
    passed: bool | None
    text: str


class Score(msgspec.Struct, frozen=True):
    """PRODUCT R4. ``value`` is the point, ``low`` its lower confidence bound, by which ``ceiling`` (percent of traffic) is chosen.

    The terms lie in [-1, 1]. ``n`` paired cases; ``margin`` is the smallest that so many cases could certify. ``worth`` (pico-dollars) is
    what the route says a solved request is worth: then ``value`` is what is gained a request in these, and the terms only stand beside it.
    """

    value: float
    low: float
    cost: float
    latency: float
    quality: float
    n: int
    ceiling: float
    margin: float | None = None
    worth: PicoDollars | None = None

    @property
    def name(self) -> str:
        """What to call ``value``."""
        return "score" if self.worth is None else "net gain"


class Proposal(msgspec.Struct, frozen=True):
    """What the release should become. ``when`` is a condition as turnout.yaml writes it; ``checks`` those of a cascade's step.

    ``text`` says it to people; ``saving`` is the expected share of the route's cost (0..1), ``runs`` the benchmarks it rests on.
    ``costs`` is what its answers cost as a multiple of those they replace, as measured; None: not known.
    """

    role: Role
    text: str
    gates: tuple[Gate, ...] = ()
    answers: tuple[Answer, ...] = ()
    score: Score | None = None
    when: dict[str, Any] | None = None
    checks: tuple[Check, ...] = ()
    saving: float | None = None
    runs: tuple[str, ...] = ()
    costs: float | None = None


class Margins(msgspec.Struct, frozen=True):
    """How much worse still counts as not inferior, and from where on it is harm, as absolute differences of shares.

    ``slow`` is the share of answers beyond ``slow_ms`` that a candidate may have more of; ``cost`` a relative difference.
    """

    quality: float = 0.03
    success: float = 0.02
    harm: float = 0.01
    slow: float = 0.05
    cost: float = 0.1


class Spec(msgspec.Struct, frozen=True):
    """The rules of one trial, frozen when it begins. Times in seconds, shares in percent.

    Each stage lasts ``stage_time`` and ``stage_units`` of the candidate's at least. ``ceiling`` bounds the share until every gate's live evidence is in.
    ``longest`` is the time after which a trial that proved nothing is inconclusive; ``bake`` how long ``holdback`` percent stay
    behind at the end. ``window`` is how long an outcome may take, ``silence`` how long a trial goes on without a single unit before it is paused.
    ``slow_ms`` is the latency bound; None: latency is not a guardrail. ``alpha`` is the chance of a false alarm over all guardrails,
    and of a false proof for each gate. ``mirror_sample`` 0: no mirror. ``proof_since`` (unix time) is when the candidate was last doubted: what came
    before counts for harm, and proves nothing any more.
    """

    stages: tuple[float, ...] = (1, 5, 10, 25, 50, 100)
    ceiling: float = 5.0
    holdback: float = 3.0
    stage_time: float = 3_600.0
    stage_units: int = 50
    longest: float = 1_209_600.0
    bake: float = 86_400.0
    window: float = 300.0
    silence: float = 3_600.0
    alpha: float = 0.05
    margins: Margins = Margins()
    slow_ms: float | None = None
    mirror_sample: float = 0.0
    mirror_budget: PicoDollars = PicoDollars(0)
    mirror_time: float = 3_600.0
    proof_since: float = 0.0


class Approval(msgspec.Struct, frozen=True):
    """Somebody's word on a proposal."""

    actor: str
    at: float
    approved: bool
    note: str = ""


class Status(msgspec.Struct, frozen=True):
    """How far it is. ``stage`` counts the spec's stages from 0, ``share`` (percent) is the candidate's now, ``since`` when phase or stage began.

    ``began``: when traffic first met it. ``paused`` says why, None while it runs. ``proven``: every gate's live evidence is in.
    ``reason`` says in words why it is where it is; ``until`` is when it may be looked at again after it ended badly.
    ``waiting`` says what it waits for: a suite, a budget, a confirmed price, approval, the route, proof. ``units`` is how many of
    the candidate's there had been when the stage began.
    """

    phase: Phase
    since: float
    stage: int = 0
    share: float = 0.0
    began: float | None = None
    paused: str | None = None
    proven: bool = False
    reason: str = ""
    waiting: str | None = None
    until: float | None = None
    approvals: tuple[Approval, ...] = ()
    units: int = 0


class Release(msgspec.Struct, frozen=True):
    """One row. ``revision`` rises with each change: whoever writes must have read the latest.

    ``incumbent`` is the model it is measured against; None on a route that chooses among several (the route's own choice is the control).
    ``due`` is the date (unix seconds) of a retirement.
    """

    id: str
    at: float
    event: str
    kind: ReleaseKind
    model: str
    route: str
    incumbent: str | None
    status: Status
    proposal: Proposal | None = None
    spec: Spec | None = None
    due: float | None = None
    revision: int = 0

    @property
    def is_over(self) -> bool:
        return self.status.phase in ENDED


class Step(msgspec.Struct, frozen=True):
    """A line of a release's history: the phase it entered, who or what made it, why, on which evidence, in which policy version.

    ``evidence`` is the SHA-256 of what it rested on, as stored with the step; ``share`` is in percent.
    """

    release: str
    n: int
    at: float
    phase: Phase
    actor: str
    note: str
    share: float
    evidence: str | None = None
    policy: int | None = None
