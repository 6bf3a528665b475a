"""Counters of a worker: of requests, fed by records, so that metrics and ledger cannot disagree, and of parts that keep their own.

Kept in plain dicts and turned into Prometheus families when somebody asks; records are counted some dozens at a time, which takes half
of what counting each as it comes does. Labels are bounded: provider models,
routes, outcomes and faults; never users, sessions or keys. Workers leave their counters in a file each second; whichever worker
is scraped adds them up, and a restarted worker goes on from its own.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from turnout.types.money import PICO_PER_USD
from turnout.types.record import Record

AT_ONCE = 64
"""Records that wait to be counted, unless somebody asks before."""

SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68)
"""OpenTelemetry's GenAI duration buckets, longer by two for reasoning models."""
DECISION_SECONDS = (0.00001, 0.00002, 0.00004, 0.00006, 0.0001, 0.0002, 0.0005, 0.001, 0.005, 0.02)

COUNTERS = {
    "turnout_requests": ("Requests by route, served model, outcome and error code.", ("route", "model", "outcome", "code")),
    "turnout_attempts": ("Upstream attempts by model and fault (ok: none).", ("model", "fault")),
    "turnout_fallbacks": ("Requests answered by another model than the first choice.", ("route", "model")),
    "turnout_cost_usd": ("Cost of upstream calls whose price and usage are known.", ("route", "model")),
    "turnout_cost_unknown": ("Attempts that billed something nobody can price.", ("route", "model")),
    "turnout_internal_errors": ("Requests that met an error of our own; the log names each.", ("error",)),
    "turnout_input_tokens": ("Tokens read by models, by how they bill.", ("model", "kind")),
    "turnout_output_tokens": ("Tokens written by models, by how they bill.", ("model", "kind")),
    "turnout_skipped": ("Steps of a plan that dispatch left out, by reason.", ("model", "reason")),
    "turnout_ejections": ("Times that something was put out, by cause (configuration: quarantined).", ("what", "cause")),
    "turnout_probes": ("Requests let through to see whether something is well again.", ("what",)),
    "turnout_extra_attempts": ("Second tries and hedges that a route's budget granted or refused.", ("route", "kind", "verdict")),
    "turnout_held_back": ("Times that a request found no room; with quota.shadow, would have found none.", ("what",)),
    "turnout_active_checks": ("Active checks by result.", ("provider", "result")),
    "turnout_active_check_cost_usd": ("Cost of active checks that are completions.", ("provider",)),
    "turnout_active_check_cost_unknown": ("Completions of active checks that nobody can price.", ("provider",)),
    "turnout_cache_lookups": ("Looks into the cache by what came of them.", ("result",)),
    "turnout_cache_kept": ("Answers put into the cache.", ()),
    "turnout_cache_saved_usd": ("What the calls were charged whose answers were given again.", ()),
    "turnout_cache_errors": ("Calls of a cache's store that failed, counted as misses.", ()),
    "turnout_tickets": ("Tickets handed to people, and those that could not be.", ("result",)),
    "turnout_content": ("Requests whose content was kept (redacted, full), or why it was not.", ("route", "result")),
    "turnout_online_checks": ("Online checks of answers by result.", ("route", "model", "check", "result")),
    "turnout_judged": ("Answers drawn for the judge, by the model judged and what came of it.", ("route", "model", "result")),
    "turnout_exposures": ("Requests on a route's trial by arm.", ("route", "side")),
    "turnout_mirrored": ("Requests drawn for a route's mirror, by what came of them.", ("route", "result")),
    "turnout_online_left_out": ("Answers that no online grader looked at, by reason.", ("reason",)),
}
GAUGES = {
    "turnout_deployments": ("Workers for whom the model behind the credential stands so.", ("model", "credential", "standing")),
    "turnout_in_flight": ("Upstream calls under way.", ("model", "credential")),
    "turnout_in_line": ("Requests that wait for a model to have room.", ()),
    "turnout_tickets_waiting": ("Requests that wait for a person.", ()),
}
"""Sums over the workers that live."""
HISTOGRAMS = {
    "turnout_request_duration_seconds": ("Time from arrival to the end of the answer.", ("route", "model"), SECONDS),
    "turnout_time_to_first_token_seconds": ("Time from arrival to the first content.", ("route", "model"), SECONDS),
    "turnout_decision_seconds": ("Time to classify and decide.", (), DECISION_SECONDS),
}
JOURNAL = {
    "turnout_journal_failing": ("1 while the disk refuses the worker's journal.", "gauge"),
    "turnout_journal_buffered_bytes": ("Records that wait in memory for the disk.", "gauge"),
    "turnout_journal_written_at_once": ("Records that a request wrote itself, the buffer being full.", "counter"),
    "turnout_journal_dropped": ("Records lost: the buffer was full and the disk refused.", "counter"),
}
"""By worker; its counters begin anew with its process, unlike the others."""

