"""``turnout serve`` with OpenTelemetry's variables set: what a client asked arrives at the collector, under the client's own trace."""

from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.e2e.own import eventually, own
from tests.e2e.world import World
from tests.support.otlp_receiver import plain, receiving
from turnout.sim.policy import policy_yaml
from turnout.sim.profile import default_fleet

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_requests_arrive_at_the_collector(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans soon, metrics at the end at the latest; the control process tells how exporting fares, and the cost is the answers' own."""
    with receiving() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        monkeypatch.setenv("NO_PROXY", "*")
        with own(tmp_path, world.sim, lambda ports: policy_yaml(default_fleet(time_scale=0), ports)) as mine:
            body = {"model": "sim-openai/small", "messages": [{"role": "user", "content": "Where is my parcel?"}]}
            answered = mine.post("/v1/chat/completions", body, traceparent=TRACE)
            assert answered.status == 200, answered.body
            eventually(lambda: len(receiver.spans) >= 3, "the request's spans")
            told = mine.control_get("/metrics")

        [request] = [span for span in receiver.spans if span.kind == Span.SPAN_KIND_SERVER]
        assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE[3:35], TRACE[36:52])
        assert plain(request.attributes)["turnout.request_id"] == answered.headers["x-turnout-request-id"]
        [cost] = receiver.points("turnout.cost_usd")
        assert cost.as_double == pytest.approx(float(answered.headers["x-turnout-cost-usd"]))
        assert told.status == 200
        assert 'turnout_otlp_spans_total{result="sent"} 3.0' in told.body.decode()
        assert "turnout_otlp_failing 0.0" in told.body.decode()
