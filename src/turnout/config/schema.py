"""The whole of turnout.yaml as types (PRODUCT section 4): shape only. What the parts mean together is check.py's business."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from turnout.config.scalars import (
    Day,
    DialectName,
    Duration,
    FaultWord,
    FeatureName,
    FeatureNames,
    ModalityNames,
    ModelName,
    Name,
    Port,
    Quality,
    SecretRef,
    Size,
    Text,
    Tokens,
    Usd,
    Words,
    many,
)  # fmt: skip


class Part(BaseModel):
    """Strict: ``"5"`` is not 5 and ``yes`` is not true; an unknown key is an error; nothing changes after reading."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _nothing_said(cls, value: object) -> object:
        """``openai:`` with nothing behind it is a section with every default."""
        return {} if value is None else value


def _fallback(value: object) -> object:
    return {"model": value} if isinstance(value, str) else value


def _complexity(value: object) -> object:
    return {"bands": many(value)} if isinstance(value, str | tuple | list) else value


class Server(Part):
    """The data plane."""

    host: Text = Field(default="127.0.0.1", description="Address to listen on; other than loopback only with `auth.keys`.")
    port: Port = Field(default=8080, description="Port of the data plane.")
    workers: int = Field(default=1, ge=1, le=256, description="Processes that share the port.")
    max_body: Size = Field(default=20_000_000, description="Largest request body; larger ones get 413; 20MB unless said.")
    hosts: tuple[Text, ...] = Field(default=(), description="Further names that a request's Host header may carry.")
    origins: tuple[Text, ...] = Field(default=(), description="Web origins whose pages may call the data plane.")


class Control(Part):
    """The control plane: dashboard and admin API."""

    host: Text = Field(default="127.0.0.1", description="Address to listen on.")
    port: Port = Field(default=8081, description="Port of the control plane.")
    hosts: tuple[Text, ...] = Field(default=(), description="Further names that a request's Host header may carry.")


class Store(Part):
    """The ledger."""

    url: Text = Field(default="sqlite", description="`sqlite` (in the data directory); PostgreSQL is not built yet.")
    retention: Duration = Field(
        default=34_560_000.0, description="How long decisions are kept; not built yet: nothing is deleted."
    )
    content: Literal["none", "redacted", "full"] = Field(
        default="none", description="Whether request content is kept; only `none` yet."
    )


class AuthKey(Part):
    """A virtual key."""

    name: Name = Field(description="Who uses it; records carry this name.")
    hash: str = Field(pattern=r"^sha256:[0-9a-f]{64}$", description="As `turnout keys new` prints it; the key itself is nowhere.")
    routes: tuple[Name, ...] | None = Field(default=None, description="Routes it may use; absent: all.")
    tags: dict[Name, str] = Field(default={}, description="Tags bound to the key; they win over the caller's own.")
    direct: bool | None = Field(
        default=None, description="May it name `provider/model`? Default: yes, unless `routes` limits it."
    )


class Auth(Part):
    keys: tuple[AuthKey, ...] = Field(default=(), description="Virtual keys; with none, loopback callers need no key.")


class PoolKey(Part):
    """One credential of a provider."""

    env: Text | None = Field(default=None, description="Environment variable that holds it.")
    file: Text | None = Field(default=None, description="File that holds it.")
    rpm: int | None = Field(default=None, ge=1, description="Requests per minute.")
    tpm: int | None = Field(default=None, ge=1, description="Tokens per minute, read and written together.")
    input_tpm: int | None = Field(default=None, ge=1, description="Tokens read per minute.")
    output_tpm: int | None = Field(default=None, ge=1, description="Tokens written per minute.")


