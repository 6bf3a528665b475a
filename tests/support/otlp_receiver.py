"""A real OTLP/HTTP receiver on loopback: takes protobuf, plain or gzip, and keeps what arrives as OpenTelemetry's own messages."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span


def plain(attributes: Any) -> dict[str, Any]:
    """Attributes as a dict."""
    return {pair.key: _value(pair.value) for pair in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return tuple(map(_value, value.array_value.values)) if kind == "array_value" else getattr(value, kind)


class Receiver:
    """``status`` is what it answers with; of the paths ``closed`` it knows nothing."""

    def __init__(self) -> None:
        self.status = 200
        self.closed: set[str] = set()
        self.traces: list[ExportTraceServiceRequest] = []
        self.exports: list[ExportMetricsServiceRequest] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    @property
    def spans(self) -> list[Span]:
        return [span for sent in self.traces for who in sent.resource_spans for scope in who.scope_spans for span in scope.spans]

    @property
    def resource(self) -> dict[str, Any]:
        """Of the last traces."""
        return plain(self.traces[-1].resource_spans[0].resource.attributes)

    @property
    def metrics(self) -> dict[str, Metric]:
        """Of the last export, by name."""
        return {
            metric.name: metric
            for who in self.exports[-1].resource_metrics
            for scope in who.scope_metrics
            for metric in scope.metrics
        }

    def points(self, name: str, **attributes: Any) -> list[Any]:
        """A metric's points of the last export that have these attributes, dots written as double underscores."""
        metric = self.metrics[name]
        wanted = {key.replace("__", "."): value for key, value in attributes.items()}.items()
        data = getattr(metric, metric.WhichOneof("data"))
        return [point for point in data.data_points if wanted <= plain(point.attributes).items()]

    def took(self, path: str, headers: dict[str, str], body: bytes) -> int:
        self.headers.append({"path": path, **headers})
        if path in self.closed:
            return 404
        if self.status == 200:
            if headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            if path == "/v1/traces":
                self.traces.append(ExportTraceServiceRequest.FromString(body))
            elif path == "/v1/metrics":
                self.exports.append(ExportMetricsServiceRequest.FromString(body))
            else:
                return 404
        return self.status


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = receiver.took(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
