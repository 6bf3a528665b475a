"""Records to an OpenTelemetry collector, from the control process: a request pays nothing for it.

``take`` counts and puts aside; a thread of its own makes spans and exports. Metrics are counted when a record is taken, whole, whatever
becomes of its trace: sampling, a full queue or an absent collector cost spans, never a count or a cent.
"""

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Protocol

import msgspec

from turnout.clock import Clock
from turnout.metrics import Metrics
from turnout.telemetry import settings as environment
from turnout.telemetry.figures import Figures
from turnout.telemetry.settings import Settings
from turnout.telemetry.spans import Place, place_of, spans_of
from turnout.types.entry import Entry
from turnout.types.feedback import Feedback
from turnout.types.record import Record

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace.export import SpanExporter

CLOSE_WITHIN = 2.0
"""Seconds that a collector gets at the end, before its answer is not waited for any more."""
MOST_BEGUN = 10_000
"""Streams of audited routes whose last record is waited for."""


class State(msgspec.Struct, frozen=True):
    """How exporting fares. ``sent``, ``dropped`` (no room) and ``refused`` (by the collector) count spans, ``waiting`` those to come."""

    on: bool = False
    sent: int = 0
    dropped: int = 0
    refused: int = 0
    waiting: int = 0
    exports_sent: int = 0
    exports_refused: int = 0
    failing: bool = False
    complaints: tuple[str, ...] = ()


class Telemetry(Protocol):
    """Where the control process leaves what it ingested."""

    def take(self, entries: Iterable[Entry]) -> None:
        """What the ledger just took. Never waits, never raises."""
        ...

    def flush(self, within: float) -> bool:
        """Export what was taken so far; False when that takes longer than ``within`` seconds."""
        ...

    def state(self) -> State: ...

    def close(self) -> None:
        """Export what there is, if the collector takes it at once, and end."""
        ...


def start(environ: Mapping[str, str], clock: Clock, say: Callable[[str], None]) -> Telemetry:
    """As the standard variables have it; ``say`` tells a person what is wrong with them, or with the collector.

    ``environ`` is the process's own: the exporters read it by themselves.
    """
    complaints = environment.complaints(environ)
    for complaint in complaints:
        say(complaint)
    settings = environment.read(environ)
    if settings is None or not environment.is_installed():
        return _Off(complaints)
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415 - an extra, and 200 ms
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - same

    spans = OTLPSpanExporter() if settings.traces else None
    return Exporting(settings, spans, OTLPMetricExporter() if settings.metrics else None, clock, say)


class _LastSaid(logging.Handler):
    """The exporters log each of their tries. We tell the first that failed and the recovery, and from here we know why."""

    log = logging.getLogger("opentelemetry")

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.log.addHandler(self)
        self.log.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        self.text = record.getMessage()

    def close(self) -> None:
        self.log.removeHandler(self)
        self.log.propagate = True
        super().close()


class _Off:
    def __init__(self, complaints: Sequence[str]) -> None:
        self._state = State(complaints=tuple(complaints))

    def take(self, entries: Iterable[Entry]) -> None:
        pass

    def flush(self, within: float) -> bool:  # noqa: ARG002 - the protocol's
        return True

    def state(self) -> State:
        return self._state

    def close(self) -> None:
        pass