class ProviderPart(Part):
    """Who serves. A provider called like a vendor takes the vendor's facts."""

    vendor: Text | None = Field(default=None, description="A known vendor whose facts hold; default: the provider's own name.")
    dialect: DialectName | None = Field(default=None, description="Wire protocol; default: the vendor's.")
    base_url: str | None = Field(default=None, pattern=r"^https?://\S+$", description="Where it is; default: the vendor's.")
    auth: Literal["bearer", "x-api-key", "api-key", "none"] | None = Field(
        default=None, description="Header that carries the credential."
    )
    api_key: SecretRef | None = Field(default=None, description="`env:NAME` or `file:PATH`; default: the vendor's variable.")
    keys: tuple[PoolKey, ...] = Field(default=(), description="Several credentials: the load is spread over them.")
    region: Text | None = Field(default=None, description="Where requests are processed; `needs.region` is matched with it.")
    data_policy: Words | None = Field(
        default=None, description="What the contract promises (`no_training`, `zdr` ...), for `needs.data_policy`."
    )
    headers: dict[Text, str] = Field(default={}, description="Sent with every request; a secret is written `env:NAME`.")
    quirks: tuple[Literal["max_tokens_param", "no_stream_usage"], ...] | None = Field(
        default=None, description="Departures from the dialect."
    )
    proxy: Text | None = Field(
        default=None, description="Outbound proxy URL, `env:NAME`, or `none`; default: HTTPS_PROXY and its like."
    )
    ca_file: Text | None = Field(
        default=None, description="PEM file of certificate authorities to trust instead of the system's."
    )


class Price(Part):
    """USD per million tokens, except `per_request` (USD) and `batch` (a factor)."""

    input: Usd
    output: Usd
    cache_read: Usd | None = None
    cache_write: Usd | None = None
    cache_write_1h: Usd | None = None
    reasoning: Usd | None = None
    input_audio: Usd | None = None
    output_audio: Usd | None = None
    input_image: Usd | None = None
    output_image: Usd | None = None
    per_request: Usd = 0.0
    batch: float | None = Field(default=None, gt=0, le=1)


class ModelPart(Part):
    """What the catalog does not know of a model, or has wrong."""

    upstream_id: Text | None = Field(
        default=None, description="What the provider calls it; default: the part after the first `/`."
    )
    same_as: ModelName | None = Field(default=None, description="A model whose facts hold for this one too.")
    context: Tokens | None = Field(default=None, description="Context window in tokens.")
    max_output: Tokens | None = Field(default=None, description="Longest answer in tokens.")
    price: Price | None = Field(default=None, description="USD per million tokens.")
    input: ModalityNames | None = Field(default=None, description="What it reads.")
    output: ModalityNames | None = Field(default=None, description="What it writes.")
    features: dict[FeatureName, bool] = Field(default={}, description="What it can (true) and cannot (false) do.")
    quality: dict[Name, Quality] = Field(default={}, description="0..10 by skill or task, or `default`.")
    latency_p95: Duration | None = Field(default=None, description="95th percentile of a typical answer's time.")
    reasoning_by_default: bool | None = Field(default=None, description="It thinks before it speaks, unasked.")
    released: Day | None = None
    retires: Day | None = Field(default=None, description="The provider switches it off on this day.")
    disabled: bool | None = Field(default=None, description="Never used.")
    data_policy: Words | None = Field(default=None, description="Overrules the provider's.")
    region: Text | None = Field(default=None, description="Overrules the provider's.")


class Complexity(Part):
    """Bands, or a range of the number 0..1."""

    bands: Annotated[tuple[Literal["simple", "moderate", "high"], ...], BeforeValidator(many)] = ()
    at_least: float | None = Field(default=None, ge=0, le=1)
    below: float | None = Field(default=None, gt=0, le=1)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.bands) == (self.at_least is not None or self.below is not None):
            raise ValueError("either bands or a range; write simple, [simple, moderate] or {at_least: 0.2, below: 0.5}")
        return self


class TokenRange(Part):
    """Estimated input tokens: `at_least` <= tokens < `below`."""

    at_least: int | None = Field(default=None, ge=0)
    below: int | None = Field(default=None, ge=1)


