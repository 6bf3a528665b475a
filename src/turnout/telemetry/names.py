"""The one table of names: Prometheus' (ours, and the control process's), OpenTelemetry's GenAI names in both profiles, our own beside them.

What a figure means stands once: of the data plane's in ``turnout.metrics``, of all others here. Dashboards, alert rules and the pages of
docs/reference are made from this table, and tests hold them to it.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec

from turnout import metrics
from turnout.dialects.registry import DIALECTS

Kind = Literal["counter", "gauge", "histogram"]
Profile = Literal["old", "new"]
"""GenAI conventions: ``old`` is v1.41 and before, what most dashboards read; ``new`` is the renaming of autumn 2026."""

OPT_IN = "gen_ai_latest_experimental"
"""The value of OTEL_SEMCONV_STABILITY_OPT_IN that asks for the new names; with ``/dup`` behind it, for both."""

BOTH: frozenset[Profile] = frozenset({"old", "new"})
OLD: frozenset[Profile] = frozenset({"old"})
NEW: frozenset[Profile] = frozenset({"new"})

TOKENS = tuple(4.0**power for power in range(14))
"""The conventions' edges for tokens of a call: 1, 4, 16 ... 67108864."""

PROVIDERS = {
    "gemini": "gcp.gemini",
    "vertex": "gcp.vertex_ai",
    "bedrock": "aws.bedrock",
    "azure-openai": "azure.ai.openai",
    "mistral": "mistral_ai",
    "xai": "x_ai",
    "moonshot": "moonshot_ai",
}
"""Vendors that the conventions call otherwise than PRODUCT does; all others go by the name the policy has for them."""

PATHS = {name: dialect.front + dialect.path.partition("?")[0] for name, dialect in DIALECTS.items()}
"""A caller's dialect -> where it asked."""


class Instrument(msgspec.Struct, frozen=True):
    """An OpenTelemetry instrument. ``unit`` in UCUM; ``prometheus`` is the name a Prometheus makes of it."""

    name: str
    kind: Kind
    unit: str
    meaning: str
    attributes: tuple[str, ...]
    edges: tuple[float, ...] = ()
    profiles: frozenset[Profile] = BOTH

    @property
    def prometheus(self) -> str:
        plain = self.name.replace(".", "_")
        return plain + "_seconds" * (self.unit == "s") + "_total" * (self.kind == "counter")


class Exposed(msgspec.Struct, frozen=True):
    """A metric as ``/metrics`` names it, ``_total`` and all. ``unit`` is the one in its name, None for a number of things."""

    name: str
    kind: Kind
    unit: str | None
    meaning: str
    labels: tuple[str, ...]

    @property
    def series(self) -> tuple[str, ...]:
        """Names that a query may use."""
        if self.kind == "histogram":
            return (f"{self.name}_bucket", f"{self.name}_sum", f"{self.name}_count")
        return (self.name,)


CONTROL: dict[str, tuple[str, Kind, tuple[str, ...]]] = {
    "turnout_ingest_lag_seconds": ("Age of the oldest record that is not in the ledger yet.", "gauge", ()),
    "turnout_ingest_records": ("Records taken into the ledger since the start.", "counter", ()),
    "turnout_ingest_refused": ("Records that the ledger could not take; they are kept in its table of that name.", "counter", ()),
    "turnout_ingest_damaged_bytes": ("Bytes in the middle of journal segments that could not be read.", "counter", ()),
    "turnout_rollups_due": ("Minutes whose sums are to be made again.", "gauge", ()),
    "turnout_ledger_bytes": ("Size of the ledger.", "gauge", ()),
    "turnout_audit_head": ("Number of the audit chain's last entry.", "gauge", ()),
    "turnout_feedback": ("Opinions taken into the ledger since the start.", "counter", ("kind", "source")),
    "turnout_otlp_spans": (
        "Spans by what became of them: sent, dropped (no room), refused (by the collector).",
        "counter",
        ("result",),
    ),
    "turnout_otlp_exports": ("Exports of metrics: sent, refused.", "counter", ("result",)),
    "turnout_otlp_failing": ("1 while the collector takes nothing.", "gauge", ()),
}
"""Of the control process. Name -> meaning, kind, labels."""

