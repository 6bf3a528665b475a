"""``routes:`` of turnout.yaml as types: when a route applies, who serves, and what happens when they do not."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from turnout.config.part import Part
from turnout.config.scalars import (
    Duration,
    FaultWord,
    FeatureName,
    FeatureNames,
    ModalityNames,
    ModelName,
    Quality,
    Text,
    Tokens,
    Usd,
    Words,
    many,
)  # fmt: skip


def _fallback(value: object) -> object:
    return {"model": value} if isinstance(value, str) else value


def _complexity(value: object) -> object:
    return {"bands": many(value)} if isinstance(value, str | tuple | list) else value


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
    first_token: Duration = Field(
        default=30.0, description="From an attempt's start to a stream's first content; 30s unless said."
    )
    first_token_reasoning: Duration = Field(default=300.0, description="The same for models that think first; 5m unless said.")
    idle: Duration = Field(default=60.0, description="Between two reads of a stream; 1m unless said.")
    total: Duration = Field(default=600.0, description="A whole answer, not streamed; 10m unless said.")


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
    release: Text | None = Field(default=None, description="The release that brought it, as `turnout policy pull` writes it.")


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
    release: Text | None = Field(default=None, description="The release that brought it, as `turnout policy pull` writes it.")


class SegmentPart(Part):
    """Part of a route's requests that one model serves first, whatever the objective says; what would have served comes behind it."""

    model: ModelName = Field(description="Who serves them first.")
    when: When | None = Field(default=None, description="Which requests; absent: all.")
    release: Text | None = Field(default=None, description="The release that brought it, as `turnout policy pull` writes it.")


class RouteCache(Part):
    """Answers that this route gave before, for whoever asks the same again; each key has its own."""

    ttl: Duration = Field(default=3600.0, description="How long an answer is served again; 1h unless said.")
    stale: Duration = Field(
        default=0.0, description="How much longer it is served while it is made anew; not at all unless said."
    )
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
        default=None, description="Silence after which it starts; default: the p95 of what it waits for, once 20 are known."
    )
    budget: float = Field(default=0.02, gt=0, le=0.2, description="Share of requests, and of spend, that may go into it.")


class Judge(Part):
    """A model that grades a sample of the answers, 0..10, while nobody waits."""

    model: ModelName = Field(description="Who judges; never its own answers.")
    sample: float = Field(gt=0, le=1, description="Share of the answers.")
    budget_usd_per_day: float = Field(gt=0, description="What judging may cost a day (UTC), all workers together.")
    prompt: Text | None = Field(default=None, description="What a good answer is; default: correct, complete, to the point.")


class Online(Part):
    """Graders of answers that were given: each leaves feedback, none delays anybody."""

    checks: Checks = Field(default=(), description="Checks of all answers, as in `cascade`.")
    judge: Judge | None = Field(default=None, description="A judge of some.")


class Margin(Part):
    """How much worse a candidate may be in this route's trials, as a fraction; default: `release.margin`."""

    quality: float | None = Field(default=None, ge=0, le=1, description="Of answers found good.")
    success: float | None = Field(default=None, ge=0, le=1, description="Of requests that were answered.")


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
    worth_usd: float | None = Field(
        default=None,
        ge=0.000001,
        description="What a solved request is worth. Releases are scored by what they gain in it, instead of by `release.weights`.",
    )
    unknown: dict[FeatureName, Literal["allow", "deny"]] = Field(
        default={}, description="Features whose unknown support is accepted."
    )
    unknown_price: Literal["deny", "warn"] = Field(default="deny", description="What a model without a known price means.")
    timeouts: TimeoutsPart | None = Field(default=None, description="Of one attempt.")
    deadline: Duration = Field(default=600.0, description="Of the whole chain; 10m unless said.")
    budget_usd: Usd | None = Field(default=None, description="Of the whole chain.")
    attempts: int = Field(
        default=4, ge=1, le=20, description="Upstream calls one request may cause; a model of `cascade` that is due adds one."
    )
    cascade: tuple[CascadeStep, ...] = Field(default=(), description="Cheap models first, their answers checked.")
    segments: tuple[SegmentPart, ...] = Field(
        default=(), description="Parts of its requests with a model of their own; the first that fits."
    )
    admitted: tuple[ModelName, ...] = Field(
        default=(),
        description="Beside `approved`: may serve where a segment, a cascade or a fallback names it, and nowhere else.",
    )
    explore: float = Field(
        default=0.0,
        ge=0,
        le=0.2,
        description="Share of requests that try one of the eligible models at random, for later evaluation.",
    )
    cache: RouteCache | None = Field(default=None, description="Answers given before are given again.")
    hedge: HedgePart | None = Field(default=None, description="A second attempt beside a silent one.")
    priority: Literal["high", "normal", "low"] | None = Field(
        default=None, description="Place in line where a provider has no room; default: realtime high, batch low."
    )
    online: Online | None = Field(default=None, description="Graders of its answers: checks of all, a judge of some.")