class When(Part):
    """A condition: all keys of one mapping must hold; a list of values means any of them."""

    task: Words | None = Field(default=None, description="The task that classification found or the caller named.")
    complexity: (
        Annotated[Complexity, BeforeValidator(_complexity, json_schema_input_type=str | tuple[str, ...] | Complexity)] | None
    ) = Field(
        default=None, description="`simple`, `moderate`, `high`, a list of them, or a range; unknown complexity matches none."
    )
    tags: dict[Text, Words] | None = Field(default=None, description="Tag -> value or values.")
    headers: dict[Text, Words] | None = Field(
        default=None, description="Request header -> value or values; recorded, so none that holds a credential."
    )
    features: FeatureNames | None = Field(default=None, description="What the request asks for: any of these.")
    modalities: ModalityNames | None = Field(default=None, description="What the request brings: any of these.")
    tokens: TokenRange | None = Field(default=None, description="Estimated input tokens.")
    any: tuple["When", ...] | None = Field(default=None, min_length=1, description="At least one of these conditions holds.")
    all: tuple["When", ...] | None = Field(default=None, min_length=1, description="All of these conditions hold.")
    not_: "When | None" = Field(default=None, alias="not", description="This condition does not hold.")


class NeedsPart(BaseModel):
    """Hard requirements. Any other key is a skill or task with the least quality it needs: `reasoning: 7`."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True, allow_inf_nan=False)
    __pydantic_extra__: dict[str, Quality] = Field(init=False)

    quality: Quality | None = Field(default=None, description="Least quality for the request's own task.")
    cost_per_request: Usd | None = Field(default=None, description="Highest expected cost, USD.")
    latency_p95: Duration | None = Field(default=None, description="Slowest acceptable 95th percentile.")
    context: Tokens | None = Field(default=None, description="Least context window, whatever the request holds.")
    features: FeatureNames | None = Field(default=None, description="All of these, whatever the request asks for.")
    input: ModalityNames | None = Field(default=None, description="All of these, whatever the request brings.")
    region: Words | None = Field(default=None, description="Any of these regions.")
    data_policy: Words | None = Field(default=None, description="All of these promises.")


class PrefersPart(Part):
    """Soft wishes: they order, they never empty the set."""

    quality: Quality | None = None
    cost_per_request: Usd | None = None
    latency_p95: Duration | None = None
    ttft: Duration | None = Field(default=None, description="Time to the first token.")


class MixPart(Part):
    """Target shares of `balanced`, in percent."""

    cheap: float = Field(default=70, ge=0, le=100)
    mid: float = Field(default=20, ge=0, le=100)
    premium: float = Field(default=10, ge=0, le=100)


class TimeoutsPart(Part):
    connect: Duration = Field(default=5.0, description="To a connection; 5s unless said.")
    first_token: Duration = Field(default=30.0, description="From the request to the first content; 30s unless said.")
    first_token_reasoning: Duration = Field(default=300.0, description="The same for models that think first; 5m unless said.")
    idle: Duration = Field(default=60.0, description="Between two reads of a stream; 1m unless said.")
    total: Duration = Field(default=600.0, description="One whole attempt; 10m unless said.")


class FallbackPart(Part):
    """Exactly one of `model`, `cache`, `queue`; what is no model stands at the end, for when every model failed."""

    model: ModelName | None = None
    on: tuple[FaultWord, ...] = Field(default=("any",), description="Endings of the attempt before it that lead here.")
    cache: Literal["stale", "similar"] | None = Field(
        default=None, description="The stale answer to the same request, or the answer to a similar one."
    )
    queue: Literal["human", "review"] | None = Field(default=None, description="Hand the request to people.")
    wait: Duration = Field(
        default=0.0, description="How long the caller waits for a person's answer before it gets a ticket; `queue: human` only."
    )


Fallbacks = tuple[Annotated[FallbackPart, BeforeValidator(_fallback, json_schema_input_type=ModelName | FallbackPart)], ...]


class LengthPart(Part):
    """Characters."""

    least: int | None = Field(default=None, ge=0)
    most: int | None = Field(default=None, ge=1)


class CheckPart(Part):
    """Exactly one rule. Those without a setting may be written as a word: `json_valid`, `python_compiles`, `refusal`."""

    json_valid: Literal[True] | None = Field(default=None, description="The text, or the one fenced block in it, is JSON.")
    json_schema: dict[str, Any] | Literal[True] | None = Field(
        default=None, description="It fits this schema; `true`: the one that the request asks for."
    )
    python_compiles: Literal[True] | None = Field(default=None, description="Its Python code compiles; it is never run.")
    refusal: Literal[True] | None = Field(default=None, description="The model did not decline.")
    regex: Text | None = Field(default=None, description="This pattern is found in the text.")
    not_regex: Text | None = Field(default=None, description="This pattern is not found in the text.")
    length: LengthPart | None = Field(default=None, description="Bounds of its length in characters.")
    hook: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")] | None = Field(
        default=None, description="`package.module:function` of your own; it gets the answer and says whether it will do."
    )


def _check(value: object) -> object:
    return {value: True} if isinstance(value, str) else value


Checks = tuple[Annotated[CheckPart, BeforeValidator(_check, json_schema_input_type=Text | CheckPart)], ...]


class CascadeStep(Part):
    """A cheap model first: its answer is held and checked, and serves only if it passes."""

    model: ModelName = Field(description="Tried before the route's own choice.")
    when: When | None = Field(default=None, description="Only for requests that meet this condition.")
    check: Checks = Field(min_length=1, description="All of these.")


class RouteCache(Part):
    """Answers that this route gave before, for whoever asks the same again; each key has its own."""

    ttl: Duration = Field(default=3600.0, description="How long an answer is served again; 1h unless said.")
    stale: Duration = Field(default=0.0, description="How much longer it is served while it is made anew.")
    keep: Duration = Field(
        default=86_400.0, description="How much longer it is kept for `fallback: [{cache: stale}]`; 24h unless said."
    )
    match: Literal["exact", "similar"] = Field(
        default="exact", description="`similar` also serves what was asked in other words."
    )
    threshold: float = Field(default=0.9, gt=0, le=1, description="How similar; 1 is the same words.")


class HedgePart(Part):
    """A second attempt at another provider beside one that stays silent; both may bill."""

    after: Duration | None = Field(
        default=None, description="Silence after which it starts; default: the p95 of the first content."
    )
    budget: float = Field(default=0.02, gt=0, le=0.2, description="Share of requests, and of spend, that may go into it.")


class Judge(Part):
    model: ModelName
    sample: float = Field(ge=0, le=1)
    budget_usd_per_day: Usd = 0.0


class Online(Part):
    checks: tuple[Text, ...] = ()
    judge: Judge | None = None


class Margin(Part):
    """How much worse a candidate may be in this route's trials, as a fraction; for releases, which are not built yet."""

    quality: float | None = Field(default=None, ge=0, le=1)
    success: float | None = Field(default=None, ge=0, le=1)