class Exporting:
    """Everything that is shared with the thread is touched under ``_lock``; exporting itself is not."""

    def __init__(
        self, settings: Settings, spans: "SpanExporter | None", metrics: "MetricExporter | None", clock: Clock, say: Callable[[str], None]
    ) -> None:  # fmt: skip
        from turnout.telemetry import encode  # noqa: PLC0415 - stands on the extra

        self._encode = encode
        self._who = encode.resource()
        self._settings = settings
        self._spans, self._metrics_out = spans, metrics
        self._clock, self._say, self._last_said = clock, say, _LastSaid()
        self._since = _ns(clock)
        self._lock = threading.Condition()
        self._metrics, self._figures = Metrics(), Figures()
        self._begun: OrderedDict[str, None] = OrderedDict()
        self._queue: deque[tuple[Record, Place]] = deque()
        self._queued = 0  # spans
        self._asked = self._answered = 0  # flushes
        self._closing = False
        self._failing: set[str] = set()
        self._state = State(on=True, complaints=settings.complaints)
        self._thread = threading.Thread(target=self._run, name="otlp", daemon=True)
        self._thread.start()

    def take(self, entries: Iterable[Entry]) -> None:
        with self._lock:
            for entry in entries:
                if isinstance(entry, Record):
                    if self._is_final(entry):
                        self._take(entry)
                elif isinstance(entry, Feedback):
                    self._figures.count_feedback(entry)
            if self._queued >= self._settings.batch:
                self._lock.notify_all()

    def flush(self, within: float) -> bool:
        with self._lock:
            self._asked += 1
            mine = self._asked
            self._lock.notify_all()
            return self._lock.wait_for(lambda: self._answered >= mine, within)

    def state(self) -> State:
        with self._lock:
            died = not (self._closing or self._thread.is_alive())
            return msgspec.structs.replace(self._state, waiting=self._queued, failing=bool(self._failing) or died)

    def close(self) -> None:
        with self._lock:
            self._closing = True
            self._lock.notify_all()
        self._thread.join(CLOSE_WITHIN)
        for exporter in (self._spans, self._metrics_out):  # ends its tries too
            if exporter is not None:
                exporter.shutdown()
        self._thread.join(CLOSE_WITHIN)
        self._last_said.close()

    def _is_final(self, record: Record) -> bool:
        """Once per request: of several editions the first that tells an end. What comes after it is the same end again."""
        if record.outcome == "begun":
            self._begun[record.id] = None
            if len(self._begun) > MOST_BEGUN:
                self._begun.popitem(last=False)
            return False
        if record.id in self._begun:
            del self._begun[record.id]
            return True
        return record.edition == 0

    def _take(self, record: Record) -> None:
        self._metrics.observe(record)
        self._figures.count(record)
        if self._spans is None:
            return
        place = place_of(record)
        failed = record.outcome in ("failed", "cut")
        if not self._settings.sampler.keeps(place.trace_id, parent_sampled=place.parent_sampled, failed=failed):
            return
        number = _spans_in(record)
        if self._queued + number > self._settings.queue:
            self._state = msgspec.structs.replace(self._state, dropped=self._state.dropped + number)
            return
        self._queue.append((record, place))
        self._queued += number

    def _run(self) -> None:
        metrics_due = self._clock.steady() + self._settings.metric_interval
        while True:
            with self._lock:
                self._lock.wait_for(self._has_work, self._settings.delay)
                asked, closing = self._asked, self._closing
            self._export_spans()
            if closing or asked > self._answered or self._clock.steady() >= metrics_due:
                self._export_metrics()
                metrics_due = self._clock.steady() + self._settings.metric_interval
            with self._lock:
                self._answered = asked
                self._lock.notify_all()
            if closing:
                return

    def _has_work(self) -> bool:
        """A collector that takes nothing is tried again after the delay, however much waits."""
        full = self._queued >= self._settings.batch and "spans" not in self._failing
        return self._closing or self._asked > self._answered or full

    def _export_spans(self) -> None:
        """All that wait, a batch at a time; what comes after a refused one waits on."""
        settings, exporter = self._settings, self._spans
        while exporter is not None and (batch := self._next_batch()):
            spans = [
                self._encode.readable(span, self._who)
                for record, place in batch
                for span in spans_of(record, settings.profiles, place, sessions=settings.sessions)
            ]
            took = exporter.export(spans).name == "SUCCESS"
            self._note("spans", "sent" if took else "refused", len(spans), took=took)
            if not took:
                return

    def _next_batch(self) -> list[tuple[Record, Place]]:
        with self._lock:
            number, spans = 0, 0
            for record, _ in islice(self._queue, self._settings.batch):
                spans += _spans_in(record)
                number += 1
                if spans >= self._settings.batch:
                    break
            self._queued -= spans
            return [self._queue.popleft() for _ in range(number)]

    def _export_metrics(self) -> None:
        if self._metrics_out is None:
            return
        with self._lock:
            points = self._figures.points(self._settings.profiles)
            data = self._encode.metrics_data(self._metrics.counts(), points, self._who, self._since, _ns(self._clock))
        took = self._metrics_out.export(data).name == "SUCCESS"
        self._note("metrics", "exports_sent" if took else "exports_refused", 1, took=took)

    def _note(self, signal: str, counter: str, number: int, *, took: bool) -> None:
        """Counts it. A collector that goes away, and one that comes back, are told once, for each signal: some take only one."""
        with self._lock:
            was_failing = signal in self._failing
            (self._failing.discard if took else self._failing.add)(signal)
            self._state = msgspec.structs.replace(self._state, **{counter: getattr(self._state, counter) + number})
        if took and was_failing:
            self._say(f"the OTLP collector takes {signal} again")
        elif not (took or was_failing):
            meanwhile = "they are lost until it does" if signal == "spans" else "they are counted on"
            why = f" ({self._last_said.text})" if self._last_said.text else ""
            self._say(f"the OTLP collector takes no {signal}{why}: {meanwhile}")


def _spans_in(record: Record) -> int:
    return 1 + (record.traits is not None) + len(record.attempts)


def _ns(clock: Clock) -> int:
    return int(clock.now() * 1e9)
