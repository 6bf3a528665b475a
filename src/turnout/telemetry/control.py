"""The control process's own figures in Prometheus' text, under the names of ``telemetry.names``."""

from collections.abc import Iterable, Mapping

from turnout.telemetry.names import CONTROL
from turnout.telemetry.otlp import State

Values = float | Mapping[tuple[str, ...], float]
"""One figure, or one for each combination of its labels."""


def exposition(figures: Mapping[str, Values]) -> tuple[bytes, str]:
    """The text and its content type. A name that is not given is left out: nothing is not zero. Raises KeyError for an unknown name."""
    from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415 - 30 ms that only a scrape needs
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric  # noqa: PLC0415 - same
    from prometheus_client.exposition import CONTENT_TYPE_LATEST  # noqa: PLC0415 - same

    rows = {name: (CONTROL[name], values if isinstance(values, Mapping) else {(): values}) for name, values in figures.items()}

    class Collector:
        def collect(self) -> Iterable[Metric]:
            for name, ((meaning, kind, labels), values) in rows.items():
                family = (GaugeMetricFamily if kind == "gauge" else CounterMetricFamily)(name, meaning, labels=labels)
                for key, value in values.items():
                    family.add_metric(key, value)
                yield family

    registry = CollectorRegistry()
    registry.register(Collector())
    return generate_latest(registry), CONTENT_TYPE_LATEST


def otlp_figures(state: State) -> dict[str, Values]:
    """How exporting fares; nothing when it is off."""
    if not state.on:
        return {}
    return {
        "turnout_otlp_spans": {("sent",): state.sent, ("dropped",): state.dropped, ("refused",): state.refused},
        "turnout_otlp_exports": {("sent",): state.exports_sent, ("refused",): state.exports_refused},
        "turnout_otlp_failing": float(state.failing),
    }
