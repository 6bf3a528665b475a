"""``release:``, ``suites:`` and ``alerts:`` of turnout.yaml as types: how releases are handled, on which cases, and who is told."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from turnout.config.part import Part
from turnout.config.quantities import seconds
from turnout.config.scalars import Duration, ModelName, Name, Port, SecretRef, Text, Usd, many
from turnout.types.alert import AlertKind, Severity

SCHEDULES = {"hourly": 3_600.0, "daily": 86_400.0, "weekly": 604_800.0}

Share = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[float, Field(gt=0, le=100)]
Names = Annotated[tuple[Name, ...], Field(min_length=1), BeforeValidator(many, json_schema_input_type=Name | tuple[Name, ...])]
Kinds = Annotated[tuple[AlertKind, ...], BeforeValidator(many, json_schema_input_type=AlertKind | tuple[AlertKind, ...])]
Addresses = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], ...],
    Field(min_length=1),
    BeforeValidator(many, json_schema_input_type=str | tuple[str, ...]),
]


def _schedule(written: object) -> float:
    """A word, or a duration."""
    if isinstance(written, str) and written in SCHEDULES:
        return SCHEDULES[written]
    try:
        return seconds(written)
    except ValueError as error:
        raise ValueError("a schedule is hourly, daily, weekly or a duration; write for example 12h") from error


Schedule = Annotated[
    float, BeforeValidator(_schedule, json_schema_input_type=str), Field(gt=0, json_schema_extra={"examples": ["weekly", "12h"]})
]


class Weights(Part):
    """Of the score's terms; only their proportions count."""

    cost: float = Field(default=0.3, ge=0, description="Of what it saves per solved case.")
    latency: float = Field(default=0.3, ge=0, description="Of the median time it saves.")
    quality: float = Field(default=0.4, ge=0, description="Of the quality it adds.")


class Thresholds(Part):
    """Scores, at their lower bound, that allow a share of traffic before live non-inferiority is shown."""

    trial: float = Field(default=0.1, ge=0, le=1, description="A trial may begin, up to `first_ceiling` percent.")
    ten: float = Field(default=0.2, ge=0, le=1, description="Up to ten percent.")
    fifty: float = Field(default=0.3, ge=0, le=1, description="Up to fifty percent.")


class NetThresholds(Part):
    """As `thresholds`, for routes with `worth_usd`: what is gained a request, where 0.01 is worth a point of quality."""

    trial: float = Field(default=0.01, ge=0, le=1, description="A trial may begin, up to `first_ceiling` percent.")
    ten: float = Field(default=0.05, ge=0, le=1, description="Up to ten percent.")
    fifty: float = Field(default=0.1, ge=0, le=1, description="Up to fifty percent.")


class MarginsPart(Part):
    """How much worse is not inferior yet, and from where on it is harm: absolute differences of shares."""

    quality: Share = Field(default=0.03, description="Of answers found good.")
    success: Share = Field(default=0.02, description="Of requests that were answered.")
    harm: Share = Field(default=0.01, description="From so much worse on it is harm, and rolled back.")
    slow: Share = Field(default=0.05, description="Of answers slower than the route's bound.")
    cost: Share = Field(default=0.1, description="Of the cost, relative.")


class ApprovalsPart(Part):
    """Whose word a proposal needs."""

    count: int = Field(default=1, ge=1, le=10, description="So many different people.")
    roles: Annotated[tuple[Literal["approver", "admin"], ...], Field(min_length=1)] = Field(
        default=("approver", "admin"), description="Roles that may approve."
    )
    owner: bool = Field(default=False, description="One of them is the route's owner.")


class MirrorPart(Part):
    """Copies of traffic to a candidate before its trial; nobody gets its answers, no tool is run."""

    sample: Share = Field(default=0.0, description="Share of requests that are copied; 0: no mirror.")
    budget_usd_per_day: Usd = Field(default=0.0, description="What copies may cost a day (UTC).")
    time: Duration = Field(default=3_600.0, gt=0, description="How long; 1h unless said.")


class ReleasePart(Part):
    """What happens when a model is released, repriced or retired."""

    autonomy: Literal["propose", "auto"] = Field(
        default="propose",
        description="`propose`: each trial waits for an approval; `auto`: proposals that pass every gate begin.",
    )
    weights: Weights = Field(default=Weights(), description="Of the score's terms.")
    thresholds: Thresholds = Field(default=Thresholds(), description="What a score allows.")
    net_thresholds: NetThresholds = Field(
        default=NetThresholds(), description="What a score allows where a route says what a solved request is worth."
    )
    first_ceiling: float = Field(default=5.0, gt=0, le=10, description="Percent of traffic that `thresholds.trial` allows.")
    stages: tuple[Percent, ...] = Field(
        default=(1, 5, 10, 25, 50, 100), min_length=1, description="Shares of a trial in percent, ascending, the last 100."
    )
    holdback: float = Field(default=3.0, ge=0, lt=100, description="Percent that stay behind at the end, for `bake`.")
    stage_time: Duration = Field(default=3_600.0, description="The least time a stage lasts; 1h unless said.")
    stage_requests: int = Field(default=50, ge=1, description="The fewest requests of the candidate in a stage.")
    longest: Duration = Field(default=1_209_600.0, gt=0, description="After it a trial without proof ends; 14d unless said.")
    bake: Duration = Field(default=86_400.0, description="How long `holdback` stays; 24h unless said.")
    feedback_window: Duration = Field(default=300.0, description="How long feedback may take; 5m unless said.")
    silence: Duration = Field(default=3_600.0, gt=0, description="Without a request so long a trial pauses; 1h unless said.")
    alpha: float = Field(
        default=0.05, gt=0, le=0.5, description="Chance of a false alarm of a trial, and of a gate's false proof."
    )
    margin: MarginsPart = Field(default=MarginsPart(), description="What is not inferior, and what is harm.")
    sources: tuple[Text, ...] = Field(
        default=(), description="Catalogs and feeds to refresh from: names, URLs, paths; none: never."
    )
    refresh: Duration = Field(default=86_400.0, gt=0, description="Between two looks at the sources; 24h unless said.")
    budget_usd_per_day: Usd = Field(
        default=0.0, description="What benchmarks of releases may cost a day (UTC); 0: none is run unasked."
    )
    approvals: ApprovalsPart = Field(default=ApprovalsPart(), description="Whose word a proposal needs.")
    cooldown: Duration = Field(
        default=604_800.0, description="How long a model that was rolled back is left alone, doubled each time; 7d unless said."
    )
    overlap: bool = Field(default=False, description="Several releases may be on one route's traffic at once.")
    judge: ModelName | None = Field(default=None, description="Who compares answers in pairs where a suite names no judge.")
    retire_ahead: Duration = Field(
        default=5_184_000.0, gt=0, description="How long before a retirement a replacement is proposed; 60d unless said."
    )
    mirror: MirrorPart = Field(default=MirrorPart(), description="Copies to a candidate before its trial.")


