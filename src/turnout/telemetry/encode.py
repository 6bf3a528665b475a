"""Our values as those of OpenTelemetry's SDK, for its exporters. Imported only where the extra ``otel`` is installed and wanted."""

from collections.abc import Iterable, Iterator, Mapping

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

import turnout
from turnout.metrics import Counts
from turnout.telemetry.figures import Distribution, Point
from turnout.telemetry.names import COUNTED, GENAI, Instrument, own
from turnout.telemetry.spans import Span

_SCOPE = InstrumentationScope("turnout", turnout.__version__)
_KINDS = {"server": SpanKind.SERVER, "internal": SpanKind.INTERNAL, "client": SpanKind.CLIENT}
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_OWN = own()
_INSTRUMENTS: Mapping[str, Instrument] = {instrument.name: instrument for instrument in (*GENAI, *_OWN)}


def resource() -> Resource:
    """Who speaks: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, and ``turnout`` where they do not say."""
    found = Resource.create({"service.version": turnout.__version__})
    named = str(found.attributes.get("service.name", "unknown_service"))
    return found.merge(Resource({"service.name": "turnout"})) if named.startswith("unknown_service") else found


def readable(span: Span, who: Resource) -> ReadableSpan:
    """One that has ended."""

    def place(span_id: int, trace_id: int = span.trace_id) -> SpanContext:
        return SpanContext(trace_id, span_id, is_remote=False, trace_flags=_SAMPLED)

    return ReadableSpan(
        span.name,
        context=place(span.span_id),
        parent=None if span.parent_id is None else place(span.parent_id),
        resource=who,
        attributes=span.attributes,
        links=[Link(place(link.span_id, link.trace_id)) for link in span.links],
        kind=_KINDS[span.kind],
        status=Status(StatusCode.UNSET) if span.error is None else Status(StatusCode.ERROR, span.error),
        start_time=span.start,
        end_time=span.end,
        instrumentation_scope=_SCOPE,
    )


def metrics_data(counts: Counts, points: Iterable[Point], who: Resource, since: int, now: int) -> MetricsData:
    """What records told our own metrics (``counts``) and the GenAI ones (``points``), from ``since`` to ``now`` (unix nanoseconds)."""
    numbers: dict[str, list[NumberDataPoint]] = {}
    spreads: dict[str, list[HistogramDataPoint]] = {}
    for name, attributes, value in (*_own_points(counts), *points):
        if isinstance(value, Distribution):
            spread = HistogramDataPoint(
                attributes, since, now, value.count, value.sum, value.buckets, value.edges,
                None, None,  # type: ignore[arg-type]  # smallest and largest: optional on the wire, and not counted here
            )  # fmt: skip
            spreads.setdefault(name, []).append(spread)
        else:
            numbers.setdefault(name, []).append(NumberDataPoint(attributes, since, now, value))
    cumulative = AggregationTemporality.CUMULATIVE
    metrics = [
        *(_metric(name, Sum(found, cumulative, is_monotonic=True)) for name, found in numbers.items()),
        *(_metric(name, Histogram(found, cumulative)) for name, found in spreads.items()),
    ]
    return MetricsData([ResourceMetrics(who, [ScopeMetrics(_SCOPE, metrics, "")], "")])


def _metric(name: str, data: Sum | Histogram) -> Metric:
    instrument = _INSTRUMENTS[name]
    return Metric(name, instrument.meaning, instrument.unit, data)


def _own_points(counts: Counts) -> Iterator[Point]:
    for name, instrument in zip(COUNTED, _OWN, strict=False):
        if instrument.kind == "counter":
            for labels, value in counts.counters[name].items():
                yield Point(instrument.name, _attributes(instrument, labels), value)
        else:
            for labels, buckets in counts.buckets[name].items():
                yield Point(
                    instrument.name, _attributes(instrument, labels), _spread(instrument, buckets, counts.sums[name][labels])
                )


def _attributes(instrument: Instrument, labels: tuple[str, ...]) -> dict[str, str]:
    return dict(zip(instrument.attributes, labels, strict=True))


def _spread(instrument: Instrument, buckets: list[int], total: float) -> Distribution:
    spread = Distribution(instrument.edges)
    spread.buckets, spread.count, spread.sum = buckets, sum(buckets), total
    return spread
