"""A collector that is away, refuses or is not there at all costs spans, which are counted; never a request, a count or a crash."""

import logging
import socket
import subprocess
import sys

import pytest

from tests.support.otlp_receiver import Receiver, receiving
from tests.support.records import NOW, record
from turnout.clock import ManualClock
from turnout.telemetry import settings
from turnout.telemetry.otlp import Telemetry, start


def begin(monkeypatch: pytest.MonkeyPatch, url: str, said: list[str], **environ: str) -> Telemetry:
    configured = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_METRIC_EXPORT_INTERVAL": "3600000", "NO_PROXY": "*", **environ}
    for name, value in configured.items():
        monkeypatch.setenv(name, value)
    return start(configured, ManualClock(NOW), said.append)


@pytest.fixture
def receiver() -> Receiver:
    with receiving() as running:
        yield running


def test_nothing_configured_is_nothing_done() -> None:
    """No thread, no import, no word."""
    said: list[str] = []
    running = start({}, ManualClock(NOW), said.append)
    running.take([record(0)])

    assert (running.flush(0), running.state().on, said) == (True, False, [])
    running.close()


def test_what_is_not_wanted_is_not_loaded() -> None:
    """The extra's parts cost a fifth of a second and 20 MB: only who exports pays them."""
    look = "import sys, turnout.telemetry.otlp as o; o.start({}, None, print); print(any('opentelemetry' in name for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", look], capture_output=True, check=True, timeout=30).stdout == b"False\n"


def test_configured_without_the_extra_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, in words that say what to do; all else goes on."""
    monkeypatch.setattr(settings, "find_spec", lambda _: None)
    environ, said = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, []
    running = start(environ, ManualClock(NOW), said.append)
    running.take([record(0)])

    assert said == [*settings.complaints(environ)] == [*running.state().complaints]
    assert "pip install 'turnout[otel]'" in said[0]
    running.close()


def test_a_refusal_is_counted_and_told_once_and_so_is_its_end(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Metrics are cumulative: what was counted meanwhile arrives with the first export that does."""
    said: list[str] = []
    running = begin(monkeypatch, receiver.url, said)
    receiver.status = 401
    for n in range(2):
        running.take([record(n)])
        running.flush(10)
    away = running.state()
    receiver.status = 200
    running.take([record(2)])
    running.flush(10)
    back = running.state()
    running.close()

    assert (away.failing, away.sent, away.refused, away.exports_refused) == (True, 0, 6, 2)
    assert (back.failing, back.sent, back.refused, back.waiting) == (False, 3, 6, 0)
    why = "(Failed to export {} batch code: 401, reason: Unauthorized)"
    assert said == [
        f"the OTLP collector takes no spans {why.format('spans')}: they are lost until it does",
        f"the OTLP collector takes no metrics {why.format('metrics')}: they are counted on",
        "the OTLP collector takes spans again",
        "the OTLP collector takes metrics again",
    ]
    [point] = receiver.points("turnout.requests")
    assert point.as_double == 3


def test_a_collector_that_takes_only_one_signal_is_told_once(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Prometheus takes metrics by OTLP, and no traces: that is no news each time."""
    said: list[str] = []
    receiver.closed = {"/v1/traces"}
    running = begin(monkeypatch, receiver.url, said)
    for n in range(3):
        running.take([record(n)])
        running.flush(10)
    state = running.state()
    running.close()

    assert (state.failing, state.refused, state.exports_sent) == (True, 9, 3)
    assert len(said) == 1


def test_what_finds_no_room_is_dropped_and_counted(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is bounded; taking never waits for it."""
    running = begin(monkeypatch, receiver.url, [], OTEL_BSP_MAX_QUEUE_SIZE="30", OTEL_BSP_MAX_EXPORT_BATCH_SIZE="1000")
    running.take([record(n) for n in range(100)])
    full = running.state()
    running.flush(10)
    running.close()

    assert (full.waiting, full.dropped) == (30, 270)
    assert len(receiver.spans) == 30
    assert receiver.points("turnout.requests")[0].as_double == 100


def test_batches_are_of_the_size_that_is_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is lost between them, nor sent twice."""
    running = begin(monkeypatch, receiver.url, [], OTEL_BSP_MAX_EXPORT_BATCH_SIZE="12")
    running.take([record(n) for n in range(50)])
    running.flush(10)
    running.close()

    sizes = [sum(len(scope.spans) for who in sent.resource_spans for scope in who.scope_spans) for sent in receiver.traces]
    assert max(sizes) == 12
    assert len({span.span_id for span in receiver.spans}) == len(receiver.spans) == 150


def test_the_end_sends_what_there_is(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without being asked for it."""
    running = begin(monkeypatch, receiver.url, [])
    running.take([record(0)])
    running.close()

    assert len(receiver.spans) == 3
    assert receiver.points("turnout.requests")[0].as_double == 1


def test_an_absent_collector_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its exporter tries for ten seconds; closing ends that, and what was not taken is counted."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setattr("turnout.telemetry.otlp.CLOSE_WITHIN", 0.3)
    running = begin(monkeypatch, f"http://127.0.0.1:{port}", [])
    running.take([record(0)])
    running.close()

    state = running.state()
    assert (state.sent, state.refused, state.failing) == (0, 3, True)
    assert logging.getLogger("opentelemetry").handlers == []


def test_a_variable_that_the_exporters_cannot_read_is_told_by_them(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Before our own silence about their tries begins; what they do instead is theirs too."""
    running = begin(monkeypatch, receiver.url, [], OTEL_EXPORTER_OTLP_TIMEOUT="soon")
    running.take([record(0)])
    running.close()

    assert "Invalid timeout value 'soon'" in caplog.text
    assert len(receiver.spans) == 3


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_died_is_seen(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of our own must not look like peace."""

    def broken(*_: object, **__: object) -> None:
        raise SystemExit

    monkeypatch.setattr("turnout.telemetry.otlp.spans_of", broken)
    running = begin(monkeypatch, receiver.url, [])
    running.take([record(0)])
    running.flush(0.2)

    assert running.state().failing
    running.close()
