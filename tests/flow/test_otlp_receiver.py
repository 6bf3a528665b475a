"""What a collector gets: the documented names with the right values, whatever was sampled."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.flow.test_gateway_front import HELLO
from tests.support.fake_transport import Answer, FakeTransport
from tests.support.gateway import ASK, ask, house
from tests.support.otlp_receiver import Receiver, plain, receiving
from tests.support.records import NOW, TRAITS, attempt, record
from turnout.clock import ManualClock
from turnout.telemetry.names import GENAI, own
from turnout.telemetry.otlp import Telemetry, start
from turnout.types.feedback import Feedback
from turnout.types.money import PICO_PER_USD, PicoDollars
from turnout.types.record import Record
from turnout.types.reply import Usage

NEW = "gen_ai_latest_experimental"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SMALL, LARGE = "openai/gpt-5-mini", "mistral/large"

FAILED = attempt(
    model=SMALL, ended_ms=30.5, first_token_ms=None, status=503, fault="unavailable", detail="your prompt was: hunter2", usage=None,
    cost=PicoDollars(0), upstream_model=None,
)  # fmt: skip
SECOND = attempt(
    model=LARGE, reason="fallback", started_ms=31.0, ended_ms=1031.0, first_token_ms=131.0, upstream_model="large-2411",
    usage=Usage(input=300, cache_read=100, cache_write=50, input_audio=7, output=80, reasoning=20), cost=PicoDollars(2_000_000_000),
)  # fmt: skip
RECORDED = (
    record(0, stream=True),
    record(
        1, model=LARGE, reason="fallback", attempts=(FAILED, SECOND), duration_ms=1032.0, cost=PicoDollars(2_000_000_000), stream=True,
        skipped=(("anthropic/claude-haiku-4-5", "ejected"),), trace=PARENT,
    ),
    record(2, outcome="failed", code="upstream_failed", status=502, model=None, reason=None, attempts=(FAILED,), cost=PicoDollars(0)),
    record(3, reason="cache", attempts=(), cost=PicoDollars(0), saved=PicoDollars(1_450_000_000)),
    record(4, cost=None, attempts=(attempt(cost=None, usage=None),), outcome="cut", code="upstream_failed", stream=True),
    record(5, copy_of="req-1", drill="d-1", model=None),
)  # fmt: skip
"""A stream, a fallback, a failure, a cached answer, a stream that was cut and billed unknown, a copy."""


@contextmanager
def telemetry(receiver: Receiver, monkeypatch: pytest.MonkeyPatch, **environ: str) -> Iterator[Telemetry]:
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_METRIC_EXPORT_INTERVAL": "3600000", "NO_PROXY": "*", **environ}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    said: list[str] = []
    running = start(settings, ManualClock(NOW), said.append)
    try:
        yield running
    finally:
        running.close()
    assert not said


def exported(monkeypatch: pytest.MonkeyPatch, *entries: Any, **environ: str) -> Receiver:
    with receiving() as receiver, telemetry(receiver, monkeypatch, **environ) as running:
        running.take(entries)
        assert running.flush(10)
    return receiver


def only(receiver: Receiver, name: str, **attributes: Any) -> Any:
    [point] = receiver.points(name, **attributes)
    return point


def children(receiver: Receiver, parent: Span) -> list[Span]:
    return [span for span in receiver.spans if span.parent_span_id == parent.span_id and span.trace_id == parent.trace_id]


def test_the_old_names_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    """What most dashboards read, by default; each documented name that a record can tell is there."""
    receiver = exported(monkeypatch, *RECORDED)
    genai = {name for name in receiver.metrics if name.startswith("gen_ai.")}
    units = {metric.name: metric.unit for metric in receiver.metrics.values()}

    assert genai == {each.name for each in GENAI if "old" in each.profiles}
    assert all(units[each.name] == each.unit for each in (*GENAI, *own()) if each.name in units)
    took = only(receiver, "gen_ai.client.operation.duration", gen_ai__request__model="large")
    assert (took.count, took.sum) == (1, pytest.approx(1.0))
    assert plain(took.attributes) == {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "mistral_ai", "gen_ai.request.model": "large",
        "gen_ai.response.model": "large-2411",
    }  # fmt: skip
    assert only(receiver, "gen_ai.client.operation.duration", error__type="unavailable").count == 2
    first = only(receiver, "gen_ai.client.operation.time_to_first_chunk", gen_ai__request__model="large")
    assert (first.count, first.sum) == (1, pytest.approx(0.1))
    tokens = {
        kind: only(receiver, "gen_ai.client.token.usage", gen_ai__request__model="large", gen_ai__token__type=kind).sum
        for kind in ("input", "output")
    }
    assert tokens == {"input": 457, "output": 100}


def test_the_new_names_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of autumn 2026, and none of the old, when they are asked for. Counters count failed calls too, distributions do not."""
    receiver = exported(monkeypatch, *RECORDED, OTEL_SEMCONV_STABILITY_OPT_IN=f"http,{NEW}")
    genai = {name for name in receiver.metrics if name.startswith("gen_ai.")}

    assert genai == {each.name for each in GENAI if "new" in each.profiles}
    spent = {
        name: {
            plain(point.attributes)["gen_ai.token.modality"]: point.as_int
            for point in receiver.points(f"gen_ai.client.inference.usage.{name}", gen_ai__request__model="large")
        }
        for name in (
            "input_tokens",
            "output_tokens",
            "cache_read.input_tokens",
            "cache_write.input_tokens",
            "reasoning.output_tokens",
        )
    }
    assert spent == {
        "input_tokens": {"text": 450, "audio": 7},
        "output_tokens": {"text": 100},
        "cache_read.input_tokens": {"text": 100},
        "cache_write.input_tokens": {"text": 50},
        "reasoning.output_tokens": {"text": 20},
    }
    failed = only(receiver, "gen_ai.client.inference.usage.input_tokens", error__type="unavailable")
    assert (failed.as_int, plain(failed.attributes)["gen_ai.token.modality"]) == (0, "unknown")
    assert not receiver.points("gen_ai.client.inference.operation.input_tokens", error__type="unavailable")
    assert only(receiver, "gen_ai.client.inference.operation.input_tokens", gen_ai__request__model="large").sum == 457
    assert only(receiver, "gen_ai.client.inference.duration", gen_ai__request__model="large").sum == pytest.approx(1.0)


