"""The whole of turnout.yaml as types (PRODUCT section 4): shape only. What the parts mean together is check.py's business."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from turnout.config.part import Part
from turnout.config.scalars import (
    Day,
    DialectName,
    Duration,
    FeatureName,
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
from turnout.config.schema_release import AlertsPart, PersonPart, ReleasePart, SuitePart
from turnout.config.schema_routes import RoutePart


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
    people: tuple[PersonPart, ...] = Field(default=(), description="Who may use it beside the admin token.")


class Store(Part):
    """The ledger."""

    url: Text = Field(
        default="sqlite",
        description="`sqlite` (in the data directory), `sqlite:///PATH` or `postgresql://USER@HOST/DATABASE`; "
        "`env:NAME` or `file:PATH` where the URL holds a password.",
    )
    retention: Duration = Field(
        default=34_560_000.0, ge=86_400, description="How long requests are kept, a day at least; their sums stay longer."
    )
    content: Literal["none", "redacted", "full"] = Field(
        default="none", description="Whether prompts and answers are kept, sealed; `redacted`: without addresses, numbers, keys."
    )
    content_key: Annotated[
        tuple[SecretRef, ...], BeforeValidator(many, json_schema_input_type=SecretRef | tuple[SecretRef, ...])
    ] = Field(default=(), description="`env:NAME` or `file:PATH` of the key that seals content; of a list, the others only open.")
    content_retention: Duration = Field(default=2_592_000.0, gt=0, description="How long content is kept; 30d unless said.")


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


class HealthPart(Part):
    """When a provider's model is no longer asked, and how it comes back."""

    degraded_at: float = Field(default=0.05, gt=0, le=1, description="Share of failures at which others come first.")
    eject_at: float = Field(default=0.5, gt=0, le=1, description="Share of failures at which it is ejected.")
    samples: int = Field(default=20, ge=1, description="Fewest requests before a share counts.")
    window: Duration = Field(default=30.0, gt=0, description="Time constant of forgetting; 30s unless said.")
    consecutive: int = Field(default=5, ge=1, description="Failures in a row that eject it whatever the share.")
    ejection: Duration = Field(default=5.0, description="The first ejection; doubled with each further one; 5s unless said.")
    longest_ejection: Duration = Field(default=60.0, description="The longest ejection; 1m unless said.")
    probes: int = Field(default=1, ge=1, le=100, description="Requests at once that may look whether it is well again.")
    successes: int = Field(default=3, ge=1, le=100, description="Of them in a row, to be admitted again.")
    ramp: Duration = Field(default=10.0, description="Time in which its share of requests grows back; 10s unless said.")
    quarantine: Duration = Field(default=600.0, description="After a refused credential or a missing model; 10m unless said.")
    check: Literal["models", "completion", "none"] = Field(
        default="models", description="Active check: the free list of models, a paid completion of a few tokens, or none."
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
        default=None,
        ge=1,
        description="Calls at once per credential, of which each worker has its part; default: found out from the provider's refusals.",
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
    suites: dict[Name, SuitePart] = Field(default={}, description="Benchmark cases from your own work.")
    release: ReleasePart = Field(default=ReleasePart(), description="What happens when a model is released, repriced, retired.")
    value: ValuePart = Field(default=ValuePart(), description="What time and errors are worth.")
    health: HealthPart = Field(default=HealthPart(), description="When a model is ejected, and how it comes back.")
    cache: CachePart = Field(default=CachePart(), description="Where cached answers are kept.")
    quota: QuotaPart = Field(default=QuotaPart(), description="How limits are kept.")
    alerts: AlertsPart = Field(default=AlertsPart(), description="Who is told without asking.")
