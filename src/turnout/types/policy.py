"""The policy as frozen values: what the config resolves to, what the view carries. PRODUCT section 4 gives the words."""

from typing import Literal

import msgspec

from turnout.types.alert import Alerting
from turnout.types.caching import CacheStore, Caching
from turnout.types.checks import Check
from turnout.types.content import Keeping
from turnout.types.money import PicoDollars
from turnout.types.release_rules import ReleaseRules, SuiteRules
from turnout.types.resilience import HealthRules, QuotaRules

Objective = Literal["static", "cost", "latency", "quality", "balanced"]
FaultCondition = Literal["rate_limited", "unavailable", "context_overflow", "content_filter", "any"]


class All(msgspec.Struct, frozen=True, tag="all"):
    conditions: "tuple[Condition, ...]"


class AnyOf(msgspec.Struct, frozen=True, tag="any"):
    conditions: "tuple[Condition, ...]"


class Not(msgspec.Struct, frozen=True, tag="not"):
    condition: "Condition"


class TaskIs(msgspec.Struct, frozen=True, tag="task"):
    values: frozenset[str]


class ComplexityIs(msgspec.Struct, frozen=True, tag="complexity"):
    """Bands, or a range of the number; an unknown complexity satisfies neither."""

    bands: frozenset[str] = frozenset()
    at_least: float | None = None
    below: float | None = None


class TagIs(msgspec.Struct, frozen=True, tag="tag"):
    key: str
    values: frozenset[str]


SECRET_HEADERS = frozenset(("authorization", "proxy-authorization", "cookie", "api-key", "x-api-key"))
"""No condition may read these: what it reads is kept in the traits and recorded."""


class HeaderIs(msgspec.Struct, frozen=True, tag="header"):
    """``name`` in lower case, none of ``SECRET_HEADERS``."""

    name: str
    values: frozenset[str]


class HasFeatures(msgspec.Struct, frozen=True, tag="features"):
    """The request asks for all of these :class:`Feature` bits."""

    bits: int


class HasModality(msgspec.Struct, frozen=True, tag="modality"):
    """The request brings all of these input :class:`Modality` bits."""

    bits: int


class TokensAre(msgspec.Struct, frozen=True, tag="tokens"):
    """On the estimated input tokens: ``at_least`` <= tokens < ``below``."""

    at_least: int | None = None
    below: int | None = None


Condition = All | AnyOf | Not | TaskIs | ComplexityIs | TagIs | HeaderIs | HasFeatures | HasModality | TokensAre


class Needs(msgspec.Struct, frozen=True):
    """Hard requirements; a model that misses one, or whose figure is unknown, is rejected.

    ``quality`` is 0..10 for the request's task; ``levels`` the same for a named skill or task (``reasoning >= 7``).
    ``features`` and ``input`` are bits the route demands of a model whatever the request uses.
    """

    quality: float | None = None
    levels: dict[str, float] = {}
    cost_per_request: PicoDollars | None = None
    latency_p95_ms: float | None = None
    context: int | None = None
    features: int = 0
    input: int = 0
    region: frozenset[str] = frozenset()
    data_policy: frozenset[str] = frozenset()


class Prefers(msgspec.Struct, frozen=True):
    """Soft wishes: models that meet them come first, none is lost."""

    quality: float | None = None
    cost_per_request: PicoDollars | None = None
    latency_p95_ms: float | None = None
    ttft_ms: float | None = None


class Mix(msgspec.Struct, frozen=True):
    """Target shares of the balanced objective, in percent, summing to 100."""

    cheap: float = 70
    mid: float = 20
    premium: float = 10


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds. ``first_token`` runs from the start of the attempt to the first content of a stream, ``idle`` between any two reads after it.

    ``first_token_reasoning`` replaces ``first_token`` when the model thinks before it speaks: minutes are normal there.
    A non-streaming answer has no first token to watch for: only ``total`` bounds it.
    """

    connect: float = 5.0
    first_token: float = 30.0
    first_token_reasoning: float = 300.0
    idle: float = 60.0
    total: float = 600.0


class Fallback(msgspec.Struct, frozen=True):
    """A model to try when the one before it failed in one of these ways. ``release`` is the one that brought it."""

    model: str
    on: frozenset[FaultCondition] = frozenset({"any"})
    release: str | None = None


class Arm(msgspec.Struct, frozen=True):
    """A cascade's step: this model first, and its answer only if it passes every check. ``release`` is the one that brought it."""

    model: str
    when: Condition | None = None
    checks: tuple[Check, ...] = ()
    release: str | None = None