_CALL = ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.response.model")
_SPENT = (*_CALL, "gen_ai.token.modality")

GENAI = (
    Instrument(
        "gen_ai.client.token.usage", "histogram", "{token}", "Tokens of a call, input and output apart.", (*_CALL, "gen_ai.token.type"),
        TOKENS, OLD,
    ),
    Instrument(
        "gen_ai.client.operation.duration", "histogram", "s", "Time that a call took.", (*_CALL, "error.type"), metrics.SECONDS, OLD,
    ),
    Instrument(
        "gen_ai.client.operation.time_to_first_chunk", "histogram", "s", "Time from the call to its first content; streams only.",
        (*_CALL, "error.type"), metrics.SECONDS, OLD,
    ),
    Instrument(
        "gen_ai.client.inference.duration", "histogram", "s", "Time that a call took.", (*_CALL, "error.type"), metrics.SECONDS, NEW,
    ),
    Instrument(
        "gen_ai.client.inference.time_to_first_chunk", "histogram", "s", "Time from the call to its first content; streams only.",
        (*_CALL, "error.type"), metrics.SECONDS, NEW,
    ),
    Instrument(
        "gen_ai.client.inference.usage.input_tokens", "counter", "{token}", "Tokens read, cached ones included.", _SPENT, (), NEW,
    ),
    Instrument(
        "gen_ai.client.inference.usage.output_tokens", "counter", "{token}", "Tokens written, thinking included.", _SPENT, (), NEW,
    ),
    Instrument(
        "gen_ai.client.inference.usage.cache_read.input_tokens", "counter", "{token}", "Of the tokens read, those from a provider's cache.",
        _SPENT, (), NEW,
    ),
    Instrument(
        "gen_ai.client.inference.usage.cache_write.input_tokens", "counter", "{token}", "Of the tokens read, those put into a provider's cache.",
        _SPENT, (), NEW,
    ),
    Instrument(
        "gen_ai.client.inference.usage.reasoning.output_tokens", "counter", "{token}", "Of the tokens written, thinking.", _SPENT, (), NEW,
    ),
    Instrument(
        "gen_ai.client.inference.operation.input_tokens", "histogram", "{token}", "Tokens that a call read; failed calls left out.", _CALL,
        TOKENS, NEW,
    ),
    Instrument(
        "gen_ai.client.inference.operation.output_tokens", "histogram", "{token}", "Tokens that a call wrote; failed calls left out.", _CALL,
        TOKENS, NEW,
    ),
)  # fmt: skip
"""GenAI metrics that records can tell. Not among them: time per output chunk, since a record does not hold each chunk's time."""

COUNTED = (
    "turnout_requests",
    "turnout_attempts",
    "turnout_fallbacks",
    "turnout_cost_usd",
    "turnout_cost_unknown",
    "turnout_input_tokens",
    "turnout_output_tokens",
    "turnout_skipped",
    *metrics.HISTOGRAMS,
)
"""Metrics of the data plane that records tell: they go out by OTLP too, and a Prometheus behind a collector finds them under the same names."""

FEEDBACK = (
    Instrument("turnout.feedback", "counter", "1", "Feedback received.", ("kind", "source")),
    Instrument("turnout.verdict", "histogram", "1", "What feedback says of answers' being acceptable.", ("source",), (0.0, 0.25, 0.5, 0.75, 1.0)),
)  # fmt: skip