def test_both_arrive_while_dashboards_move_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A renamed metric goes silent, and no alert fires on what is absent."""
    receiver = exported(monkeypatch, *RECORDED, OTEL_SEMCONV_STABILITY_OPT_IN=f"{NEW}/dup")

    assert {each.name for each in GENAI} <= receiver.metrics.keys()
    [span] = [span for span in receiver.spans if span.name == "chat large"]
    assert plain(span.attributes)["gen_ai.usage.cache_write.input_tokens"] == 50
    assert plain(span.attributes)["gen_ai.usage.cache_creation.input_tokens"] == 50


@pytest.mark.parametrize("ratio", ["0.1", "0", "1"])
def test_cost_is_whole_however_few_traces_are_kept(monkeypatch: pytest.MonkeyPatch, ratio: str) -> None:
    """A counter of its own, never a sum over spans."""
    records = [record(n, attempts=(attempt(cost=PicoDollars(1_000_000 * n + 1)),)) for n in range(500)]
    exactly = sum(each.attempts[0].cost or 0 for each in records) / PICO_PER_USD
    receiver = exported(monkeypatch, *records, OTEL_TRACES_SAMPLER="parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG=ratio)

    point = only(receiver, "turnout.cost_usd")
    assert point.as_double == pytest.approx(exactly, rel=1e-12)
    assert plain(point.attributes) == {"route": "code", "model": "anthropic/claude-haiku-4-5"}
    assert only(receiver, "turnout.requests", outcome="ok").as_double == 500
    assert len(receiver.spans) == 1500 if ratio == "1" else len(receiver.spans) < 300


def test_what_failed_is_kept_whatever_the_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each failure can be looked at; one that is part of a trace that the caller did not keep is not."""
    unkept = record(9, outcome="failed", status=502, trace=PARENT[:-2] + "00")
    sampled = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}
    receiver = exported(monkeypatch, *RECORDED, unkept, **sampled)

    assert {plain(span.attributes)["turnout.request_id"] for span in receiver.spans if span.name != "decide"} == {
        "req-1", "req-2", "req-4",
    }  # fmt: skip  # the caller keeps the trace of req-1