class CacheEnd(msgspec.Struct, frozen=True, tag="cache"):
    """A chain's end: the stale answer to the same request, or the answer to a similar one."""

    kind: Literal["stale", "similar"]
    on: frozenset[FaultCondition] = frozenset({"any"})


class QueueEnd(msgspec.Struct, frozen=True, tag="queue"):
    """A chain's end: the request is handed to people. The caller waits ``wait`` seconds for their answer, then gets a ticket."""

    kind: Literal["human", "review"]
    wait: float = 0.0
    on: frozenset[FaultCondition] = frozenset({"any"})


class Hedge(msgspec.Struct, frozen=True):
    """A second attempt at another provider beside one that is silent for ``after`` seconds (None: the p95 of what it waits for).

    ``budget`` is the share of the route's requests, and of its expected spend, that may be spent on it.
    """

    after: float | None = None
    budget: float = 0.02


class Judging(msgspec.Struct, frozen=True):
    """A model that grades a ``sample`` (0..1) of a route's answers, for at most ``budget`` a day (UTC), all workers together.

    ``prompt`` says what a good answer is.
    """

    model: str
    sample: float
    budget: PicoDollars
    prompt: str | None = None


class After(msgspec.Struct, frozen=True):
    """What is done with a route's answers once their clients have them: kept, checked, judged. Nobody waits for it."""

    content: Keeping = "none"
    checks: tuple[Check, ...] = ()
    judge: Judging | None = None


class Segment(msgspec.Struct, frozen=True):
    """Part of a route's requests that ``model`` serves first, whatever the objective says; what would have served comes behind it.

    ``when`` None: all of them. ``release`` is the one that brought it.
    """

    model: str
    when: Condition | None = None
    release: str | None = None


class Trial(msgspec.Struct, frozen=True):
    """An A/B on a route: of the requests that ``when`` fits and ``model`` may serve, ``share`` (0..1) try ``model`` first.

    With ``checks`` its answer is held until it has passed them (the trial of a cascade's step). ``salt`` draws the arms of this trial and
    no other's. ``release`` names it in records.
    """

    release: str
    model: str
    share: float
    salt: str
    when: Condition | None = None
    checks: tuple[Check, ...] = ()


class Mirror(msgspec.Struct, frozen=True):
    """Copies of a ``sample`` (0..1) of a route's requests go to ``model``, for at most ``budget`` a day (UTC); nobody gets its answers.

    They are graded like the originals. No tool is ever run.
    """

    release: str
    model: str
    sample: float
    budget: PicoDollars
    when: Condition | None = None


class Margin(msgspec.Struct, frozen=True):
    """How much worse a candidate may be on this route, as fractions: of answers found good, of answers that came at all.

    None: the release rules' own.
    """

    quality: float | None = None
    success: float | None = None


Priority = Literal["high", "normal", "low"]