class SamplePart(Part):
    """Cases drawn from the content that the ledger keeps (`store.content`), by task and complexity."""

    routes: Names | None = Field(default=None, description="Of these routes; default: the suite's.")
    last: Duration = Field(default=604_800.0, gt=0, description="Of so long; 7d unless said.")
    cases: int = Field(default=200, ge=1, le=10_000, description="So many.")


class SuitePart(Part):
    """Benchmark cases: exactly one of `file` and `sample`."""

    file: Text | None = Field(default=None, description="JSONL, CSV or promptfoo YAML, seen from the policy file.")
    sample: SamplePart | None = Field(default=None, description="Drawn from kept content.")
    routes: Names | None = Field(default=None, description="Routes it speaks for; default: the one called like the suite.")
    schedule: Schedule | None = Field(
        default=None, description="`hourly`, `daily`, `weekly` or a duration between runs; absent: on releases and by hand."
    )
    budget_usd: Usd = Field(default=0.0, description="What one run may cost.")
    graders: tuple[Any, ...] = Field(default=(), description="Of cases that bring none; see docs/howto/write-a-suite.md.")
    judge: ModelName | None = Field(default=None, description="Who compares answers in pairs; default: `release.judge`.")
    calibration: Text | None = Field(
        default=None,
        description="JSONL of answers that people compared, which the judge is held against; seen from the policy file.",
    )
    repeats: int = Field(default=1, ge=1, le=20, description="Answers of each model to each case.")
    threshold: float = Field(default=1.0, gt=0, le=1, description="Score from which a case is solved.")


class WebhookPart(Part):
    """Where alerts are posted, as JSON, signed if there is a `secret`."""

    name: Name = Field(description="What messages call it.")
    url: Annotated[str, Field(pattern=r"^(https?://\S+|env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$")] = Field(
        description="Its URL, or `env:NAME` or `file:PATH` where the URL is a secret."
    )
    secret: SecretRef | None = Field(default=None, description="Signs the body (HMAC-SHA256); `env:NAME` or `file:PATH`.")
    format: Literal["json", "slack"] = Field(default="json", description="`slack`: what Slack and its like take.")
    kinds: Kinds = Field(default=(), description="Only these; default: all.")
    severity: Severity = Field(default="info", description="From this on.")


class EmailPart(Part):
    """A mail server and who is written to; a route's `owner` that is an address is written to as well."""

    host: Text = Field(description="The server.")
    port: Port = Field(default=587, description="Its port.")
    security: Literal["starttls", "tls", "none"] = Field(default="starttls", description="How the connection is protected.")
    user: Text | None = Field(default=None, description="Who logs in.")
    password: SecretRef | None = Field(default=None, description="`env:NAME` or `file:PATH`.")
    from_: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")] = Field(
        default="turnout@localhost", alias="from", description="The sender's address."
    )
    to: Addresses | None = Field(default=None, description="Who is always written to.")
    kinds: Kinds = Field(default=(), description="Only these; default: all.")
    severity: Severity = Field(default="warning", description="From this on.")


class SpendPart(Part):
    """What a day (UTC) may cost before somebody is told; nothing is stopped by it."""

    usd_per_day: Annotated[float, Field(gt=0)] | None = Field(default=None, description="Over all routes.")
    routes: dict[Name, Annotated[float, Field(gt=0)]] = Field(default={}, description="Route -> USD.")


class AlertsPart(Part):
    """Who is told without asking."""

    webhooks: tuple[WebhookPart, ...] = Field(default=(), description="Services that are called.")
    email: EmailPart | None = Field(default=None, description="Mail.")
    spend: SpendPart = Field(default=SpendPart(), description="Daily sums that are worth a word.")
    outperforms: float = Field(
        default=0.2, gt=0, le=10, description="Relative gain in cost, latency or quality from which a model is worth a word."
    )


class PersonPart(Part):
    """Who may use the control plane beside the admin token."""

    name: Name = Field(
        description="What the history and the audit trail call them; as `owner` says it, for approvals by the owner."
    )
    hash: str = Field(pattern=r"^sha256:[0-9a-f]{64}$", description="Of their key, as `turnout keys new` prints it.")
    role: Literal["viewer", "approver", "admin"] = Field(
        default="viewer", description="`viewer` reads, `approver` also approves and rejects releases, `admin` does everything."
    )