def test_a_request_is_part_of_the_callers_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its span under the caller's, its decision and calls under its own, in the order they came."""
    receiver = exported(monkeypatch, RECORDED[1])
    [request] = [span for span in receiver.spans if span.kind == Span.SPAN_KIND_SERVER]
    decision, failed, answered = children(receiver, request)

    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (PARENT[3:35], PARENT[36:52])
    assert request.name == "POST /v1/chat/completions"
    assert plain(request.attributes)["http.response.status_code"] == 200
    assert plain(decision.attributes) | {
        "turnout.route": "code", "turnout.reason": "fallback", "turnout.policy": 3, "turnout.view": "a" * 64, "turnout.plan": "b" * 64,
        "turnout.task": "code_generation", "turnout.complexity": 0.42, "turnout.skipped": ("anthropic/claude-haiku-4-5: ejected",),
        "turnout.attempts": 2,
    } == plain(decision.attributes)  # fmt: skip
    assert (failed.name, failed.status.code, plain(failed.attributes)["error.type"]) == (
        "chat gpt-5-mini",
        Status.STATUS_CODE_ERROR,
        "unavailable",
    )
    assert (answered.name, answered.kind, answered.status.code) == ("chat large", Span.SPAN_KIND_CLIENT, Status.STATUS_CODE_UNSET)
    assert plain(answered.attributes)["gen_ai.usage.output_tokens"] == 100
    assert plain(answered.attributes)["gen_ai.response.time_to_first_chunk"] == pytest.approx(0.1)
    assert plain(answered.attributes)["turnout.cost_usd"] == 0.002
    assert request.start_time_unix_nano == int((NOW + 1) * 1e9)
    assert answered.end_time_unix_nano - request.start_time_unix_nano == 1_031_000_000


async def test_a_traceparent_goes_all_the_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """From a client's header through the gateway's record to the collector; one that is none begins a new trace."""
    rooms = house(tmp_path, FakeTransport(Answer(HELLO), Answer(HELLO)))
    for header in (PARENT, "nonsense"):
        answered = await ask(rooms.app, "/v1/chat/completions", {**ASK, "model": "sim-openai/small"}, traceparent=header)
        assert answered.status == 200
    written = [msgspec.msgpack.decode(msgspec.msgpack.encode(one), type=Record) for one in rooms.journal.records]
    receiver = exported(monkeypatch, *written)
    joined, alone = [span for span in receiver.spans if span.kind == Span.SPAN_KIND_SERVER]

    assert (joined.trace_id.hex(), joined.parent_span_id.hex()) == (PARENT[3:35], PARENT[36:52])
    assert [span.name for span in children(receiver, joined)] == ["decide", "chat small"]
    assert (alone.parent_span_id, alone.trace_id == joined.trace_id) == (b"", False)
    assert plain(joined.attributes)["turnout.request_id"] == written[0].id