ATTRIBUTES = {
    "turnout.request_id": "the request's id, as in its answer's header",
    "turnout.route": "the route it took",
    "turnout.reason": "why this model (`x-turnout-reason`)",
    "turnout.model": "the model, `provider/model`",
    "turnout.requested_model": "what the caller asked for",
    "turnout.policy": "version of the policy",
    "turnout.view": "hash of the view it was decided on",
    "turnout.plan": "digest of the plan",
    "turnout.task": "the task that was found",
    "turnout.task_source": "what told the task",
    "turnout.complexity": "0..1; absent when unknown",
    "turnout.band": "simple, moderate or high",
    "turnout.skipped": "steps that dispatch left out, `model: reason`",
    "turnout.attempts": "how many calls were made",
    "turnout.attempt": "which of them this is, from 1",
    "turnout.fallback": "true where another than the first choice answered",
    "turnout.outcome": "how it ended: ok, rejected, failed, cut, cancelled",
    "turnout.cost_usd": "what it cost; absent when unknown",
    "turnout.cost_unknown": "true where something was billed that nobody can price",
    "turnout.cached": "true where an answer was given again",
    "turnout.saved_usd": "what the answer that was given again had cost",
    "turnout.key": "name of the caller's key",
    "turnout.ticket": "the ticket it was handed to people with",
    "turnout.copy_of": "the request that this one was made from",
    "turnout.drill": "the drill it was part of",
    "turnout.decision_seconds": "time to classify and decide",
}
"""Attributes of spans that no convention has a name for, and what they say."""


def profiles_of(opt_in: str) -> frozenset[Profile]:
    """Which names OTEL_SEMCONV_STABILITY_OPT_IN asks for: a list, of which only two values are about GenAI."""
    asked = {value.strip() for value in opt_in.split(",")}
    if f"{OPT_IN}/dup" in asked:
        return BOTH
    return NEW if OPT_IN in asked else OLD


def provider_name(provider: str) -> str:
    """As the conventions call it."""
    return PROVIDERS.get(provider, provider)


def own() -> tuple[Instrument, ...]:
    """Our own metrics as instruments, named so that a Prometheus makes the names of ``/metrics`` of them."""
    return (*(_own(name) for name in COUNTED), *FEEDBACK)


def _own(name: str) -> Instrument:
    plain = name.removesuffix("_seconds").replace("_", ".", 1)
    if name in metrics.HISTOGRAMS:
        meaning, labels, edges = metrics.HISTOGRAMS[name]
        return Instrument(plain, "histogram", "s", meaning, labels, edges)
    meaning, labels = metrics.COUNTERS[name]
    unit = "{USD}" if name.endswith("_usd") else "{token}" if name.endswith("_tokens") else "1"
    return Instrument(plain, "counter", unit, meaning, labels)


def data_plane() -> tuple[Exposed, ...]:
    """What a gateway's ``/metrics`` has."""
    return tuple(_data_plane())


def _data_plane() -> Iterator[Exposed]:
    for name, (meaning, labels) in metrics.COUNTERS.items():
        yield _exposed(name, "counter", meaning, labels)
    for name, (meaning, labels) in metrics.GAUGES.items():
        yield _exposed(name, "gauge", meaning, labels)
    for name, (meaning, labels, _) in metrics.HISTOGRAMS.items():
        yield _exposed(name, "histogram", meaning, labels)
    for name, (meaning, kind) in metrics.JOURNAL.items():
        yield _exposed(name, "gauge" if kind == "gauge" else "counter", meaning, ("worker",))


def control_plane() -> tuple[Exposed, ...]:
    """What the control process's ``/metrics`` has."""
    return tuple(_exposed(name, kind, meaning, labels) for name, (meaning, kind, labels) in CONTROL.items())


def _exposed(name: str, kind: Kind, meaning: str, labels: tuple[str, ...]) -> Exposed:
    last = name.rpartition("_")[2]
    unit = last if last in ("seconds", "bytes", "usd") else None
    return Exposed(name + "_total" * (kind == "counter"), kind, unit, meaning, labels)