class Route(msgspec.Struct, frozen=True):
    """A named use case. ``models`` empty means every model of the configured providers.

    ``approved`` says that ``models`` is an approved list: nothing else may serve, the fallbacks included. ``admitted`` are further models
    that may, but only where a segment, a trial, a cascade's step or a fallback names them.
    ``split`` gives weights to models of a static route; ``band`` is how far, in quality points (0..10), a cheaper or faster model may
    lie below the best one. ``unknown`` names features whose unknown support is accepted. ``attempts`` bounds upstream
    calls of one request, ``deadline`` (seconds) and ``budget`` the whole chain. ``ends`` are what is left when every model failed;
    ``priority`` is its place in line where a provider has no room for all (None: by the request's latency need). ``after`` is None
    where nothing is done with its answers. ``segments`` (the first that fits), ``trial`` and ``mirror`` are what releases made of the route;
    ``explore`` is the share of requests (0..1) that try one of the eligible models at random; ``margin`` is for its trials;
    ``worth`` (pico-dollars) is what a solved request is worth to its owner, None: nobody says.
    """

    name: str
    objective: Objective
    owner: str | None = None
    when: Condition | None = None
    models: tuple[str, ...] = ()
    approved: bool = False
    split: tuple[tuple[str, float], ...] = ()
    needs: Needs = Needs()
    prefers: Prefers = Prefers()
    mix: Mix = Mix()
    band: float = 0.5
    fallback: tuple[Fallback, ...] = ()
    sticky: bool = True
    journal_required: bool = False
    unknown: frozenset[str] = frozenset()
    unknown_price: Literal["deny", "warn"] = "deny"
    timeouts: Timeouts = Timeouts()
    attempts: int = 4
    deadline: float = 600.0
    budget: PicoDollars | None = None
    cascade: tuple[Arm, ...] = ()
    cache: Caching | None = None
    ends: tuple[CacheEnd | QueueEnd, ...] = ()
    hedge: Hedge | None = None
    priority: Priority | None = None
    after: After | None = None
    segments: tuple[Segment, ...] = ()
    trial: Trial | None = None
    mirror: Mirror | None = None
    explore: float = 0.0
    margin: Margin = Margin()
    worth: PicoDollars | None = None
    admitted: frozenset[str] = frozenset()


class Key(msgspec.Struct, frozen=True):
    """A virtual key: ``hash`` as ``turnout keys`` prints it; ``routes`` None means all."""

    name: str
    hash: str
    routes: frozenset[str] | None = None
    tags: dict[str, str] = {}
    direct: bool = True


class Credential(msgspec.Struct, frozen=True):
    """Where a secret is found when a worker starts (``env:NAME`` or ``file:PATH``); never the secret itself.

    Its limits per minute, over all models: requests, all tokens, tokens read, tokens written.
    """

    ref: str | None = None
    rpm: int | None = None
    tpm: int | None = None
    input_tpm: int | None = None
    output_tpm: int | None = None


class Provider(msgspec.Struct, frozen=True):
    """Who serves: endpoint, dialect, auth style and credentials. ``auth`` is a header template name of providers.registry."""

    id: str
    vendor: str | None
    dialect: str
    base_url: str
    auth: str
    keys: tuple[Credential, ...] = ()
    region: str | None = None
    headers: dict[str, str] = {}
    quirks: frozenset[str] = frozenset()
    data_policy: frozenset[str] = frozenset()
    proxy: str | None = None
    ca_file: str | None = None


class Value(msgspec.Struct, frozen=True):
    """Optional weights of PRODUCT P2..P4. ``abandonment`` maps a latency need to lost pico-dollars per second of waiting past it."""

    second: PicoDollars = PicoDollars(0)
    abandonment: dict[str, PicoDollars] = {}
    rerun: bool = False


class Person(msgspec.Struct, frozen=True):
    """Who may use the control plane beside the admin token. ``hash`` as ``turnout keys`` prints it."""

    name: str
    hash: str
    role: Literal["viewer", "approver", "admin"] = "viewer"


class Policy(msgspec.Struct, frozen=True):
    """One immutable numbered version of all routes and settings. ``routes`` in the order they are tried; the last is ``default``.

    ``content`` is kept of requests that no route of the file governs; ``content_keys`` are where the keys are found (``env:NAME`` or
    ``file:PATH``) that it is sealed with (the first), or was (the others).
    """

    routes: tuple[Route, ...]
    providers: tuple[Provider, ...]
    keys: tuple[Key, ...] = ()
    value: Value = Value()
    health: HealthRules = HealthRules()
    quota: QuotaRules = QuotaRules()
    cache: CacheStore = CacheStore()
    tasks: dict[str, tuple[str, ...]] = {}
    content: Keeping = "none"
    content_keys: tuple[str, ...] = ()
    release: ReleaseRules = ReleaseRules()
    suites: tuple[SuiteRules, ...] = ()
    alerts: Alerting = Alerting()
    people: tuple[Person, ...] = ()