def test_marks_of_what_is_no_plain_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cached answer, a stream that was cut at a cost nobody knows, a copy that follows from its original without being part of it."""
    receiver = exported(monkeypatch, *RECORDED)
    requests = {plain(span.attributes)["turnout.request_id"]: span for span in receiver.spans if span.name.startswith("POST")}
    said = {id_: plain(span.attributes) for id_, span in requests.items()}

    assert (said["req-3"]["turnout.cached"], said["req-3"]["turnout.saved_usd"]) == (True, 0.00145)
    assert said["req-4"]["turnout.cost_unknown"] is True
    assert "turnout.cost_usd" not in said["req-4"]
    assert requests["req-4"].status.code == requests["req-2"].status.code == Status.STATUS_CODE_ERROR
    copy = requests["req-5"]
    assert copy.kind == Span.SPAN_KIND_INTERNAL
    assert copy.trace_id != requests["req-1"].trace_id
    assert [link.span_id for link in copy.links] == [requests["req-1"].span_id]
    assert (said["req-5"]["turnout.copy_of"], said["req-5"]["turnout.drill"]) == ("req-1", "d-1")
    assert sum(point.as_double for point in receiver.points("turnout.requests")) == len(RECORDED) - 1


def test_no_content_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not what a provider's error quotes, no tag, no header; a session only where it is asked for."""
    told = record(
        1, traits=msgspec.structs.replace(TRAITS, headers={"x-secret": "hush"}, tags={"who": "jane"}), attempts=(FAILED,)
    )
    receiver = exported(monkeypatch, told)
    asked = exported(monkeypatch, told, TURNOUT_OTEL_SESSIONS="true")

    sent = b"".join(message.SerializeToString() for message in (*receiver.traces, *receiver.exports))
    assert not any(word in sent for word in (b"hunter2", b"hush", b"jane", b"s-1"))
    assert any(plain(span.attributes).get("gen_ai.conversation.id") == "s-1" for span in asked.spans)


def test_the_standard_variables_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers, compression, service name, resource attributes: as every other program has them."""
    receiver = exported(
        monkeypatch, record(0), OTEL_EXPORTER_OTLP_HEADERS="x-team=abc", OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
        OTEL_SERVICE_NAME="gate", OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=prod",
    )  # fmt: skip

    assert {(head["x-team"], head["content-encoding"], head["content-type"]) for head in receiver.headers} == {
        ("abc", "gzip", "application/x-protobuf")
    }
    assert {"service.name": "gate", "deployment.environment.name": "prod"}.items() <= receiver.resource.items()
    assert len(receiver.spans) == 3


def test_a_service_has_a_name_without_being_given_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """``unknown_service`` helps nobody."""
    assert exported(monkeypatch, record(0)).resource["service.name"] == "turnout"


def test_a_signal_of_ones_own_endpoint_goes_there_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Traces to one place, and metrics nowhere, when only that is configured."""
    with receiving() as receiver:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{receiver.url}/v1/traces"}
        with telemetry(receiver, monkeypatch, **environ) as running:
            running.take([record(0)])
            running.flush(10)

    assert {head["path"] for head in receiver.headers} == {"/v1/traces"}


def test_a_request_of_several_records_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """An audited route writes before the answer too: neither its cost nor its trace may come twice, whatever the editions say."""
    whole = [record(0, edition=0), record(0, edition=1)]
    stream = [record(1, edition=0, outcome="begun", cost=None, attempts=()), record(1, edition=1)]
    left: list[Record] = [record(2, edition=0), record(2, edition=1, outcome="cancelled")]
    receiver = exported(monkeypatch, *whole, *stream, *left)

    assert only(receiver, "turnout.requests", outcome="ok").as_double == 3
    assert only(receiver, "turnout.cost_usd").as_double == pytest.approx(3 * 0.00145)
    assert len(receiver.spans) == 9
    assert len({span.span_id for span in receiver.spans}) == 9


def test_feedback_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """How much of which kind, and what it says."""
    thumbs = [Feedback(f"f-{n}", NOW, "thumb", "user", "req-0", verdict=float(n % 2)) for n in range(4)]
    receiver = exported(monkeypatch, *thumbs)

    assert only(receiver, "turnout.feedback", kind="thumb", source="user").as_int == 4
    assert only(receiver, "turnout.verdict", source="user").sum == 2
