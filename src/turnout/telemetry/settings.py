"""OpenTelemetry's standard variables, as far as they are Turnout's to read: the exporters read endpoints, headers and the like themselves."""

from collections.abc import Mapping
from importlib.util import find_spec

import msgspec

from turnout.telemetry.names import OLD, Profile, profiles_of
from turnout.telemetry.sampling import SAMPLERS, Sampler

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
SESSIONS = "TURNOUT_OTEL_SESSIONS"
"""``true``: spans carry the session's id, which is an application's word for somebody, as ``gen_ai.conversation.id``."""
NEEDS_EXTRA = "OTLP is configured, but its parts are not installed: pip install 'turnout[otel]'; nothing is exported"


class Settings(msgspec.Struct, frozen=True):
    """``queue`` and ``batch`` in spans, times in seconds. ``complaints`` are about values that were not taken up."""

    traces: bool
    metrics: bool
    profiles: frozenset[Profile] = OLD
    sampler: Sampler = Sampler()
    sessions: bool = False
    queue: int = 20_000
    batch: int = 512
    delay: float = 5.0
    metric_interval: float = 60.0
    complaints: tuple[str, ...] = ()


def read(environ: Mapping[str, str]) -> Settings | None:
    """None when no endpoint is configured: then nothing is exported, and nothing needs to be installed."""
    if _true(environ, "OTEL_SDK_DISABLED"):
        return None
    traces, metrics = _wanted(environ, "TRACES"), _wanted(environ, "METRICS")
    if not (traces or metrics):
        return None
    complaints: list[str] = []
    for signal, wanted in (("TRACES", traces), ("METRICS", metrics)):
        protocol = environ.get(f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
        if wanted and protocol not in (None, "", "http/protobuf"):
            complaints.append(
                f"OTLP speaks http/protobuf here, not {protocol}: {signal.lower()} go that way (port 4318 as a rule)"
            )
    complaints += [
        f"{name} {environ[name]!r} begins with neither http:// nor https://: nothing can be sent there"
        for name in (ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")
        if environ.get(name) and not environ[name].startswith(("http://", "https://"))
    ]
    if metrics and environ.get("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "cumulative").lower() != "cumulative":
        complaints.append("OTLP metrics are cumulative: a collector's cumulativetodelta processor makes deltas of them")
    defaults = Settings(traces, metrics)
    return Settings(
        traces,
        metrics,
        profiles_of(environ.get("OTEL_SEMCONV_STABILITY_OPT_IN", "")),
        _sampler(environ, complaints),
        _true(environ, SESSIONS),
        max(1, int(_number(environ, "OTEL_BSP_MAX_QUEUE_SIZE", defaults.queue, complaints))),
        max(1, int(_number(environ, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", defaults.batch, complaints))),
        _number(environ, "OTEL_BSP_SCHEDULE_DELAY", defaults.delay * 1e3, complaints) / 1e3,
        _number(environ, "OTEL_METRIC_EXPORT_INTERVAL", defaults.metric_interval * 1e3, complaints) / 1e3,
        tuple(complaints),
    )


def complaints(environ: Mapping[str, str]) -> tuple[str, ...]:
    """What is wrong with how OTLP is configured, for people; empty when it is not, or well."""
    settings = read(environ)
    if settings is None:
        return ()
    return settings.complaints if is_installed() else (NEEDS_EXTRA,)


def is_installed() -> bool:
    """Whether the extra ``otel`` is there. Imports none of it."""
    try:
        return find_spec("opentelemetry.sdk") is not None and find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        return False


def _wanted(environ: Mapping[str, str], signal: str) -> bool:
    configured = environ.get(ENDPOINT) or environ.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    return bool(configured) and environ.get(f"OTEL_{signal}_EXPORTER", "otlp").strip().lower() != "none"


def _true(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "").strip().lower() == "true"


def _sampler(environ: Mapping[str, str], complaints: list[str]) -> Sampler:
    name = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower()
    if name not in SAMPLERS:
        if name:
            complaints.append(f"OTEL_TRACES_SAMPLER {name!r} is none of {', '.join(SAMPLERS)}: all traces are kept")
        return Sampler()
    root, asks_parent = SAMPLERS[name]
    ratio = _number(environ, "OTEL_TRACES_SAMPLER_ARG", 1.0, complaints) if root == "ratio" else 1.0
    if not 0 <= ratio <= 1:
        complaints.append(f"OTEL_TRACES_SAMPLER_ARG {ratio} is not within 0..1: all traces are kept")
        ratio = 1.0
    return Sampler(root, asks_parent, ratio)


def _number(environ: Mapping[str, str], name: str, default: float, complaints: list[str]) -> float:
    written = environ.get(name, "").strip()
    try:
        number = float(written) if written else default
        if number >= 0:
            return number
    except ValueError:
        pass
    complaints.append(f"{name} {written!r} is not a number from 0 on: {default:g} is used")
    return default