class RoutePart(Part):
    """A named use case. At most one of `static`, `split`, `models`, `approved`; none of them means every model."""

    owner: Text | None = Field(default=None, description="Who answers for this route.")
    notes: str | None = Field(default=None, description="For people.")
    when: When | None = Field(default=None, description="When `auto` comes here; absent: reachable by name only.")
    static: ModelName | None = Field(default=None, description="Always this model.")
    split: dict[ModelName, Annotated[float, Field(ge=0)]] | None = Field(
        default=None, min_length=1, description="Model -> weight."
    )
    models: tuple[ModelName, ...] | None = Field(default=None, min_length=1, description="Candidates of a dynamic route.")
    approved: tuple[ModelName, ...] | None = Field(
        default=None, min_length=1, description="Candidates, and nothing else may ever serve."
    )
    objective: Literal["static", "cost", "latency", "quality", "balanced"] | None = Field(
        default=None, description="What decides between candidates; default `balanced`."
    )
    needs: NeedsPart | None = Field(default=None, description="Hard requirements.")
    prefers: PrefersPart | None = Field(default=None, description="Soft wishes.")
    mix: MixPart | None = Field(default=None, description="Target shares of `balanced`; 70/20/10 unless said.")
    band: float = Field(default=0.5, ge=0, le=10, description="Quality points a cheaper or faster model may lie below the best.")
    fallback: Fallbacks = Field(default=(), description="Tried in order when the attempt before failed.")
    sticky: bool = Field(default=True, description="Keep a session on its model.")
    journal: Literal["required", "normal"] = Field(
        default="normal", description="`required`: the record is durable before the answer."
    )
    content: Literal["none", "redacted", "full"] | None = Field(default=None, description="As `store.content`, for this route.")
    margin: Margin | None = Field(default=None, description="Non-inferiority margin of this route's trials.")
    unknown: dict[FeatureName, Literal["allow", "deny"]] = Field(
        default={}, description="Features whose unknown support is accepted."
    )
    unknown_price: Literal["deny", "warn"] = Field(default="deny", description="What a model without a known price means.")
    timeouts: TimeoutsPart | None = Field(default=None, description="Of one attempt.")
    deadline: Duration = Field(default=600.0, description="Of the whole chain; 10m unless said.")
    budget_usd: Usd | None = Field(default=None, description="Of the whole chain.")
    attempts: int = Field(default=4, ge=1, le=20, description="Upstream calls one request may cause.")
    cascade: tuple[CascadeStep, ...] = Field(default=(), description="Cheap models first, their answers checked.")
    cache: RouteCache | None = Field(default=None, description="Answers given before are given again.")
    hedge: HedgePart | None = Field(default=None, description="A second attempt beside a silent one.")
    priority: Literal["high", "normal", "low"] | None = Field(
        default=None, description="Place in line where a provider has no room; default: realtime high, batch low."
    )
    online: Online | None = Field(default=None, description="Not built yet.")