GONE_AFTER = 15.0
"""Seconds without a saving after which a worker's gauges are those of a dead one."""

Labels = tuple[str, ...]


class Counts(msgspec.Struct):
    """The whole state: a sum per name and labels, bucket counts (the last: +Inf) and sums of histograms, the journal's figures."""

    counters: dict[str, dict[tuple[str, ...], float]]
    buckets: dict[str, dict[tuple[str, ...], list[int]]]
    sums: dict[str, dict[tuple[str, ...], float]]
    journal: dict[str, float] = {}
    gauges: dict[str, dict[tuple[str, ...], float]] = {}


def _empty() -> Counts:
    return Counts({name: {} for name in COUNTERS}, {name: {} for name in HISTOGRAMS}, {name: {} for name in HISTOGRAMS})


class Metrics:
    """One worker's counters. ``file``, if given, is where they are left for the others and found again after a restart."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        counts = _read(file) if file is not None else _empty()
        self._counters = {name: defaultdict(float, values) for name, values in counts.counters.items()}
        self._buckets = counts.buckets
        self._sums = counts.sums
        self._journal: dict[str, float] = {}
        self._gauges: dict[str, dict[Labels, float]] = {}
        self._kept_elsewhere: dict[tuple[str, Labels], float] = {}
        self._uncounted: list[Record] = []

    def note_journal(self, *, failing: bool, buffered: int, written_at_once: int, dropped: int) -> None:
        """How the worker's journal fares now."""
        self._journal = dict(zip(JOURNAL, (float(failing), buffered, written_at_once, dropped), strict=True))

    def add(self, name: str, labels: Labels, amount: float = 1.0) -> None:
        """Count what is in no record."""
        self._counters[name][labels] += amount

    def so_far(self, name: str, labels: Labels, total: float) -> None:
        """Take over a count that another part has kept since it began; one that shrank has begun anew."""
        last = self._kept_elsewhere.get((name, labels), 0.0)
        self._kept_elsewhere[name, labels] = total
        if total != last:
            self.add(name, labels, total - last if total > last else total)

    def gauge(self, name: str, values: Mapping[Labels, float]) -> None:
        """How it is now, with all of its labels."""
        self._gauges[name] = dict(values)

    def observe(self, record: Record) -> None:
        """Count one finished request, soon."""
        self._uncounted.append(record)
        if len(self._uncounted) >= AT_ONCE:
            self._count_all()

    def _count_all(self) -> None:
        records, self._uncounted = self._uncounted, []
        for record in records:
            self._count(record)

    def _count(self, record: Record) -> None:
        if record.copy_of is None:  # nobody asked for a copy: only its calls count, and what they cost
            self._count_asked(record)
        counters, route = self._counters, record.route or ""
        for attempt in record.attempts:
            model = attempt.model
            counters["turnout_attempts"][model, attempt.fault or "ok"] += 1
            if attempt.cost is not None:
                counters["turnout_cost_usd"][route, model] += attempt.cost / PICO_PER_USD
            else:
                counters["turnout_cost_unknown"][route, model] += 1
            if (usage := attempt.usage) is not None:
                read, written = counters["turnout_input_tokens"], counters["turnout_output_tokens"]
                read[model, "uncached"] += usage.input + usage.input_audio + usage.input_image
                read[model, "cache_read"] += usage.cache_read
                read[model, "cache_write"] += usage.cache_write + usage.cache_write_1h
                written[model, "visible"] += usage.output + usage.output_audio + usage.output_image
                written[model, "reasoning"] += usage.reasoning

    def _count_asked(self, record: Record) -> None:
        route, model = record.route or "", record.model or ""
        self._counters["turnout_requests"][route, model, record.outcome, record.code or ""] += 1
        for skipped, reason in record.skipped:
            self._counters["turnout_skipped"][skipped, reason] += 1
        if record.reason == "fallback":
            self._counters["turnout_fallbacks"][route, model] += 1
        if record.side is not None:
            self._counters["turnout_exposures"][route, record.side] += 1
        self._time("turnout_decision_seconds", (), record.decision_us / 1e6)
        if record.model is not None:
            self._time("turnout_request_duration_seconds", (route, model), record.duration_ms / 1e3)
            if record.first_token_ms is not None:
                self._time("turnout_time_to_first_token_seconds", (route, model), record.first_token_ms / 1e3)

    def broke(self, error: str) -> None:
        """Count a request that met an error of ours, by the exception's class: it may not have got as far as a record."""
        self._counters["turnout_internal_errors"][error,] += 1

    def _time(self, name: str, labels: tuple[str, ...], seconds: float) -> None:
        edges = HISTOGRAMS[name][2]
        buckets = self._buckets[name].get(labels)
        if buckets is None:
            buckets = self._buckets[name][labels] = [0] * (len(edges) + 1)
            self._sums[name][labels] = 0.0
        buckets[bisect_left(edges, seconds)] += 1
        self._sums[name][labels] += seconds

    def save(self) -> None:
        """Leave the counters in the file, whole or not at all. Raises OSError."""
        if self._file is None:
            return
        temporary = self._file.with_suffix(".tmp")
        temporary.write_bytes(msgspec.msgpack.encode(self.counts()))
        temporary.replace(self._file)

    def exposition(self) -> tuple[bytes, str]:
        """Prometheus text of all workers together, and its content type."""
        with suppress(OSError):  # a full disk is when figures are wanted most
            self.save()
        if self._file is None:
            return _expose({"": self.counts()})
        by_worker = {self._file.stem: self.counts()}
        for file in self._file.parent.glob("*.metrics"):
            if file.stem not in by_worker:
                by_worker[file.stem] = counts = _read(file)
                if _of_the_dead(self._file, file):
                    counts.gauges = {}
        return _expose(by_worker)

    def counts(self) -> Counts:
        """The whole state, for who shows it otherwise."""
        self._count_all()
        counters = {name: dict(values) for name, values in self._counters.items()}
        return Counts(counters, self._buckets, self._sums, self._journal, self._gauges)


def _read(file: Path) -> Counts:
    """What a file holds; a missing or damaged one counts as empty, since a scrape must not fail for it."""
    counts = _empty()
    try:
        stored = msgspec.msgpack.decode(file.read_bytes(), type=Counts)
    except (OSError, msgspec.DecodeError):
        return counts
    counts.counters.update({name: values for name, values in stored.counters.items() if name in COUNTERS})
    for name in HISTOGRAMS:
        if name in stored.buckets and name in stored.sums:
            counts.buckets[name], counts.sums[name] = stored.buckets[name], stored.sums[name]
    counts.journal, counts.gauges = stored.journal, stored.gauges
    return counts


def _of_the_dead(own: Path, file: Path) -> bool:
    """Our own file was just saved, or the disk takes none of them."""
    try:
        return file.stat().st_mtime < own.stat().st_mtime - GONE_AFTER
    except OSError:
        return False


def _added(parts: Iterable[Mapping[Labels, float]]) -> Mapping[Labels, float]:
    totals: dict[Labels, float] = defaultdict(float)
    for part in parts:
        for key, value in part.items():
            totals[key] += value
    return totals


def _expose(by_worker: Mapping[str, Counts]) -> tuple[bytes, str]:
    from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415 - 30 ms that only a scrape needs
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric  # noqa: PLC0415 - same
    from prometheus_client.exposition import CONTENT_TYPE_LATEST  # noqa: PLC0415 - same

    counts = list(by_worker.values())

    class Collector:
        def collect(self) -> Iterable[Metric]:
            for name, (help_text, labels) in COUNTERS.items():
                family = CounterMetricFamily(name, help_text, labels=labels)
                for key, value in _added(one.counters[name] for one in counts).items():
                    family.add_metric(key, value)
                yield family
            for name, (help_text, labels) in GAUGES.items():
                gauge = GaugeMetricFamily(name, help_text, labels=labels)
                for key, value in _added(one.gauges.get(name, {}) for one in counts).items():
                    gauge.add_metric(key, value)
                yield gauge
            for name, (help_text, labels, edges) in HISTOGRAMS.items():
                histogram = HistogramMetricFamily(name, help_text, labels=labels)
                for key in {key for one in counts for key in one.buckets[name]}:
                    parts = [one.buckets[name][key] for one in counts if key in one.buckets[name]]
                    running, rows = 0, []
                    for edge, *column in zip((*map(str, edges), "+Inf"), *parts, strict=True):
                        running += sum(column)
                        rows.append((edge, running))
                    histogram.add_metric(key, rows, sum(one.sums[name].get(key, 0.0) for one in counts))
                yield histogram
            for name, (help_text, kind) in JOURNAL.items():
                figure = (GaugeMetricFamily if kind == "gauge" else CounterMetricFamily)(name, help_text, labels=("worker",))
                for worker, one in by_worker.items():
                    if name in one.journal:
                        figure.add_metric((worker,), one.journal[name])
                yield figure

    registry = CollectorRegistry()
    registry.register(Collector())
    return generate_latest(registry), CONTENT_TYPE_LATEST