class HealthPart(Part):
    """When a provider's model is no longer asked, and how it comes back."""

    degraded_at: float = Field(default=0.05, gt=0, le=1, description="Share of failures at which others come first.")
    eject_at: float = Field(default=0.5, gt=0, le=1, description="Share of failures at which it is ejected.")
    samples: int = Field(default=20, ge=1, description="Fewest requests before a share counts.")
    window: Duration = Field(default=30.0, description="Time constant of forgetting; 30s unless said.")
    consecutive: int = Field(default=5, ge=1, description="Failures in a row that eject it whatever the share.")
    ejection: Duration = Field(default=5.0, description="The first ejection; doubled with each further one.")
    longest_ejection: Duration = Field(default=60.0, description="The longest ejection; 1m unless said.")
    probes: int = Field(default=1, ge=1, le=100, description="Requests at once that may look whether it is well again.")
    successes: int = Field(default=3, ge=1, le=100, description="Of them in a row, to be admitted again.")
    ramp: Duration = Field(default=10.0, description="Time in which its share of requests grows back; 10s unless said.")
    quarantine: Duration = Field(default=600.0, description="After a refused credential or a missing model; 10m unless said.")
    check: Literal["models", "completion", "none"] = Field(
        default="models", description="Active check: the free list of models, a paid completion of one token, or none."
    )
    check_every: Duration = Field(
        default=20.0, ge=1.0, description="Between two active checks of what gets no traffic; 20s unless said."
    )


class QuotaPart(Part):
    """How limits are kept."""

    shadow: bool = Field(default=False, description="Count and report, but hold nobody back.")
    wait: Duration = Field(default=2.0, description="How long a request may wait for room; 2s unless said.")
    line: int = Field(default=100, ge=0, description="How many may wait at once in each worker.")
    retry_share: float = Field(default=0.2, ge=0, le=1, description="Second tries of a model, as a share of a route's requests.")
    retry_floor: float = Field(default=1.0, ge=0, description="And so many a second whatever the share.")
    concurrency: int | None = Field(
        default=None, ge=1, description="Calls at once per credential; default: found out from the provider's refusals."
    )


class CachePart(Part):
    """Where cached answers are kept."""

    store: Annotated[str, Field(pattern=r"^(memory|sqlite|rediss?://\S+)$")] = Field(
        default="memory",
        description="`memory` (each worker its own), `sqlite` (in the data directory), or `redis://HOST:PORT/DB`.",
    )
    max_bytes: Size = Field(default=64_000_000, description="Of all answers; the least recently used go first; 64MB unless said.")
    max_entry: Size = Field(default=1_000_000, description="Of one answer; larger ones are not kept; 1MB unless said.")
    timeout: Duration = Field(
        default=0.05, description="How long a shared store may take before it is done without; 50ms unless said."
    )


class Suite(Part):
    file: Text
    schedule: Text | None = None
    budget_usd: Usd = 0.0


class Weights(Part):
    cost: float = Field(default=0.3, ge=0)
    latency: float = Field(default=0.3, ge=0)
    quality: float = Field(default=0.4, ge=0)


class Thresholds(Part):
    trial: float = Field(default=0.1, ge=0, le=1)
    ten: float = Field(default=0.2, ge=0, le=1)
    fifty: float = Field(default=0.3, ge=0, le=1)


class Release(Part):
    """Not built yet."""

    autonomy: Literal["propose", "auto"] = "propose"
    weights: Weights = Weights()
    thresholds: Thresholds = Thresholds()
    stages: tuple[Annotated[float, Field(gt=0, le=100)], ...] = (1, 5, 10, 25, 50, 100)
    holdback: float = Field(default=3, ge=0, lt=100)
    sources: tuple[Text, ...] = ()
    budget_usd_per_day: Usd = 0.0


class ValuePart(Part):
    """Optional weights of waiting and of wrong answers."""

    second_usd: Usd = Field(default=0.0, description="What a second of waiting is worth.")
    abandonment: dict[Literal["realtime", "standard", "batch"], Usd] = Field(
        default={}, description="USD lost per second past a latency need."
    )
    rerun: bool = Field(default=False, description="Count expected re-runs as cost.")


class File(Part):
    """turnout.yaml."""

    server: Server = Field(default=Server(), description="The data plane.")
    control: Control = Field(default=Control(), description="The control plane.")
    store: Store = Field(default=Store(), description="The ledger.")
    data_dir: Text = Field(default="~/.local/share/turnout", description="Journal, ledger, views, tokens.")
    auth: Auth = Field(default=Auth(), description="Virtual keys.")
    providers: dict[Name, ProviderPart] = Field(default={}, description="Who serves; a vendor's name needs no more than `{}`.")
    models: dict[ModelName, ModelPart] = Field(default={}, description="What the catalog does not know, or to overrule it.")
    routes: dict[Name, RoutePart] = Field(default={}, description="Tried in the order written; `default` is what remains.")
    suites: dict[Name, Suite] = Field(default={}, description="Benchmark cases; not built yet.")
    release: Release | None = Field(default=None, description="How releases are handled; not built yet.")
    value: ValuePart = Field(default=ValuePart(), description="What time and errors are worth.")
    health: HealthPart = Field(default=HealthPart(), description="When a model is ejected, and how it comes back.")
    cache: CachePart = Field(default=CachePart(), description="Where cached answers are kept.")
    quota: QuotaPart = Field(default=QuotaPart(), description="How limits are kept.")
    alerts: dict[str, Any] = Field(default={}, description="Not built yet.")
